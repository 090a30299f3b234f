package adapterrun

import (
	"slices"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
	"example.org/trm/schemas"
)

// procedure is package sop as an adapter asks it.
type procedure struct {
	clock sop.Clock
	types *schemas.Set
}

var _ adapters.Procedure = procedure{}

func openProcedure(types *schemas.Set, pairs sop.Pairs) (procedure, error) {
	p := procedure{clock: sop.Clock{Types: types, Pairs: pairs}, types: types}
	var err error
	p.clock.Calendars, err = sop.OpenCalendars()
	return p, err
}

// Replay plays to each message first what was testified of it, then what its two parties
// said in the same conversation.
func (p procedure) Replay(thread []store.Exchange) []gateway.Exchange {
	var out []gateway.Exchange
	for _, m := range thread {
		if m.Received.IsZero() {
			continue
		}
		x := p.clock.Begin(m.Head, m.Received)
		for _, e := range testified(m) {
			x, _ = p.clock.Apply(x, e)
		}
		for _, o := range thread {
			if o.Head.MessageID() != m.Head.MessageID() && !o.Received.IsZero() {
				x, _ = p.clock.Apply(x, sop.Event{At: o.Received, Head: o.Head})
			}
		}
		out = append(out, x)
	}
	return out
}

// testified is what is known to have become of a message, in the order in which it counts:
// evidence of delivery can come after the gateway has said that there was none.
func testified(m store.Exchange) []sop.Event {
	var out []sop.Event
	if !m.Failed.IsZero() && (m.Delivered.IsZero() || m.Delivered.Before(m.Failed)) {
		out = append(out, sop.Event{At: m.Failed, Evidence: gateway.ContentConsignmentFailure})
	}
	if !m.Delivered.IsZero() {
		out = append(out, sop.Event{At: m.Delivered, Evidence: gateway.ContentConsignment})
	}
	for _, r := range m.Readings {
		out = append(out, sop.Event{At: r.At, Evidence: r.Event})
	}
	return out
}

// Local is the date as a person in the debtor's office reads it, with the days off that are
// computed and were not announced when the calendar was written.
func (p procedure) Local(d gateway.Duty) (date string, provisional []string) {
	cal, ok := p.clock.Calendars.Of(d.Debtor.Country())
	if !ok || d.Due.IsZero() {
		return "", nil
	}
	local := d.Due.In(cal.Zone())
	for _, h := range cal.Provisional(sop.DateOf(d.Begins.In(cal.Zone())), sop.DateOf(local)) {
		provisional = append(provisional, h.Date.String())
	}
	slices.Sort(provisional)
	return local.Format("Mon 2 Jan 2006 15:04 MST"), provisional
}

// Retention is the type's. One that this program does not know is kept as long as the
// longest.
func (p procedure) Retention(typ string) time.Duration {
	if t, ok := p.types.Type(typ); ok {
		return t.Retention
	}
	return 3 * 365 * 24 * time.Hour
}
