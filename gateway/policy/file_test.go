package policy_test

import (
	"crypto/sha256"
	"encoding/base64"
	"os"
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
)

func file(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const small = `release: "2026-11"
sources: {law-1: "A law, Article 1"}
lists: {offices: [coordinator]}
rules:
- id: clear
  effect: allow
  enforcer: gateway
  law: [law-1]
  says: Coded parts leave.
  when: {types: [capacity.request], units: [clear], readers: [offices]}
  examples:
    decides: {says: "a need", type: capacity.request, unit: needs}
    passes: {says: "a name", type: capacity.request, unit: identity@aud}
`

func TestParseSaysWhatIsWrongWithAFile(t *testing.T) {
	t.Parallel()
	if _, err := policy.Parse([]byte(small)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, replaced, want string }{
		"no release":               {`release: "2026-11"`, `release: ""`, "no release"},
		"unknown member":           {"  says: Coded", "  because: x\n  says: Coded", "field because not found"},
		"two documents":            {"lists:", "lists: {}\n---\nlists:", "one document"},
		"not yaml":                 {"rules:", "rules: [", "reading policy"},
		"id with capitals":         {"id: clear", "id: Clear", "lower-case words"},
		"id of the default":        {"id: clear", "id: default-deny", "lower-case words"},
		"silent":                   {"says: Coded parts leave.", `says: ""`, "says nothing"},
		"lawless":                  {"law: [law-1]", "law: []", "names no law"},
		"law not among sources":    {"law: [law-1]", "law: [law-2]", `law "law-2"`},
		"unknown effect":           {"effect: allow", "effect: permit", `effect "permit"`},
		"unknown enforcer":         {"enforcer: gateway", "enforcer: police", `enforcer "police"`},
		"duty of the gateway":      {"effect: allow", "effect: duty", "a duty is kept by an office"},
		"decision of an office":    {"enforcer: gateway", "enforcer: origin", "a duty is kept by an office"},
		"code without refusal":     {"  says: Coded", "  code: policy\n  says: Coded", "they alone, have a code"},
		"refusal without code":     {"effect: allow", "effect: refuse", "they alone, have a code"},
		"refusal by unit":          {"effect: allow", "effect: refuse\n  code: policy", "does not depend on its units"},
		"unknown code":             {"effect: allow", "effect: refuse\n  code: because", `code "because" is unknown`},
		"allowance of everything":  {"units: [clear], readers: [offices]", "to: [offices]", "names no unit"},
		"exception by unit":        {"  examples:", "  unless: [{units: [needs]}]\n  examples:", "not of units"},
		"no example":               {"type: capacity.request, unit: identity@aud", `type: ""`, "are required"},
		"malformed type":           {"types: [capacity.request]", "types: [capacity]", `type "capacity"`},
		"malformed unit":           {"units: [clear]", "units: [a@b@c]", `unit "a@b@c"`},
		"unknown agreement":        {"when: {", "when: {agreement: [perhaps], ", `agreement "perhaps"`},
		"unknown lane":             {"when: {", "when: {lanes: [fast], ", `lane "fast"`},
		"unknown class":            {"when: {", "when: {classes: [X], ", `class "X"`},
		"unknown fact":             {"when: {", "when: {thread: [old], ", `fact "old"`},
		"unknown fault":            {"when: {", "when: {found: [bug], ", `fault "bug"`},
		"mixed faults":             {"when: {", "when: {found: [class-outside-role, basis-outside-pair], ", "stands alone"},
		"malformed word":           {"readers: [offices]", "readers: [A B]", `word "A B"`},
		"override of an allowance": {"  says: Coded", "  override: [danger-to-life]\n  says: Coded", "only what refuses or withholds is overridden"},
		"override for no reason":   {"  says: Coded", "  override: [convenience]\n  says: Coded", `override "convenience" is no reason`},
		"duty shown nowhere":       {"effect: allow\n  enforcer: gateway", "effect: duty\n  enforcer: origin", "says where it is shown"},
		"decision that is shown":   {"  says: Coded", "  shown: [preview]\n  says: Coded", "says where it is shown"},
		"unknown place":            {"effect: allow\n  enforcer: gateway", "effect: duty\n  shown: [wall]\n  enforcer: origin", `place "wall"`},
		"fix of an allowance":      {"  says: Coded", "  fix: x\n  says: Coded", "only refusals are fixed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := strings.Replace(small, c.old, c.replaced, 1)
			if data == small {
				t.Fatalf("the file has no %q", c.old)
			}
			_, err := policy.Parse([]byte(data))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	_, err := policy.Parse([]byte(small + strings.SplitAfter(small, "rules:\n")[1]))
	if err == nil || !strings.Contains(err.Error(), "used twice") {
		t.Errorf("got %v for an id used twice", err)
	}
}

func TestParseReportsEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	data := strings.NewReplacer("law: [law-1]", "law: [law-2]", "effect: allow", "effect: permit").Replace(small)
	_, err := policy.Parse([]byte(data))
	for _, want := range []string{`rule "clear"`, `law "law-2"`, `effect "permit"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %s too", err, want)
		}
	}
}

func TestDigestIsOfTheFileAndInEveryDecision(t *testing.T) {
	t.Parallel()
	p := inForce(t)
	sum := sha256.Sum256(file(t))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	if p.Digest() != want || p.Decide(gateway.Question{}).Policy != want {
		t.Errorf("got %s and %s, want %s", p.Digest(), p.Decide(gateway.Question{}).Policy, want)
	}
}

func TestWhatNoRuleKnowsIsDenied(t *testing.T) {
	t.Parallel()
	p, s := inForce(t), catalogue(t)
	typ, _ := typeOf(s, "referral.request")
	q := asked(typ, "coordinator", "assistance", "cets197-32", agreements[2], accepted, typ.Attests, nil)
	q.Type.Topic = "press"
	if d := p.Decide(q); len(d.Released) > 0 || withheldBy(d, "needs") != policy.DefaultDeny {
		t.Errorf("a topic that no rule names releases %v", d.Released)
	}
	q.Type.Topic = "referral"
	q.Units = []string{"needs", "needs/urgency", "opinion", "opinion@coordinator", "subject"}
	d := p.Decide(q)
	if want := []string{"needs", "subject"}; !slices.Equal(d.Released, want) {
		t.Errorf("got %v released, want %v", d.Released, want)
	}
}

func TestRulesUseOnlyCodesOfTheCatalogue(t *testing.T) {
	t.Parallel()
	p, s := inForce(t), catalogue(t)
	known := func(rule, list string, codes []string) {
		for _, c := range codes {
			if _, ok := s.Code(list, c); !ok {
				t.Errorf("rule %s: %s has no code %q", rule, list, c)
			}
		}
	}
	lists := p.Lists()
	words := func(l []string) (out []string) {
		for _, w := range l {
			if entries, ok := lists[w]; ok {
				out = append(out, entries...)
			} else {
				out = append(out, w)
			}
		}
		return out
	}
	for _, r := range p.Rules() {
		known(r.ID, "override", r.Override)
		for _, w := range append([]policy.When{r.When}, r.Unless...) {
			known(r.ID, "purpose", words(w.Purposes))
			known(r.ID, "attest", words(w.Lacks))
			known(r.ID, "agreementBy", words(w.Decided))
			for _, a := range words(w.Agreement) {
				state, reason, ok := strings.Cut(a, ":")
				reasons := "agreementReason"
				switch state {
				case "unsaid":
				case "override":
					reasons = "override"
				default:
					known(r.ID, "agreementState", []string{state})
				}
				if ok {
					known(r.ID, reasons, []string{reason})
				}
			}
			for _, pattern := range words(w.Types) {
				if !matchesSome(t, pattern, r) {
					t.Errorf("rule %s: no type has %s", r.ID, pattern)
				}
			}
		}
	}
}

// matchesSome reports whether a type and, where the pattern names one, its code exist,
// and whether the sender of such a type can make the statements that the rule asks for.
func matchesSome(t *testing.T, pattern string, r policy.Rule) bool {
	s := catalogue(t)
	name, code, _ := strings.Cut(pattern, "#")
	topic, frame, _ := strings.Cut(name, ".")
	found := false
	for _, typ := range s.Types() {
		row, _ := s.Row(typ.Name)
		if topic != "*" && topic != typ.Topic || frame != "*" && frame != typ.Frame || code != "" && !slices.Contains(row.Codes, code) {
			continue
		}
		found = true
		for _, a := range r.When.Lacks {
			if r.Effect == policy.Refuse && !slices.Contains(typ.Attests, a) {
				t.Errorf("rule %s: %s has no place for %s", r.ID, typ.Name, a)
			}
		}
	}
	return found
}

// TestEachConditionNarrowsARule holds every member of a condition against a message that
// it fits and one that it does not.
func TestEachConditionNarrowsARule(t *testing.T) {
	t.Parallel()
	s := catalogue(t)
	typ, _ := typeOf(s, "capacity.request")
	fits := asked(typ, "coordinator", "assistance", "cets197-32", gateway.Agreement{State: "limited", Reason: "content-limited", By: "guardian", Heard: true}, accepted, []string{"protection-checked"}, []string{"place-available"})
	fits.Head.Lane, fits.Head.Override = gateway.Child, "duty-in-law"
	fits.Facts.Withdrawn, fits.Facts.OfAge = true, true
	for when, change := range map[string]func(*gateway.Question){
		`types: ["capacity.*"]`:                        func(q *gateway.Question) { q.Type.Topic = "referral" },
		`types: ["*.request"]`:                         func(q *gateway.Question) { q.Type.Frame = "answer" },
		`types: ["capacity.request#place-available"]`:  func(q *gateway.Question) { q.Head.Act = []string{"earliest-date"} },
		`from: [coordinator]`:                          func(q *gateway.Question) { q.Head.Issuer = "ba/social-services" },
		`to: [coordinator]`:                            func(q *gateway.Question) { q.Head.Audience = "rs/social-services" },
		`readers: [coordinator]`:                       func(q *gateway.Question) { q.Head.Audience = "rs/social-services" },
		`units: [needs]`:                               func(q *gateway.Question) { q.Units = []string{"asks"} },
		`classes: [C1]`:                                func(q *gateway.Question) { q.Units = []string{"needs@coordinator"} },
		`lanes: [child]`:                               func(q *gateway.Question) { q.Head.Lane = gateway.Normal },
		`purposes: [assistance]`:                       func(q *gateway.Question) { q.Head.Purpose = "monitoring" },
		`bases: [cets197-32]`:                          func(q *gateway.Question) { q.Head.Basis = "cets197-16" },
		`agreement: [limited]`:                         func(q *gateway.Question) { q.Head.Agreement.State = "given" },
		`agreement: ["limited:content-limited"]`:       func(q *gateway.Question) { q.Head.Agreement.Reason = "receiver-limited" },
		`decided: [guardian]`:                          func(q *gateway.Question) { q.Head.Agreement.By = "person" },
		`heard: true`:                                  func(q *gateway.Question) { q.Head.Agreement.Heard = false },
		`lacks: [protection-checked, family-excluded]`: func(q *gateway.Question) { q.Head.Attests = []string{"family-excluded", "protection-checked"} },
		`thread: [accepted]`:                           func(q *gateway.Question) { q.Facts.Accepted = false },
		`thread: [begun]`:                              func(q *gateway.Question) { q.Facts = newThread },
		`thread: [withdrawn]`:                          func(q *gateway.Question) { q.Facts.Withdrawn = false },
		`thread: [of-age]`:                             func(q *gateway.Question) { q.Facts.OfAge = false },
		`agreement: [override]`:                        func(q *gateway.Question) { q.Head.Override = "" },
		`agreement: ["override:duty-in-law"]`:          func(q *gateway.Question) { q.Head.Override = "danger-to-life" },
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			data := strings.Replace(small, "types: [capacity.request], units: [clear], readers: [offices]", "units: [clear]", 1)
			if strings.HasPrefix(when, "units") {
				data = strings.Replace(data, "units: [clear]", when, 1)
			} else {
				data = strings.Replace(data, "units: [clear]", "units: [clear], "+when, 1)
			}
			p, err := policy.Parse([]byte(data))
			if err != nil {
				t.Fatal(err)
			}
			q := fits
			q.Units = []string{"needs"}
			if d := p.Decide(q); len(d.Released) != 1 {
				t.Error("it does not fit the message that it describes")
			}
			q.Classes = map[string][]gateway.Class{"coordinator": everyday.Classes, "social-services": everyday.Classes}
			change(&q)
			if d := p.Decide(q); len(d.Released) != 0 {
				t.Error("it fits another message too")
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	p, s := inForce(b), catalogue(b)
	for _, name := range []string{"referral.request", "info.request", "correction.change", "ack.answer"} {
		typ, ok := typeOf(s, name)
		if !ok {
			b.Fatalf("the catalogue has no %s", name)
		}
		q := asked(typ, "coordinator", "assistance", "cets197-32", agreements[2], accepted, typ.Attests, nil)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(q)
			}
		})
	}
}
