package adapters

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// errNotDue leaves a delivery waiting: its next attempt's time has not come.
var errNotDue = errors.New("the next attempt is not due")

// patience is how long a delivery waits here for its next attempt; beyond it, it gives its
// place to another and is offered again.
const patience = time.Second

// deliver makes the attempts that are due, at all roles at once: what warns somebody does
// not wait for another office's system. It returns how the delivery ended, or an error
// while it has not.
func (a *Adapter) deliver(ctx context.Context, d store.Delivery, o incoming.Opened) (store.Outcome, error) {
	before, err := a.Store.Attempts(ctx, d.ID)
	if err != nil {
		return store.Outcome{}, err
	}
	all, err := a.told(ctx, d, o)
	if err != nil {
		return store.Outcome{}, err
	}
	now := a.Now()
	if wait := soonest(all, before, now); wait > 0 {
		if wait > patience {
			return store.Outcome{}, errNotDue
		}
		if !pause(ctx, wait, nil) {
			return store.Outcome{}, ctx.Err()
		}
		now = a.Now()
	}
	var due []*attempt
	var waiting error
	var failed gateway.Code
	for _, c := range all {
		switch s, code := a.standing(c, before[c.Reader], now); s {
		case never:
			failed = cmp.Or(failed, code)
		case notYet:
			waiting = errNotDue
		case mayBegin:
			c.Repeat = slices.ContainsFunc(before[c.Reader], func(a store.Attempt) bool { return a.Mark == store.Ambiguous })
			due = append(due, &attempt{consignment: c})
		}
	}
	if err := a.make(ctx, d.ID, now, due); err != nil {
		return store.Outcome{}, err
	}
	journal := make([]store.Attempt, 0, len(due))
	for _, t := range due {
		if t.cut {
			waiting = cmp.Or(ctx.Err(), waiting)
			continue // it stays ambiguous, as the journal says, and did not fail
		}
		journal = append(journal, t.Attempt)
		switch {
		case t.Done:
		case t.NextAt.IsZero():
			failed = cmp.Or(failed, t.Code)
		default:
			waiting = cmp.Or(waiting, t.failure)
		}
	}
	if waiting != nil {
		// What the national system did must be known here even if we are being stopped.
		if err := a.Store.End(context.WithoutCancel(ctx), journal...); err != nil {
			return store.Outcome{}, err
		}
		return store.Outcome{}, waiting
	}
	if failed != "" {
		a.alarm(ctx, AlarmFailed, d.ID, failed)
		return store.Outcome{State: store.Failed, Code: failed, Attempts: journal}, nil
	}
	return store.Outcome{State: store.Delivered, Attempts: journal, Exchange: a.exchangeOf(o, all)}, nil
}

// make journals the intent, then makes the attempts.
func (a *Adapter) make(ctx context.Context, delivery string, now time.Time, due []*attempt) error {
	if len(due) == 0 {
		return nil
	}
	to := make([]gateway.Party, len(due))
	for i, t := range due {
		to[i] = t.consignment.Reader
	}
	begun, err := a.Store.Begin(ctx, delivery, now, to...)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for i, t := range due {
		t.Attempt = begun[i]
		wg.Go(func() { a.try(ctx, t) })
	}
	wg.Wait()
	return nil
}

// standing is where a consignment stands before the next attempt.
type standing int

const (
	mayBegin standing = iota // the next attempt
	notYet
	arrived // the destination has it
	never   // it never will, for the code
)

// standing judges by the attempts that were made. No attempt starts that could end after
// exp.
func (a *Adapter) standing(c Consignment, before []store.Attempt, now time.Time) (standing, gateway.Code) {
	late := gateway.CodeExpired
	if n := len(before); n > 0 {
		last := before[n-1]
		late = gateway.CodeAttemptsExhausted
		switch {
		case last.Done:
			return arrived, ""
		case last.Mark == store.Answered && last.NextAt.IsZero():
			return never, last.Code
		case last.NextAt.After(now):
			return notYet, ""
		}
	}
	if !now.Add(a.Attempt).Before(c.Expires) {
		return never, late
	}
	return mayBegin, ""
}

// soonest is how long it takes until an attempt may begin, zero if one may now or none
// will be.
func soonest(all []Consignment, before map[gateway.Party][]store.Attempt, now time.Time) time.Duration {
	var wait time.Duration
	for _, c := range all {
		list := before[c.Reader]
		if len(list) == 0 {
			return 0
		}
		last := list[len(list)-1]
		left := last.NextAt.Sub(now)
		switch {
		case last.Done || last.Mark == store.Answered && last.NextAt.IsZero():
		case left <= 0:
			return 0
		case wait == 0 || left < wait:
			wait = left
		}
	}
	return wait
}

// consignments are a delivery's: one for each role that gets something.
func consignments(d store.Delivery, o incoming.Opened) []Consignment {
	cs := make([]Consignment, 0, len(o.Views))
	for _, v := range o.Views {
		cs = append(cs, consignment(d, o, v))
	}
	return cs
}

// consignment is what one role is given.
func consignment(d store.Delivery, o incoming.Opened, v incoming.View) Consignment {
	c := Consignment{
		Delivery: d.ID, Message: d.Message, Reader: v.Party, Audience: d.Audience, Thread: o.Head.Thread, Lane: o.Head.Lane,
		ReceivedAt: o.Binding.IssuedAt, Expires: d.Expires, Head: v.Head, Blocks: v.Clear, Sealed: v.Sealed,
		SealedFor: v.SealedFor, Codes: v.Codes, Binding: o.Binding,
	}
	if v.Party == d.Audience {
		c.Envelope = o.Raw
	}
	return c
}
