package adapters

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pace is how long to wait between repetitions: doubling from First to Last, each time
// with up to a quarter of jitter, so that those who failed together do not return
// together.
type Pace struct{ First, Last time.Duration }

// after is the wait after n tries; n counts from 1.
func (p Pace) after(n int) time.Duration {
	d := p.First
	for ; n > 1 && d < p.Last; n-- {
		d *= 2
	}
	d = min(d, p.Last)
	return d + rand.N(d/4+1)
}

func (p Pace) or(first, last time.Duration) Pace {
	if p.First <= 0 {
		p.First = first
	}
	if p.Last <= 0 {
		p.Last = last
	}
	p.Last = max(p.First, p.Last)
	return p
}

// pause waits for d, or until ctx ends, or until wake is sent to. It reports whether ctx
// is still alive.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-wake:
	}
	return ctx.Err() == nil
}
