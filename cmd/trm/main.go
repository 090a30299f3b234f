// Command trm is the desk tool of the exchange: it makes keys, explains message types,
// shows before sending what will leave, signs, sends, traces and opens messages, and runs
// a whole region on one machine to try it on.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"example.org/trm/gateway"
)

// Exit codes, as `trm help exit-codes` prints them.
const (
	exitOK       = 0
	exitInternal = 1 // the tool or its surroundings failed
	exitUsage    = 2 // the command line is wrong
	exitRefused  = 3 // the message was refused: a problem with a code was printed
	exitInvalid  = 4 // something that was checked is not valid
	exitPending  = 5 // it has not arrived yet
)

func main() {
	// A closed terminal or pipe ends a region as Ctrl-C does: what it started stops with it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is all of main except os.Exit, so that tests run the tool in process.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	a := &app{in: in, out: out, errs: errs}
	root := a.command()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	if err := root.ExecuteContext(ctx); err != nil {
		return a.fail(err)
	}
	return exitOK
}

// coded is an error that has its own exit code.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

func exitWith(code int, err error) error { return coded{err, code} }

func usage(format string, args ...any) error {
	return exitWith(exitUsage, fmt.Errorf(format, args...))
}

// fail prints an error once, the way the caller asked for, and chooses the exit code.
func (a *app) fail(err error) int {
	var silent silentError
	if errors.As(err, &silent) {
		return silent.code
	}
	if errors.Is(err, syscall.EPIPE) {
		return exitInternal // nobody reads any more
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		err = fmt.Errorf("%w: nobody listens there; is the region of %s running (trm demo --data %s)?", err, a.home, a.home)
	}
	code := exitInternal
	var c coded
	if errors.As(err, &c) {
		code = c.code
	}
	var p *gateway.Problem
	if errors.As(err, &p) {
		if code == exitInternal {
			code = exitRefused
		}
		a.printProblem(p.Document())
		return code
	}
	if a.json {
		a.printJSON(a.errs, map[string]any{"error": err.Error(), "exit": code})
		return code
	}
	fmt.Fprintf(a.errs, "trm: %v\n", err)
	return code
}

// silentError ends the program with a code when everything was said already.
type silentError struct{ code int }

func (silentError) Error() string { return "" }
