package adapters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/metric"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// take carries one delivery as far as it goes. It returns nil once the delivery ended and
// its evidence is with the gateway's queue; every step before may have been done already
// by a process that crashed, and finds what that one wrote.
func (a *Adapter) take(ctx context.Context, it Item) (err error) {
	ctx, span := a.span(ctx, "take delivery", it.Delivery)
	defer func() { ended(span, err) }()
	switch t, err := a.Store.Final(ctx, it.Delivery); {
	case err == nil:
		return a.tell(ctx, t)
	case !errors.Is(err, store.ErrUnknown):
		return err
	}
	o, err := a.open(ctx, it)
	if err != nil {
		return a.refuse(ctx, it, o, err)
	}
	if o.Views[0].Codes != nil {
		// It is delivered: whoever waits for a list leaves somebody unwarned.
		a.alarm(ctx, AlarmCodes, o.Head.Codes, gateway.CodeCodesUnknown)
	}
	d, err := a.journal(ctx, o)
	if errors.Is(err, errHasIt) {
		return a.finish(ctx, d, store.Outcome{State: store.Delivered})
	}
	if err != nil {
		return a.refuse(ctx, it, o, err)
	}
	if err := a.early(ctx, d, o.Head); err != nil {
		return err
	}
	end, err := a.deliver(ctx, d, o)
	if err != nil {
		return err
	}
	if end.State == store.Delivered {
		if err := a.announce(ctx, d, o); err != nil {
			return err
		}
	}
	return a.finish(ctx, d, end)
}

// open proves the delivery. If a newer directory could explain a refusal, it looks for one
// and tries once more.
func (a *Adapter) open(ctx context.Context, it Item) (o incoming.Opened, err error) {
	_, span := a.span(ctx, "open delivery", it.Delivery)
	defer func() { ended(span, err) }()
	o, err = a.Office.Open(it.Wrapped)
	if err != nil && a.Refresh != nil && directoryMayExplain(gateway.AsProblem(err).Code) {
		if err := a.Refresh(ctx); err != nil {
			return o, gateway.Unavailable(gateway.CodeDirectoryStale, 0, err)
		}
		o, err = a.Office.Open(it.Wrapped)
	}
	if err == nil && o.Views[0].Codes != nil && a.Releases != nil {
		// That there is no answer is no reason not to show what can be shown.
		if err := a.Releases(ctx); err != nil {
			a.Log.Warn("looked for newer code lists in vain", "country", string(a.Country), "err", err)
		}
		o, err = a.Office.Open(it.Wrapped)
	}
	if err != nil {
		return o, err
	}
	if o.Binding.Delivery != it.Delivery {
		// The queue's word for the id is worth nothing beside the gateway's signature.
		return o, errNotOurs
	}
	if o.Head.Audience.Country() != a.Country {
		return o, errNotOurs
	}
	return o, nil
}

// errHasIt says that the national system has what is delivered, from before the gateway
// lost it and began its log anew.
var errHasIt = errors.New("delivered before, under another origin")

var errNotOurs = errors.New("an entry of the queue that is not what it says")

// directoryMayExplain reports whether the gateway may know a newer directory, in which
// this is no reason to refuse.
func directoryMayExplain(c gateway.Code) bool {
	return slices.Contains([]gateway.Code{
		gateway.CodeKeyUnknown, gateway.CodeKeyNotValid, gateway.CodeNotForUs, gateway.CodePartyUnknown,
		gateway.CodePairOff, gateway.CodeRoleMayNot, gateway.CodeUnitSealedWrong, gateway.CodeBinding,
	}, c)
}

// journal writes the intent, and looks at what the journal knows about it.
func (a *Adapter) journal(ctx context.Context, o incoming.Opened) (store.Delivery, error) {
	in, err := a.Store.Take(ctx, taken(o, a.Now()))
	if err != nil {
		return store.Delivery{}, err
	}
	d := in.Delivery
	if in.Repeat && (d.Message != o.Head.MessageID() || d.SDHash != o.Binding.SDHash) {
		a.alarm(ctx, AlarmContradicts, d.ID, gateway.CodeBinding)
		return d, errNotOurs
	}
	if n := len(in.Missing); n > 0 {
		a.watch.gaps.Add(ctx, int64(n), metric.WithAttributes(a.label()))
		a.Log.Warn("noticed a gap in a pair's numbers", "country", string(a.Country), "from", string(d.Pair.From),
			"before", d.Pair.N, "count", n)
	}
	if in.Again == "" {
		return d, nil
	}
	// The gateway delivers a message once. A second delivery of what the national system
	// has already must not take a second effect, and must not be other units.
	other, err := a.Store.Delivery(ctx, in.Again)
	if err != nil {
		return d, err
	}
	if other.State == store.Delivered && other.Pair.Origin != d.Pair.Origin && other.SDHash == d.SDHash {
		return d, errHasIt
	}
	a.alarm(ctx, AlarmContradicts, d.ID, gateway.CodeIDReused)
	switch {
	case other.State == store.Delivered:
		return d, gateway.Refuse(gateway.CodeIDReused, "", "")
	case other.State == store.Taken:
		return d, fmt.Errorf("taking a delivery: another of the same message is in hand")
	}
	return d, nil
}

func taken(o incoming.Opened, at time.Time) store.Delivery {
	return store.Delivery{
		ID: o.Binding.Delivery, Message: o.Head.MessageID(), Audience: o.Head.Audience, Pair: o.Binding.Pair,
		SDHash: o.Binding.SDHash, Expires: o.Head.Expires, TakenAt: at,
	}
}

// refuse ends a delivery that does not prove, with evidence that says so. What could be
// read of it is shredded: it was never written anywhere. An error that says nothing about
// the delivery is returned, and another attempt follows.
func (a *Adapter) refuse(ctx context.Context, it Item, o incoming.Opened, why error) error {
	if errors.Is(why, errNotOurs) {
		return a.setAside(ctx, it)
	}
	var p *gateway.Problem
	if !errors.As(why, &p) || !p.Final() {
		return why
	}
	a.alarm(ctx, AlarmRefused, it.Delivery, p.Code)
	d := store.Delivery{ID: it.Delivery, Audience: a.addressee(it, o), Message: o.Head.MessageID(), Expires: o.Head.Expires, TakenAt: a.Now()}
	if d.Audience.Country() != a.Country {
		return a.setAside(ctx, it)
	}
	// The number of a delivery whose binding does not prove is not a number.
	if o.Binding.Delivery == it.Delivery {
		d.Pair, d.SDHash = o.Binding.Pair, o.Binding.SDHash
	}
	in, err := a.Store.Take(ctx, d)
	if err != nil {
		return err
	}
	return a.finish(ctx, in.Delivery, store.Outcome{State: store.Failed, Code: p.Code})
}

// setAside lets go of an entry that names nothing of this country, or something else than
// it is: whoever can write to the queue could have made it, so nothing is testified about
// the delivery that it names. The gateway says what became of that one.
func (a *Adapter) setAside(ctx context.Context, it Item) error {
	a.alarm(ctx, AlarmNotOurs, it.Delivery, "")
	return nil
}

// addressee is the party that testifies: as the message says, or as the directory says of
// the key that the delivery is closed for.
func (a *Adapter) addressee(it Item, o incoming.Opened) gateway.Party {
	if o.Head.Audience != "" {
		return o.Head.Audience
	}
	kid, _, err := envelope.WrapKeyID(it.Wrapped)
	if err != nil {
		return ""
	}
	k, _ := a.Directory.Key(kid)
	return k.Party
}

// finish signs what became of a delivery, records both in one transaction, and tells the
// gateway. A delivery that has ended keeps its first end.
func (a *Adapter) finish(ctx context.Context, d store.Delivery, end store.Outcome) (err error) {
	ctx, span := a.span(ctx, "testify", d.ID)
	defer func() { ended(span, err) }()
	now := a.Now()
	s := gateway.Statement{
		ID: a.NewID(), Signer: d.Audience, At: now.UTC().Truncate(time.Second), Event: gateway.ContentConsignment,
		Message: d.Message, Delivery: d.ID, Pair: d.Pair, SDHash: d.SDHash,
	}
	if end.State == store.Failed {
		s.Event, s.Code = gateway.ContentConsignmentFailure, end.Code
	}
	if end.Evidence, err = gateway.Testify(s, a.Notary); err != nil {
		return fmt.Errorf("signing evidence: %w", err)
	}
	end.Next = now.Add(a.Retell.after(1))
	// What the national system did must be known here even if we are being stopped.
	t, err := a.Store.Finish(context.WithoutCancel(ctx), d.ID, end)
	if err != nil {
		return err
	}
	a.counted(ctx, a.watch.deliveries, "outcome", string(end.State))
	a.Log.Info("ended delivery", "country", string(a.Country), "message", d.Message.ID, "delivery", d.ID,
		"outcome", string(end.State), "problem", string(end.Code))
	defer a.rouse() // once the delivery is testified: people are told of what is there
	return a.tell(ctx, t)
}
