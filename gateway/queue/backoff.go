package queue

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff doubles from 100 milliseconds to half a minute, with jitter, so that those who
// failed together do not return together.
type backoff struct{ now time.Duration }

func newBackoff() *backoff { return &backoff{} }

func (b *backoff) reset() { b.now = 0 }

func (b *backoff) after() time.Duration {
	b.now = min(max(2*b.now, 100*time.Millisecond), 30*time.Second)
	return b.now + rand.N(b.now/2)
}

// sleep waits for Redis, which is asked again sooner than a delivery is tried again.
func (b *backoff) sleep(ctx context.Context) { _ = sleep(ctx, min(b.after(), 5*time.Second)) }

// sleep returns early, with its error, when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
