package gatewayrun_test

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/sop"
)

// verdict is what either way decides, in the words of both.
type verdict struct {
	Code          gateway.Code
	Pointer, Rule string
	Released      []string
	Withheld      []gateway.Withheld
	Overridden    []string
	Policy        string
}

func refusal(p *gateway.Problem) verdict {
	return verdict{Code: p.Code, Pointer: p.Pointer, Rule: p.Rule}
}

// accept asks the receiver about a guess, as a message that is well signed and well sealed.
func accept(t *testing.T, w *world, rules *policy.Policy, x *guess) verdict {
	t.Helper()
	h, err := envelope.ReadHead(x.members)
	if err != nil {
		t.Fatalf("reading the guess: %v", err)
	}
	k := w.dirs.Keys(h.Issuer, gateway.UseMessage, morning)[0]
	u := &unsigned{Set: w.set, parts: gateway.Parts{
		Head: h, Header: gateway.Header{Alg: k.Alg, KeyID: k.ID, Thumbprint: k.Thumbprint, IssuedAt: h.IssuedAt},
		Digest: sha256.Sum256([]byte(h.ID)), Document: x.members,
	}}
	for _, name := range x.units {
		unit := gateway.Unit{Name: name}
		if _, role, _ := gateway.SplitUnit(name); role != "" {
			s := gateway.Seal{Issuer: h.Issuer, ID: h.ID, Role: role, Pointer: "/" + name}
			if keys := w.dirs.Keys(h.Audience.In(role), gateway.UseEncryption, h.IssuedAt); len(keys) > 0 {
				s.KeyID = keys[0].ID
			}
			typ, _ := w.set.Type(h.Type)
			for _, sb := range typ.Sealed {
				if sb.Unit(h.Audience) == name {
					s.Size = sb.Size
				}
			}
			unit.Seal = &s
		}
		u.parts.Units = append(u.parts.Units, unit)
	}
	j := &past{guess: x}
	for _, rule := range rules.Rules() {
		j.approved = append(j.approved, rule.ID)
	}
	r := gateway.Receiver{
		Opener: u, Directory: narrow{w.dirs}, Catalogue: u, Procedure: sop.Rules{Types: w.set}, Policy: rules, Binder: u, Notary: u, Journal: j,
		Now: w.now.Now, NewID: newID, Auditor: func(c gateway.Country) gateway.Party { return gateway.Party(c) + "/auditor" },
	}
	lane := gateway.Normal
	if h.Lane == gateway.Urgent {
		lane = gateway.Urgent
	}
	a, err := r.Accept(t.Context(), h.Issuer, lane, gateway.Received(nil, w.now.Now()), "")
	if err != nil {
		t.Fatalf("accepting the guess: %v", err)
	}
	if a.Refusal != nil {
		return refusal(a.Refusal)
	}
	b := j.kept.Bound.Binding
	return verdict{Released: b.Released, Withheld: u.withheld, Overridden: j.kept.Override.Rules, Policy: b.Policy}
}

// preview asks the previewer, who is not told what only a signed message has.
func preview(t *testing.T, w *world, rules *policy.Policy, x *guess, caller gateway.Party) verdict {
	t.Helper()
	m := maps.Clone(x.members)
	for _, name := range []string{"jti", "iat", "exp", "cnf", "codes"} {
		delete(m, name)
	}
	h, err := envelope.ReadHead(m)
	if err != nil {
		t.Fatalf("reading the outline: %v", err)
	}
	p := gateway.Previewer{Directory: narrow{w.dirs}, Forms: w.set, Procedure: sop.Rules{Types: w.set}, Policy: rules, Memory: &past{guess: x}, Now: w.now.Now}
	d, err := p.Preview(t.Context(), caller, gateway.Outline{Head: h, Members: m, Units: x.units})
	if err != nil {
		t.Fatalf("previewing: %v", err)
	}
	if d.Refusal != nil {
		return refusal(d.Refusal)
	}
	return verdict{Released: d.Released, Withheld: d.Withheld, Overridden: d.Overridden, Policy: d.Policy}
}

// TestThePreviewAndTheGatewayDecideTheSame over thousands of heads, of every type.
func TestThePreviewAndTheGatewayDecideTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	rules, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	g := newGuesser(t, w)
	met := map[string]int{} // what the guesses ended in
	for range 250 {
		for i, typ := range g.types {
			row, _ := w.set.Row(typ.Name)
			x := g.guess(row, g.heads[i])
			caller := gateway.Party(x.members["iss"].(string))
			want, got := accept(t, w, rules, x), preview(t, w, rules, x, caller)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				raw, err := json.Marshal(x.members)
				t.Fatalf("%s with %v after %+v (%v):\n-gateway +preview\n%s", raw, x.units, x.facts, err, diff)
			}
			switch {
			case want.Code != "":
				met[string(want.Code)]++
			case len(want.Overridden) > 0:
				met["rule is overridden"]++
			case len(want.Withheld) > 0:
				met["part is withheld"]++
			default:
				met["all leaves"]++
			}
		}
	}
	for _, must := range []gateway.Code{
		"all leaves", "part is withheld", "rule is overridden", gateway.CodeSchema, gateway.CodeUnitMissing, gateway.CodeUnitUnknown, gateway.CodePairOff, gateway.CodeThreadParties,
		gateway.CodeReplyUnknown, gateway.CodeReplyType, gateway.CodeRoleMayNot, gateway.CodePurposeNotAgreed, gateway.CodeOverride, gateway.CodeBasisNotAgreed, gateway.CodeAgreementMissing, gateway.CodeAttestationMissing,
		gateway.CodeSenderMayNot, gateway.CodeReceiverMayNot,
	} {
		if met[string(must)] < 5 {
			t.Errorf("too few guesses end in %s: %v", must, met)
		}
	}
}

// TestAStrangerLearnsNothingOfAThread whatever was said in it: the answer is that of a
// thread which nobody began.
func TestAStrangerLearnsNothingOfAThread(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	rules, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	g := newGuesser(t, w)
	differ := 0
	for range 40 {
		for i, typ := range g.types {
			row, _ := w.set.Row(typ.Name)
			x := g.guess(row, g.heads[i])
			caller := gateway.Party(x.members["iss"].(string))
			x.facts = gateway.ThreadFacts{}
			nobody := preview(t, w, rules, x, caller)
			x.facts = gateway.ThreadFacts{Opener: "al/auditor", Other: "xk/auditor", Accepted: true, Declined: g.IntN(2) == 0, Closed: true, Withdrawn: true, OfAge: true, Last: newID()}
			if diff := cmp.Diff(nobody, preview(t, w, rules, x, caller)); diff != "" {
				t.Fatalf("a thread of others shows:\n%s", diff)
			}
			x.facts.Opener, x.facts.Other = caller, gateway.Party(x.members["aud"].(string))
			if !cmp.Equal(nobody, preview(t, w, rules, x, caller)) {
				differ++
			}
		}
	}
	if differ < 5 {
		t.Errorf("what a thread established makes a difference to %d guesses only: this test would notice nothing", differ)
	}
}

// TestThePreviewTellsWhatTheGatewayThenDoes asks over HTTP about a message that says more
// than it may, and then sends it.
func TestThePreviewTellsWhatTheGatewayThenDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.signed("referral.request/1.0", outgoing.Options{All: true}, func(d map[string]any) {
		d["sealed"].(map[string]any)["identity@coordinator"] = map[string]any{"names": []any{map[string]any{"given": "Invented-Mirela", "family": "Invented-Nobody", "script": "latn"}}, "born": "2010-01-01"}
	})
	p, err := envelope.Codec{}.Decode(m.Raw)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, u := range p.Units {
		names = append(names, u.Name)
		delete(p.Document, u.Name)
	}
	body, err := json.Marshal(map[string]any{"head": p.Document, "units": names})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(as gateway.Party) answer {
		return w.call(as, "POST", "/v1/preview", body, "Content-Type", "application/json")
	}
	a := ask(m.Head.Issuer)
	var told struct {
		Released []string
		Withheld []gateway.Withheld
		Policy   string
	}
	if err := json.Unmarshal([]byte(a.body), &told); err != nil || a.StatusCode != 200 || len(told.Withheld) == 0 {
		t.Fatalf("got %d %q, want something withheld", a.StatusCode, a.body)
	}
	if a := ask("ba/coordinator"); a.StatusCode != 403 {
		t.Errorf("about another's message got %d", a.StatusCode)
	}
	if a := w.call(m.Head.Issuer, "GET", "/v1/messages/me/mobile-team/"+m.ID.ID, nil); a.StatusCode != 404 {
		t.Errorf("a preview left a trace: %d", a.StatusCode)
	}
	if a := w.submit(m.Head.Issuer, m.Raw); a.StatusCode != 202 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	o := w.deliver("rs")
	if diff := cmp.Diff(told.Released, o.Binding.Released); diff != "" || told.Policy != o.Binding.Policy {
		t.Errorf("released (-preview +gateway), by policies %s and %s:\n%s", told.Policy, o.Binding.Policy, diff)
	}
	got := w.state(m.Head.Issuer, "/v1/messages/me/mobile-team/"+m.ID.ID, gateway.StateDelivered)
	list, err := envelope.Reveal(got["withheld"].(string), w.keys(m.Head.Issuer).Encryption[0], m.ID)
	if diff := cmp.Diff(told.Withheld, list); diff != "" || err != nil {
		t.Errorf("withheld (-preview +gateway), %v:\n%s", err, diff)
	}
}
