package gateway

import (
	"slices"
	"time"
)

// Duty is who owes an answer to whom, and by when. It is a value: what changes it gives
// back another. The zero value is no duty. The sop package reckons its dates.
type Duty struct {
	Message  MessageID // what is to be answered
	Thread   string
	Type     string
	Answer   string // the type that discharges it
	Lane     Lane   // of the message
	Debtor   Party  // who owes it
	Creditor Party  // who is owed it

	Received time.Time   // by the gateway: minutes of the urgent lane count from it
	Begins   time.Time   // when it was delivered: everything else counts from it
	Due      time.Time   // the date that stands
	Soon     time.Time   // when the debtor is reminded that the date is near
	Escalate time.Time   // when it is no longer a matter of the two desks alone
	Wish     time.Time   // an earlier date that was asked for; it binds nobody
	Earlier  []time.Time // the dates that stood before, the oldest first
	Missed   bool        // a date had passed when a later one took its place
	Taken    time.Time   // when a person took it on; zero while nobody has
	Ended    time.Time   // when it was answered or fell away; zero while it stands
}

// Standing is where a duty stands at a moment.
type Standing string

// The standings, in the order in which a duty runs through them when nobody acts.
const (
	StandingNone      Standing = "none"      // nothing is owed: answered, fallen away, or never was
	StandingDue       Standing = "due"       // there is time
	StandingSoon      Standing = "due-soon"  // little of it is left
	StandingOverdue   Standing = "overdue"   // the date has passed
	StandingEscalated Standing = "escalated" // and nobody has answered for it
)

// Step is a point that a duty passes when nobody acts, and at which the gateway signs.
type Step struct {
	Event Event     // DueSoon, Overdue or Escalated
	At    time.Time // when it comes
	// Due is the date that it is about: the one that stands or, where nobody has taken an
	// urgent message on, the moment by which somebody should have.
	Due time.Time
}

// Standing is where the duty stands. In the urgent lane a duty that nobody has taken on
// is escalated an hour after the gateway received the message, delivered or not; one that
// somebody has is when its date has passed.
func (d Duty) Standing(now time.Time) Standing {
	passed := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	switch {
	case d.Message == MessageID{} || passed(d.Ended):
		return StandingNone
	case d.Lane == Urgent && (!passed(d.Taken) && passed(d.Escalate) || passed(d.Due)):
		return StandingEscalated
	case d.Lane != Urgent && passed(d.Escalate):
		return StandingEscalated
	case passed(d.Due):
		return StandingOverdue
	case passed(d.Soon):
		return StandingSoon
	}
	return StandingDue
}

// Steps are those of the date that stands, in the order in which they come; none once the
// duty has ended. In the urgent lane the date escalates where somebody had taken the
// message on before it: where nobody had, the duty is escalated already.
func (d Duty) Steps() []Step {
	if d.Message == (MessageID{}) || !d.Ended.IsZero() {
		return nil
	}
	var out []Step
	add := func(e Event, at, due time.Time) {
		if !at.IsZero() {
			out = append(out, Step{e, at, due})
		}
	}
	add(DueSoon, d.Soon, d.Due)
	add(Overdue, d.Due, d.Due)
	taken := func(by time.Time) bool { return !d.Taken.IsZero() && !d.Taken.After(by) }
	if d.Lane != Urgent {
		add(Escalated, d.Escalate, d.Due)
	} else {
		if !taken(d.Escalate) {
			add(Escalated, d.Escalate, d.Escalate)
		}
		if taken(d.Due) {
			add(Escalated, d.Due, d.Due)
		}
	}
	slices.SortStableFunc(out, func(a, b Step) int { return a.At.Compare(b.At) })
	return out
}

// TakeOn notes that a person took the message on: the ringing stops, the duty stands.
func (d Duty) TakeOn(at time.Time) Duty {
	if d.Taken.IsZero() {
		d.Taken = at.UTC()
	}
	return d
}

// End notes that the duty was answered or fell away. The first end stands.
func (d Duty) End(at time.Time) Duty {
	if d.Ended.IsZero() {
		d.Ended = at.UTC()
	}
	return d
}

// Late reports whether the duty ended, or still stands, after a date that counted: also
// one that was moved only when it had passed.
func (d Duty) Late(now time.Time) bool {
	if !d.Ended.IsZero() && d.Ended.Before(now) {
		now = d.Ended
	}
	return d.Missed || !d.Due.IsZero() && now.After(d.Due)
}
