package policy

import (
	"slices"

	"example.org/trm/gateway"
)

// Situation is one circumstance in which a message is sent, in the words of a lawyer and of
// the policy: what the matrix asks about. What it does not say is the ordinary case: a
// purpose and an article that the pair agreed, everything attested, nothing overridden.
type Situation struct {
	Says      string
	Agreement gateway.Agreement
	Unattests []string // attestations that the officer did not sign; "*" is none signed
	Thread    []Fact
	Purpose   string
	Basis     string
	Override  string
}

func by(who, state, reason string) gateway.Agreement {
	return gateway.Agreement{State: state, Reason: reason, By: who, Heard: who != "person"}
}

// Situations are those of the matrix, in the order in which it shows them: between any two
// of them some rule distinguishes.
func Situations() []Situation {
	given := by("person", "given", "")
	child := by("authority", "given", "")
	unheard := child
	unheard.Heard = false
	return []Situation{
		{Says: "An adult agreed; first message", Agreement: given},
		{Says: "An adult agreed; nothing is attested", Agreement: given, Unattests: []string{"*"}},
		{Says: "An adult agreed; after acceptance", Agreement: given, Thread: []Fact{Accepted}},
		{Says: "An adult agreed; after acceptance, the protection check is not attested", Agreement: given, Thread: []Fact{Accepted}, Unattests: []string{"protection-checked"}},
		{Says: "An adult agreed with limits; after acceptance", Agreement: by("person", "limited", "content-limited"), Thread: []Fact{Accepted}},
		{Says: "An adult refused", Agreement: by("person", "refused", "")},
		{Says: "An adult refused, a life is in danger; overridden by two people", Agreement: by("person", "refused", ""), Override: "danger-to-life"},
		{Says: "An adult could not be reached", Agreement: by("person", "not-asked", "not-reachable")},
		{Says: "Nobody asked: a life is in danger", Agreement: by("person", "not-asked", "danger-to-life")},
		{Says: "Nobody asked: a duty in law", Agreement: by("person", "not-asked", "duty-in-law")},
		{Says: "Nothing is said of an agreement"},
		{Says: "A child; the authority agreed; first message", Agreement: child},
		{Says: "A child; the authority agreed; after acceptance", Agreement: child, Thread: []Fact{Accepted}},
		{Says: "A child; the authority agreed; after acceptance, no guardian is attested", Agreement: child, Thread: []Fact{Accepted}, Unattests: []string{"guardian-appointed"}},
		{Says: "A child; the authority agreed for this recipient only", Agreement: by("authority", "limited", "receiver-limited"), Thread: []Fact{Accepted}},
		{Says: "A child; the authority agreed and did not hear the child", Agreement: unheard},
		{Says: "A child; a guardian agreed, and the family is not excluded", Agreement: by("guardian", "given", ""), Unattests: []string{"family-excluded"}},
		{Says: "A child; nobody asked, the authority decided in its best interests", Agreement: by("authority", "not-asked", "best-interests")},
		{Says: "An adult; nobody asked, and best interests are claimed", Agreement: by("person", "not-asked", "best-interests")},
		{Says: "The referral was declined", Agreement: given, Thread: []Fact{Accepted, Declined}},
		{Says: "The agreement was withdrawn", Agreement: given, Thread: []Fact{Accepted, Withdrawn}},
		{Says: "The person came of age; the authority still decides", Agreement: child, Thread: []Fact{Accepted, OfAge}},
		{Says: "The case is closed", Agreement: given, Thread: []Fact{Accepted, Closed}},
		{Says: "For the sake of proceedings", Agreement: given, Thread: []Fact{Accepted}, Purpose: "proceedings"},
		{Says: "For the sake of proceedings; the reflection period is not attested", Agreement: given, Thread: []Fact{Accepted}, Purpose: "proceedings", Unattests: []string{"reflection-respected"}},
		{Says: "For a purpose that the pair did not agree", Agreement: given, Purpose: outside},
		{Says: "On an article that the pair did not agree", Agreement: given, Basis: outside},
	}
}

// outside is a purpose and an article that no pair has.
const outside = "outside-the-pair"

// of reports whether a message of the type can be in the situation: only requests and
// answers override.
func (s Situation) of(t gateway.Type) bool {
	return s.Override == "" || t.Frame == "request" || t.Frame == "answer"
}

// question asks about a message of the type, with every unit that it can have.
func (s Situation) question(t gateway.Type, code, to string, w Everyday) gateway.Question {
	e := Example{
		Type: t.Name, To: "rs/" + to, Purpose: s.Purpose, Basis: s.Basis, Decided: s.Agreement.By, Heard: s.Agreement.Heard, Override: s.Override,
		Agreement: "none", Thread: s.Thread,
	}
	if code != "" {
		e.Type += "#" + code
	}
	if from := "coordinator"; slices.Contains(t.Senders, from) {
		e.From = "ba/" + from
	}
	for _, a := range t.Attests {
		if !slices.Contains(s.Unattests, a) && !slices.Contains(s.Unattests, "*") {
			e.Attests = append(e.Attests, a)
		}
	}
	q := e.Question(t, w)
	q.Head.Agreement = s.Agreement
	q.Units = everyUnit(t, q.Head.Audience)
	for _, u := range q.Units {
		if _, role, _ := gateway.SplitUnit(u); role != "" {
			q.Classes[role] = w.Classes
		}
	}
	return q
}

// everyUnit are the names of all units that a message of the type to aud can have, sorted.
func everyUnit(t gateway.Type, aud gateway.Party) []string {
	units := slices.Concat(t.Must, t.May)
	for block, fields := range t.Fields {
		for _, f := range fields {
			units = append(units, block+"/"+f)
		}
	}
	for _, sb := range t.Sealed {
		units = append(units, sb.Unit(aud))
	}
	slices.Sort(units)
	return slices.Compact(units)
}
