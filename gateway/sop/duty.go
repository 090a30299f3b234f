package sop

import (
	"slices"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
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

// Clock says when duties are due. It is safe for concurrent use where what it asks is.
type Clock struct {
	Types     Table
	Calendars Calendars
	Pairs     Pairs // what countries agreed beside the table; nil is nothing
}

// Table is what a clock knows of the table of types.
type Table interface {
	Row(name string) (schemas.Row, bool)
}

// Pairs is the directory as a clock asks it: the terms that two countries agreed.
type Pairs interface {
	Pair(a, b gateway.Country) (gateway.Pair, bool)
}

// Open is the duty that a message lays on its recipient: from its delivery, for the term
// of its type and lane in the recipient's calendar. The date that the sender asks for in
// answerBy or ackBy extends the term where it is later, and is a wish where it is earlier.
// It reports false where nothing is owed: an answer, a type without a term or one that is
// not known, or a message that was not delivered yet (the zero time), except in the urgent
// lane, whose minutes run from receipt: there that is a duty without a date.
func (c Clock) Open(h gateway.Head, received, delivered time.Time) (gateway.Duty, bool) {
	return c.open(h, c.terms(h), received, delivered)
}

// open is the duty under the terms that were found at receipt. One that a slow clock says
// was delivered before that begins with the receipt.
func (c Clock) open(h gateway.Head, terms []gateway.Term, received, delivered time.Time) (gateway.Duty, bool) {
	row, ok := c.Types.Row(h.Type)
	cal, known := c.Calendars.Of(h.Audience.Country())
	if !ok || !known || len(terms) == 0 || delivered.IsZero() && h.Lane != gateway.Urgent {
		return gateway.Duty{}, false
	}
	d := gateway.Duty{
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
	if d.Begins.Before(d.Received) {
		d.Begins = d.Received
	}
	d = until(d, end(terms, row.Frame, d.Begins, cal), cal)
	return ask(d, asked(h), d.Begins, cal), true
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

// end is when the term is over. Where a request asks several questions its answer waits
// for the longest; a notice or a change is as urgent as the most urgent thing that it says.
func end(terms []gateway.Term, frame string, from time.Time, cal *Calendar) time.Time {
	ends := make([]time.Time, len(terms))
	for i, t := range terms {
		ends[i] = Due(from, t, cal)
	}
	if frame == "request" {
		return slices.MaxFunc(ends, time.Time.Compare)
	}
	return slices.MinFunc(ends, time.Time.Compare)
}

// terms are those that count for a message, none twice: of each of its codes that has its
// own, and the type's general one unless every code has.
func (c Clock) terms(h gateway.Head) []gateway.Term {
	row, ok := c.Types.Row(h.Type)
	if !ok || row.Due.In(h.Lane).N == 0 {
		return nil
	}
	agreed := c.agreed(h, row.Topic)
	var out []gateway.Term
	add := func(t gateway.Term) {
		if t.N > 0 && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	general := len(h.Act) == 0
	for _, code := range h.Act {
		due, own := agreed[code]
		if !own {
			due, own = row.Terms[code]
		}
		if own {
			add(due.In(h.Lane))
		}
		general = general || !own
	}
	if general {
		due, own := agreed[""]
		if !own {
			due = row.Due
		}
		add(due.In(h.Lane))
	}
	return out
}

// agreed are the terms of a topic that the two countries agreed, by code. One that is for
// this direction alone counts before one that is for both.
func (c Clock) agreed(h gateway.Head, topic string) map[string]gateway.Due {
	if c.Pairs == nil {
		return nil
	}
	pair, _ := c.Pairs.Pair(h.Issuer.Country(), h.Audience.Country())
	out := map[string]gateway.Due{}
	for _, from := range []gateway.Country{"", h.Issuer.Country()} {
		for _, t := range pair.Terms {
			if t.Topic == topic && t.From == from {
				out[t.Code] = t.Due
			}
		}
	}
	return out
}

// ask answers a date that one side names for the duty at a moment: a later one moves it,
// and the date that stood is kept; an earlier one is noted as a wish.
func ask(d gateway.Duty, date, now time.Time, cal *Calendar) gateway.Duty {
	switch {
	case date.IsZero() || d.Due.IsZero() || date.Equal(d.Due):
		return d
	case date.Before(d.Due):
		d.Wish = date.UTC()
		return d
	}
	d.Missed = d.Missed || now.After(d.Due)
	d.Earlier = append(slices.Clone(d.Earlier), d.Due)
	return until(d, date.UTC(), cal)
}

// until sets the date, and the steps on the way to it. The reminder waits for the office
// to open, where that is before the date: nobody reads one at night. What is overdue is
// escalated when the office has had one more whole working day, in the urgent lane at
// once.
func until(d gateway.Duty, due time.Time, cal *Calendar) gateway.Duty {
	if due.IsZero() {
		return d
	}
	d.Due = due
	d.Soon = d.Begins.Add((due.Sub(d.Begins) / 100 * soonAt).Truncate(time.Second))
	if d.Lane != gateway.Urgent {
		if open := cal.NextOpen(d.Soon); open.Before(due) {
			d.Soon = open
		}
		d.Escalate = Due(due, gateway.Term{N: 1, Unit: "wd"}, cal)
	}
	return d
}
