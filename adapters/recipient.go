package adapters

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// maxParts bounds one change: more recipients than any one person's case has.
const maxParts = 100

// changeVersion is the version in which they are sent.
const changeVersion = ".change/1.0"

// planned is a part before it is signed.
type planned struct {
	draft  outgoing.Draft
	target store.Exchange
	unit   string // that a correction brings anew; empty otherwise
}

// part is the row of it.
func (p planned) part() store.Part {
	return store.Part{
		Message: gateway.MessageID{Issuer: p.draft.From}, Audience: p.draft.To, Thread: p.draft.Thread, Type: p.draft.Type,
		Act: p.draft.Act, Target: p.draft.Target,
	}
}

// addressed finds every past recipient and drafts the message to each, in the order of the
// conversations and of their messages.
func (a *Adapter) addressed(ctx context.Context, in ChangeRequest, may func(gateway.Party) bool) ([]planned, []gateway.Party, error) {
	if err := in.check(); err != nil {
		return nil, nil, err
	}
	content, err := in.content()
	if err != nil {
		return nil, nil, err
	}
	own, elsewhere, err := a.past(ctx, in, may)
	if err != nil {
		return nil, nil, err
	}
	var plan []planned
	for _, x := range own {
		switch in.Kind {
		case KindConsent:
			// One for each conversation: its newest message is what it goes by.
			if n := len(plan); n > 0 && plan[n-1].draft.Thread == x.Head.Thread {
				plan = plan[:n-1]
			}
			plan = append(plan, planned{draft: a.regional(in.draft(x, x.Head.Thread)), target: x})
		case KindRecall:
			done, err := a.recalled(ctx, x)
			if err != nil {
				return nil, nil, err
			}
			if !done {
				plan = append(plan, planned{draft: a.regional(in.draft(x, x.Head.ID)), target: x})
			}
		case KindCorrection:
			if !x.Failed.IsZero() && x.Delivered.IsZero() {
				continue // what never came cannot be corrected
			}
			if unit := in.unitOf(x); unit != "" {
				d := in.draft(x, x.Head.ID+"#"+unit)
				put(&d, unit, content)
				plan = append(plan, planned{draft: a.regional(d), target: x, unit: unit})
			}
		}
	}
	switch {
	case len(plan) > maxParts:
		return nil, nil, gateway.Refuse(gateway.CodeTooLarge, "", "One change reaches at most "+strconv.Itoa(maxParts)+" recipients. Name threads or messages.")
	case len(plan) == 0:
		return nil, elsewhere, gateway.Refuse(gateway.CodeNotFound, "", "Nothing was sent that this could change. Look at case, threads, messages and block.")
	}
	return plan, elsewhere, nil
}

// past lists this country's messages that a request is about, thread by thread, the oldest
// first, and the offices that must be asked beside the caller.
func (a *Adapter) past(ctx context.Context, in ChangeRequest, may func(gateway.Party) bool) (own []store.Exchange, elsewhere []gateway.Party, err error) {
	if len(in.Messages) > 0 {
		for i, jti := range in.Messages {
			x, err := a.ownMessage(ctx, jti, in, may)
			if err != nil {
				return nil, nil, err
			}
			if x.Head.ID == "" {
				return nil, nil, gateway.Refuse(gateway.CodeNotFound, "/messages/"+strconv.Itoa(i), "Name a message that you sent through this adapter.")
			}
			if !slices.ContainsFunc(own, func(y store.Exchange) bool { return y.Head.ID == jti }) {
				own = append(own, x)
			}
		}
		slices.SortStableFunc(own, func(a, b store.Exchange) int { return strings.Compare(a.Head.Thread, b.Head.Thread) })
		return own, nil, nil
	}
	threads := slices.Clone(in.Threads)
	if in.Case != "" {
		list, err := a.Store.Dossiers(ctx, in.Case)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range list {
			switch {
			case in.From != "" && d.Party != in.From:
			case !may(d.Party):
				elsewhere = append(elsewhere, d.Party)
			default:
				threads = append(threads, d.Thread)
			}
		}
		slices.Sort(elsewhere)
		elsewhere = slices.Compact(elsewhere)
	}
	slices.Sort(threads)
	for _, t := range slices.Compact(threads) {
		list, err := a.Store.Thread(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		for _, x := range list {
			if x.Own && may(x.Head.Issuer) && (in.From == "" || x.Head.Issuer == in.From) && tells(x.Head) {
				own = append(own, grounded(x, list))
			}
		}
	}
	return own, elsewhere, nil
}

// grounded is a message on the ground of its conversation: an answer need not repeat the
// article and who decided for the person, and what changes it does. This country's newest
// word counts, and where it never said, the other side's.
func grounded(x store.Exchange, list []store.Exchange) store.Exchange {
	h := &x.Head
	for _, own := range []bool{true, false} {
		for _, y := range slices.Backward(list) {
			if y.Own != own {
				continue
			}
			h.Basis = cmp.Or(h.Basis, y.Head.Basis)
			if h.Agreement == (gateway.Agreement{}) {
				h.Agreement = y.Head.Agreement
			}
		}
	}
	return x
}

// ownMessage finds a message that the caller's office sent, the zero value if it did not.
func (a *Adapter) ownMessage(ctx context.Context, jti string, in ChangeRequest, may func(gateway.Party) bool) (store.Exchange, error) {
	o, err := a.Store.Outgoing(ctx, jti)
	if err == nil && may(o.ID.Issuer) && (in.From == "" || in.From == o.ID.Issuer) {
		var x store.Exchange
		var list []store.Exchange
		if x, err = a.Store.Message(ctx, o.ID); err == nil && x.Head.Topic() != KindRecall {
			list, err = a.Store.Thread(ctx, o.Thread)
			return grounded(x, list), err
		}
	}
	if errors.Is(err, store.ErrUnknown) {
		err = nil
	}
	return store.Exchange{}, err
}

// tells reports whether a message told its recipient something about the person. What
// closes a notice or a change tells nothing, and what tells of a change is none itself.
func tells(h gateway.Head) bool {
	return h.Frame() != "change" && h.Topic() != "ack" && h.Topic() != "applied"
}

// recalled reports whether a message was recalled already. A recall that never arrived took
// nothing back: it is sent again.
func (a *Adapter) recalled(ctx context.Context, x store.Exchange) (bool, error) {
	list, err := a.Store.About(ctx, x.Head.MessageID(), x.Head.Thread)
	return slices.ContainsFunc(list, func(c store.Exchange) bool {
		arrives := c.Failed.IsZero() || !c.Delivered.IsZero()
		return c.Own && c.Head.Topic() == KindRecall && c.Head.Target == x.Head.ID && arrives
	}), err
}

// draft is the message to the recipient of x. What the request leaves out is as in x.
func (r ChangeRequest) draft(x store.Exchange, target string) outgoing.Draft {
	h := x.Head
	d := outgoing.Draft{
		Type: r.Kind + changeVersion, From: h.Issuer, To: h.Audience, Thread: h.Thread, Target: target, Test: r.Test,
		Lane: cmp.Or(r.Lane, h.Lane), Purpose: cmp.Or(r.Purpose, h.Purpose), Basis: cmp.Or(r.Basis, h.Basis),
		Act: []string{cmp.Or(r.Effect, KindRecall)}, EffectiveAt: r.EffectiveAt,
	}
	switch {
	case r.Agreement != nil:
		d.Agreement = gateway.Agreement(*r.Agreement)
	case r.Kind == KindConsent:
		d.Agreement = decided(r.Effect, h.Agreement)
	default:
		d.Agreement = h.Agreement
	}
	if r.Reason != "" {
		d.Blocks = map[string]map[string]any{"report": {"reason": r.Reason}}
	}
	return d
}

// decided is the agreement as it is after a consent's effect, by whoever decided before.
func decided(effect string, before gateway.Agreement) gateway.Agreement {
	after := gateway.Agreement{By: cmp.Or(before.By, "person"), Heard: before.Heard}
	switch effect {
	case "consent-withdrawn":
		after.State = "refused"
	case "consent-limited":
		after.State = "limited"
	default:
		after.State = "given"
	}
	return after
}

// put gives a unit of a draft its content.
func put(d *outgoing.Draft, unit string, content map[string]any) {
	into := &d.Blocks
	if _, role, _ := gateway.SplitUnit(unit); role != "" {
		into = &d.Sealed
	}
	if *into == nil {
		*into = map[string]map[string]any{}
	}
	(*into)[unit] = content
}
