package adapters

import (
	"context"
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
