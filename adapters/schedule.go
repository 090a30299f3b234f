package adapters

import (
	"fmt"
	"slices"
	"strings"
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

// reconsider is how often a date that has passed is looked at again: it can still be moved.
const reconsider = time.Hour

// schedule is which step of a notice is due now, for whom, and when to look again; zero is
// never. It gives the step that is due and none that time has overtaken: an adapter that
// was down tells people once, of what counts now.
func (b *Bell) schedule(n store.Notice, d gateway.Duty, alternate gateway.Party, now time.Time) (rings []store.Ring, next time.Time) {
	step := func(name string, due time.Time, to ...gateway.Party) {
		for _, p := range to {
			if p != "" && !slices.ContainsFunc(rings, func(r store.Ring) bool { return r.Party == p }) {
				rings = append(rings, store.Ring{Step: name, Party: p, DueAt: due})
			}
		}
	}
	first := n.NextAt.Equal(n.MadeAt)
	ringing := n.Rings && n.Taken.IsZero()
	k := max(0, now.Sub(n.ReceivedAt)/b.Every) // of the urgent lane
	tenth := n.ReceivedAt.Add(k * b.Every)
	switch {
	case n.Side == store.Outbound:
		step(stepEscalated, n.MadeAt, n.Party)
		return rings, time.Time{}
	case first:
		step(stepWaiting, n.MadeAt, append([]gateway.Party{n.Party}, n.Readers...)...)
		if ringing && k*b.Every >= b.Alternate {
			step(stepWaiting, n.MadeAt, alternate)
		}
	case ringing:
		name := fmt.Sprintf("minute-%d", k*b.Every/time.Minute)
		step(name, tenth, n.Party)
		if k*b.Every >= b.Alternate {
			step(name, tenth, alternate)
		}
	}
	if ringing {
		return rings, tenth.Add(b.Every)
	}
	passed := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	switch {
	case passed(d.Due):
		step(dated(stepOverdue, d), d.Due, n.Party, alternate)
		return rings, now.Add(reconsider)
	case passed(d.Soon):
		step(dated(stepSoon, d), d.Soon, n.Party)
		return rings, d.Due
	case d.Soon.IsZero():
		return rings, d.Due
	}
	return rings, d.Soon
}

// dated names a reminder: a date that was moved is another one, of which people are
// reminded anew.
func dated(step string, d gateway.Duty) string {
	if n := len(d.Earlier); n > 0 {
		return fmt.Sprintf("%s-%d", step, n+1)
	}
	return step
}

// stale reports whether a ring need not be given any more: what it was to say has been
// settled.
func stale(r store.Ring, n store.Notice) bool {
	if n.Ended != "" {
		return true
	}
	reminder := strings.HasPrefix(r.Step, stepSoon) || strings.HasPrefix(r.Step, stepOverdue)
	return n.Side == store.Inbound && !n.Taken.IsZero() && !reminder
}
