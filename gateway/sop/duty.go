package sop

import (
	"slices"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// Duty is who owes an answer to whom, and by when. It is a value: what changes it gives
// back another. The zero value is no duty.
type Duty struct {
	Message  gateway.MessageID // what is to be answered
	Thread   string
	Type     string
	Answer   string        // the type that discharges it
	Lane     gateway.Lane  // of the message
	Debtor   gateway.Party // who owes it
	Creditor gateway.Party // who is owed it

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
	NoDuty    Standing = "none"      // nothing is owed: answered, fallen away, or never was
	Owed      Standing = "due"       // there is time
	DueSoon   Standing = "due-soon"  // little of it is left
	Overdue   Standing = "overdue"   // the date has passed
	Escalated Standing = "escalated" // and nobody has answered for it
)

// The steps of the urgent lane, in minutes after the gateway received the message, for as
// long as no person has taken it on.
const (
	RingEvery     = 10 * time.Minute // the duty officer is called again
	RingAlternate = 30 * time.Minute // the alternate too
	RingSender    = 60 * time.Minute // the sender is shown whom to telephone: escalated
)

// Share of a term after which the rest of it counts as little.
const soonAt = 80

// Clock says when duties are due. It is safe for concurrent use.
type Clock struct {
	Types     Table
	Calendars Calendars
	Overrides []Override // what pairs agreed; the first that fits counts
}

// Table is what a clock knows of the table of types.
type Table interface {
	Row(name string) (schemas.Row, bool)
}

// Override is a term that two countries agreed in place of the table's.
type Override struct {
	From, To gateway.Country // who asks, and who owes; empty is any
	Topic    string          // "referral"
	Code     string          // of act, where only that question has its own term; empty is any
	Due      schemas.Due
}

// Open is the duty that a message lays on its recipient: from its delivery, for the term
// of its type and lane in the recipient's calendar. The date that the sender asks for in
// answerBy or ackBy extends the term where it is later, and is a wish where it is earlier.
// It reports false where nothing is owed: an answer, a type without a term or one that is
// not known, or a message that was not delivered yet (the zero time), except in the urgent
// lane, whose minutes run from receipt: there that is a duty without a date.
func (c Clock) Open(h gateway.Head, received, delivered time.Time) (Duty, bool) {
	row, ok := c.Types.Row(h.Type)
	cal, known := c.Calendars.Of(h.Audience.Country())
	if !ok || !known || row.Due.In(h.Lane).N == 0 || delivered.IsZero() && h.Lane != gateway.Urgent {
		return Duty{}, false
	}
	d := Duty{
		Message: h.MessageID(), Thread: h.Thread, Type: h.Type, Answer: row.Answer, Lane: h.Lane,
		Debtor: h.Audience, Creditor: h.Issuer, Received: received.UTC(),
	}
	if h.Lane == gateway.Urgent {
		d.Escalate = d.Received.Add(RingSender)
	}
	if delivered.IsZero() {
		return d, true
	}
	d.Begins = delivered.UTC()
	d = d.until(c.due(h, row, d.Begins, cal), cal)
	return d.Ask(asked(h), d.Begins, cal), true
}

// asked is the date that the sender asks for.
func asked(h gateway.Head) time.Time {
	if h.Topic() == "deadline" { // there answerBy is the new date of another duty
		return time.Time{}
	}
	if h.AckBy.After(h.AnswerBy) {
		return h.AckBy
	}
	return h.AnswerBy
}

// due is the end of the term. Where a request asks several questions its answer waits for
// the longest; a notice or a change is as urgent as the most urgent thing that it says.
func (c Clock) due(h gateway.Head, row schemas.Row, from time.Time, cal *Calendar) time.Time {
	var ends []time.Time
	for _, code := range append([]string{""}, h.Act...) {
		term, own := c.term(h, row, code)
		if code == "" && c.allOwn(h, row) || code != "" && !own {
			continue
		}
		if end := Due(from, term, cal); !end.IsZero() {
			ends = append(ends, end)
		}
	}
	switch {
	case len(ends) == 0:
		return time.Time{}
	case row.Frame == "request":
		return slices.MaxFunc(ends, time.Time.Compare)
	}
	return slices.MinFunc(ends, time.Time.Compare)
}

// allOwn reports whether every code of the message has a term of its own, so that the
// type's general one counts for none.
func (c Clock) allOwn(h gateway.Head, row schemas.Row) bool {
	for _, code := range h.Act {
		if _, own := c.term(h, row, code); !own {
			return false
		}
	}
	return len(h.Act) > 0
}

// term is that of a code, and whether it is the code's own; the type's for no code.
func (c Clock) term(h gateway.Head, row schemas.Row, code string) (t schemas.Term, own bool) {
	for _, o := range c.Overrides {
		if (o.From == "" || o.From == h.Issuer.Country()) && (o.To == "" || o.To == h.Audience.Country()) && o.Topic == row.Topic && o.Code == code {
			return o.Due.In(h.Lane), true
		}
	}
	if code == "" {
		return row.Due.In(h.Lane), true
	}
	d, own := row.Terms[code]
	return d.In(h.Lane), own
}

// Ask answers a date that one side names for the duty at a moment: a later one moves it,
// and the date that stood is kept; an earlier one is noted as a wish.
func (d Duty) Ask(date, now time.Time, cal *Calendar) Duty {
	switch {
	case date.IsZero() || d.Due.IsZero() || date.Equal(d.Due):
		return d
	case date.Before(d.Due):
		d.Wish = date.UTC()
		return d
	}
	d.Missed = d.Missed || now.After(d.Due)
	d.Earlier = append(slices.Clone(d.Earlier), d.Due)
	return d.until(date.UTC(), cal)
}

// until sets the date, and the steps on the way to it. The reminder waits for the office
// to open, where that is before the date: nobody reads one at night. What is overdue is
// escalated when the office has had one more whole working day, in the urgent lane at
// once.
func (d Duty) until(due time.Time, cal *Calendar) Duty {
	if due.IsZero() {
		return d
	}
	d.Due = due
	d.Soon = d.Begins.Add(due.Sub(d.Begins) / 100 * soonAt)
	if d.Lane != gateway.Urgent {
		if open := cal.NextOpen(d.Soon); open.Before(due) {
			d.Soon = open
		}
		d.Escalate = Due(due, schemas.Term{N: 1, Unit: "wd"}, cal)
	}
	return d
}

// Standing is where the duty stands. In the urgent lane a duty that nobody has taken on
// is escalated an hour after the gateway received the message, delivered or not; one that
// somebody has is when its date has passed.
func (d Duty) Standing(now time.Time) Standing {
	passed := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	switch {
	case d.Message == gateway.MessageID{} || passed(d.Ended):
		return NoDuty
	case d.Lane == gateway.Urgent && (!passed(d.Taken) && passed(d.Escalate) || passed(d.Due)):
		return Escalated
	case d.Lane != gateway.Urgent && passed(d.Escalate):
		return Escalated
	case passed(d.Due):
		return Overdue
	case passed(d.Soon):
		return DueSoon
	}
	return Owed
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
