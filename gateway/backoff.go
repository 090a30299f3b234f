package gateway

import (
	"math/rand/v2"
	"time"
)

// backoff doubles from first to last, each time with up to a quarter of jitter, so that
// those who failed together do not return together.
type backoff struct{ first, last, now time.Duration }

func newBackoff(first, last time.Duration) *backoff { return &backoff{first: first, last: last} }

func (b *backoff) reset() { b.now = 0 }

func (b *backoff) after() time.Duration {
	if b.now = min(max(b.now*2, b.first), b.last); b.now == 0 {
		return 0
	}
	return b.now + rand.N(b.now/4+1)
}
