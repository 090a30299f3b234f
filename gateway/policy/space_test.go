package policy_test

import (
	"iter"
	"slices"

	"example.org/trm/gateway"
)

// space is the questions that tests ask: every combination of the values between which
// some rule distinguishes, and of one beside them.
type space struct {
	to         []string
	purposes   []string
	bases      []string
	agreements []gateway.Agreement
	threads    []gateway.ThreadFacts
	attests    [][]string
	acts       [][]string
}

var (
	agreements = []gateway.Agreement{
		{},
		{State: "given"},
		{State: "given", By: "person"},
		{State: "given", By: "guardian", Heard: true},
		{State: "given", By: "authority", Heard: true},
		{State: "given", By: "authority"},
		{State: "limited", Reason: "content-limited", By: "person"},
		{State: "limited", Reason: "receiver-limited", By: "authority", Heard: true},
		{State: "refused", By: "person"},
		{State: "not-asked", Reason: "not-reachable", By: "person"},
		{State: "not-asked", Reason: "danger-to-life", By: "person"},
		{State: "not-asked", Reason: "duty-in-law", By: "person"},
		{State: "not-asked", Reason: "best-interests", By: "person"},
		{State: "not-asked", Reason: "best-interests", By: "authority", Heard: true},
	}
	newThread = gateway.ThreadFacts{}
	begun     = gateway.ThreadFacts{Opener: "ba/coordinator", Other: "rs/coordinator"}
	accepted  = gateway.ThreadFacts{Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true}
	declined  = gateway.ThreadFacts{Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true, Declined: true}
	closed    = gateway.ThreadFacts{Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true, Closed: true}
	withdrawn = gateway.ThreadFacts{Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true, Withdrawn: true}
	ofAge     = gateway.ThreadFacts{Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true, OfAge: true}
)

// whole is the space of a type: every receiver, purpose, basis, agreement, thread, act,
// with all attestations and with none.
func whole(t gateway.Type, codes []string) space {
	s := space{
		to: t.Receivers, purposes: append(slices.Clone(everyday.Pair.Purposes), "statistics"),
		bases: []string{everyday.Pair.Articles[0], "art-99", ""}, agreements: agreements,
		threads: []gateway.ThreadFacts{newThread, begun, accepted, declined, closed, withdrawn, ofAge},
		attests: [][]string{nil}, acts: [][]string{nil},
	}
	if len(t.Attests) > 0 {
		s.attests = append(s.attests, t.Attests)
	}
	for _, c := range codes {
		s.acts = append(s.acts, []string{c})
	}
	return s
}

// fewer asks about one purpose of each kind between which rules distinguish: care, court,
// monitoring, and one that the pair did not agree.
func (s space) fewer() space {
	s.purposes = []string{"assistance", "proceedings", "monitoring", "statistics"}
	return s
}

// ordinary is the corner of the space in which messages live: a purpose of the pair, an
// article of it.
func (s space) ordinary() space {
	s.purposes, s.bases = []string{"assistance"}, s.bases[:1]
	return s
}

func (s space) questions(t gateway.Type) iter.Seq[gateway.Question] {
	return func(yield func(gateway.Question) bool) {
		for _, to := range s.to {
			for _, act := range s.acts {
				for _, purpose := range s.purposes {
					for _, basis := range s.bases {
						for _, a := range s.agreements {
							for _, f := range s.threads {
								for _, attests := range s.attests {
									if !yield(asked(t, to, purpose, basis, a, f, attests, act)) {
										return
									}
								}
							}
						}
					}
				}
			}
		}
	}
}

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

// asked is a question about a message of the type that has every unit it can have.
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
