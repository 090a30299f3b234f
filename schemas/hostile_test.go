package schemas_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// hostile are documents that want to make the validator work.
func hostile(t testing.TB, s *schemas.Set) map[string]map[string]any {
	t.Helper()
	entries := func(n int, value any) map[string]any {
		out := map[string]any{}
		for i := range n {
			out[fmt.Sprintf("a%07d", i)] = value
		}
		return out
	}
	docs := map[string]map[string]any{}
	with := func(name, member string, v any) {
		_, doc := message(t, s, "referral.request/1.0")
		doc[member] = v
		docs[name] = doc
	}
	_, doc := message(t, s, "referral.request/1.0")
	maps.Copy(doc, entries(5000, "x"))
	docs["five thousand members at the root"] = doc
	with("ten thousand needs", "needs", entries(10_000, map[string]any{"code": "guardian"}))
	wrong := map[string]any{"code": strings.Repeat("x", 2000), "urgency": strings.Repeat("y", 2000)}
	with("as many wrong needs as there may be", "needs", entries(16, wrong))
	docs["as many wrong needs as there may be"]["asks"] = entries(16, map[string]any{"code": "x", "why": "y"})
	with("ten thousand attestations", "attests", func() (list []any) {
		for range 10_000 {
			list = append(list, "protection-checked")
		}
		return list
	}())
	deep := any("x")
	for range 1000 {
		deep = map[string]any{"a": deep}
	}
	with("a thousand objects in each other", "subject", deep)
	with("a number with a long exponent", "iat", json.Number("1e1000000"))
	with("a number with many digits", "iat", json.Number(strings.Repeat("9", 100_000)))
	with("a sealed unit that is one long letter", "facts@coordinator", strings.Repeat("A", 200_000))
	with("a purpose of two hundred thousand letters", "purpose", strings.Repeat("A", 200_000))
	with("a basis of two hundred thousand letters", "basis", strings.Repeat("A", 200_000))
	return docs
}

func TestHostileDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	h, _ := message(t, s, "referral.request/1.0")
	for name, doc := range hostile(t, s) {
		p := gateway.AsProblem(s.Validate(h, doc))
		if p.Code == gateway.CodeInternal || !p.Final() {
			t.Errorf("%s: %v", name, p)
		}
	}
}

func BenchmarkHostile(b *testing.B) {
	s := open(b)
	h, _ := message(b, s, "referral.request/1.0")
	for name, doc := range hostile(b, s) {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			for b.Loop() {
				if err := s.Validate(h, doc); err == nil {
					b.Fatal("it was not refused")
				}
			}
		})
	}
}

// FuzzValidate gives the validator whatever JSON there is, in the place of a block, a
// head member or the whole document: it never panics, and never repeats what it read.
func FuzzValidate(f *testing.F) {
	s := open(f)
	for _, typ := range s.Types() {
		_, doc := message(f, s, typ.Name)
		raw, err := json.Marshal(doc)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(typ.Name, "", strings.ReplaceAll(string(raw), jwe, "e.k.nnnnnnnnnnnnnnnn.c.tttttttttttttttttttttt"))
	}
	f.Add("referral.request/1.0", "needs", `{"canary00":{"code":"canary"}}`)
	f.Add("capacity.answer/1.0", "results", `{"canary":{"code":["canary"],"result":"later"}}`)
	f.Add("ack.answer/1.0", "contact", `[{"role":null}]`)
	f.Fuzz(func(t *testing.T, typ, member, value string) {
		d := json.NewDecoder(strings.NewReader(value))
		d.UseNumber()
		var v any
		if d.Decode(&v) != nil {
			return
		}
		h := gateway.Head{Type: typ, Codes: s.Release()}
		doc, ok := v.(map[string]any)
		if member != "" {
			if _, known := s.Type(typ); !known {
				typ = "referral.request/1.0"
			}
			h, doc = message(t, s, typ)
			doc[member] = v
		} else if !ok {
			return
		}
		if err := s.Validate(h, doc); err != nil {
			silent(t, gateway.AsProblem(err))
		}
		for _, b := range s.Blocks() {
			if err := s.ValidateBlock(s.Release(), b.Name, v); err != nil {
				silent(t, gateway.AsProblem(err))
			}
		}
	})
}
