package adapters

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// give tries a ring's channels, one after the other, until one accepts the notice.
func (a *Adapter) give(ctx context.Context, r store.Ring) error {
	n, err := a.Store.Notice(ctx, r.Ref)
	if err != nil {
		return err
	}
	now := a.Now()
	d, why, err := a.owed(ctx, n, now)
	if err != nil {
		return err
	}
	if n.Ended, n.Due = why, d.Due; stale(r, n) {
		a.counted(ctx, a.watch.notices, "outcome", string(store.RingPassed))
		return a.Store.EndRing(ctx, r.ID, store.RingPassed, now, gateway.Evidence{}, time.Time{})
	}
	channels := a.Bell.Channels(r.Party)
	if len(channels) == 0 {
		a.alarm(ctx, AlarmUnreachable, string(r.Party), "")
		return a.unheard(ctx, r, n)
	}
	// It may have been given since it was read: nobody is told twice of one step.
	if mine, err := a.Store.Round(ctx, r, now.Add(a.Bell.Retry.after(r.Rounds+1))); err != nil || !mine {
		return err
	}
	final := true
	for _, c := range channels {
		done, never, err := a.call(ctx, r, n, c)
		if done || err != nil {
			return err
		}
		final = final && never
		if ctx.Err() != nil {
			return nil // it stays as the journal says, and is given after the next start
		}
	}
	if final || a.Now().Sub(r.DueAt) >= a.Bell.GiveUp {
		return a.unheard(ctx, r, n)
	}
	return nil
}

// call tries one channel once. It reports whether the channel accepted the notice, and if
// not, whether it never will; an error is the journal's.
func (a *Adapter) call(ctx context.Context, r store.Ring, n store.Notice, c Channel) (done, never bool, err error) {
	key, err := a.derive(ctx, 16, "key", r.Ref, r.Step, string(r.Party))
	if err != nil {
		return false, false, err
	}
	t, err := a.Store.Call(ctx, r.ID, c.Kind(), a.Now())
	if err != nil {
		return false, false, err
	}
	answerBy := n.Due
	if n.Side == store.Outbound {
		answerBy = time.Time{} // it is not we who answer
	}
	began := time.Now()
	once, cancel := context.WithTimeout(ctx, a.Bell.Deadline)
	failure := a.notify(once, c, Notice{Ref: n.Ref, AnswerBy: answerBy, Text: a.Bell.Say(n.Ref, answerBy, a.Now()), Key: key})
	cancel()
	if failure != nil && ctx.Err() != nil {
		return false, false, nil
	}
	t.EndedAt = t.BeganAt.Add(time.Since(began))
	never = gateway.IsPermanent(failure)
	keep := context.WithoutCancel(ctx) // whom somebody told must be known here even if we are being stopped
	if failure != nil {
		t.Mark = markOf(failure)
		if never {
			t.Mark = store.Answered
		}
		a.alarm(keep, AlarmChannel, string(r.Party)+" "+c.Kind(), "")
		a.Log.Warn("a channel failed", "country", string(a.Country), "party", string(r.Party), "channel", c.Kind(), "mark", string(t.Mark), "final", never, "err", failure)
		return false, never, a.Store.Called(keep, t, gateway.Evidence{}, time.Time{})
	}
	t.Mark, t.Done = store.Answered, true
	var told gateway.Evidence
	if r.Party == n.Party {
		told = a.testimony(keep, n, gateway.ConsignmentNotification)
	}
	if err := a.Store.Called(keep, t, told, a.Now().Add(a.Retell.after(1))); err != nil {
		return false, false, err
	}
	a.counted(keep, a.watch.notices, "outcome", string(store.RingTold))
	a.Log.Info("told that a message waits", "country", string(a.Country), "party", string(r.Party), "channel", c.Kind(), "ref", n.Ref)
	a.retellSoon(ctx, n.Delivery, told)
	return true, false, nil
}

// notify keeps a channel's panic from taking the country with it.
func (a *Adapter) notify(ctx context.Context, c Channel, n Notice) (err error) {
	defer func() {
		if recover() != nil {
			a.Log.Error("channel panicked", "country", string(a.Country), "channel", c.Kind(), "stack", string(debug.Stack()))
			err = errors.New("channel panicked")
		}
	}()
	return c.Notify(ctx, n)
}

// unheard ends a ring that no channel accepts: it is signed, a person here must look, and
// the role's alternate is told in its place.
func (a *Adapter) unheard(ctx context.Context, r store.Ring, n store.Notice) error {
	ctx = context.WithoutCancel(ctx)
	now := a.Now()
	var failed gateway.Evidence
	if r.Party == n.Party {
		failed = a.testimony(ctx, n, gateway.ConsignmentNotificationFailure)
	}
	if err := a.Store.EndRing(ctx, r.ID, store.RingFailed, now, failed, now.Add(a.Retell.after(1))); err != nil {
		return err
	}
	a.counted(ctx, a.watch.notices, "outcome", string(store.RingFailed))
	a.alarm(ctx, AlarmUntold, n.Ref, gateway.CodeAttemptsExhausted)
	a.retellSoon(ctx, n.Delivery, failed)
	if alt := a.alternate(n.Party); r.Party == n.Party && alt != "" {
		if err := a.Store.Also(ctx, store.Ring{Ref: r.Ref, Step: r.Step, Party: alt, DueAt: r.DueAt}, now); err != nil {
			return err
		}
		a.rouse()
	}
	return nil
}

// retellSoon sends evidence that was just recorded, if it is the one that stands. Where it
// cannot, it is sent again like all evidence.
func (a *Adapter) retellSoon(ctx context.Context, delivery string, e gateway.Evidence) {
	if e.JWS() == "" {
		return
	}
	list, err := a.Store.Evidence(ctx, delivery)
	for _, t := range list {
		if t.JWS == e.JWS() {
			err = a.tell(ctx, t)
		}
	}
	if err != nil {
		a.Log.Warn("evidence waits", "country", string(a.Country), "delivery", delivery, "err", err)
	}
}
