package policy_test

import (
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
)

// FuzzDecide asks about messages whose head and units nobody checked: a decision names
// every unit once, as released or withheld, asking again about what was released changes
// nothing, and more units never change what is said of the others.
func FuzzDecide(f *testing.F) {
	p, s := inForce(f), catalogue(f)
	f.Add(uint8(3), "rs/coordinator", "assistance", "cets197-32", "given", "", "person", "protection-checked", "accept-referral", "facts@coordinator identity@coordinator needs subject subject/effect", "health@child-protection", uint8(1))
	f.Add(uint8(5), "rs/prosecution", "proceedings", "cets197-32", "given", "", "person", "reflection-respected", "testimony", "asks proceedings@prosecution", "identity@prosecution", uint8(0))
	f.Add(uint8(2), "rs/child-protection", "protection", "", "not-asked", "danger-to-life", "", "", "danger", "report subject travel@child-protection", "facts@child-protection", uint8(4))
	f.Add(uint8(0), "", "", "", "", "", "", "", "", "/ @ a/b@c @aud sealed clear *@*", "*", uint8(7))
	f.Fuzz(func(t *testing.T, which uint8, to, purpose, basis, state, reason, by, attest, act, units, more string, thread uint8) {
		types := s.Types()
		typ := types[int(which)%len(types)]
		q := gateway.Question{Type: typ, Pair: everyday.Pair, Units: strings.Fields(units), Head: gateway.Head{
			Type: typ.Name, Issuer: "ba/coordinator", Audience: gateway.Party(to), Purpose: purpose, Basis: basis,
			Agreement: gateway.Agreement{State: state, Reason: reason, By: by}, Attests: strings.Fields(attest), Act: strings.Fields(act),
		}, Facts: gateway.ThreadFacts{Accepted: thread&1 > 0, Declined: thread&2 > 0, Closed: thread&4 > 0}}
		q.Classes = map[string][]gateway.Class{q.Head.Audience.Role(): everyday.Classes}
		d := p.Decide(q)
		if d.Refusal != nil {
			if len(d.Released)+len(d.Withheld) > 0 {
				t.Fatal("a refused message leaves in part")
			}
			return
		}
		if _, why := p.Because(q); len(why) != len(d.Released)+len(d.Withheld) {
			t.Fatalf("explains %d units of %d", len(why), len(d.Released)+len(d.Withheld))
		} else {
			for _, w := range why {
				if w.Leaves != slices.Contains(d.Released, w.Unit) || !w.Leaves && w.Rule != withheldBy(d, w.Unit) {
					t.Fatalf("explains %+v, decides otherwise", w)
				}
			}
		}
		said := slices.Clone(d.Released)
		for _, w := range d.Withheld {
			if _, ok := p.Rule(w.Rule); !ok && w.Rule != policy.DefaultDeny {
				t.Fatalf("withheld by %q, which is no rule", w.Rule)
			}
			said = append(said, w.Unit)
		}
		slices.Sort(said)
		want := slices.Compact(slices.Sorted(slices.Values(q.Units)))
		if !slices.Equal(said, want) {
			t.Fatalf("asked about %q, it speaks of %q", want, said)
		}
		again := q
		again.Units = d.Released
		if e := p.Decide(again); e.Refusal != nil || len(e.Withheld) > 0 || !slices.Equal(e.Released, d.Released) {
			t.Fatalf("of what was released, %v is withheld the second time", e.Withheld)
		}
		wider := q
		wider.Units = append(slices.Clone(q.Units), strings.Fields(more)...)
		e := p.Decide(wider)
		for _, u := range want {
			if slices.Contains(e.Released, u) != slices.Contains(d.Released, u) {
				t.Fatalf("whether %q leaves depends on other units", u)
			}
		}
	})
}
