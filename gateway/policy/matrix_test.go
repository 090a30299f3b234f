package policy_test

import (
	"slices"
	"strings"

	"example.org/trm/gateway"
)

// The space of questions. Each dimension has the values between which some rule
// distinguishes, and one beside them.
var (
	agreements = []gateway.Agreement{
		{},
		{State: "given", By: "person"},
		{State: "given", By: "guardian", Heard: true},
		{State: "given", By: "authority", Heard: true},
		{State: "given", By: "authority"},
		{State: "limited", Reason: "content-limited", By: "person"},
		{State: "refused", By: "person"},
		{State: "not-asked", Reason: "not-reachable", By: "person"},
		{State: "not-asked", Reason: "danger-to-life", By: "person"},
		{State: "not-asked", Reason: "duty-in-law", By: "person"},
		{State: "not-asked", Reason: "best-interests", By: "person"},
		{State: "not-asked", Reason: "best-interests", By: "authority", Heard: true},
	}
	threads = []gateway.ThreadFacts{
		{},
		{Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true},
		{Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true, Declined: true},
		{Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true, Closed: true},
	}
)

// names are all units that a message of the type to aud can have.
func names(t gateway.Type, aud gateway.Party) []string {
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

// asked is a question about a whole message of the type.
func asked(t gateway.Type, to, purpose, basis string, a gateway.Agreement, f gateway.ThreadFacts, attests, act []string) gateway.Question {
	from := "coordinator"
	if !slices.Contains(t.Senders, from) {
		from = t.Senders[0]
	}
	q := gateway.Question{Type: t, Pair: everyday.Pair, Facts: f, Classes: map[string][]gateway.Class{}, Head: gateway.Head{
		Type: t.Name, Issuer: gateway.Party("ba/" + from), Audience: gateway.Party("rs/" + to), Lane: gateway.Normal,
		Purpose: purpose, Basis: basis, Agreement: a, Attests: attests, Act: act,
	}}
	q.Units = names(t, q.Head.Audience)
	for _, u := range q.Units {
		if _, role, _ := gateway.SplitUnit(u); role != "" {
			q.Classes[role] = everyday.Classes
		}
	}
	q.Classes[to] = everyday.Classes
	return q
}

// questions are all questions about a type in the space above.
func questions(t gateway.Type) []gateway.Question {
	var out []gateway.Question
	for _, to := range t.Receivers {
		for _, purpose := range append(slices.Clone(everyday.Pair.Purposes), "statistics") {
			for _, basis := range []string{"art-1", "other-1", ""} {
				for _, a := range agreements {
					for _, f := range threads {
						for _, attests := range [][]string{nil, t.Attests} {
							out = append(out, asked(t, to, purpose, basis, a, f, attests, nil))
						}
					}
				}
			}
		}
	}
	return out
}

func spell(a gateway.Agreement) string {
	if a.State == "" {
		return "unsaid"
	}
	s := a.State
	if a.Reason != "" {
		s += ":" + a.Reason
	}
	s += " by " + a.By
	if a.Heard {
		s += ", heard"
	}
	return strings.TrimSpace(s)
}
