package policy

import "slices"

// Explain says a rule in plain words, for the sender whose message it decides. It is
// empty for a rule that is not here.
func (p *Policy) Explain(rule string) string {
	if rule == DefaultDeny {
		return "No rule allows this part for this type of message, reader, purpose and agreement; what no rule allows stays here."
	}
	r, _ := p.Rule(rule)
	return r.Says
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
