// Command adapterd is a country's adapter: it takes what the gateway delivers, hands it
// to the national system, signs what became of it, and submits what the national system
// sends.
//
//	adapterd CONFIG.yaml
//	adapterd -check CONFIG.yaml
//	adapterd -health CONFIG.yaml
//
// The configuration is the struct Config of package cmd/internal/adapterrun; an example is
// adapterd.yaml beside this file. It stops on SIGINT or SIGTERM: it takes nothing new, and
// finishes what is in hand. With -health it asks the adapter that runs with this
// configuration whether it is ready, and says so by its exit code.
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

	"example.org/trm/cmd/internal/adapterrun"
	"example.org/trm/cmd/internal/readiness"
	"example.org/trm/cmd/internal/redislog"
	"example.org/trm/cmd/internal/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "adapterd:", err)
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
func run(ctx context.Context, args []string, log, stdout io.Writer) error {
	flags := flag.NewFlagSet("adapterd", flag.ContinueOnError)
	flags.SetOutput(stdout)
	check := flags.Bool("check", false, "check the configuration and stop")
	health := flags.Bool("health", false, "ask the adapter that runs with this configuration whether it is ready, and stop")
	debug := flags.Bool("debug", false, "log more")
	flags.Usage = func() {
		fmt.Fprint(stdout, "usage: adapterd [-check | -health] [-debug] CONFIG.yaml\n")
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
	c, err := adapterrun.Read(flags.Arg(0))
	if err != nil {
		return err
	}
	if *check {
		_, err := fmt.Fprintln(stdout, "the configuration is well formed")
		return err
	}
	if *health {
		return readiness.Ask(ctx, c.Operators)
	}
	level := slog.LevelInfo
	if *debug {
		level = slog.LevelDebug
	}
	l := telemetry.Logger(log, level)
	redislog.To(l)
	a, err := adapterrun.New(ctx, c, adapterrun.Environment{Log: l})
	if err != nil {
		return err
	}
	where := "nowhere"
	if addr := a.Addr(); addr != nil {
		where = addr.String()
	}
	l.Info("started", "country", string(c.Country), "listen", where)
	defer l.Info("stopped", "country", string(c.Country))
	return a.Run(ctx)
}
