package policy_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
)

// These tests hold what the file promises in words against every question that can be
// asked, whichever rules keep the promise.

// eachQuestion asks the policy everything about the types that want says yes to.
func eachQuestion(t *testing.T, want func(gateway.Type) bool, check func(q gateway.Question, d gateway.Decision)) {
	t.Helper()
	p, s := inForce(t), catalogue(t)
	asked := 0
	for _, typ := range s.Types() {
		if !want(typ) {
			continue
		}
		row, _ := s.Row(typ.Name)
		for q := range whole(typ, row.Codes).fewer().questions(typ) {
			check(q, p.Decide(q))
			asked++
		}
	}
	if asked == 0 {
		t.Fatal("the catalogue has no such type: nothing was asked")
	}
}

func of(names ...string) func(gateway.Type) bool {
	return func(t gateway.Type) bool { return slices.Contains(names, t.Topic+"."+t.Frame) }
}

func TestAWarningIsNeverRefused(t *testing.T) {
	t.Parallel()
	warnings := of("alert.notice", "travel.notice", "arrival.notice", "recall.change", "correction.change", "consent.change")
	eachQuestion(t, warnings, func(q gateway.Question, d gateway.Decision) {
		if d.Refusal != nil {
			t.Fatalf("%s is refused by %s: %+v", q.Type.Name, d.Refusal.Rule, q.Head.Agreement)
		}
		for _, u := range q.Type.Must {
			if !slices.Contains(d.Released, u) {
				t.Fatalf("%s loses %s by %s, and with it the warning", q.Type.Name, u, withheldBy(d, u))
			}
		}
	})
}

func TestNothingSealedLeavesWithoutPurposeAndArticleOfThePair(t *testing.T) {
	t.Parallel()
	eachQuestion(t, func(typ gateway.Type) bool { return len(typ.Sealed) > 0 }, func(q gateway.Question, d gateway.Decision) {
		lawful := slices.Contains(q.Pair.Purposes, q.Head.Purpose) &&
			(slices.Contains(q.Pair.Articles, q.Head.Basis) || q.Head.Basis == "" && !slices.Contains(q.Type.Bases, "basis"))
		if !lawful && slices.ContainsFunc(d.Released, isSealed) {
			t.Fatalf("%s for %q on %q releases %v", q.Type.Name, q.Head.Purpose, q.Head.Basis, d.Released)
		}
	})
}

func isSealed(unit string) bool { return strings.Contains(unit, "@") }

func TestABasisNeverReplacesAnAdultsAgreement(t *testing.T) {
	t.Parallel()
	eachQuestion(t, of("referral.request", "info.request", "return.request"), func(q gateway.Question, d gateway.Decision) {
		a := q.Head.Agreement
		adult := a.By == "person"
		agreed := a.State == "given" || a.State == "limited"
		instead := a.State == "not-asked" && (a.Reason == "danger-to-life" || a.Reason == "duty-in-law")
		if adult && !agreed && !instead && d.Refusal == nil {
			t.Fatalf("%s travels on %q for %q with agreement %+v", q.Type.Name, q.Head.Basis, q.Head.Purpose, a)
		}
		if a.State == "refused" && d.Refusal == nil {
			t.Fatalf("%s travels against the will of the person", q.Type.Name)
		}
	})
}

func TestCapacityCarriesNothingSealed(t *testing.T) {
	t.Parallel()
	capacity := func(typ gateway.Type) bool { return typ.Topic == "capacity" }
	p := inForce(t)
	eachQuestion(t, capacity, func(q gateway.Question, _ gateway.Decision) {
		q.Units = append(slices.Clone(q.Units), "facts@coordinator", "health@child-protection", "identity@coordinator", "note@coordinator")
		if d := p.Decide(q); slices.ContainsFunc(d.Released, isSealed) {
			t.Fatalf("%s releases %v", q.Type.Name, d.Released)
		}
	})
}

func TestNamesTravelWithAReferralOnlyAfterAcceptance(t *testing.T) {
	t.Parallel()
	eachQuestion(t, of("referral.request", "referral.answer"), func(q gateway.Question, d gateway.Decision) {
		for _, u := range d.Released {
			if strings.HasPrefix(u, "identity@") && (!q.Facts.Accepted || q.Facts.Declined) {
				t.Fatalf("%s releases %s in a thread with %+v", q.Type.Name, u, q.Facts)
			}
		}
	})
}

func TestHealthIsReadByNobodyButThoseWhoCare(t *testing.T) {
	t.Parallel()
	p, s := inForce(t), catalogue(t)
	for _, typ := range s.Types() {
		for _, reader := range []string{"coordinator", "mobile-team", "mobile-team.2", "prosecution", "auditor", "referral-ngo"} {
			row, _ := s.Row(typ.Name)
			for q := range whole(typ, row.Codes).ordinary().questions(typ) {
				// Even if a type began to allow it.
				q.Type.Sealed = append(slices.Clone(q.Type.Sealed), gateway.SealedBlock{Block: "health", Role: reader, Class: gateway.ClassP2, Size: 4096})
				q.Units = []string{"health@" + reader}
				q.Classes = map[string][]gateway.Class{reader: everyday.Classes}
				if d := p.Decide(q); len(d.Released) > 0 {
					t.Fatalf("%s releases %v", typ.Name, d.Released)
				}
			}
		}
	}
}

func TestAMissingAttestationAlwaysGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	var first *gateway.Problem
	eachQuestion(t, func(typ gateway.Type) bool { return len(typ.Attests) > 0 }, func(q gateway.Question, d gateway.Decision) {
		if d.Refusal == nil || d.Refusal.Code != gateway.CodeAttestationMissing {
			return
		}
		same := *d.Refusal
		same.Rule = "" // it follows from the type and its questions, which the sender chose
		if first == nil {
			first = &same
		}
		if same != *first {
			t.Fatalf("%s gets %+v, others get %+v", q.Type.Name, same, *first)
		}
	})
	if first == nil {
		t.Fatal("no attestation was ever missing")
	}
}

func TestARoleNeverGetsAClassThatTheDirectoryDoesNotGrant(t *testing.T) {
	t.Parallel()
	p := inForce(t)
	eachQuestion(t, func(typ gateway.Type) bool { return len(typ.Sealed) > 0 }, func(q gateway.Question, d gateway.Decision) {
		if q.Head.Agreement.State != "given" || q.Head.Purpose != "assistance" || !slices.Contains(q.Pair.Articles, q.Head.Basis) {
			return
		}
		for _, class := range everyday.Classes {
			denied := slices.DeleteFunc(slices.Clone(everyday.Classes), func(c gateway.Class) bool { return c == class })
			less := q
			less.Classes = map[string][]gateway.Class{}
			for role := range q.Classes {
				less.Classes[role] = denied
			}
			for _, u := range p.Decide(less).Released {
				if classOf(q.Type, q.Head.Audience, u) == class {
					t.Fatalf("%s releases %s to a role without class %s", q.Type.Name, u, class)
				}
			}
		}
	})
}

func classOf(t gateway.Type, aud gateway.Party, unit string) gateway.Class {
	for _, sb := range t.Sealed {
		if sb.Unit(aud) == unit {
			return sb.Class
		}
	}
	return gateway.ClassC1
}

func TestEveryUnitOfEveryTypeLeavesInItsNormalUse(t *testing.T) {
	t.Parallel()
	p, s := inForce(t), catalogue(t)
	for _, typ := range s.Types() {
		row, _ := s.Row(typ.Name)
		left := make(map[string]bool)
		for _, to := range typ.Receivers {
			must := false
			in := whole(typ, row.Codes).ordinary()
			in.to = []string{to}
			for q := range in.questions(typ) {
				d := p.Decide(q)
				for _, u := range d.Released {
					left[u] = true
				}
				must = must || d.Refusal == nil && !slices.ContainsFunc(typ.Must, func(u string) bool { return !slices.Contains(d.Released, u) })
			}
			if !must {
				t.Errorf("%s can never reach %s: a block that it must carry is always withheld", typ.Name, to)
			}
		}
		for _, u := range names(typ, gateway.Party("rs/"+typ.Receivers[0])) {
			if !left[u] {
				t.Errorf("%s can never bring %s to anybody", typ.Name, u)
			}
		}
	}
}

func TestTheStaticListIsExactlyWhatNoMessageBrings(t *testing.T) {
	t.Parallel()
	p, s := inForce(t), catalogue(t)
	for _, typ := range s.Types() {
		row, _ := s.Row(typ.Name)
		for _, to := range typ.Receivers {
			brought := make(map[string]map[string]bool) // reader's role -> block or field
			in := whole(typ, row.Codes)
			in.to, in.bases, in.purposes = []string{to}, in.bases[:1], []string{"assistance"}
			for q := range in.questions(typ) {
				for _, u := range p.Decide(q).Released {
					block, role, field := gateway.SplitUnit(u)
					if field != "" {
						block += "/" + field
					}
					if role == "" {
						role = to
					}
					if brought[role] == nil {
						brought[role] = make(map[string]bool)
					}
					brought[role][block] = true
				}
			}
			var want []string
			for _, u := range names(typ, gateway.Party("rs/"+to)) {
				block, _, field := gateway.SplitUnit(u)
				if field != "" {
					block += "/" + field
				}
				if !brought[to][block] {
					want = append(want, block)
				}
			}
			slices.Sort(want)
			if diff := cmp.Diff(p.Never(typ, to, "assistance"), slices.Compact(want)); diff != "" {
				t.Errorf("%s to %s:\n%s", typ.Name, to, diff)
			}
		}
	}
}

func TestEveryRuleMakesADifferenceToItsOwnExample(t *testing.T) {
	t.Parallel()
	p, s := inForce(t), catalogue(t)
	var whole struct {
		Release string              `yaml:"release"`
		Sources map[string]string   `yaml:"sources"`
		Lists   map[string][]string `yaml:"lists"`
		Rules   []policy.Rule       `yaml:"rules"`
	}
	if err := yaml.Unmarshal(file(t), &whole); err != nil {
		t.Fatal(err)
	}
	for i, r := range whole.Rules {
		if r.Effect == policy.Duty {
			continue
		}
		rest := whole
		rest.Rules = slices.Delete(slices.Clone(whole.Rules), i, i+1)
		data, err := yaml.Marshal(rest)
		if err != nil {
			t.Fatal(err)
		}
		without, err := policy.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		d, unit := ask(t, p, s, r.Examples.Decides)
		e, _ := ask(t, without, s, r.Examples.Decides)
		d.Policy, e.Policy = "", ""
		if cmp.Equal(d, e, cmp.AllowUnexported(gateway.Problem{})) {
			t.Errorf("without rule %s its example about %q is decided alike", r.ID, unit)
		}
	}
}

func TestDecisionsMayBeAskedForAtOnce(t *testing.T) {
	t.Parallel()
	p, s := inForce(t), catalogue(t)
	typ, _ := typeOf(s, "referral.request")
	q := asked(typ, "coordinator", "assistance", "cets197-32", agreements[2], accepted, typ.Attests, nil)
	want := p.Decide(q)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if diff := cmp.Diff(want, p.Decide(q)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	wg.Wait()
}
