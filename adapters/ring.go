package adapters

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// ringers bounds how many people are told at once.
const ringers = 16

// ring tells people that messages wait, again where nobody has taken one on, until ctx
// ends. What one channel does holds up no other.
func (a *Adapter) ring(ctx context.Context) error {
	h := hands{held: make(map[int64]bool), free: make(chan struct{}, ringers)}
	defer h.work.Wait()
	for {
		if err := a.ringDue(ctx, &h); err != nil {
			return err
		}
		if !pause(ctx, a.Watch, a.bell) {
			return nil
		}
	}
}

// hands are the rings that are being given.
type hands struct {
	work sync.WaitGroup
	free chan struct{}
	mu   sync.Mutex // guards held
	held map[int64]bool
}

func (h *hands) take(id int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held[id] {
		return false
	}
	h.held[id] = true
	return true
}

func (h *hands) let(id int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, id)
}

// ringDue does what is due now: it makes notices of what was escalated, adds the steps
// whose time has come, begins to give the rings that are due, and makes the answers that
// taking on owes. It does not wait for channels.
func (a *Adapter) ringDue(ctx context.Context, h *hands) error {
	if err := a.closeTaken(ctx); err != nil || a.Bell == nil {
		return err
	}
	if err := a.escalated(ctx); err != nil {
		return err
	}
	list, err := a.Store.Waiting(ctx, a.Now(), 256)
	if err != nil {
		return err
	}
	for _, n := range list {
		if err := a.plan(ctx, n); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			// One that cannot be reckoned keeps nobody else from being told.
			a.Log.Error("could not reckon who is to be told", "country", string(a.Country), "ref", n.Ref, "err", err)
		}
	}
	due, err := a.Store.Pending(ctx, a.Now(), 256)
	if err != nil {
		return err
	}
	for _, r := range due {
		if !h.take(r.ID) {
			continue
		}
		select {
		case h.free <- struct{}{}:
		case <-ctx.Done():
			h.let(r.ID)
			return nil
		}
		h.work.Go(func() {
			defer func() { <-h.free; h.let(r.ID) }()
			if err := a.give(ctx, r); err != nil && ctx.Err() == nil {
				a.Log.Error("could not journal who was told", "country", string(a.Country), "err", err)
			}
		})
	}
	return nil
}

// escalated makes notices of what the gateway has signed that nobody at the other end
// took on or answered.
func (a *Adapter) escalated(ctx context.Context) error {
	list, err := a.Store.Escalated(ctx, 64)
	if err != nil {
		return err
	}
	for _, o := range list {
		now := a.Now()
		refs, err := a.refs(ctx, string(store.Outbound), string(o.ID.Issuer), o.ID.ID)
		if err != nil {
			return err
		}
		_, err = a.Store.Announce(ctx, store.Notice{
			Side: store.Outbound, Message: o.ID, Party: o.ID.Issuer, Other: o.Audience, Thread: o.Thread, Lane: o.Lane,
			ReceivedAt: o.StoredAt, MadeAt: now, Expires: o.Expires, NextAt: now,
		}, refs)
		if err != nil {
			return err
		}
	}
	return nil
}

// plan adds to a notice the step that is due, or ends it.
func (a *Adapter) plan(ctx context.Context, n store.Notice) error {
	now := a.Now()
	d, why, err := a.owed(ctx, n, now)
	if err != nil {
		return err
	}
	if why != "" {
		return a.Store.EndNotice(ctx, n.Ref, why, now)
	}
	p := store.Plan{Ref: n.Ref, At: now, Due: d.Due, Party: n.Party, Retell: now.Add(a.Retell.after(1))}
	p.Rings, p.Next = a.Bell.schedule(n, d, a.alternate(n.Party), now)
	p.Failure = a.testimony(ctx, n, gateway.ConsignmentNotificationFailure)
	failed, err := a.Store.Plan(ctx, p)
	if err != nil {
		return err
	}
	for range failed {
		a.counted(ctx, a.watch.notices, "outcome", string(store.RingFailed))
	}
	if failed > 0 {
		a.alarm(ctx, AlarmUntold, n.Ref, gateway.CodeAttemptsExhausted)
	}
	return nil
}

// owed is the duty that a notice is of, and why nobody need be told any more, if that
// is so.
func (a *Adapter) owed(ctx context.Context, n store.Notice, now time.Time) (d gateway.Duty, why string, err error) {
	if n.Ended != "" {
		return d, n.Ended, nil
	}
	list, err := a.Store.Thread(ctx, n.Thread)
	if err != nil {
		return d, "", err
	}
	x := a.replayed(list)[n.Message]
	d = x.Duty
	switch {
	case slices.Contains([]gateway.Stage{gateway.StageClosed, gateway.StageRedirected, gateway.StageRecalled, gateway.StageSuperseded}, x.Stage):
		return d, string(x.Stage), nil
	case n.Side == store.Outbound && !d.Taken.IsZero():
		return d, store.EndTakenOn, nil
	case n.Side == store.Inbound && !now.Before(n.Expires) && !now.Before(d.Due):
		return d, store.EndExpired, nil
	}
	return d, "", nil
}

// alternate is who stands in for a party, as the directory says; empty where nobody does.
func (a *Adapter) alternate(p gateway.Party) gateway.Party {
	i, _ := a.Directory.Institution(p)
	return i.Alternate
}

// testimony is what this country signs about its telling of a notice. About a message of
// its own it signs nothing: the gateway has. Where it cannot sign, people are told all the
// same, and the operator of it.
func (a *Adapter) testimony(ctx context.Context, n store.Notice, e gateway.Event) gateway.Evidence {
	if n.Side != store.Inbound {
		return gateway.Evidence{}
	}
	ev, err := func() (gateway.Evidence, error) {
		d, err := a.Store.Delivery(ctx, n.Delivery)
		if err != nil {
			return gateway.Evidence{}, err
		}
		s := gateway.Statement{
			ID: a.NewID(), Signer: n.Party, At: a.Now().UTC().Truncate(time.Second), Event: e, Message: n.Message, Delivery: d.ID, Pair: d.Pair,
			SDHash: d.SDHash, Role: n.Party.Role(),
		}
		if e == gateway.ConsignmentNotificationFailure {
			s.Code = gateway.CodeAttemptsExhausted
		}
		return gateway.Testify(s, a.Notary)
	}()
	if err != nil {
		a.Log.Error("could not sign whether people were told", "country", string(a.Country), "ref", n.Ref, "err", err)
	}
	return ev
}

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
	if err := a.Store.Round(ctx, r.ID, now.Add(a.Bell.Retry.after(r.Rounds+1))); err != nil {
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
