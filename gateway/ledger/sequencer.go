package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway"
)

const (
	// batch is how many entries get their places in one transaction at most: the journal's
	// other work waits as long as that takes.
	batch = 256
	// look is how often the outbox is looked into when nobody wakes the sequencer, and how
	// long it waits after an error.
	look = time.Second
	// recheck is how often a refusal is questioned: an operator may have healed it.
	recheck = 2 * time.Second
)

// Run gives entries their places, signs, and has checkpoints witnessed until ctx ends. One
// process at a time runs it for a store. It begins by comparing the database with what was
// signed, and returns an error only if it cannot look.
func (l *Log) Run(ctx context.Context) error {
	if err := l.Check(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	l.change(func(s *state) { s.leads = true })
	if err := l.recall(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	if l.now().fresh {
		l.greet(ctx)
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		var both sync.WaitGroup
		both.Go(func() { l.witness(ctx) })
		both.Go(func() { l.finish(ctx) })
		both.Wait()
	}()
	l.sequence(ctx)
	<-asked
	l.askers.wait()
	l.change(func(s *state) { s.leads = false })
	return nil
}

// sequence does what there is to do, whenever it is woken, and looks now and then.
func (l *Log) sequence(ctx context.Context) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for ctx.Err() == nil {
		more, err := l.step(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			l.o.Log.Error("failed", "at", "growing the log", "err", err)
		case more:
			continue
		}
		for woken := false; !woken; {
			select {
			case <-ctx.Done():
				return
			case <-l.wake:
				woken = err == nil // after an error the clock says when
			case <-tick.C:
				woken = err != nil || l.restless(ctx)
			}
		}
	}
}

// restless asks, without writing, whether there is something to do that nobody told of.
func (l *Log) restless(ctx context.Context) bool {
	if s := l.now(); s.refused != nil || s.doubt || s.held != s.signed && !s.unproven {
		return true
	}
	n, err := l.o.Store.Waiting(ctx)
	return n > 0 || err != nil
}

// step gives one batch its places and publishes; more says that there may be another.
func (l *Log) step(ctx context.Context) (more bool, err error) {
	s := l.now()
	if s.refused != nil {
		return false, l.question(ctx, s)
	}
	if base(s.origin) != l.o.Origin && !s.unproven {
		if err := l.turn(ctx, s); err != nil {
			return false, err
		}
		s = l.now()
		if s.refused != nil {
			return false, nil
		}
	}
	if s.unproven {
		// What cannot be signed in the end must not get its place here: it waits.
		return false, l.publish(ctx)
	}
	n := 0
	if s.doubt {
		err = l.lookAgain(ctx, s)
	}
	if err == nil {
		n, err = l.grow(ctx, l.now())
	}
	if errors.Is(err, ErrRolledBack) || errors.Is(err, ErrRewritten) {
		l.refuse(ctx, err)
		return false, nil
	}
	if err == nil {
		err = l.publish(ctx)
	}
	return n == batch, err
}

// question looks again whether a refusal still holds.
func (l *Log) question(ctx context.Context, s state) error {
	if l.o.Now().Sub(s.checked) < recheck {
		return nil
	}
	again, err := l.check(ctx)
	if err != nil {
		return err
	}
	if again.refused == nil && again.origin == s.origin && errors.Is(s.refused, ErrContradicted) {
		// What witnesses said is not healed by looking at the guard.
		l.change(func(s *state) { s.checked = again.checked })
		return nil
	}
	again.leads = s.leads
	l.change(func(s *state) { *s = again })
	if again.refused == nil {
		if err := l.recall(ctx); err != nil {
			return err
		}
		l.o.Log.Info("the log goes on", "origin", again.origin)
		l.o.Renumber(again.origin)
		signal(l.wake)
		signal(l.turned)
	}
	return nil
}

// turn ends a log and begins the next year's: the old one's last checkpoint is signed, and
// the new one's first entry commits to it.
func (l *Log) turn(ctx context.Context, s state) error {
	if err := l.publish(ctx); err != nil {
		return err
	}
	s = l.now()
	logs, err := l.o.Store.Logs(ctx)
	if err != nil {
		return err
	}
	if _, begun := sizeOf(l.o.Origin, logs); begun {
		return fmt.Errorf("the configured origin %s has ended: %s goes on", l.o.Origin, s.origin)
	}
	if s.note == nil { // it never had an entry
		err = l.o.Store.Begin(ctx, l.o.Origin, nil, nil)
	} else {
		err = succeed(ctx, l.o.Store, l.o.Origin, s.origin, s.note, l.o.Now())
	}
	if err != nil {
		return err
	}
	l.o.Log.Info("began a log", "origin", l.o.Origin, "after", s.origin)
	again, err := l.check(ctx)
	if err != nil {
		return err
	}
	again.leads = true
	l.change(func(s *state) { *s = again })
	signal(l.turned)
	return nil
}

// grow gives one batch its places. In the transaction it makes sure that the database still
// is the one that was signed.
func (l *Log) grow(ctx context.Context, s state) (n int, err error) {
	held := s.held
	err = l.o.Store.Grow(ctx, s.origin, batch, func(size int64, rows []gateway.LogRow, hashes func([]int64) ([][32]byte, error)) (gateway.LogGrowth, error) {
		read := hashReader(hashes)
		g, before, after, err := grow(size, rows, read)
		if err != nil {
			return g, err
		}
		if err := extends(s.origin, s.held, before, read); err != nil {
			return g, err
		}
		n, held = len(rows), after
		return g, nil
	})
	l.change(func(s *state) {
		if s.doubt = err != nil; !s.doubt {
			s.held = held
		}
	})
	return n, err
}

// lookAgain reads what the database holds after a transaction of which nobody knows whether
// it was done: no later entry must be needed for what it placed to be published.
func (l *Log) lookAgain(ctx context.Context, s state) error {
	logs, err := l.o.Store.Logs(ctx)
	if err != nil {
		return err
	}
	again, err := l.measure(ctx, state{origin: s.origin}, logs)
	if err != nil {
		return err
	}
	if err := extends(s.origin, s.held, again.held, stored(ctx, l.o.Store, s.origin)); err != nil {
		return err
	}
	l.change(func(s *state) { s.held, s.doubt = again.held, false })
	return nil
}

// extends asks whether a tree on disk begins with one that was seen there.
func extends(origin string, old, now tree, read tlog.HashReader) error {
	if now.size < old.size {
		return rolledBack("this process", origin, now.size, old.size)
	}
	root := now.root
	if now.size > old.size && old.size > 0 { // another process has given places
		var err error
		if root, err = tlog.TreeHash(old.size, read); err != nil {
			return err
		}
	}
	if old.size > 0 && root != old.root {
		return rewritten("this process", origin, old.size)
	}
	return nil
}

// publish signs what is on disk, and only then: first the guard has it, then everybody.
func (l *Log) publish(ctx context.Context) error {
	s := l.now()
	if s.held.size == 0 || s.held == s.signed && s.note != nil || s.draft != nil {
		return nil
	}
	signed, err := l.sign(s.origin, s.held)
	if err != nil {
		return fmt.Errorf("signing a checkpoint: %w", err)
	}
	if s.unproven {
		l.change(func(n *state) { n.draft = signed })
		signal(l.published)
		return nil
	}
	if err := l.o.Guard.Keep(signed); err != nil {
		if errors.Is(err, ErrTwoSigners) {
			l.refuse(ctx, fmt.Errorf("%w. %s", err, askWhoRan))
			return nil
		}
		l.change(func(n *state) { n.blocked = err })
		if s.blocked == nil {
			l.o.Log.Error("the log signs nothing", "err", err)
		}
		return nil
	}
	if s.blocked != nil {
		l.o.Log.Info("the log goes on", "origin", s.origin)
	}
	l.change(func(n *state) {
		n.blocked = nil
		n.signed, n.note, n.at = s.held, signed, l.o.Now()
		if n.behind.IsZero() {
			n.behind = n.at
		}
	})
	signal(l.published)
	return nil
}
