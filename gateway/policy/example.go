package policy

import (
	"slices"
	"strings"

	"example.org/trm/gateway"
)

// Everyday is what an example leaves unsaid about the world around its message.
type Everyday struct {
	Pair    gateway.Pair
	Classes []gateway.Class // what every role may receive, unless the example says otherwise
}

// Question is the question that the example describes, about a message of type t. Beside
// the unit that the example asks about, the message has everything that the type always
// carries.
func (e Example) Question(t gateway.Type, w Everyday) gateway.Question {
	_, code, _ := strings.Cut(e.Type, "#")
	q := gateway.Question{Type: t, Pair: w.Pair, Head: gateway.Head{
		Type: t.Name, Lane: gateway.Normal, Purpose: "assistance",
		Issuer: gateway.Party("ba/" + t.Senders[0]), Audience: gateway.Party("rs/" + t.Receivers[0]),
		Basis: w.Pair.Articles[0], Agreement: gateway.Agreement{State: "given", By: "person"},
		Attests: slices.Sorted(slices.Values(e.Attests)),
	}}
	h := &q.Head
	set(&h.Issuer, e.From)
	set(&h.Audience, e.To)
	set(&h.Lane, e.Lane)
	set(&h.Purpose, e.Purpose)
	set(&h.Basis, e.Basis)
	h.Override = e.Override
	if code != "" {
		h.Act = []string{code}
	}
	if e.Agreement != "" {
		h.Agreement.State, h.Agreement.Reason, _ = strings.Cut(e.Agreement, ":")
	}
	set(&h.Agreement.By, e.Decided)
	h.Agreement.Heard = e.Heard
	if e.Agreement == "none" {
		h.Agreement = gateway.Agreement{}
	}
	q.Facts = thread(e.Thread, h.Issuer, h.Audience)
	q.Units = slices.Clone(t.Must)
	if unit := e.Named(h.Audience); unit != "" && !slices.Contains(q.Units, unit) {
		q.Units = append(q.Units, unit)
	}
	slices.Sort(q.Units)
	q.Classes = map[string][]gateway.Class{h.Audience.Role(): w.Classes}
	for _, u := range q.Units {
		if _, role, _ := gateway.SplitUnit(u); role != "" {
			q.Classes[role] = w.Classes
		}
	}
	if len(e.Classes) > 0 {
		_, role, _ := gateway.SplitUnit(e.Named(h.Audience))
		q.Classes[role] = e.Classes
	}
	return q
}

// Named is the full name of the unit that the example asks about, "aud" replaced by the
// recipient's role.
func (e Example) Named(aud gateway.Party) string {
	if block, ok := strings.CutSuffix(e.Unit, "@aud"); ok {
		return block + "@" + aud.Role()
	}
	return e.Unit
}

func set[T ~string](field *T, v string) {
	if v != "" {
		*field = T(v)
	}
}

func thread(facts []Fact, a, b gateway.Party) gateway.ThreadFacts {
	var f gateway.ThreadFacts
	if len(facts) > 0 {
		f.Opener, f.Other = a, b
	}
	f.Accepted = slices.Contains(facts, Accepted)
	f.Declined = slices.Contains(facts, Declined)
	f.Closed = slices.Contains(facts, Closed)
	f.Withdrawn = slices.Contains(facts, Withdrawn)
	f.OfAge = slices.Contains(facts, OfAge)
	return f
}
