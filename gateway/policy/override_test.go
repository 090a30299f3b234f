package policy_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
)

// eachOverride asks about every message that can override, with each reason, beside the same
// message that does not.
func eachOverride(t *testing.T, check func(q gateway.Question, plain, d gateway.Decision)) {
	t.Helper()
	p, s := inForce(t), catalogue(t)
	asked := 0
	for _, typ := range s.Types() {
		if typ.Frame != "request" && typ.Frame != "answer" {
			continue
		}
		row, _ := s.Row(typ.Name)
		in := whole(typ, row.Codes)
		in.purposes, in.bases = []string{"assistance", "statistics"}, in.bases[:2]
		for q := range in.questions(typ) {
			plain := p.Decide(q)
			for _, reason := range gateway.OverrideReasons {
				q.Head.Override = reason
				check(q, plain, p.Decide(q))
				asked++
			}
		}
	}
	if asked == 0 {
		t.Fatal("no type can override: nothing was asked")
	}
}

// TestAnOverrideSetsAsideOnlyWhatSaysSo: whatever it changes, it names a rule that lets
// itself be set aside for that reason; it never takes anything away.
func TestAnOverrideSetsAsideOnlyWhatSaysSo(t *testing.T) {
	t.Parallel()
	p := inForce(t)
	changed := 0
	eachOverride(t, func(q gateway.Question, plain, d gateway.Decision) {
		if plain.Overridden != nil {
			t.Fatalf("%s overrides %v without saying so", q.Type.Name, plain.Overridden)
		}
		for _, id := range d.Overridden {
			if r, ok := p.Rule(id); !ok || !slices.Contains(r.Override, q.Head.Override) {
				t.Fatalf("%s sets %s aside for %s", q.Type.Name, id, q.Head.Override)
			}
		}
		if d.Refusal != nil {
			if d.Overridden != nil || plain.Refusal == nil && d.Refusal.Rule != "override-best-interests" {
				t.Fatalf("%s with %s is refused by %s, and sets %v aside", q.Type.Name, q.Head.Override, d.Refusal.Rule, d.Overridden)
			}
			return
		}
		if plain.Refusal == nil {
			for _, u := range plain.Released {
				if !slices.Contains(d.Released, u) {
					t.Fatalf("%s with %s loses %s", q.Type.Name, q.Head.Override, u)
				}
			}
		}
		if len(d.Released) > len(plain.Released) {
			changed++
			if len(d.Overridden) == 0 {
				t.Fatalf("%s with %s releases %v instead of %v, and names no rule", q.Type.Name, q.Head.Override, d.Released, plain.Released)
			}
		}
	})
	if changed == 0 {
		t.Error("no override ever changed anything")
	}
}

// TestWhatIsNeverAllowedNoOverrideOpens holds the promises of the file against every message
// that overrides.
func TestWhatIsNeverAllowedNoOverrideOpens(t *testing.T) {
	t.Parallel()
	eachOverride(t, func(q gateway.Question, _, d gateway.Decision) {
		if d.Refusal != nil {
			return
		}
		h := q.Head
		sealed := slices.ContainsFunc(d.Released, isSealed)
		switch {
		case !slices.Contains(q.Pair.Purposes, h.Purpose) || !slices.Contains(q.Pair.Articles, h.Basis) && slices.Contains(q.Type.Bases, "basis"):
			t.Fatalf("%s travels for %q on %q", q.Type.Name, h.Purpose, h.Basis)
		case q.Type.Topic == "capacity" && sealed:
			t.Fatalf("%s releases %v", q.Type.Name, d.Released)
		case q.Type.Topic == "return" && q.Type.Frame == "request" && h.Agreement.State == "refused":
			t.Fatal("a return is proposed against somebody's will")
		case h.Override == "best-interests" && h.Agreement.By != "guardian" && h.Agreement.By != "authority":
			t.Fatalf("%s judges an adult's interests", q.Type.Name)
		}
		for _, u := range d.Released {
			block, role, _ := gateway.SplitUnit(u)
			switch {
			case block == "health" && !slices.Contains([]string{"child-protection", "social-services", "referral-ngo"}, gateway.RoleKind(role)):
				t.Fatalf("%s releases %s", q.Type.Name, u)
			case block == "guardian" && q.Facts.OfAge:
				t.Fatalf("%s names a guardian of somebody who came of age", q.Type.Name)
			case (block == "identity" || block == "family") && !slices.Contains(h.Attests, "protection-checked") && slices.Contains([]string{"referral", "info", "return", "enquiry"}, q.Type.Topic):
				t.Fatalf("%s releases %s though nobody signed that no claim is open", q.Type.Name, u)
			}
		}
	})
}

// TestNoAttestationIsOverridden: an override would tell what nobody may learn.
func TestNoAttestationIsOverridden(t *testing.T) {
	t.Parallel()
	for _, r := range inForce(t).Rules() {
		if len(r.Override) > 0 && (r.Code == gateway.CodeAttestationMissing || slices.Contains(r.Law, "geneva-33")) {
			t.Errorf("rule %s can be overridden", r.ID)
		}
		if slices.Contains(r.When.Lacks, "protection-checked") && len(r.Override) > 0 {
			t.Errorf("rule %s can be overridden, and would tell that a claim is open", r.ID)
		}
	}
}

func TestTheMatrixSaysWhatAnOverrideSetsAside(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, tab := range matrix(t).Tables {
		for _, c := range tab.Cases {
			for _, id := range c.Overridden {
				seen[id] = true
			}
		}
	}
	if !seen["no-means-no"] || !seen["sealed-by-agreement"] || !seen["names-after-acceptance"] {
		t.Errorf("the matrix shows only %v set aside", seen)
	}
	var never []string
	for _, r := range inForce(t).Rules() {
		if (r.Effect == policy.Refuse || r.Effect == policy.Withhold) && len(r.Override) == 0 {
			never = append(never, r.ID)
		}
	}
	// Whoever lets one more rule be overridden changes this list too, and explains why.
	want := []string{
		"no-assistance-for-the-police", "sender-of-the-type", "receiver-of-the-type", "purpose-of-the-pair", "basis-of-the-pair", "identity-question-attested",
		"family-question-attested", "guardian-attested", "reflection-attested", "proceedings-attested", "agreement-said", "of-age-decides", "override-best-interests",
		"best-interests-are-a-childs", "return-is-voluntary", "follow-up-by-agreement", "class-of-the-role", "nothing-sealed-in-capacity", "warning-without-ground",
		"names-after-protection-check", "answers-after-protection-check", "status-not-to-non-governmental", "health-to-those-who-care", "prosecution-for-proceedings",
		"limited-to-the-recipient", "child-protection-for-children", "withdrawn-traveller", "guardian-until-of-age", "no-guardian-of-an-adult", "of-age-agrees",
		"name-of-a-traveller", "nothing-to-correct", "guardian-when-appointed",
	}
	if diff := cmp.Diff(want, never); diff != "" {
		t.Errorf("what is never overridden (-here +file):\n%s", diff)
	}
}
