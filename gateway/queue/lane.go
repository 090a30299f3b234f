package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// block is how long a read waits in Redis: the client does not notice the end of a
// context while it does.
const block = 500 * time.Millisecond

// errLost ends an attempt whose entry another consumer has claimed.
var errLost = errors.New("another consumer has claimed the entry")

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
	work  sync.WaitGroup
}

// hold is an entry that this consumer has taken. The same delivery can lie in a stream
// twice, after a loss: it has two ids then, is handled once, and both are settled.
type hold struct {
	ids    []string // guarded by lane.mu
	cancel context.CancelCauseFunc
}

// heldAtMost bounds what a lane has taken and not settled: what is being handled, and
// what waits for another attempt. Beyond it nothing new is read.
const heldAtMost = 256

// run reads until ctx ends, and then waits for the attempts in hand, grace at most.
func (l *lane) run(ctx context.Context, workers int) {
	l.held, l.running = make(chan struct{}, max(heldAtMost, workers)), make(chan struct{}, workers)
	l.holds = map[string]*hold{}
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

// renew keeps the leases of what is held, also of what waits for another attempt, and
// ends attempts whose entry somebody else has claimed.
func (l *lane) renew(ctx context.Context) error {
	l.mu.Lock()
	var held []*hold
	var ids []string
	var owner []int // of ids, in held
	for _, h := range l.holds {
		held = append(held, h)
		for _, id := range h.ids {
			ids, owner = append(ids, id), append(owner, len(held)-1)
		}
	}
	l.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	pipe := l.rdb.Pipeline()
	asked := make([]*redis.XPendingExtCmd, len(ids))
	for i, id := range ids {
		asked[i] = pipe.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: l.key, Group: l.group, Start: id, End: id, Count: 1, Consumer: l.name})
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("renewing leases: %w", err)
	}
	var ours []string
	kept := make([]bool, len(held))
	for i, id := range ids {
		if len(asked[i].Val()) == 1 {
			ours, kept[owner[i]] = append(ours, id), true
		}
	}
	for i, h := range held {
		if !kept[i] {
			h.cancel(errLost)
		}
	}
	if len(ours) == 0 {
		return nil
	}
	return l.rdb.XClaimJustID(ctx, &redis.XClaimArgs{Stream: l.key, Group: l.group, Consumer: l.name, Messages: ours}).Err()
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

// keep holds an entry and begins its work, unless its delivery is held already.
func (l *lane) keep(ctx, working context.Context, e redis.XMessage, identity string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h, ok := l.holds[identity]; ok {
		if !slices.Contains(h.ids, e.ID) {
			h.ids = append(h.ids, e.ID)
		}
		return false
	}
	working, cancel := context.WithCancelCause(working)
	h := &hold{ids: []string{e.ID}, cancel: cancel}
	l.holds[identity] = h
	l.work.Go(func() {
		defer func() { cancel(nil); <-l.held }()
		if l.handle(ctx, working, e) {
			l.finish(working, identity, h)
			return
		}
		l.mu.Lock()
		delete(l.holds, identity)
		l.mu.Unlock()
	})
	return true
}

// handle attempts an entry until it succeeds; false when the lane stops or another
// consumer has the entry.
func (l *lane) handle(ctx, working context.Context, e redis.XMessage) bool {
	pause := newBackoff()
	for {
		select {
		case l.running <- struct{}{}:
		case <-ctx.Done():
			return false
		case <-working.Done():
			return false
		}
		err := l.guard(working, e.Values)
		<-l.running
		if err == nil {
			return true
		}
		if working.Err() != nil {
			return false
		}
		wait := pause.after()
		l.log.Warn("attempt failed", "entry", e.ID, "err", err, "again_in", wait.String())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false
		case <-working.Done():
			return false
		}
	}
}

// guard keeps a panic to its entry. Its value may hold what must not be logged.
func (l *lane) guard(ctx context.Context, values map[string]any) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the attempt panicked")
		}
	}()
	return l.attempt(ctx, values)
}

// finish settles a handled entry under all its ids, as often as it takes: until then it
// is held, so that this process does not handle it again.
func (l *lane) finish(ctx context.Context, identity string, h *hold) {
	pause := newBackoff()
	done := 0
	for {
		l.mu.Lock()
		ids := slices.Clone(h.ids[done:])
		if len(ids) == 0 || ctx.Err() != nil {
			delete(l.holds, identity)
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		if err := l.settle(ctx, ids); err != nil {
			l.link.down(err)
			pause.sleep(ctx)
			continue
		}
		done += len(ids)
	}
}
