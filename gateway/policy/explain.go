package policy

import (
	"slices"

	"example.org/trm/gateway"
)

// Explain says a rule in plain words, for the sender whose message it decides. It is
// empty for a rule that is not here.
func (p *Policy) Explain(rule string) string {
	if rule == DefaultDeny {
		return "No rule allows this part for this type of message, reader, purpose and agreement; what no rule allows stays here."
	}
	r, _ := p.Rule(rule)
	return r.Says
}

// Because says of each unit of a message, sorted, which rule decides about it; where the
// message may not travel at all, only which rule says so. It decides as [Policy.Decide]
// does.
func (p *Policy) Because(q gateway.Question) (refused string, units []Why) {
	if d := p.Decide(q); d.Refusal != nil {
		return d.Refusal.Rule, nil
	}
	m := about(q)
	set, ok := p.topics[q.Type.Topic]
	if !ok {
		set = &p.others
	}
	withhold, allow := live(nil, set.withhold, &m), live(nil, set.allow, &m)
	for _, name := range slices.Compact(slices.Sorted(slices.Values(q.Units))) {
		units = append(units, m.judge(name, withhold, allow))
	}
	return "", units
}

// Kept lists in plain words what the sending office keeps by itself, because nobody on
// the way can see it.
func (p *Policy) Kept() []string { return p.Duties(InPreview) }

// Duties lists in plain words what an office keeps by itself and is to have before its eyes
// at a place.
func (p *Policy) Duties(at Place) []string {
	var out []string
	for _, r := range p.rules {
		if slices.Contains(r.Shown, at) {
			out = append(out, r.Says)
		}
	}
	return out
}
