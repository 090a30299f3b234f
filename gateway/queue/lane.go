package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// block is how long a read waits in Redis: the client does not notice the end of a
// context while it does.
const block = 500 * time.Millisecond

// lane reads one stream through a consumer group and gives each entry to attempt, at
// least once, until attempt returns nil and the entry is settled. Entries are handled
// beside each other up to a bound and fed as workers become free, so that a slow or
// poisoned one holds up nobody.
type lane struct {
	rdb     redis.UniversalClient
	key     string
	group   string
	name    string // of this consumer
	lease   time.Duration
	grace   time.Duration // that attempts get after the lane is told to stop
	log     *slog.Logger
	link    *link
	parse   func(values map[string]any) (identity string, ok bool) // ok: well formed
	spoilt  func(context.Context)                                  // counts an entry that is not
	attempt func(ctx context.Context, values map[string]any) error
	settle  func(ctx context.Context, ids []string) error // XACK and what belongs to it

	held    chan struct{} // one for each entry taken and not settled
	running chan struct{} // one for each attempt

	mu    sync.Mutex
	holds map[string]*hold // guarded by mu; by identity
	turn  <-chan struct{}  // guarded by mu; closed when the entry read last has begun
	work  sync.WaitGroup
}

// heldAtMost bounds what a lane has taken and not settled: what is being handled, and
// what waits for another attempt. Beyond it nothing new is read.
const heldAtMost = 256

// run reads until ctx ends, and then waits for the attempts in hand, grace at most.
func (l *lane) run(ctx context.Context, workers int) {
	l.held, l.running = make(chan struct{}, max(heldAtMost, workers)), make(chan struct{}, workers)
	l.holds = map[string]*hold{}
	first := make(chan struct{})
	close(first)
	l.turn = first
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var takers, keeper sync.WaitGroup
	takers.Go(func() { l.read(ctx, working) })
	takers.Go(func() { l.every(ctx, l.lease/2, func() error { return l.claim(ctx, working) }) })
	keeper.Go(func() { l.every(working, l.lease/3, func() error { return l.renew(working) }) })
	<-ctx.Done()
	late := time.AfterFunc(l.grace, stop)
	defer late.Stop()
	takers.Wait()
	l.work.Wait()
	stop()
	keeper.Wait()
}

// read takes what this consumer had taken in an earlier life, then what is new. After
// every failure it begins again, because the answer that was lost may have held entries.
func (l *lane) read(ctx, working context.Context) {
	pause := newBackoff()
	cursor := "0"
	created := false // since the last answer, so that no fault of Redis makes this spin
	for ctx.Err() == nil {
		n := l.reserve(ctx)
		if n == 0 {
			return
		}
		args := &redis.XReadGroupArgs{Group: l.group, Consumer: l.name, Streams: []string{l.key, cursor}, Count: int64(n), Block: -1}
		if cursor == ">" {
			args.Block = block
		}
		answer, err := l.rdb.XReadGroup(ctx, args).Result()
		var entries []redis.XMessage
		if len(answer) == 1 {
			entries = answer[0].Messages
		}
		l.take(ctx, working, entries, n)
		switch {
		case err == nil || errors.Is(err, redis.Nil):
			l.link.up()
			pause.reset()
			created = false
			if cursor != ">" {
				cursor = ">"
				if len(entries) > 0 {
					cursor = entries[len(entries)-1].ID
				}
			}
		case ctx.Err() != nil:
		default:
			cursor = "0"
			if !created && l.recreate(ctx, err) {
				created = true
				continue
			}
			l.link.down(err)
			pause.sleep(ctx)
		}
	}
}

// recreate makes the group where it is gone, as after the loss of all data.
func (l *lane) recreate(ctx context.Context, err error) bool {
	return lost(err) && group(ctx, l.rdb, l.key, l.group) == nil
}

// claim takes the entries of consumers that no longer renew their leases.
func (l *lane) claim(ctx, working context.Context) error {
	for cursor := "0-0"; ; {
		n := l.reserve(ctx)
		if n == 0 {
			return ctx.Err()
		}
		entries, next, err := l.rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: l.key, Group: l.group, Consumer: l.name, MinIdle: l.lease, Start: cursor, Count: int64(n),
		}).Result()
		l.take(ctx, working, entries, n)
		if err != nil {
			return fmt.Errorf("claiming entries: %w", err)
		}
		if cursor = next; cursor == "0-0" {
			return nil
		}
	}
}

// every calls do at once and then at every interval until ctx ends.
func (l *lane) every(ctx context.Context, interval time.Duration, do func() error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := do(); err != nil && ctx.Err() == nil && !strings.Contains(err.Error(), "NOGROUP") {
			l.link.down(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// reserve waits until at least one entry may be taken and returns how many may be, no
// more than there are workers; 0 when ctx has ended.
func (l *lane) reserve(ctx context.Context) int {
	select {
	case l.held <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	n := 1
	for n < cap(l.running) {
		select {
		case l.held <- struct{}{}:
			n++
		default:
			return n
		}
	}
	return n
}

// take begins the work on entries, for which n places were reserved.
func (l *lane) take(ctx, working context.Context, entries []redis.XMessage, n int) {
	free := n
	var void []string
	for _, e := range entries {
		identity, ok := l.parse(e.Values)
		if !ok || len(e.Values) > maxFields {
			// Deleted while it was pending, after its final evidence, or not of our
			// making. Its content is nobody's business.
			if e.Values != nil {
				l.log.Error("dropped a malformed entry", "entry", e.ID)
				l.spoilt(ctx)
			}
			void = append(void, e.ID)
			continue
		}
		if free > 0 && l.keep(ctx, working, e, identity) {
			free--
		}
	}
	for range free {
		<-l.held
	}
	if len(void) > 0 {
		if err := l.settle(working, void); err != nil {
			l.link.down(err)
		}
	}
}
