package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

// File appends each notice to a file, a line for each language: for a region on one machine,
// where nobody can be rung, and for an office whose own programs watch a file. It is
// readable by the adapter's user alone. A notice whose answer was lost is there twice.
type File struct {
	Path  string
	Party gateway.Party // of whose people it is; it stands in each line
	Now   func() time.Time
}

var _ adapters.Channel = File{}

// Kind is "file".
func (File) Kind() string { return "file" }

// Notify appends and flushes.
func (f File) Notify(ctx context.Context, n adapters.Notice) error {
	if err := ctx.Err(); err != nil {
		return adapters.Unsent(err)
	}
	var b strings.Builder
	for line := range strings.Lines(n.Text) {
		fmt.Fprintf(&b, "%s  %s  %s", f.Now().UTC().Format(time.RFC3339), f.Party, line)
	}
	w, err := os.OpenFile(f.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return adapters.Unsent(errors.New("the file of notices cannot be opened"))
	}
	// One write, so that two notices never share a line.
	_, err = w.WriteString(b.String())
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return errors.New("the file of notices cannot be written")
	}
	return nil
}
