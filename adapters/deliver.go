package adapters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// patience is how long a delivery waits here for its next attempt; beyond it, it gives its
// place to another and is offered again.
const patience = time.Second

// deliver makes the attempts that are due, one role after the other, the addressee first:
// what warns somebody does not wait for another office's system. It returns how the
// delivery ended, or an error while it has not.
func (a *Adapter) deliver(ctx context.Context, d store.Delivery, o incoming.Opened) (store.State, gateway.Code, error) {
	done, err := a.Store.Attempts(ctx, d.ID)
	if err != nil {
		return "", "", err
	}
	var waiting error
	var failed gateway.Code
	for _, c := range consignments(d, o) {
		switch code, err := a.consign(ctx, c, done[c.Reader]); {
		case err != nil && ctx.Err() != nil:
			return "", "", err
		case err != nil:
			waiting = cmp.Or(waiting, err)
		case code != "":
			failed = cmp.Or(failed, code)
		}
	}
	switch {
	case waiting != nil:
		return "", "", waiting
	case failed != "":
		a.alarm(ctx, AlarmFailed, d.ID, failed)
		return store.Failed, failed, nil
	}
	return store.Delivered, "", nil
}

// consign makes the next attempt at one destination if it is due. It returns nil and no
// code once the destination has the consignment, a code if it never will, and an error
// while neither is known.
func (a *Adapter) consign(ctx context.Context, c Consignment, before []store.Attempt) (gateway.Code, error) {
	if n := len(before); n > 0 {
		last := before[n-1]
		switch {
		case last.Done:
			return "", nil
		case last.Mark == store.Answered && last.NextAt.IsZero():
			return last.Code, nil
		}
		if wait := last.NextAt.Sub(a.Now()); wait > patience {
			return "", errNotDue
		} else if wait > 0 && !pause(ctx, wait, nil) {
			return "", ctx.Err()
		}
	}
	// No attempt starts that could end after exp.
	if !a.Now().Add(a.Attempt).Before(c.Expires) {
		if len(before) == 0 {
			return gateway.CodeExpired, nil
		}
		return gateway.CodeAttemptsExhausted, nil
	}
	c.Repeat = slices.ContainsFunc(before, func(a store.Attempt) bool { return a.Mark == store.Ambiguous })
	return a.attempt(ctx, c)
}

func (a *Adapter) attempt(ctx context.Context, c Consignment) (code gateway.Code, err error) {
	ctx, span := a.span(ctx, "deliver", c.Delivery)
	defer func() { ended(span, err) }()
	at, err := a.Store.Begin(ctx, c.Delivery, c.Reader, a.Now())
	if err != nil {
		return "", err
	}
	began := time.Now()
	once, cancel := context.WithTimeout(ctx, a.Attempt)
	failure := a.guard(once, c)
	cancel()
	a.watch.latency.Record(ctx, time.Since(began).Seconds())
	if failure != nil && ctx.Err() != nil {
		return "", ctx.Err() // cut short from our side: ambiguous, as the journal says, and not a failure
	}
	at.EndedAt = a.Now()
	switch {
	case failure == nil:
		at.Mark, at.Done = store.Answered, true
	case gateway.IsPermanent(failure):
		at.Mark, at.Code = store.Answered, codeOf(failure)
	default:
		at.Mark, at.Code = markOf(failure), codeOf(failure)
		at.NextAt = at.EndedAt.Add(max(a.Retry.after(at.N), min(WaitOf(failure), a.Retry.Last)))
	}
	a.counted(ctx, a.watch.attempts, "mark", string(at.Mark))
	// What the national system did must be known here even if we are being stopped.
	if err := a.Store.End(context.WithoutCancel(ctx), at); err != nil {
		return "", err
	}
	switch {
	case at.Done:
		return "", nil
	case at.NextAt.IsZero():
		a.Log.Warn("delivery was refused by its destination", "country", string(a.Country), "delivery", c.Delivery,
			"party", string(c.Reader), "attempt", at.N, "problem", string(at.Code), "err", failure)
		return at.Code, nil
	}
	a.Log.Warn("attempt failed", "country", string(a.Country), "delivery", c.Delivery, "party", string(c.Reader),
		"attempt", at.N, "mark", string(at.Mark), "again_at", at.NextAt, "err", failure)
	return "", fmt.Errorf("delivering: %w", failure)
}

// guard keeps a transport's panic from taking the country with it. Its value is not kept:
// it could hold what was being delivered.
func (a *Adapter) guard(ctx context.Context, c Consignment) (err error) {
	defer func() {
		if recover() != nil {
			a.Log.Error("transport panicked", "country", string(a.Country), "delivery", c.Delivery, "stack", string(debug.Stack()))
			err = errors.New("transport panicked")
		}
	}()
	return a.Transport.Deliver(ctx, c)
}

func codeOf(err error) gateway.Code {
	var p *gateway.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return gateway.CodeDestinationRefused
}

func markOf(err error) store.Mark {
	var p *gateway.Problem
	switch {
	case IsUnsent(err):
		return store.NotSent
	case errors.As(err, &p):
		return store.Answered
	}
	return store.Ambiguous
}

// consignments are a delivery's, one for each role that gets something, the addressee's
// first.
func consignments(d store.Delivery, o incoming.Opened) []Consignment {
	cs := make([]Consignment, 0, len(o.Views))
	for _, v := range o.Views {
		c := Consignment{
			Delivery: d.ID, Message: d.Message, Reader: v.Party, Audience: d.Audience, Thread: o.Head.Thread, Lane: o.Head.Lane,
			ReceivedAt: o.Binding.IssuedAt, Expires: d.Expires, Head: v.Head, Blocks: v.Clear, Sealed: v.Sealed,
			SealedFor: v.SealedFor, Binding: o.Binding,
		}
		if v.Party == d.Audience {
			c.Envelope = o.Raw
		}
		cs = append(cs, c)
	}
	slices.SortStableFunc(cs, func(a, b Consignment) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Reader, b.Reader))
	})
	return cs
}

func rank(c Consignment) int {
	if c.Reader == c.Audience {
		return 0
	}
	return 1
}
