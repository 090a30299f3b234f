package api

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

// Check is one condition of being able to receive safely.
type Check struct {
	Name string // what a caller is told, one word: "journal"
	// Probe returns why the condition does not hold, for the operator's log alone. It
	// ends with its context and is safe for concurrent use.
	Probe func(ctx context.Context) error
}

// Detail is something that /readyz tells without failing for it: what operators must know
// and callers need not wait for. Anybody may ask, so that it says no numbers.
type Detail struct {
	Name string // one word: "log"
	// Say returns how it stands. It is quick, and safe for concurrent use.
	Say func(ctx context.Context) string
}

// failing is the error of a gateway that is not ready.
type failing struct{ names []string }

func (f *failing) Error() string { return "not ready: " + strings.Join(f.names, ", ") }

// How long the checks may take together, and how long their answer stands: anyone may
// ask, so that asking must cost nothing.
const (
	probeTime = 2 * time.Second
	probeRest = time.Second
)

// health runs the checks and remembers what it last found.
type health struct {
	checks []Check
	log    *slog.Logger
	now    func() time.Time

	found atomic.Pointer[finding] // the last one, nil before the first
	mu    sync.Mutex              // held while the checks run, so that they run once
}

// finding is what the checks said.
type finding struct {
	at    time.Time
	names []string // of the checks that failed, sorted
}

func newHealth(checks []Check, log *slog.Logger, now func() time.Time) *health {
	return &health{checks: checks, log: log, now: now}
}

// look returns the names of the checks that fail, at most a second old. While the checks
// run, others get what was found before. The log has a line when a check begins to fail,
// with the reason, and one when it holds again.
func (h *health) look(ctx context.Context) []string {
	last := h.found.Load()
	if last != nil && (h.now().Sub(last.at).Abs() < probeRest || !h.mu.TryLock()) {
		return last.names
	}
	if last == nil {
		h.mu.Lock()
		if last = h.found.Load(); last != nil { // another was first
			h.mu.Unlock()
			return last.names
		}
		last = &finding{}
	}
	defer h.mu.Unlock()
	f := &finding{at: h.now(), names: h.ask(ctx, last.names)}
	h.found.Store(f)
	return f.names
}

// ask runs every check, and reports what changed since before.
func (h *health) ask(ctx context.Context, before []string) (names []string) {
	// The answer is everybody's, so it must not end with the one who asked.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTime)
	defer cancel()
	errs := make([]error, len(h.checks))
	var wg sync.WaitGroup
	for i, c := range h.checks {
		wg.Go(func() { errs[i] = c.Probe(ctx) })
	}
	wg.Wait()
	for i, c := range h.checks {
		was := slices.Contains(before, c.Name)
		switch {
		case errs[i] != nil:
			names = append(names, c.Name)
			if !was {
				h.log.ErrorContext(ctx, "check failed", "check", c.Name, "err", errs[i])
			}
		case was:
			h.log.InfoContext(ctx, "check holds again", "check", c.Name)
		}
	}
	slices.Sort(names)
	return names
}

// alive says that the process answers, and nothing else.
func (d *door) alive(c echo.Context, _ gateway.Party) error {
	return d.json(c, map[string]bool{"alive": true})
}

// ready says whether the gateway can receive safely.
func (d *door) ready(c echo.Context, _ gateway.Party) error {
	if names := d.health.look(c.Request().Context()); len(names) > 0 {
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, &failing{names})
	}
	said := map[string]any{"ready": true}
	for _, e := range d.Details {
		said[e.Name] = e.Say(c.Request().Context())
	}
	return d.json(c, said)
}

var errClock = errors.New("the clock was moved")

// ClockCheck holds that the wall clock moves as the monotonic one does: a clock that was
// set by more than tolerance since the process started makes every time of receipt, and
// every judgement by it, doubtful.
func ClockCheck(tolerance time.Duration) Check {
	start := time.Now()
	wall := start.Round(0) // without the monotonic reading
	return Check{Name: "clock", Probe: func(context.Context) error {
		now := time.Now()
		if drift := now.Round(0).Sub(wall) - now.Sub(start); drift.Abs() > tolerance {
			return errClock
		}
		return nil
	}}
}
