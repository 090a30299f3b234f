package adapters

import (
	"fmt"
	"slices"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// The steps. In the urgent lane there is also one for every ten minutes, "minute-10".
const (
	stepWaiting   = "waiting"   // the message has arrived
	stepSoon      = "due-soon"  // little is left of the time in which an answer is owed
	stepOverdue   = "overdue"   // that time has passed
	stepEscalated = "escalated" // at the sender: nobody at the other end has answered for it
)

// schedule is which step of a notice is due now, for whom, and when to look again; zero is
// never. It gives the step that is due and none that time has overtaken: an adapter that
// was down tells people once, of what counts now.
func (b *Bell) schedule(n store.Notice, alternate gateway.Party, now time.Time) (rings []store.Ring, next time.Time) {
	first := n.NextAt.Equal(n.MadeAt)
	step := func(name string, due time.Time, to ...gateway.Party) {
		for _, p := range to {
			if p != "" && !slices.ContainsFunc(rings, func(r store.Ring) bool { return r.Party == p }) {
				rings = append(rings, store.Ring{Step: name, Party: p, DueAt: due})
			}
		}
	}
	switch {
	case n.Side == store.Outbound:
		step(stepEscalated, n.MadeAt, n.Party)
		return rings, time.Time{}
	case n.Lane == gateway.Urgent && n.Taken.IsZero():
		k := max(0, now.Sub(n.ReceivedAt)/b.Every)
		due := n.ReceivedAt.Add(k * b.Every)
		switch {
		case first:
			step(stepWaiting, n.MadeAt, append([]gateway.Party{n.Party}, n.Readers...)...)
			if k*b.Every >= b.Alternate {
				step(stepWaiting, n.MadeAt, alternate)
			}
		default:
			step(fmt.Sprintf("minute-%d", k*b.Every/time.Minute), due, n.Party)
			if k*b.Every >= b.Alternate {
				step(rings[0].Step, due, alternate)
			}
		}
		return rings, due.Add(b.Every)
	case first:
		step(stepWaiting, n.MadeAt, append([]gateway.Party{n.Party}, n.Readers...)...)
	}
	passed := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	switch {
	case passed(n.Due):
		if !first {
			step(stepOverdue, n.Due, n.Party, alternate)
		}
		return rings, time.Time{}
	case passed(n.Soon):
		if !first {
			step(stepSoon, n.Soon, n.Party)
		}
		return rings, n.Due
	case n.Soon.IsZero():
		return rings, n.Due
	}
	return rings, n.Soon
}

// stale reports whether a ring need not be given any more: what it was to say has been
// settled.
func stale(r store.Ring, n store.Notice) bool {
	if n.Ended != "" {
		return true
	}
	reminder := r.Step == stepSoon || r.Step == stepOverdue
	return n.Side == store.Inbound && !n.Taken.IsZero() && !reminder
}
