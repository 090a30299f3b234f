package policy

import (
	"slices"
	"strings"

	"example.org/trm/gateway"
)

// rule is a rule that the gateway asks, compiled.
type rule struct {
	*Rule
	when    condition
	unless  []condition
	problem gateway.Problem // of a refusal
}

// applies reports whether the rule speaks of the message; of a unit it is asked again.
func (r *rule) applies(m *message) bool {
	if !r.when.holdsFor(m) {
		return false
	}
	for i := range r.unless {
		if r.unless[i].holdsFor(m) {
			return false
		}
	}
	return true
}

// lifted reports whether the message's override sets the rule aside.
func (r *rule) lifted(m *message) bool {
	return m.Head.Override != "" && slices.Contains(r.Override, m.Head.Override)
}

// ruleset is the rules that can speak of one topic, in the order of the file.
type ruleset struct{ refuse, withhold, allow []*rule }

func (s *ruleset) add(r *rule) {
	switch r.Effect {
	case Refuse:
		s.refuse = append(s.refuse, r)
	case Withhold:
		s.withhold = append(s.withhold, r)
	case Allow:
		s.allow = append(s.allow, r)
	}
}

// Decide answers a question. The same question gets the same answer, whatever the order
// of its units; what is said of one unit does not depend on the others, and whether the
// message is refused depends on none.
func (p *Policy) Decide(q gateway.Question) gateway.Decision {
	d := gateway.Decision{Policy: p.digest}
	m := about(q)
	set, ok := p.topics[q.Type.Topic]
	if !ok {
		set = &p.others
	}
	for _, r := range set.refuse {
		if r.applies(&m) {
			if r.lifted(&m) {
				d.Overridden = append(d.Overridden, r.ID)
				continue
			}
			refusal := r.problem
			d.Refusal, d.Overridden = &refusal, nil
			return d
		}
	}
	var buf [32]*rule
	withhold := live(buf[:0], set.withhold, &m)
	allow := live(withhold[len(withhold):], set.allow, &m)
	units := q.Units
	if !slices.IsSorted(units) {
		units = slices.Sorted(slices.Values(units))
	}
	d.Released = make([]string, 0, len(units))
	for i, name := range units {
		if i > 0 && name == units[i-1] {
			continue
		}
		w := m.judge(name, withhold, allow)
		if !w.Leaves {
			d.Withheld = append(d.Withheld, gateway.Withheld{Unit: name, Rule: w.Rule})
			continue
		}
		d.Released = append(d.Released, name)
		d.Overridden = append(d.Overridden, w.Aside...)
	}
	if d.Overridden != nil {
		slices.Sort(d.Overridden)
		d.Overridden = slices.Compact(d.Overridden)
	}
	return d
}

// live appends the rules that speak of the message.
func live(out []*rule, rules []*rule, m *message) []*rule {
	for _, r := range rules {
		if r.applies(m) {
			out = append(out, r)
		}
	}
	return out
}

// Why is what becomes of one unit, and the rule that says so.
type Why struct {
	Unit   string   `json:"unit"`
	Leaves bool     `json:"leaves"`
	Rule   string   `json:"rule"`            // that lets it leave, or by which it stays
	Aside  []string `json:"aside,omitempty"` // the rules that the message's override set aside for it to leave
}

// judge says what becomes of a unit.
func (m *message) judge(name string, withhold, allow []*rule) Why {
	w := Why{Unit: name, Rule: DefaultDeny}
	if block, _, field := gateway.SplitUnit(name); field != "" {
		// A field travels inside its block: it cannot leave alone.
		if in := m.judge(block, withhold, allow); !in.Leaves {
			w.Rule = in.Rule
			return w
		}
	}
	u, carried := m.describe(name)
	var aside []string
	for _, r := range withhold {
		switch {
		case !r.when.holdsForUnit(&u):
		case r.lifted(m):
			aside = append(aside, r.ID)
		default:
			w.Rule = r.ID
			return w
		}
	}
	if !carried {
		return w
	}
	for _, r := range allow {
		if r.when.holdsForUnit(&u) {
			return Why{Unit: name, Leaves: true, Rule: r.ID, Aside: aside}
		}
	}
	return w
}

// index sorts the rules by the topics that they name, so that a decision asks only those
// that can apply.
func (p *Policy) index(rules []*rule) {
	p.topics = make(map[string]*ruleset)
	for _, r := range rules {
		for _, t := range r.when.types {
			if t.topic != "*" {
				p.topics[t.topic] = new(ruleset)
			}
		}
	}
	for _, r := range rules {
		any := len(r.when.types) == 0
		named := make(map[string]bool)
		for _, t := range r.when.types {
			any = any || t.topic == "*"
			named[t.topic] = true
		}
		for topic, set := range p.topics {
			if any || named[topic] {
				set.add(r)
			}
		}
		if any {
			p.others.add(r)
		}
	}
}

// pointer is where a refusal of this code tells the sender to look.
func pointer(c gateway.Code) string {
	switch c {
	case gateway.CodePurposeNotAgreed:
		return "/purpose"
	case gateway.CodeBasisNotAgreed:
		return "/basis"
	case gateway.CodeAgreementMissing:
		return "/agreement"
	case gateway.CodeAttestationMissing:
		return "/attests"
	case gateway.CodeSenderMayNot:
		return "/iss"
	case gateway.CodeReceiverMayNot:
		return "/aud"
	}
	return ""
}

// plain folds the line breaks of the file out of a text.
func plain(s string) string { return strings.Join(strings.Fields(s), " ") }
