package gatewayrun

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

// directory is the directory in force, and the file that the next one comes in. It is
// what the door asks about callers.
type directory struct {
	*trust.Live
	register *trust.Register
	path     string
	log      *slog.Logger
	now      func() time.Time

	mu   sync.Mutex // guards last, while the file is read
	last []byte     // the file as it was read last, good or not
}

// openDirectory opens the register beside the journal, so that nothing older than what
// this gateway has seen is believed after a restart.
func openDirectory(c Config, log *slog.Logger, now func() time.Time) (*directory, error) {
	raw, err := os.ReadFile(c.Pins)
	if err != nil {
		return nil, fmt.Errorf("reading pins: %w", err)
	}
	pins, err := trust.ParsePins(raw)
	if err != nil {
		return nil, err
	}
	first, err := os.ReadFile(c.Directory)
	if err != nil {
		return nil, fmt.Errorf("reading the directory: %w", err)
	}
	r, err := trust.OpenRegister(filepath.Join(filepath.Dir(c.Journal), "directory"), pins, first, now())
	if err != nil {
		return nil, err
	}
	r.Log, r.Now = log, now
	d := &directory{Live: r.Live(), register: r, path: c.Directory, log: log, now: now, last: first}
	if d.Current().Development() && !c.Development {
		return nil, errDevelopment
	}
	return d, nil
}

// Signed is the directory in force, exactly as the coordinators signed it.
func (d *directory) Signed() []byte { return d.Current().Signed() }

// reload takes up the file if it changed. One that is refused is reported once, and what
// was in force stays so.
func (d *directory) reload() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	raw, err := os.ReadFile(d.path)
	if err != nil {
		return fmt.Errorf("reading the directory: %w", err)
	}
	if bytes.Equal(raw, d.last) {
		return nil
	}
	d.last = raw
	return d.register.Take(raw, d.now())
}

// run follows the file and the calendar until ctx ends.
func (d *directory) run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- d.register.Run(ctx) }()
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return <-done
		case err := <-done:
			return err
		case <-tick.C:
			if err := d.reload(); err != nil {
				d.log.Error("refused directory", "err", err)
			}
		}
	}
}

var _ gateway.Directory = (*directory)(nil)
