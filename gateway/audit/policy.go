package audit

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
	"example.org/trm/schemas"
)

// thread is what is known of a conversation.
type thread struct {
	facts gateway.ThreadFacts
	sure  bool // nothing that belongs to it is missing
}

// rules looks at the policies and the editions of the schemas that the bundle holds, each
// of which must be what its digest names. None is read before something that was signed
// names it: whoever wrote the bundle could have written them.
func (v *verifier) rules() {
	v.policies, v.editions = map[string]func() (*policy.Policy, error){}, map[string]func() (*schemas.Edition, error){}
	for _, m := range v.parts.policies {
		if gateway.Digest(sha256.Sum256(m.data)).String() != m.name {
			v.find(whole, EditionKnown, Violates, "the policy "+m.name+" is not what its digest names")
			continue
		}
		v.policies[m.name] = sync.OnceValues(func() (*policy.Policy, error) { return policy.Parse(m.data) })
		v.report.conforms(EditionKnown)
	}
	for digest, files := range v.parts.editions {
		m := make(map[string][]byte, len(files))
		for _, f := range files {
			m[f.name] = f.data
		}
		if schemas.EditionDigest(m) != digest || len(m) != len(files) {
			v.find(whole, EditionKnown, Violates, "the schemas "+digest+" are not what their digest names")
			continue
		}
		v.editions[digest] = sync.OnceValues(func() (*schemas.Edition, error) { return schemas.ReadEdition(m) })
		v.report.conforms(EditionKnown)
	}
}

// begun notes that a message was received of which nothing more is known: whatever its
// two countries' threads had established may have changed.
func (v *verifier) begun(l *leaf) {
	if l.Event == gateway.SubmissionAcceptance {
		v.holes[countries(l.Pair)] = true
	}
}

// countries are the two of a pair, whichever way.
func countries(n gateway.PairNumber) [2]gateway.Country {
	if n.From > n.To {
		return [2]gateway.Country{n.To, n.From}
	}
	return [2]gateway.Country{n.From, n.To}
}

// follow replays the thread: it returns the facts that may have held before the message,
// one where they are known, and takes the message up.
func (v *verifier) follow(l *leaf, h gateway.Head) []gateway.ThreadFacts {
	t := v.threads[h.Thread]
	hole := v.holes[countries(l.Pair)] || v.unknown > 0
	if t == nil {
		t = &thread{sure: v.remembers() && !hole && h.InReplyTo == "" && h.Target == ""}
		v.threads[h.Thread] = t
	}
	t.sure = t.sure && !hole
	before := []gateway.ThreadFacts{t.facts}
	if !t.sure {
		before = possible(h)
	}
	if !v.heldBefore(l.index) {
		t.facts = t.facts.After(h)
	}
	return before
}

// possible is every state in which a thread can be before a message.
func possible(h gateway.Head) []gateway.ThreadFacts {
	out := []gateway.ThreadFacts{{}}
	for bits := range 1 << 5 {
		out = append(out, gateway.ThreadFacts{
			Opener: h.Issuer, Other: h.Audience, Last: h.InReplyTo,
			Accepted: bits&1 != 0, Declined: bits&2 != 0, Closed: bits&4 != 0, Withdrawn: bits&8 != 0, OfAge: bits&16 != 0,
		})
	}
	return out
}

// released asks the policy that decided what it would have let leave: the same question as
// the gateway's, about the units that it says it released. What is said of one unit does
// not depend on the others, so that those which were withheld are not needed.
func (v *verifier) released(l *leaf, h gateway.Head, b gateway.Binding, facts []gateway.ThreadFacts, received time.Time) {
	read, ok := v.policies[b.Policy]
	if !ok {
		v.at(l, PolicyKnown, Violates, "the policy that decided, "+b.Policy+", is not here")
		return
	}
	p, err := read()
	if err != nil {
		v.at(l, PolicyKnown, NotCheckable, "this program cannot read the policy that decided, "+b.Policy)
		return
	}
	if v.policyNow != "" && v.policyNow != b.Policy {
		v.at(l, PolicyKnown, Violates, "the policy which decided, "+b.Policy+", is not the one that the log says was in force")
	} else {
		v.report.conforms(PolicyKnown)
	}
	t, ok := v.typ(h.Type)
	if !ok {
		v.at(l, PolicyKept, NotCheckable, "neither the bundle nor this program knows the type "+shown(h.Type))
		return
	}
	d, ok := v.history.At(received)
	if !ok {
		return // found already
	}
	var faults [][]string
	for _, f := range facts {
		faults = append(faults, judge(p, t, h, b.Released, f, d))
	}
	broken := slices.DeleteFunc(slices.Clone(faults), func(f []string) bool { return len(f) == 0 })
	switch {
	case len(broken) == 0:
		v.report.conforms(PolicyKept)
	case len(broken) < len(faults):
		v.at(l, PolicyKept, NotCheckable, "whether "+lowest(broken)+" depends on messages of the thread that are not here, or no longer")
	default:
		for _, f := range always(faults) {
			v.at(l, PolicyKept, Violates, f)
		}
	}
}

// judge says what the policy has against what was released.
func judge(p *policy.Policy, t gateway.Type, h gateway.Head, released []string, f gateway.ThreadFacts, d gateway.Directory) []string {
	q, err := gateway.AskAbout(h, t, released, f, d)
	if err != nil {
		return []string{"the message was released though it could not be sent: " + reason(err)}
	}
	dec := p.Decide(q)
	if dec.Refusal != nil {
		return []string{fmt.Sprintf("the message was released though rule %s refuses it", dec.Refusal.Rule)}
	}
	var out []string
	for _, w := range dec.Withheld {
		out = append(out, fmt.Sprintf("%s was released though rule %s withholds it", w.Unit, w.Rule))
	}
	for _, must := range t.Must {
		if !slices.Contains(released, must) {
			out = append(out, fmt.Sprintf("the message was released without %s, which its type always carries", must))
		}
	}
	return out
}

// always are the faults that are there whatever the thread had established; where each
// state has another, the first state's stand for all.
func always(faults [][]string) []string {
	var out []string
	for _, f := range faults[0] {
		if !slices.ContainsFunc(faults, func(other []string) bool { return !slices.Contains(other, f) }) {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return faults[0]
	}
	return out
}

func lowest(faults [][]string) string {
	var all []string
	for _, f := range faults {
		all = append(all, f...)
	}
	slices.Sort(all)
	return strings.Replace(all[0], "though rule", "against rule", 1)
}

// typ finds a type: in the edition that the log says was in force, or in the bundle's only
// one.
func (v *verifier) typ(name string) (gateway.Type, bool) {
	digests := []string{v.edition}
	if v.edition == "" {
		digests = digests[:0]
		for d := range v.editions {
			digests = append(digests, d)
		}
		slices.Sort(digests)
	}
	for _, d := range digests {
		if v.options.Types != nil {
			if own, ok := v.options.Types(d); ok {
				if t, ok := own.Type(name); ok {
					return t, true
				}
			}
		}
		if read, ok := v.editions[d]; ok {
			if e, err := read(); err == nil {
				if t, ok := e.Type(name); ok {
					return t, true
				}
			}
		}
	}
	return gateway.Type{}, false
}
