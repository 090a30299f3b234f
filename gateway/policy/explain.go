package policy

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
// the way can see it: what never leaves.
func (p *Policy) Kept() []string {
	var out []string
	for _, r := range p.rules {
		if r.Effect == Duty && r.Enforcer == Origin {
			out = append(out, r.Says)
		}
	}
	return out
}
