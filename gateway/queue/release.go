package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
)

// Return lets what was taken be taken again at once: for somebody who went away before it
// reached them. What another has claimed meanwhile stays with that one.
func (p *Pull) Return(ctx context.Context, taken []Taken) error {
	for _, t := range taken {
		if err := p.release(ctx, t.stream, t.entry, t.entry); err != nil {
			return fmt.Errorf("returning deliveries: %w", err)
		}
	}
	return nil
}

// Release does the same with all that was taken for a country and is not finished: for an
// adapter that starts and knows nothing of what an earlier life of it had in hand. Without
// it that comes again too, after its lease.
func (p *Pull) Release(ctx context.Context, c gateway.Country) error {
	for _, key := range []string{urgent(c), deliveries(c)} {
		if err := p.release(ctx, key, "-", "+"); err != nil {
			return fmt.Errorf("releasing deliveries: %w", err)
		}
	}
	return nil
}

// released is how long an entry counts as untouched that was let go of: longer than any
// lease, so that a [Consumer] may take it too.
const released = 24 * time.Hour

// release lets go of what puller has of a stream between two positions.
func (p *Pull) release(ctx context.Context, key, from, to string) error {
	for {
		held, err := p.Client.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: key, Group: adapters, Consumer: puller, Start: from, End: to, Count: 100}).Result()
		if err != nil && lost(err) {
			return nil // with the group, everything was let go of
		}
		if err != nil || len(held) == 0 {
			return err
		}
		// The client's own XCLAIM has no IDLE, which makes an entry look abandoned. JUSTID
		// leaves alone how often it was delivered.
		args := []any{"XCLAIM", key, adapters, puller, 0}
		for _, h := range held {
			args = append(args, h.ID)
		}
		if err := p.Client.Do(ctx, append(args, "IDLE", released.Milliseconds(), "JUSTID")...).Err(); err != nil {
			return err
		}
		last := held[len(held)-1].ID
		if last == to {
			return nil
		}
		next := positionOf(last)
		next.Sequence++
		from = position(next)
	}
}
