package gatewayrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/queue"
	"example.org/trm/schemas"
)

// purgeBatch is how many messages a purge takes at once: enough to be quick, few enough
// that messages which arrive meanwhile do not wait long.
const purgeBatch = 200

// Purge is what one run of the purge did, or would do.
type Purge struct {
	Due       journal.Due      `json:"due"`
	Purged    []journal.Purged `json:"purged"`
	Forgotten int              `json:"forgotten"` // wrapped deliveries that ended and that nobody needs
	Rewriting int              `json:"rewriting"` // Redis servers that write their file anew
}

// eraser destroys what has come to the end of its time: in the journal, and in what Redis
// wrote. The scheduler and [PurgeOnce] share it.
type eraser struct {
	journal   *journal.Journal
	redis     redis.UniversalClient
	retention journal.Retention
	keep      time.Duration // of wrapped deliveries that ended
	now       func() time.Time
}

// retention is how long messages are kept, by their type. What a refused message said is
// not known; and a type that this release does not have any more is kept as long as any.
func retention(set *schemas.Set, refused time.Duration) journal.Retention {
	var longest time.Duration
	for _, t := range set.Types() {
		if row, ok := set.Row(t.Name); ok {
			longest = max(longest, row.Retention)
		}
	}
	return func(typ string) time.Duration {
		if typ == "" {
			return refused
		}
		if row, ok := set.Row(typ); ok {
			return row.Retention
		}
		return longest
	}
}

// run purges everything that is due. What it did before it failed is in the report.
func (e *eraser) run(ctx context.Context) (p Purge, err error) {
	if p.Due, err = e.journal.Due(ctx, e.now(), e.retention); err != nil {
		return p, err
	}
	for {
		n, err := e.journal.Forget(ctx, e.now().Add(-e.keep), 500)
		p.Forgotten += n
		if err != nil {
			return p, err
		}
		if n == 0 {
			break
		}
	}
	for {
		done, err := e.journal.Purge(ctx, e.now(), e.retention, purgeBatch)
		if done.Messages > 0 {
			p.Purged = append(p.Purged, done)
		}
		if err != nil {
			return p, err
		}
		if done.Messages < purgeBatch {
			break
		}
	}
	if len(p.Purged) > 0 || p.Forgotten > 0 {
		p.Rewriting, err = queue.Rewrite(ctx, e.redis)
	}
	return p, err
}

// purge is the scheduler's run.
func (g *Gateway) purge(ctx context.Context) (int, error) {
	p, err := g.eraser.run(ctx)
	for _, done := range p.Purged {
		g.log.Info("purged", "purge", done.Number, "messages", done.Messages, "lasting", done.Lasting)
	}
	return 0, err
}

// PurgeOnce purges what is due now in the journal and the Redis of a gateway, which may be
// running beside it; dry, it only says what is due.
func PurgeOnce(ctx context.Context, c Config, dry bool) (p Purge, err error) {
	c = c.orDefaults(time.Now())
	err = c.withJournal(func(j *journal.Journal) error {
		set, err := schemas.Open()
		if err != nil {
			return err
		}
		e := &eraser{journal: j, retention: retention(set, c.Refused), keep: c.Keep, now: time.Now}
		if dry {
			p.Due, err = j.Due(ctx, e.now(), e.retention)
			return err
		}
		if e.redis, err = openRedis(c.Redis); err != nil {
			return err
		}
		p, err = e.run(ctx)
		return errors.Join(err, e.redis.Close())
	})
	return p, err
}

// Hold keeps a message of a gateway's journal from being purged, or no longer does.
func Hold(ctx context.Context, c Config, id gateway.MessageID, reason gateway.Code, by gateway.Party, release bool) error {
	return c.orDefaults(time.Now()).withJournal(func(j *journal.Journal) error {
		if release {
			return j.Release(ctx, id, reason, by)
		}
		return j.Hold(ctx, id, reason, by)
	})
}

// Holds lists what is kept from being purged.
func Holds(ctx context.Context, c Config) (list []journal.Held, err error) {
	err = c.orDefaults(time.Now()).withJournal(func(j *journal.Journal) error {
		list, err = j.Holds(ctx)
		return err
	})
	return list, err
}

func (c Config) withJournal(do func(*journal.Journal) error) error {
	if _, err := os.Stat(c.Journal); err != nil { // opening would make one
		return fmt.Errorf("opening the gateway's journal: %w", err)
	}
	j, err := journal.Open(c.Journal, journal.Options{Origin: c.Origin})
	if err != nil {
		return fmt.Errorf("opening the gateway's journal: %w", err)
	}
	return errors.Join(do(j), j.Close())
}
