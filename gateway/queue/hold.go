package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// errLost ends an attempt whose entry another consumer has claimed.
var errLost = errors.New("another consumer has claimed the entry")

// hold is an entry that this consumer has taken. The same delivery can lie in a stream
// twice, after a loss: it has two ids then, is handled once, and both are settled.
type hold struct {
	ids    []string // guarded by lane.mu
	cancel context.CancelCauseFunc
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
	before, begun := l.turn, make(chan struct{})
	l.turn = begun
	l.work.Go(func() {
		defer func() { cancel(nil); <-l.held }()
		if l.handle(ctx, working, e, before, begun) {
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
// consumer has the entry. First attempts begin in the order in which entries were read:
// each waits for the one before and lets the next begin.
func (l *lane) handle(ctx, working context.Context, e redis.XMessage, before <-chan struct{}, begun chan<- struct{}) bool {
	begin := sync.OnceFunc(func() { close(begun) })
	defer begin()
	select {
	case <-before:
	case <-ctx.Done():
		return false
	}
	pause := newBackoff()
	for n := 1; ; n++ {
		select {
		case l.running <- struct{}{}:
		case <-ctx.Done():
			return false
		case <-working.Done():
			return false
		}
		begin()
		err := l.guard(working, e.Values)
		<-l.running
		if err == nil {
			return true
		}
		if working.Err() != nil {
			return false
		}
		wait := pause.after()
		if n&(n-1) == 0 { // the first, second, fourth, eighth ...
			l.log.Warn("attempt failed", "entry", e.ID, "attempt", n, "err", err, "again_in", wait.String())
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return false
		case <-working.Done():
			t.Stop()
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
