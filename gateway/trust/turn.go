package trust

import (
	"context"
	"time"

	"example.org/trm/gateway"
)

// Turn brings into force what is due, and returns when the next one will be: zero where
// none waits.
func (r *Register) Turn(now time.Time) (next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.turn(now)
}

func (r *Register) turn(now time.Time) (next time.Time) {
	current := r.live.Current().Number()
	if d := r.due(now); d != nil && d.Number() > current { // never back, also with the clock
		r.live.Swap(d)
		r.log("directory in force", "number", d.Number())
		current = d.Number()
	}
	for _, d := range r.taken {
		if d.Number() > current {
			next = d.Activates()
			break
		}
	}
	close(r.changed)
	r.changed = make(chan struct{})
	return next
}

// Run brings directories into force when their time comes, until ctx ends. It returns
// nil then.
func (r *Register) Run(ctx context.Context) error {
	now := r.Now
	if now == nil {
		now = time.Now
	}
	for {
		r.mu.Lock()
		next := r.turn(now())
		changed := r.changed
		r.mu.Unlock()
		wait := time.Hour // the clock may be set meanwhile
		if !next.IsZero() {
			wait = min(wait, next.Sub(now()))
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-changed:
			t.Stop()
		case <-t.C:
		}
	}
}

// due is the directory whose time has come, nil before the first one's.
func (r *Register) due(now time.Time) *Directory {
	for i := len(r.taken) - 1; i >= 0; i-- {
		if !r.taken[i].Activates().After(now) || i == 0 && !r.taken[i].Activates().After(now.Add(gateway.Skew)) {
			return r.taken[i]
		}
	}
	return nil
}
