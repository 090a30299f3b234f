package policy_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
	"example.org/trm/schemas"
)

// everyday is the world of the examples: a pair that agreed what the dev directory's
// pairs agreed, and roles that may receive every class.
var everyday = policy.Everyday{
	Pair: gateway.Pair{
		A: "ba", B: "rs", On: true, Articles: []string{"cets197-32", "cets197-16"},
		Purposes: []string{"identification", "assistance", "protection", "return", "reintegration", "proceedings", "monitoring"},
	},
	Classes: []gateway.Class{gateway.ClassC1, gateway.ClassC2, gateway.ClassP1, gateway.ClassP2, gateway.ClassP3},
}

func inForce(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var openOnce = sync.OnceValues(schemas.Open)

func catalogue(t testing.TB) *schemas.Set {
	t.Helper()
	s, err := openOnce()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// typeOf finds the newest type that an example names without its version.
func typeOf(s *schemas.Set, name string) (gateway.Type, bool) {
	name, _, _ = strings.Cut(name, "#")
	for _, t := range slices.Backward(s.Types()) {
		if t.Topic+"."+t.Frame == name {
			return t, true
		}
	}
	return gateway.Type{}, false
}

func TestEveryRuleDecidesItsOwnExampleAndLetsTheOtherPass(t *testing.T) {
	t.Parallel()
	p, s := inForce(t), catalogue(t)
	for _, r := range p.Rules() {
		if r.Effect == policy.Duty {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			decides, unit := ask(t, p, s, r.Examples.Decides)
			passes, other := ask(t, p, s, r.Examples.Passes)
			switch r.Effect {
			case policy.Refuse:
				if decides.Refusal == nil || decides.Refusal.Rule != r.ID || decides.Refusal.Code != r.Code {
					t.Errorf("%s: got %v, want a refusal by this rule", r.Examples.Decides.Says, decides.Refusal)
				}
				if passes.Refusal != nil {
					t.Errorf("%s: refused by %s", r.Examples.Passes.Says, passes.Refusal.Rule)
				}
			case policy.Withhold:
				if got := withheldBy(decides, unit); got != r.ID {
					t.Errorf("%s: %s withheld by %q (refusal %v), want this rule", r.Examples.Decides.Says, unit, got, decides.Refusal)
				}
				if !slices.Contains(passes.Released, other) {
					t.Errorf("%s: %s withheld by %q (refusal %v), want it released", r.Examples.Passes.Says, other, withheldBy(passes, other), passes.Refusal)
				}
			case policy.Allow:
				if !slices.Contains(decides.Released, unit) {
					t.Errorf("%s: %s withheld by %q (refusal %v), want it released", r.Examples.Decides.Says, unit, withheldBy(decides, unit), decides.Refusal)
				}
				if slices.Contains(passes.Released, other) {
					t.Errorf("%s: %s was released", r.Examples.Passes.Says, other)
				}
			}
		})
	}
}

func ask(t *testing.T, p *policy.Policy, s *schemas.Set, e policy.Example) (gateway.Decision, string) {
	t.Helper()
	typ, ok := typeOf(s, e.Type)
	if !ok {
		t.Fatalf("%s: the catalogue has no type %s", e.Says, e.Type)
	}
	q := e.Question(typ, everyday)
	return p.Decide(q), e.Named(q.Head.Audience)
}

func withheldBy(d gateway.Decision, unit string) string {
	for _, w := range d.Withheld {
		if w.Unit == unit {
			return w.Rule
		}
	}
	return ""
}

func TestUnitsAreDecidedAlikeInAnyOrderAndCompany(t *testing.T) {
	t.Parallel()
	p, s := inForce(t), catalogue(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, typ := range s.Types() {
		row, _ := s.Row(typ.Name)
		for q := range whole(typ, row.Codes).ordinary().questions(typ) {
			all := p.Decide(q)
			shuffled := q
			shuffled.Units = slices.Concat(q.Units, q.Units)
			rng.Shuffle(len(shuffled.Units), func(i, j int) {
				shuffled.Units[i], shuffled.Units[j] = shuffled.Units[j], shuffled.Units[i]
			})
			if diff := cmp.Diff(all, p.Decide(shuffled), cmp.AllowUnexported(gateway.Problem{})); diff != "" {
				t.Fatalf("%s: the order of units changed the decision:\n%s", typ.Name, diff)
			}
			for _, u := range q.Units {
				alone := q
				alone.Units = []string{u}
				one := p.Decide(alone)
				if (one.Refusal == nil) != (all.Refusal == nil) {
					t.Fatalf("%s: whether it is refused depends on the units beside %s", typ.Name, u)
				}
				if slices.Contains(one.Released, u) != slices.Contains(all.Released, u) || withheldBy(one, u) != withheldBy(all, u) {
					t.Fatalf("%s: what is said of %s depends on the units beside it", typ.Name, u)
				}
			}
		}
	}
}
