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
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"example.org/trm/cmd/internal/daemon"
	"example.org/trm/cmd/internal/gatewayrun"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	hangup := make(chan os.Signal, 1)
	notifyHangup(hangup)
	err := run(ctx, os.Args[1:], hangup, os.Stderr, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatewayd:", err)
	}
	os.Exit(daemon.ExitCode(err))
}

// run is all of main but the signals and the exit.
func run(ctx context.Context, args []string, hangup <-chan os.Signal, log, stdout io.Writer) error {
	return daemon.Program[gatewayrun.Config]{
		Name: "gatewayd", What: "gateway",
		Read:      gatewayrun.Read,
		Operators: gatewayrun.Config.OperatorsAddress,
		Serve: func(ctx context.Context, c gatewayrun.Config, l *slog.Logger) error {
			return serve(ctx, c, hangup, l)
		},
	}.Run(ctx, args, log, stdout)
}

// serve runs the gateway and reloads it whenever it is told to.
func serve(ctx context.Context, c gatewayrun.Config, hangup <-chan os.Signal, l *slog.Logger) error {
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
