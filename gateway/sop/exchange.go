package sop

import (
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
)

// Stage is how far the answering of a message has come.
type Stage string

// The stages. Whether it is late is not a stage but a matter of the clock ([Duty.Standing]).
const (
	Waiting    Stage = "waiting"    // received by the gateway, not yet delivered
	Delivered  Stage = "delivered"  // the recipient has it
	Closed     Stage = "answered"   // wholly or in part, with yes or no
	Redirected Stage = "redirected" // another office should have got it
	Recalled   Stage = "recalled"   // its sender took it back
	Failed     Stage = "failed"     // it did not arrive
	Superseded Stage = "superseded" // its sender sent it anew
)

// Exchange is a message and what has become of it: everything that two offices need to
// see who owes what. It is a value: what changes it gives back another.
type Exchange struct {
	Asked    gateway.Head
	Received time.Time // by the gateway
	Stage    Stage
	Read     bool   // a person is known to have opened it or taken it on
	Answer   string // jti of the answer that stands
	Outcome  string // of that answer
	Duty     Duty   // the zero value where nothing is owed
}

// Event is something that happened: a signed statement about the message, or another
// message of its two parties.
type Event struct {
	At       time.Time     // when the statement says that it happened; when the gateway received the message
	Evidence gateway.Event // of a statement; empty for a message
	Head     gateway.Head  // of a message
}

// Begin is the exchange of a message that the gateway received.
func (c Clock) Begin(h gateway.Head, received time.Time) Exchange {
	x := Exchange{Asked: h, Received: received, Stage: Waiting}
	x.Duty, _ = c.Open(h, received, time.Time{})
	return x
}

// Apply is the exchange after an event, and what the event did to it. It never fails: what
// does not belong to the exchange leaves it as it is and says so. The order of events is
// the order of their receipt, which need not be that in which they happened.
func (c Clock) Apply(x Exchange, e Event) (Exchange, Mark) {
	if e.Evidence != "" {
		return c.witness(x, e)
	}
	h := e.Head
	switch {
	case !(gateway.ThreadFacts{Opener: x.Asked.Issuer, Other: x.Asked.Audience}).Between(h.Issuer, h.Audience) || h.Thread != x.Asked.Thread:
		return x, Stranger
	case h.Supersedes == x.Asked.ID && h.Issuer == x.Asked.Issuer:
		return x.leave(Superseded, MarkSuperseded, e.At)
	case h.Frame() == "answer":
		return c.answer(x, h, e.At)
	case h.Topic() == "case" && slices.Contains(h.Act, "reopen"):
		return x, Reopened
	case h.Topic() == "case":
		if x.open() && c.owes(x.Asked) {
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
		return x.leave(Redirected, MarkRedirected, e.At)
	case "recall":
		return x.recall(h, e.At)
	case "correction":
		return x, Corrected
	case "consent":
		return x, Consent
	}
	return x, Unrelated
}

// targets reports whether a change names the message or a unit of it.
func targets(h gateway.Head, id string) bool {
	target, _, _ := strings.Cut(h.Target, "#")
	return h.Frame() == "change" && target == id
}

// open reports whether an answer can still come in the ordinary way.
func (x Exchange) open() bool { return x.Stage == Waiting || x.Stage == Delivered }

// owes reports whether a message of that type wants an answer at all.
func (c Clock) owes(h gateway.Head) bool {
	row, ok := c.Types.Row(h.Type)
	return ok && row.Answer != ""
}

// witness applies a signed statement of the recipient, or the gateway's of its failure.
func (c Clock) witness(x Exchange, e Event) (Exchange, Mark) {
	switch e.Evidence {
	case gateway.ContentConsignment:
		if x.Stage != Waiting && x.Stage != Failed {
			return x, Again
		}
		x.Stage = Delivered
		taken := x.Duty.Taken
		x.Duty, _ = c.Open(x.Asked, x.Received, e.At)
		x.Duty.Taken = taken
		return x, Begun
	case gateway.ContentConsignmentFailure:
		switch x.Stage {
		case Waiting:
			x.Stage = Failed
			return x, Undelivered
		case Failed:
			return x, Again
		}
		return x, Contradiction
	case gateway.ContentHandover, gateway.TakenOn:
		return x.reading(e)
	}
	return x, Unrelated
}

func (x Exchange) reading(e Event) (Exchange, Mark) {
	if x.Stage == Failed {
		return x, Contradiction
	}
	read := x.Read
	x.Read = true
	if e.Evidence == gateway.TakenOn {
		x.Duty = x.Duty.TakeOn(e.At)
	}
	switch {
	case x.Stage == Recalled:
		return x, ReadAfterRecall
	case x.Stage == Waiting:
		return x, Early
	case read && x.Stage == Delivered && e.Evidence == gateway.ContentHandover:
		return x, Again
	}
	return x, Noted
}

// answer applies an answer: the later one stands. One that comes when the question was
// taken back, or sent anew, is kept and changes nothing.
func (c Clock) answer(x Exchange, h gateway.Head, at time.Time) (Exchange, Mark) {
	row, _ := c.Types.Row(x.Asked.Type)
	switch {
	case h.InReplyTo != x.Asked.ID || h.Issuer != x.Asked.Audience:
		return x, Unrelated
	case row.Answer == "" || unversioned(row.Answer) != unversioned(h.Type):
		return x, Mismatch
	case x.Answer == h.ID:
		return x, Again
	case x.Stage == Recalled || x.Stage == Superseded:
		return x, Crossed
	}
	m := x.compare(h.Outcome)
	x.Stage, x.Answer, x.Outcome = Closed, h.ID, h.Outcome
	if h.Outcome == "redirected" {
		x.Stage = Redirected
	}
	x.Duty = x.Duty.End(at)
	return x, m
}

// compare says how an answer stands to what was there before it.
func (x Exchange) compare(outcome string) Mark {
	switch x.Stage {
	case Waiting:
		return Early
	case Failed:
		return Arrived
	case Redirected:
		return Crossed
	case Closed:
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
func (c Clock) move(x Exchange, h gateway.Head, at time.Time) (Exchange, Mark) {
	cal, ok := c.Calendars.Of(x.Asked.Audience.Country())
	if !ok || !c.owes(x.Asked) || !x.open() && x.Stage != Failed {
		return x, Moot
	}
	stood := x.Duty.Due
	if stood.IsZero() {
		stood = asked(x.Asked)
		if h.AnswerBy.After(stood) {
			x.Asked.AnswerBy = h.AnswerBy
		}
	}
	x.Duty = x.Duty.Ask(h.AnswerBy, at, cal)
	if h.AnswerBy.After(stood) {
		return x, Moved
	}
	return x, Wish
}

// recall takes the message back. Whoever answered has read it.
func (x Exchange) recall(h gateway.Head, at time.Time) (Exchange, Mark) {
	if h.Issuer != x.Asked.Issuer {
		return x, Mismatch
	}
	if x.Stage == Recalled {
		return x, Again
	}
	read := x.Read || x.Stage == Closed
	x.Stage, x.Duty = Recalled, x.Duty.End(at)
	if read {
		return x, RecalledRead
	}
	return x, MarkRecalled
}

// leave ends the exchange without an answer, unless there is one.
func (x Exchange) leave(to Stage, m Mark, at time.Time) (Exchange, Mark) {
	switch {
	case x.Stage == to:
		return x, Again
	case x.Stage == Closed:
		return x, Crossed
	case x.Stage == Recalled && to == Superseded:
		return x, Crossed
	case x.Stage == Recalled || x.Stage == Superseded:
		return x, Moot
	}
	x.Stage, x.Duty = to, x.Duty.End(at)
	return x, m
}
