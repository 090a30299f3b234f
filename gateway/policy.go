package gateway

import "slices"

// Question is everything that data minimisation may know, and nothing else: the head,
// the names of units, what the thread has established, what the pair agreed and what each
// role may receive. The preview asks it with the same inputs and gets the same answer.
type Question struct {
	Head    Head
	Type    Type
	Units   []string // sorted names
	Facts   ThreadFacts
	Pair    Pair
	Classes map[string][]Class // by role of the recipient's country, for the roles that units name and for the recipient
}

// Decision is the policy's answer.
type Decision struct {
	Released []string   // sorted names of the units that may leave
	Withheld []Withheld // sorted by unit; known to the sender and its auditor only
	Refusal  *Problem   // not nil: the message may not travel at all
	Policy   string     // digest of the policy data that decided (SHA-256, base64url)
	// Overridden are the sorted ids of rules that would have decided otherwise and that the
	// head's override set aside. Each needs to be named by a second person's [Approval].
	Overridden []string
}

// Withheld names a unit that does not leave, and the rule.
type Withheld struct {
	Unit string `json:"unit"`
	Rule string `json:"rule"`
}

// Policy decides what may leave. It is a pure function of the question: no clock, no
// network, no state. Safe for concurrent use.
type Policy interface {
	Decide(Question) Decision
}

// ThreadFacts is the closed list of coded facts that a thread has established, which is
// all that the gateway remembers of a conversation. The zero value is a thread in which
// nothing has been said.
type ThreadFacts struct {
	Opener   Party // sender of the first message; empty for a new thread
	Other    Party // its recipient
	Accepted bool  // a referral.answer accepted the referral, wholly or in part
	Declined bool  // the last referral.answer declined it
	Closed   bool  // both sides closed the case, and nobody opened it again
	// Withdrawn says that the agreement was withdrawn, at either side, and not given again.
	Withdrawn bool
	// OfAge says that the person came of age. Nothing takes it back: where it was said in
	// error, a new thread begins.
	OfAge bool
	Last  string // jti of the last message, for inReplyTo
}

// Known reports whether the thread has begun.
func (f ThreadFacts) Known() bool { return f.Opener != "" }

// Between reports whether the two parties are the thread's.
func (f ThreadFacts) Between(a, b Party) bool {
	return f.Opener == a && f.Other == b || f.Opener == b && f.Other == a
}

// After is what the thread has established once a message with head h was received. It
// is a pure function, so that a journal that is replayed comes to the same facts.
func (f ThreadFacts) After(h Head) ThreadFacts {
	if !f.Known() {
		f.Opener, f.Other = h.Issuer, h.Audience
	}
	f.Last = h.ID
	if h.Topic() == "referral" && h.Frame() == "answer" {
		switch h.Outcome {
		case "accepted", "partly":
			f.Accepted, f.Declined = true, false
		case "declined", "redirected", "not-possible":
			f.Declined = true
		}
	}
	switch {
	case h.Topic() == "consent" && slices.Contains(h.Act, "consent-withdrawn"):
		f.Withdrawn = true
	case h.Topic() == "consent":
		f.Withdrawn = false // given anew, or with limits
	case h.Topic() == "status" && slices.Contains(h.Act, "turned-18"):
		f.OfAge = true
	case h.Topic() == "case" && slices.Contains(h.Act, "reopen"):
		f.Closed = false // opening warns, and needs nobody's consent
	case h.Topic() == "applied" && h.Outcome == "done" && slices.Contains(h.Act, "close"):
		f.Closed = true // closing takes both: silence closes nothing
	}
	return f
}

// Ask builds the question for a message. It fails with a *Problem where the directory
// does not know the recipient or the pair.
func Ask(m Message, f ThreadFacts, d Directory) (Question, error) {
	return AskAbout(m.parts.Head, m.kind, m.names(), f, d)
}

// AskAbout builds the question from a head and names alone: what a preview has.
func AskAbout(h Head, t Type, units []string, f ThreadFacts, d Directory) (Question, error) {
	aud, ok := d.Institution(h.Audience)
	if !ok {
		return Question{}, Refuse(CodePartyUnknown, "/aud", "")
	}
	if _, ok := d.Institution(h.Issuer); !ok {
		return Question{}, Refuse(CodePartyUnknown, "/iss", "")
	}
	pair, ok := d.Pair(h.Issuer.Country(), h.Audience.Country())
	if !ok || !pair.On {
		return Question{}, Refuse(CodePairOff, "/aud", "")
	}
	if f.Known() && !f.Between(h.Issuer, h.Audience) {
		return Question{}, Refuse(CodeThreadParties, "/thread", "")
	}
	q := Question{Head: h, Type: t, Units: units, Facts: f, Pair: pair, Classes: map[string][]Class{h.Audience.Role(): aud.Classes}}
	for _, u := range units {
		if _, role, _ := SplitUnit(u); role != "" {
			if inst, ok := d.Institution(h.Audience.In(role)); ok {
				q.Classes[role] = inst.Classes
			}
		}
	}
	return q, nil
}
