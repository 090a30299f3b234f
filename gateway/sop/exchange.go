package sop

import (
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
)

// Event is something that happened: a signed statement about the message, or another
// message of its two parties.
type Event struct {
	At       time.Time     // when the statement says that it happened; when the gateway received the message
	Evidence gateway.Event // of a statement; empty for a message
	Head     gateway.Head  // of a message
}

// Begin is the exchange of a message that the gateway received.
func (c Clock) Begin(h gateway.Head, received time.Time) gateway.Exchange {
	row, _ := c.Types.Row(h.Type)
	x := gateway.Exchange{Asked: h, Received: received, Closes: row.Answer, Terms: c.terms(h), Stage: gateway.StageWaiting}
	x.Duty, _ = c.open(h, x.Terms, received, time.Time{})
	return x
}

// Apply is the exchange after an event, and what the event did to it. It never fails: what
// does not belong to the exchange leaves it as it is and says so. The order of events is
// the order of their receipt, which need not be that in which they happened.
func (c Clock) Apply(x gateway.Exchange, e Event) (gateway.Exchange, Mark) {
	if e.Evidence != "" {
		return c.witness(x, e)
	}
	h := e.Head
	switch {
	case !(gateway.ThreadFacts{Opener: x.Asked.Issuer, Other: x.Asked.Audience}).Between(h.Issuer, h.Audience) || h.Thread != x.Asked.Thread:
		return x, Stranger
	case h.Supersedes == x.Asked.ID && h.Issuer == x.Asked.Issuer:
		return leave(x, gateway.StageSuperseded, MarkSuperseded, e.At)
	case h.Frame() == "answer":
		return c.answer(x, h, e.At)
	case h.Topic() == "case" && slices.Contains(h.Act, "reopen"):
		return x, Reopened
	case h.Topic() == "case":
		if stands(x) && c.owes(x.Asked) {
			return x, OpenDuty
		}
		return x, Closing
	case !targets(h, x.Asked.ID):
		return x, Unrelated
	}
	switch h.Topic() {
	case "deadline":
		return c.move(x, h, e.At)
	case "redirect":
		return leave(x, gateway.StageRedirected, MarkRedirected, e.At)
	case "recall":
		return recall(x, h, e.At)
	case "correction":
		return x, Corrected
	case "consent":
		return x, Consent
	}
	return x, Unrelated
}

// Heard is the exchange after a signed statement about its message: [Clock.Apply] without
// the mark.
func (c Clock) Heard(x gateway.Exchange, e gateway.Event, at time.Time) gateway.Exchange {
	x, _ = c.Apply(x, Event{At: at, Evidence: e})
	return x
}

// Said is the exchange after another message that the gateway received, likewise.
func (c Clock) Said(x gateway.Exchange, h gateway.Head, received time.Time) gateway.Exchange {
	x, _ = c.Apply(x, Event{At: received, Head: h})
	return x
}

// targets reports whether a change names the message or a unit of it.
func targets(h gateway.Head, id string) bool {
	target, _, _ := strings.Cut(h.Target, "#")
	return h.Frame() == "change" && target == id
}

// stands reports whether an answer can still come in the ordinary way.
func stands(x gateway.Exchange) bool {
	return x.Stage == gateway.StageWaiting || x.Stage == gateway.StageDelivered
}

// owes reports whether a message of that type wants an answer at all.
func (c Clock) owes(h gateway.Head) bool {
	row, ok := c.Types.Row(h.Type)
	return ok && row.Answer != ""
}

// witness applies a signed statement of the recipient, or the gateway's of its failure.
func (c Clock) witness(x gateway.Exchange, e Event) (gateway.Exchange, Mark) {
	switch e.Evidence {
	case gateway.ContentConsignment:
		if x.Stage != gateway.StageWaiting && x.Stage != gateway.StageFailed {
			return x, Again
		}
		x.Stage = gateway.StageDelivered
		taken := x.Duty.Taken
		x.Duty, _ = c.open(x.Asked, x.Terms, x.Received, e.At)
		x.Duty.Taken = taken
		return x, Begun
	case gateway.ContentConsignmentFailure:
		switch x.Stage {
		case gateway.StageWaiting:
			x.Stage = gateway.StageFailed
			return x, Undelivered
		case gateway.StageFailed:
			return x, Again
		}
		return x, Contradiction
	case gateway.ContentHandover, gateway.TakenOn:
		return reading(x, e)
	}
	return x, Unrelated
}

func reading(x gateway.Exchange, e Event) (gateway.Exchange, Mark) {
	if x.Stage == gateway.StageFailed {
		return x, Contradiction
	}
	read := x.Read
	x.Read = true
	if e.Evidence == gateway.TakenOn {
		x.Duty = x.Duty.TakeOn(e.At)
	}
	switch {
	case x.Stage == gateway.StageRecalled:
		return x, ReadAfterRecall
	case x.Stage == gateway.StageWaiting:
		return x, Early
	case read && x.Stage == gateway.StageDelivered && e.Evidence == gateway.ContentHandover:
		return x, Again
	}
	return x, Noted
}

// answer applies an answer: the later one stands. One that comes when the question was
// taken back, or sent anew, is kept and changes nothing.
func (c Clock) answer(x gateway.Exchange, h gateway.Head, at time.Time) (gateway.Exchange, Mark) {
	row, _ := c.Types.Row(x.Asked.Type)
	switch {
	case h.InReplyTo != x.Asked.ID || h.Issuer != x.Asked.Audience:
		return x, Unrelated
	case row.Answer == "" || unversioned(row.Answer) != unversioned(h.Type):
		return x, Mismatch
	case x.Answer == h.ID:
		return x, Again
	case x.Stage == gateway.StageRecalled || x.Stage == gateway.StageSuperseded:
		return x, Crossed
	}
	m := compare(x, h.Outcome)
	x.Stage, x.Answer, x.Outcome = gateway.StageClosed, h.ID, h.Outcome
	if h.Outcome == "redirected" {
		x.Stage = gateway.StageRedirected
	}
	x.Duty = x.Duty.End(at)
	return x, m
}

// compare says how an answer stands to what was there before it.
func compare(x gateway.Exchange, outcome string) Mark {
	switch x.Stage {
	case gateway.StageWaiting:
		return Early
	case gateway.StageFailed:
		return Arrived
	case gateway.StageRedirected:
		return Crossed
	case gateway.StageClosed:
		switch x.Outcome {
		case "partly":
			return Supplement
		case outcome:
			return Repeated
		}
		return Contradicts
	}
	switch outcome {
	case "partly":
		return Partly
	case "declined", "not-possible", "kept":
		return Declined
	case "redirected":
		return MarkRedirected
	case "passed-on":
		return PassedOn
	}
	return Answered
}

// move applies a delay notice. Where nothing was delivered yet there is no date to move:
// the later one is kept with the message, and counts when it is.
func (c Clock) move(x gateway.Exchange, h gateway.Head, at time.Time) (gateway.Exchange, Mark) {
	cal, ok := c.Calendars.Of(x.Asked.Audience.Country())
	if !ok || !c.owes(x.Asked) || !stands(x) && x.Stage != gateway.StageFailed {
		return x, Moot
	}
	stood := x.Duty.Due
	if stood.IsZero() {
		stood = asked(x.Asked)
		if h.AnswerBy.After(stood) {
			x.Asked.AnswerBy = h.AnswerBy
		}
	}
	x.Duty = ask(x.Duty, h.AnswerBy, at, cal)
	if h.AnswerBy.After(stood) {
		return x, Moved
	}
	return x, Wish
}

// recall takes the message back. Whoever answered has read it.
func recall(x gateway.Exchange, h gateway.Head, at time.Time) (gateway.Exchange, Mark) {
	if h.Issuer != x.Asked.Issuer {
		return x, Mismatch
	}
	if x.Stage == gateway.StageRecalled {
		return x, Again
	}
	read := x.Read || x.Stage == gateway.StageClosed
	x.Stage, x.Duty = gateway.StageRecalled, x.Duty.End(at)
	if read {
		return x, RecalledRead
	}
	return x, MarkRecalled
}

// leave ends the exchange without an answer, unless there is one.
func leave(x gateway.Exchange, to gateway.Stage, m Mark, at time.Time) (gateway.Exchange, Mark) {
	switch {
	case x.Stage == to:
		return x, Again
	case x.Stage == gateway.StageClosed:
		return x, Crossed
	case x.Stage == gateway.StageRecalled && to == gateway.StageSuperseded:
		return x, Crossed
	case x.Stage == gateway.StageRecalled || x.Stage == gateway.StageSuperseded:
		return x, Moot
	}
	x.Stage, x.Duty = to, x.Duty.End(at)
	return x, m
}
