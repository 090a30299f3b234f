package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

// Command runs a program of the office: a modem, a pager, a printer, a bell. It is run
// without a shell, with the arguments given and no others; the text comes on its standard
// input, and beside PATH its environment holds
//
//	TRM_REF        7Q4KXM
//	TRM_ANSWER_BY  2026-11-23T15:00:00Z, or nothing
//	TRM_KEY        the same in every attempt to give this notice
//
// What it prints is not read. Its exit code says what became of the notice: 0, somebody
// will hear of it; 64 to 78 but for 75, as in sysexits.h, nobody ever will; any other, not
// now. A program that is still running at the deadline is killed with all that it started,
// and may have done it.
type Command struct {
	Path string // absolute
	Args []string
	// Deadline is the time that it may take. Default: the attempt's.
	Deadline time.Duration
}

var _ adapters.Channel = Command{}

// Kind is "command".
func (Command) Kind() string { return "command" }

// Check reports what is wrong with the configuration. Nothing is run.
func (c Command) Check() error {
	if !filepath.IsAbs(c.Path) {
		return errors.New("command: give the program's absolute path")
	}
	return nil
}

// Notify runs the program once.
func (c Command) Notify(ctx context.Context, n adapters.Notice) error {
	ctx, cancel := within(ctx, c.Deadline)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return adapters.Unsent(err)
	}
	answerBy := ""
	if !n.AnswerBy.IsZero() {
		answerBy = n.AnswerBy.UTC().Format(time.RFC3339)
	}
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir = string(filepath.Separator)
	cmd.Env = []string{"PATH=" + cmp.Or(os.Getenv("PATH"), "/usr/bin:/bin"), "TRM_REF=" + n.Ref, "TRM_ANSWER_BY=" + answerBy, "TRM_KEY=" + n.Key}
	cmd.Stdin = strings.NewReader(n.Text)
	cmd.WaitDelay = 2 * time.Second // one that closed neither input nor itself
	together(cmd)
	if err := cmd.Start(); err != nil {
		// The error names the path, which can name more than the operator's log should hold.
		return adapters.Unsent(errors.New("the command cannot be started"))
	}
	_ = cmd.Wait() // what it says beside the exit code is that the input was not read
	code := cmd.ProcessState.ExitCode()
	switch {
	case code == 0:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("the command did not end in time: %w", ctx.Err())
	case code < 0:
		return errors.New("the command was killed")
	case code >= 64 && code <= 78 && code != 75:
		return gateway.Permanent(fmt.Errorf("the command ended with %d", code))
	}
	said := fmt.Errorf("the command ended with %d", code)
	return gateway.Unavailable(gateway.CodeBusy, 0, said)
}

// within is ctx with a deadline of its own, if there is one.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
