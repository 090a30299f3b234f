package schemas_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// draft is the plain JSON of an officer's system.
type draft struct {
	Type, From, To, Thread, InReplyTo, Lane, Purpose, Basis string
	Agreement                                               map[string]any
	Attests, Act                                            []string
	AnswerBy, EffectiveAt, AckBy, Outcome, Target           string
	Test                                                    bool
	Supersedes                                              string
	Blocks                                                  map[string]map[string]any
	Sealed                                                  map[string]map[string]any
}

func open(t testing.TB) *schemas.Set {
	t.Helper()
	s, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decode[T any](t testing.TB, data []byte) T {
	t.Helper()
	var v T
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// jwe has the outside of a compact JWE; what is inside is not the gateway's.
var jwe = "eyJ0eXAiOiJ0cm0tdW5pdCtqd2UifQ." + strings.Repeat("k", 54) + "." + strings.Repeat("n", 16) + "." + strings.Repeat("c", 5462) + "." + strings.Repeat("t", 22)

// message makes of a draft the head and the processed document that the gateway would
// see: the head's members beside the clear blocks, and the sealed units closed.
func message(t testing.TB, s *schemas.Set, typ string) (gateway.Head, map[string]any) {
	t.Helper()
	data, ok := s.Example(typ)
	if !ok {
		t.Fatalf("there is no example of %s", typ)
	}
	d := decode[draft](t, data)
	doc := map[string]any{
		"jti": "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6070", "iss": d.From, "aud": d.To,
		"iat": json.Number("1795536000"), "exp": json.Number("1796140800"),
		"cnf":  map[string]any{"kid": strings.Repeat("k", 43)},
		"type": d.Type, "codes": s.Release(), "thread": d.Thread, "lane": d.Lane, "purpose": d.Purpose,
	}
	if d.Thread == "" {
		doc["thread"] = "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071"
	}
	for name, v := range map[string]string{
		"inReplyTo": d.InReplyTo, "basis": d.Basis, "answerBy": d.AnswerBy, "effectiveAt": d.EffectiveAt,
		"ackBy": d.AckBy, "outcome": d.Outcome, "target": d.Target, "supersedes": d.Supersedes,
	} {
		if v != "" {
			doc[name] = v
		}
	}
	if d.Agreement != nil {
		doc["agreement"] = d.Agreement
	}
	if d.Test {
		doc["test"] = true
	}
	for name, b := range d.Blocks {
		doc[name] = b
	}
	for unit := range d.Sealed {
		doc[unit] = jwe
	}
	act := d.Act
	if act == nil {
		act = s.Act(d.Type, doc)
	}
	for name, list := range map[string][]string{"attests": d.Attests, "act": act} {
		if len(list) > 0 {
			doc[name] = list
		}
	}
	// Once through JSON, as the envelope's decoder makes it.
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return gateway.Head{
		ID: doc["jti"].(string), Issuer: gateway.Party(d.From), Audience: gateway.Party(d.To),
		IssuedAt: time.Unix(1795536000, 0), Type: d.Type, Codes: s.Release(), Attests: d.Attests, Act: act,
	}, decode[map[string]any](t, raw)
}

func TestEveryTypeHasAnExampleThatIsValid(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, typ := range s.Types() {
		h, doc := message(t, s, typ.Name)
		if err := s.Validate(h, doc); err != nil {
			p := gateway.AsProblem(err)
			t.Errorf("%s: %v: %s", typ.Name, p, p.Hint)
		}
		data, _ := s.Example(typ.Name)
		for unit, v := range decode[draft](t, data).Sealed {
			block, _, _ := gateway.SplitUnit(unit)
			if err := s.ValidateBlock(s.Release(), block, any(v)); err != nil {
				p := gateway.AsProblem(err)
				t.Errorf("%s, %s: %v: %s", typ.Name, unit, p, p.Hint)
			}
		}
	}
}

func TestNothingToSayIsValidInEverySealedBlock(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, b := range s.Blocks() {
		if err := s.ValidateBlock(s.Release(), b.Name, map[string]any{}); (err == nil) != b.Sealed && b.Name != "report" {
			t.Errorf("%s over {}: %v", b.Name, err)
		}
	}
}

// without is a document less some members.
func without(doc map[string]any, names ...string) map[string]any {
	out := maps.Clone(doc)
	for _, n := range names {
		delete(out, n)
	}
	return out
}

func BenchmarkValidate(b *testing.B) {
	s := open(b)
	for _, typ := range s.Types() {
		h, doc := message(b, s, typ.Name)
		b.Run(strings.ReplaceAll(typ.Name, "/", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Validate(h, doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		open(b)
	}
}
