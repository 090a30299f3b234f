// Command gatewayd is the gateway: it receives signed messages from parties, removes what
// their recipients may not see, records them, and passes them on through Redis.
//
//	gatewayd CONFIG.yaml
//	gatewayd -check CONFIG.yaml
//	gatewayd -health CONFIG.yaml
//
// The configuration is the struct Config of package cmd/internal/gatewayrun; an example is
// gatewayd.yaml beside this file. SIGHUP reads the directory, the keys and the certificate again.
// It stops on SIGINT or SIGTERM: it takes nothing new, finishes what is in hand, and
// closes its journal. With -health it asks the gateway that runs with this configuration
// whether it is ready, and says so by its exit code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/cmd/internal/readiness"
	"example.org/trm/cmd/internal/redislog"
	"example.org/trm/cmd/internal/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	hangup := make(chan os.Signal, 1)
	notifyHangup(hangup)
	err := run(ctx, os.Args[1:], hangup, os.Stderr, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatewayd:", err)
		os.Exit(exitCode(err))
	}
}

// usageError is one of the command line.
type usageError struct{ error }

// exitCode is 2 where the command line is wrong, as trm has it, and 1 for everything else.
func exitCode(err error) int {
	var u usageError
	if errors.As(err, &u) {
		return 2
	}
	return 1
}

// run is all of main but the signals and the exit.
func run(ctx context.Context, args []string, hangup <-chan os.Signal, log, stdout io.Writer) error {
	flags := flag.NewFlagSet("gatewayd", flag.ContinueOnError)
	flags.SetOutput(stdout)
	check := flags.Bool("check", false, "check the configuration and stop")
	health := flags.Bool("health", false, "ask the gateway that runs with this configuration whether it is ready, and stop")
	debug := flags.Bool("debug", false, "log more")
	flags.Usage = func() {
		fmt.Fprint(stdout, "usage: gatewayd [-check | -health] [-debug] CONFIG.yaml\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return usageError{err}
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return usageError{errors.New("give one configuration file")}
	}
	c, err := gatewayrun.Read(flags.Arg(0))
	if err != nil {
		return err
	}
	if *check {
		_, err := fmt.Fprintln(stdout, "the configuration is well formed")
		return err
	}
	if *health {
		return readiness.Ask(ctx, c.OperatorsAddress())
	}
	level := slog.LevelInfo
	if *debug {
		level = slog.LevelDebug
	}
	l := telemetry.Logger(log, level)
	redislog.To(l)
	g, err := gatewayrun.New(ctx, c, gatewayrun.Environment{Log: l})
	if err != nil {
		return err
	}
	operators := "nowhere"
	if a := g.Operators(); a != nil {
		operators = a.String()
	}
	l.Info("started", "listen", g.Addr().String(), "operators", operators)
	defer l.Info("stopped")
	return serve(ctx, g, hangup, l)
}

// serve runs the gateway and reloads it whenever it is told to.
func serve(ctx context.Context, g *gatewayrun.Gateway, hangup <-chan os.Signal, l *slog.Logger) error {
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	for {
		select {
		case err := <-ended:
			return err
		case <-hangup:
			if err := g.Reload(); err != nil {
				l.Error("reloading", "err", err)
				continue
			}
			l.Info("reloaded")
		}
	}
}
