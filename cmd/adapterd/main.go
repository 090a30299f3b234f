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
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"example.org/trm/cmd/internal/adapterrun"
	"example.org/trm/cmd/internal/daemon"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "adapterd:", err)
	}
	os.Exit(daemon.ExitCode(err))
}

// run is all of main but the signals and the exit.
func run(ctx context.Context, args []string, log, stdout io.Writer) error {
	return daemon.Program[adapterrun.Config]{
		Name: "adapterd", What: "adapter",
		Read:      adapterrun.Read,
		Operators: func(c adapterrun.Config) string { return c.Operators },
		Serve:     serve,
	}.Run(ctx, args, log, stdout)
}

func serve(ctx context.Context, c adapterrun.Config, l *slog.Logger) error {
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
