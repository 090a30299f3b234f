package policy

import (
	"slices"

	"example.org/trm/gateway"
)

// answer is what can be said of a condition when only type, role and purpose are known.
type answer int

const (
	no answer = iota
	perhaps
	yes
)

func certain(b bool) answer {
	if b {
		return yes
	}
	return no
}

// Never lists, sorted, the blocks and fields of the type that a role never gets for this
// purpose, whatever the person agreed and the thread established: what a recipient is
// shown instead of what was withheld from it. An empty purpose asks about all of them.
func (p *Policy) Never(t gateway.Type, role, purpose string) []string {
	kind := gateway.RoleKind(role)
	var out []string
	add := func(name string, units ...unit) {
		if !slices.ContainsFunc(units, func(u unit) bool { return p.mayGet(t, u, purpose) }) {
			out = append(out, name)
		}
	}
	for _, block := range slices.Concat(t.Must, t.May) {
		u := unit{block: block, class: gateway.ClassC1, reader: kind, own: true}
		add(block, u)
		for _, f := range t.Fields[block] {
			u.field = f
			add(block+"/"+f, u)
		}
	}
	sealed := make(map[string][]unit)
	for _, sb := range t.Sealed {
		if _, ok := sealed[sb.Block]; !ok {
			sealed[sb.Block] = nil
		}
		own := sb.Role == "aud" && slices.Contains(t.Receivers, kind)
		if own || sb.Role == kind {
			// A role that is not the recipient reads its units all the same.
			sealed[sb.Block] = append(sealed[sb.Block], unit{block: sb.Block, role: kind, class: sb.Class, reader: kind, own: own})
		}
	}
	for block, units := range sealed {
		add(block, units...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mayGet reports whether some message of the type could bring the unit to its reader.
func (p *Policy) mayGet(t gateway.Type, u unit, purpose string) bool {
	set, ok := p.topics[t.Topic]
	if !ok {
		set = &p.others
	}
	for _, r := range set.withhold {
		if r.always(t, u, purpose) == yes {
			return false
		}
	}
	return slices.ContainsFunc(set.allow, func(r *rule) bool { return r.always(t, u, purpose) != no })
}

// always reports whether the rule applies to every message of the type, to none, or
// whether that depends.
func (r *rule) always(t gateway.Type, u unit, purpose string) answer {
	u.granted = true
	if slices.Contains(r.when.Found, ClassOutsideRole) || !r.when.holdsForUnit(&u) {
		return no // what the directory grants is not the policy's to promise
	}
	a := r.when.static(t, u, purpose)
	if len(r.Override) > 0 {
		a = min(a, perhaps)
	}
	for i := range r.unless {
		a = min(a, yes-r.unless[i].static(t, u, purpose))
	}
	return a
}

// static judges the part of the condition that speaks of the message.
func (c *condition) static(t gateway.Type, u unit, purpose string) answer {
	a := yes
	if len(c.types) > 0 {
		a = no
		for i := range c.types {
			if p := &c.types[i]; p.names(t) {
				if p.code == "" {
					a = yes
					break
				}
				a = perhaps
			}
		}
	}
	if len(c.Purposes) > 0 {
		if purpose == "" {
			a = min(a, perhaps)
		} else {
			a = min(a, certain(slices.Contains(c.Purposes, purpose)))
		}
	}
	if len(c.To) > 0 {
		if u.own {
			a = min(a, certain(slices.Contains(c.To, u.reader)))
		} else {
			a = min(a, perhaps)
		}
	}
	if len(c.From)+len(c.Lanes)+len(c.Bases)+len(c.agreement)+len(c.Decided)+len(c.Lacks)+len(c.Thread)+len(c.Found) > 0 || c.Heard != nil {
		a = min(a, perhaps)
	}
	return a
}
