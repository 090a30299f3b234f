// Package daemon is what gatewayd and adapterd have in common: a command line that names
// one configuration file, what can be asked of it, and what the process ends with.
package daemon

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"example.org/trm/cmd/internal/readiness"
	"example.org/trm/cmd/internal/redislog"
	"example.org/trm/cmd/internal/telemetry"
)

// Program is a daemon whose configuration is a C.
type Program[C any] struct {
	Name      string // of the command
	What      string // what runs, in the words of its help: "gateway"
	Read      func(path string) (C, error)
	Operators func(C) string // host:port where it says whether it is ready
	// Serve runs until ctx ends. It logs to log alone.
	Serve func(ctx context.Context, c C, log *slog.Logger) error
}

// Run does what the command line asks for. It is all of main but the signals and the exit;
// call it once in a process, whose Redis client then logs to log too.
func (p Program[C]) Run(ctx context.Context, args []string, log, stdout io.Writer) error {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(stdout)
	check := flags.Bool("check", false, "check the configuration and stop")
	health := flags.Bool("health", false, "ask the "+p.What+" that runs with this configuration whether it is ready, and stop")
	debug := flags.Bool("debug", false, "log more")
	flags.Usage = func() {
		fmt.Fprintf(stdout, "usage: %s [-check | -health] [-debug] CONFIG.yaml\n", p.Name)
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
	c, err := p.Read(flags.Arg(0))
	switch {
	case err != nil:
		return err
	case *check:
		_, err := fmt.Fprintln(stdout, "the configuration is well formed")
		return err
	case *health:
		return readiness.Ask(ctx, p.Operators(c))
	}
	level := slog.LevelInfo
	if *debug {
		level = slog.LevelDebug
	}
	l := telemetry.Logger(log, level)
	redislog.To(l)
	return p.Serve(ctx, c, l)
}

// usageError is one of the command line.
type usageError struct{ error }

// ExitCode is what a process ends with after Run: 0 without an error, 2 where the command
// line is wrong, as trm has it, and 1 for everything else.
func ExitCode(err error) int {
	var u usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &u):
		return 2
	}
	return 1
}
