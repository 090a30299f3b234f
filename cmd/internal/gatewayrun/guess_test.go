package gatewayrun_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
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
	kept     gateway.Record
	approved []string // the rules that a second person approved to set aside
}

func (p *past) Find(context.Context, gateway.MessageID) (gateway.Recorded, bool, error) {
	return gateway.Recorded{}, false, nil
}

func (p *past) Receive(_ context.Context, _ gateway.MessageID, _ string, from, to gateway.Country, record func(gateway.Slot) (gateway.Record, error)) (gateway.Recorded, error) {
	text := func(name string) string { s, _ := p.members[name].(string); return s }
	r, err := record(gateway.Slot{
		Approvals: func(d gateway.Digest) ([]gateway.Approval, error) {
			return []gateway.Approval{{
				By: gateway.Party(text("iss")), Message: gateway.MessageID{Issuer: gateway.Party(text("iss")), ID: text("jti")},
				Envelope: d.String(), Reason: text("override"), Rules: p.approved,
			}}, nil
		},
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

// narrow is a directory in which no pair agreed on two of the purposes that a message can
// name: the development region's pairs agreed on all.
type narrow struct{ gateway.Directory }

func (n narrow) Pair(a, b gateway.Country) (gateway.Pair, bool) {
	p, ok := n.Directory.Pair(a, b)
	p.Purposes = slices.DeleteFunc(slices.Clone(p.Purposes), func(s string) bool { return s == "monitoring" || s == "reintegration" })
	return p, ok
}

// guesser makes guesses out of the example of every type.
type guesser struct {
	*rand.Rand
	t       *testing.T
	dirs    gateway.Directory
	parties []gateway.Party
	types   []gateway.Type
	heads   []map[string]any // of the examples, in the order of types
}

func newGuesser(t *testing.T, w *world) *guesser {
	g := &guesser{Rand: rand.New(rand.NewPCG(7, 11)), t: t, dirs: narrow{w.dirs}, types: w.set.Types()}
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
	if row.Frame == "request" || row.Frame == "answer" {
		g.put(m, "override", pick(g, "", "", "danger-to-life", "duty-in-law", "best-interests", "convenience"))
	}
	if g.IntN(40) == 0 {
		m["via"] = "me/coordinator"
	}
	out := &guess{members: m, units: g.units(row.Type, aud), said: map[gateway.MessageID]gateway.Earlier{}}
	if reply, ok := m["inReplyTo"].(string); ok && g.IntN(4) > 0 {
		asked := pick(g, g.answeredBy(row.Name), g.types[g.IntN(len(g.types))].Name)
		out.said[gateway.MessageID{Issuer: aud, ID: reply}] = gateway.Earlier{Audience: pick(g, iss, aud), Thread: m["thread"].(string), Type: asked}
	}
	facts := gateway.ThreadFacts{
		Opener: iss, Other: aud, Accepted: g.IntN(2) == 0, Declined: g.IntN(4) == 0, Closed: g.IntN(8) == 0, Withdrawn: g.IntN(8) == 0, OfAge: g.IntN(8) == 0,
	}
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
