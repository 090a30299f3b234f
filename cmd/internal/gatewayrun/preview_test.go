package gatewayrun_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/sop"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// guess is a message that the two ways are asked about: what a sender could write in a
// head, which units it names, and what was said before.
type guess struct {
	members map[string]any
	units   []string
	facts   gateway.ThreadFacts
	said    map[gateway.MessageID]gateway.Earlier
}

// past is a journal that knows what a guess says.
type past struct {
	*guess
	kept gateway.Record
}

func (p *past) Find(context.Context, gateway.MessageID) (gateway.Recorded, bool, error) {
	return gateway.Recorded{}, false, nil
}

func (p *past) Receive(_ context.Context, _ gateway.MessageID, _ string, from, to gateway.Country, record func(gateway.Slot) (gateway.Record, error)) (gateway.Recorded, error) {
	r, err := record(gateway.Slot{
		Number: gateway.PairNumber{From: from, To: to, Origin: "o", N: 1}, Facts: p.facts,
		Earlier: func(id gateway.MessageID) (gateway.Earlier, error) { return p.said[id], nil },
	})
	p.kept = r
	return gateway.Recorded{Digest: r.Digest, Answer: r.Answer}, err
}

func (p *past) Facts(context.Context, string) (gateway.ThreadFacts, error) { return p.facts, nil }

func (p *past) Earlier(_ context.Context, id gateway.MessageID) (gateway.Earlier, error) {
	return p.said[id], nil
}

// unsigned stands in for everything about an envelope that is not its head and its names:
// whatever it is given is well signed and well sealed.
type unsigned struct {
	*schemas.Set
	parts    gateway.Parts
	withheld []gateway.Withheld
}

func (u *unsigned) Decode([]byte) (gateway.Parts, error)            { return u.parts, nil }
func (u *unsigned) Verify(gateway.Parts, gateway.Key) error         { return nil }
func (u *unsigned) Testify(gateway.Statement) (string, error)       { return "signed", nil }
func (u *unsigned) Validate(h gateway.Head, m map[string]any) error { return u.ValidateHead(h.Type, m) }

func (u *unsigned) Bind(_ gateway.Core, _ []gateway.Unit, b gateway.Binding, _ gateway.Key) (gateway.Bound, error) {
	return gateway.Bound{Binding: b, Wrapped: "wrapped"}, nil
}

func (u *unsigned) Conceal(list []gateway.Withheld, _ gateway.MessageID, _ gateway.Key) (string, error) {
	u.withheld = list
	return "concealed", nil
}

// guesser makes guesses out of the example of every type.
type guesser struct {
	*rand.Rand
	t       *testing.T
	dirs    *trust.Directory
	parties []gateway.Party
	types   []gateway.Type
	heads   []map[string]any // of the examples, in the order of types
}

func newGuesser(t *testing.T, w *world) *guesser {
	g := &guesser{Rand: rand.New(rand.NewPCG(7, 11)), t: t, dirs: w.dirs, types: w.set.Types()}
	for _, p := range w.dirs.Parties() {
		if p.Country() != "" && len(w.dirs.Keys(p, gateway.UseMessage, morning)) > 0 {
			g.parties = append(g.parties, p)
		}
	}
	for _, typ := range g.types {
		p, err := envelope.Codec{}.Decode(w.signed(typ.Name, outgoing.Options{All: true}, nil).Raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range p.Units {
			delete(p.Document, u.Name)
		}
		g.heads = append(g.heads, p.Document)
	}
	return g
}

// pick is one of a list; often the first, which is the ordinary one.
func pick[T any](g *guesser, list ...T) T {
	if g.IntN(2) == 0 {
		return list[0]
	}
	return list[g.IntN(len(list))]
}

// some is a part of a list, sorted.
func (g *guesser) some(list []string) []any {
	var out []any
	for _, s := range slices.Sorted(slices.Values(list)) {
		if g.IntN(3) > 0 {
			out = append(out, s)
		}
	}
	return out
}

func (g *guesser) put(m map[string]any, name string, v any) {
	switch x := v.(type) {
	case string:
		if x == "" {
			delete(m, name)
			return
		}
	case []any:
		if len(x) == 0 {
			delete(m, name)
			return
		}
	}
	m[name] = v
}

func (g *guesser) guess(row schemas.Row, head map[string]any) *guess {
	m := maps.Clone(head)
	iss, aud := gateway.Party(m["iss"].(string)), gateway.Party(m["aud"].(string))
	iss, aud = pick(g, iss, g.parties[g.IntN(len(g.parties))]), pick(g, aud, g.parties[g.IntN(len(g.parties))])
	m["iss"], m["aud"] = string(iss), string(aud)
	pair, _ := g.dirs.Pair(iss.Country(), aud.Country())
	articles := append([]string{m["purpose"].(string)}, pair.Articles...)
	g.put(m, "basis", pick(g, fmt.Sprint(or(m["basis"], "")), articles[len(articles)-1], "art-99", ""))
	g.put(m, "purpose", pick(g, m["purpose"].(string), "assistance", "proceedings", "monitoring", "return", "shopping"))
	g.put(m, "lane", pick(g, m["lane"].(string), "child", "urgent"))
	if g.IntN(3) > 0 {
		a := map[string]any{"state": pick(g, "given", "limited", "refused", "not-asked")}
		g.put(a, "by", pick(g, "person", "guardian", "authority", ""))
		g.put(a, "reason", pick(g, "", "danger-to-life", "duty-in-law", "best-interests", "not-reachable"))
		if g.IntN(3) == 0 {
			a["heard"] = true
		}
		m["agreement"] = a
	}
	if g.IntN(3) == 0 {
		g.put(m, "attests", g.some(row.Attests))
	}
	if g.IntN(3) == 0 {
		g.put(m, "act", g.some(row.Codes))
	}
	if g.IntN(20) == 0 {
		delete(m, []string{"answerBy", "act", "outcome", "agreement", "attests", "target"}[g.IntN(6)])
	}
	if g.IntN(40) == 0 {
		m["via"] = "me/coordinator"
	}
	out := &guess{members: m, units: g.units(row.Type, aud), said: map[gateway.MessageID]gateway.Earlier{}}
	if reply, ok := m["inReplyTo"].(string); ok && g.IntN(4) > 0 {
		asked := pick(g, g.answeredBy(row.Name), g.types[g.IntN(len(g.types))].Name)
		out.said[gateway.MessageID{Issuer: aud, ID: reply}] = gateway.Earlier{Audience: pick(g, iss, aud), Thread: m["thread"].(string), Type: asked}
	}
	facts := gateway.ThreadFacts{Opener: iss, Other: aud, Accepted: g.IntN(2) == 0, Declined: g.IntN(4) == 0, Closed: g.IntN(8) == 0}
	other := facts
	other.Other = "al/auditor"
	out.facts = pick(g, facts, gateway.ThreadFacts{}, other)
	return out
}

// answeredBy is a type that is closed by another.
func (g *guesser) answeredBy(answer string) string {
	for _, t := range g.types {
		if t.Answer != "" && strings.HasPrefix(answer, t.Answer) {
			return t.Name
		}
	}
	return "capacity.request/1.0"
}

// units are what a message of the type to aud can carry, sometimes with one too few or one
// too many.
func (g *guesser) units(t gateway.Type, aud gateway.Party) []string {
	names := slices.Clone(t.Must)
	for _, b := range t.May {
		if g.IntN(2) == 0 {
			names = append(names, b)
		}
	}
	for _, b := range slices.Clone(names) {
		for _, f := range t.Fields[b] {
			if g.IntN(2) == 0 {
				names = append(names, b+"/"+f)
			}
		}
	}
	for _, sb := range t.Sealed {
		_, there := g.dirs.Institution(aud.In(sb.Role))
		if sb.Always(aud) && there || g.IntN(2) == 0 {
			names = append(names, sb.Unit(aud))
		}
	}
	if g.IntN(20) == 0 && len(names) > 0 {
		names = slices.Delete(names, 0, 1)
	}
	if g.IntN(20) == 0 {
		names = append(names, pick(g, "travel@coordinator", "identity@prosecution", "note@mobile-team", "offer"))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func or(v, otherwise any) any {
	if v == nil {
		return otherwise
	}
	return v
}

// verdict is what either way decides, in the words of both.
type verdict struct {
	Code          gateway.Code
	Pointer, Rule string
	Released      []string
	Withheld      []gateway.Withheld
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
	r := gateway.Receiver{
		Opener: u, Directory: w.dirs, Catalogue: u, Procedure: sop.Rules{Types: w.set}, Policy: rules, Binder: u, Notary: u, Journal: j,
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
	return verdict{Released: b.Released, Withheld: u.withheld, Policy: b.Policy}
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
	p := gateway.Previewer{Directory: w.dirs, Forms: w.set, Procedure: sop.Rules{Types: w.set}, Policy: rules, Memory: &past{guess: x}, Now: w.now.Now}
	d, err := p.Preview(t.Context(), caller, gateway.Outline{Head: h, Members: m, Units: x.units})
	if err != nil {
		t.Fatalf("previewing: %v", err)
	}
	if d.Refusal != nil {
		return refusal(d.Refusal)
	}
	return verdict{Released: d.Released, Withheld: d.Withheld, Policy: d.Policy}
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
			case len(want.Withheld) > 0:
				met["part is withheld"]++
			default:
				met["all leaves"]++
			}
		}
	}
	for _, must := range []gateway.Code{
		"all leaves", "part is withheld", gateway.CodeSchema, gateway.CodeUnitMissing, gateway.CodeUnitUnknown, gateway.CodePairOff, gateway.CodeThreadParties,
		gateway.CodeReplyUnknown, gateway.CodeReplyType, gateway.CodeRoleMayNot, gateway.CodeBasisNotAgreed, gateway.CodeAgreementMissing, gateway.CodeAttestationMissing,
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
			x.facts = gateway.ThreadFacts{Opener: "al/auditor", Other: "xk/auditor", Accepted: true, Declined: g.IntN(2) == 0, Closed: true, Last: newID()}
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
