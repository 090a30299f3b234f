package envelope_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func TestABindingThatSaysSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	bound := w.bind(t, w.message(t), all)
	good := decode(t, w.unwrap(t, bound.Wrapped))
	delivery := bound.Binding.Delivery
	// signed makes another binding: change edits its claims, key signs it.
	signed := func(key *envelope.Private, change func(m map[string]any)) func(*gateway.Parts) {
		return func(p *gateway.Parts) {
			claims := strings.Split(bound.Binding.Serialized, ".")[1]
			var m map[string]any
			if err := json.Unmarshal([]byte(un64(t, claims)), &m); err != nil {
				t.Fatal(err)
			}
			change(m)
			raw, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if p.Bound, err = envelope.SignCompact("kb+jwt", raw, key); err != nil {
				t.Fatal(err)
			}
		}
	}
	set := func(name string, value any) func(*gateway.Parts) {
		return signed(w.binding, func(m map[string]any) { m[name] = value })
	}
	other, err := envelope.Generate(gateway.UseBinding, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		parts  func(*gateway.Parts)
		lookup func(kid string) (gateway.Key, bool)
	}{
		{"no binding", func(p *gateway.Parts) { p.Bound = "" }, nil},
		{"a key that cnf does not name", signed(other, func(map[string]any) {}), func(string) (gateway.Key, bool) { return w.key(other, gateway.TheGateway), true }},
		{"a key that the directory does not know", nil, func(string) (gateway.Key, bool) { return gateway.Key{}, false }},
		{"a key of the recipient's", nil, func(string) (gateway.Key, bool) { return w.key(w.binding, "rs/coordinator"), true }},
		{"a key of use evidence", nil, func(string) (gateway.Key, bool) {
			k := w.key(w.binding, gateway.TheGateway)
			k.Use = gateway.UseEvidence
			return k, true
		}},
		{"a key that was not valid then", nil, func(string) (gateway.Key, bool) {
			k := w.key(w.binding, gateway.TheGateway)
			k.Revoked = at
			return k, true
		}},
		{"another public key under the same id", nil, func(string) (gateway.Key, bool) {
			k := w.key(w.binding, gateway.TheGateway)
			k.Public = other.Public()
			return k, true
		}},
		{"another recipient", set("aud", "me/coordinator"), nil},
		{"another delivery", set("nonce", "0199a3b4-1111-7000-8000-000000000009"), nil},
		{"another sd_hash", set("sd_hash", strings.Repeat("A", 43)), nil},
		{"one name less in released", set("released", []string{"needs"}), nil},
		{"one name more in released", set("released", append(append([]string{}, bound.Binding.Released...), "travel@auditor")), nil},
		{"released not sorted", set("released", []string{"subject", "needs"}), nil},
		{"another pair", set("pair", map[string]any{"from": "me", "to": "rs", "origin": "o", "n": 1}), nil},
		{"a pair with another destination", set("pair", map[string]any{"from": "ba", "to": "me", "origin": "o", "n": 1}), nil},
		{"a number of nothing", set("pair", map[string]any{"from": "ba", "to": "rs", "origin": "o", "n": 0}), nil},
		{"no time", signed(w.binding, func(m map[string]any) { delete(m, "iat") }), nil},
		{"no policy", signed(w.binding, func(m map[string]any) { delete(m, "policy") }), nil},
		{"a claim that is not known", set("exp", 1), nil},
		{"a changed signature", func(p *gateway.Parts) { p.Bound = p.Bound[:len(p.Bound)-4] + "AAAA" }, nil},
		{"evidence in its place", func(p *gateway.Parts) {
			k, err := envelope.Generate(gateway.UseEvidence, "ES256")
			if err != nil {
				t.Fatal(err)
			}
			if p.Bound, err = envelope.SignCompact("trm-evidence+jwt", []byte(`{}`), k); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"another message's binding", func(p *gateway.Parts) { p.Bound = w.bind(t, w.message(t), all).Binding.Serialized }, nil},
		{"disclosures in another order", func(p *gateway.Parts) {
			f := forge(t, w.unwrap(t, bound.Wrapped))
			f.disclosures[0], f.disclosures[1] = f.disclosures[1], f.disclosures[0]
			f.header = `,"kb_jwt":"` + p.Bound + `"`
			*p = decode(t, f.bytes())
		}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, lookup := good, w.lookup
			if c.parts != nil {
				c.parts(&p)
			}
			if c.lookup != nil {
				lookup = c.lookup
			}
			_, err := envelope.CheckBinding(p, lookup, delivery)
			if got := gateway.AsProblem(err).Code; err == nil || got != gateway.CodeBinding {
				t.Errorf("got %v, want %s", err, gateway.CodeBinding)
			}
		})
	}
	if _, err := envelope.CheckBinding(good, w.lookup, delivery); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestABindingCanBeReadWithoutBeingProven(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	bound := w.bind(t, w.message(t), but("needs"))
	p := decode(t, w.unwrap(t, bound.Wrapped))
	got, err := envelope.ReadBinding(p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bound.Binding, got); diff != "" {
		t.Errorf("binding (-made +read):\n%s", diff)
	}
	if _, err := envelope.ReadBinding(decode(t, w.message(t))); gateway.AsProblem(err).Code != gateway.CodeBinding {
		t.Errorf("a submission: %v", err)
	}
}

func TestBindingNamesExactlyTheUnitsItReleases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	p := decode(t, w.message(t))
	b := gateway.Binding{KeyID: w.binding.ID(), Delivery: "d", Audience: "rs/coordinator", IssuedAt: at, Released: []string{"needs"}}
	if _, err := (envelope.Binder{Keys: []*envelope.Private{w.binding}}).Bind(p.Core, p.Units, b, w.key(w.coordinator, "rs/coordinator")); err == nil {
		t.Error("bound six units as one")
	}
	slices.Reverse(p.Units)
	b.Released = unitNames(p)
	if _, err := (envelope.Binder{Keys: []*envelope.Private{w.binding}}).Bind(p.Core, p.Units, b, w.key(w.coordinator, "rs/coordinator")); err == nil {
		t.Error("bound units that are not sorted")
	}
	if _, err := (envelope.Binder{Keys: []*envelope.Private{w.evidence}}).Bind(p.Core, nil, gateway.Binding{KeyID: w.evidence.ID(), Delivery: "d"}, w.key(w.coordinator, "rs/coordinator")); err == nil {
		t.Error("bound with a key of use evidence")
	}
}

// While an old binding key and a new one overlap, senders name either: a delivery that is
// bound with the other one is refused by its recipient.
func TestEachMessageIsBoundWithTheKeyThatItNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	newer, err := envelope.Generate(gateway.UseBinding, "EdDSA")
	if err != nil {
		t.Fatal(err)
	}
	binder := envelope.Binder{Keys: []*envelope.Private{newer, w.binding}}
	lookup := func(kid string) (gateway.Key, bool) {
		if kid == newer.ID() {
			return w.key(newer, gateway.TheGateway), true
		}
		return w.lookup(kid)
	}
	for _, k := range []*envelope.Private{w.binding, newer} {
		d := w.draft(t)
		d.Head.Confirmation = k.ID()
		p := decode(t, w.sign(t, d))
		b := gateway.Binding{
			KeyID: p.Head.Confirmation, Delivery: "d", Audience: "rs/coordinator", IssuedAt: at, Released: unitNames(p), Policy: "p",
			Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "o", N: 1},
		}
		bound, err := binder.Bind(p.Core, p.Units, b, w.key(w.coordinator, "rs/coordinator"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := envelope.CheckBinding(decode(t, w.unwrap(t, bound.Wrapped)), lookup, "d")
		if err != nil || got.KeyID != k.ID() {
			t.Errorf("the recipient reads the key %q, %v; the message names %q", got.KeyID, err, k.ID())
		}
		if _, err := (envelope.Binder{Keys: []*envelope.Private{w.evidence}}).Bind(p.Core, p.Units, b, w.key(w.coordinator, "rs/coordinator")); err == nil || gateway.IsPermanent(err) {
			t.Errorf("without the key: got %v, want an error after which the same bytes may come again", err)
		}
	}
}

// What came in by the door must fit out of it: the gateway's own addition does not make a
// delivery too large for its reader.
func TestTheLargestSubmissionCanBeDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	d := w.draft(t)
	d.Clear["needs"]["filling"] = strings.Repeat("x", 3*((256<<10)-len(w.message(t)))/4-len(`,"filling":""`)-3)
	raw := w.sign(t, d)
	if n := len(raw); n < 256<<10-16 || n > 256<<10 {
		t.Fatalf("the submission has %d bytes", n)
	}
	bound := w.bind(t, raw, all)
	got := w.unwrap(t, bound.Wrapped)
	if len(got) <= 256<<10 {
		t.Fatalf("the delivery has %d bytes, and proves nothing", len(got))
	}
	if _, err := envelope.CheckBinding(decode(t, got), w.lookup, bound.Binding.Delivery); err != nil {
		t.Error(err)
	}
}

func TestAWrappedDeliveryOpensWithItsKeyAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	wrapped := w.bind(t, w.message(t), all).Wrapped
	if _, err := envelope.Unwrap(wrapped, w.protection); gateway.AsProblem(err).Code != gateway.CodeDeliveryKey {
		t.Errorf("another key: %v", err)
	}
	for name, s := range map[string]string{
		"nothing":             "",
		"a sealed unit":       w.seal(t, "facts", "coordinator", "{}", 1024),
		"a cut off tag":       wrapped[:len(wrapped)-2],
		"a line break":        wrapped + "\n",
		"more than any has":   strings.Repeat("A", 600<<10),
		"the JSON of the JWE": `{"ciphertext":""}`,
	} {
		if _, err := envelope.Unwrap(s, w.coordinator); gateway.AsProblem(err).Code != gateway.CodeMalformed {
			t.Errorf("%s: got %v", name, err)
		}
		if _, _, err := envelope.WrapKeyID(s); gateway.AsProblem(err).Code != gateway.CodeMalformed {
			t.Errorf("%s: outside: got %v", name, err)
		}
	}
	p := strings.Split(wrapped, ".")
	p[3] = b64(strings.Repeat("x", 300<<10))
	if _, err := envelope.Unwrap(strings.Join(p, "."), w.coordinator); gateway.AsProblem(err).Code != gateway.CodeTooLarge {
		t.Errorf("more than a delivery has: %v", err)
	}
	c := "A"
	if wrapped[len(wrapped)-4] == 'A' {
		c = "B"
	}
	broken := wrapped[:len(wrapped)-4] + c + wrapped[len(wrapped)-3:]
	if _, err := envelope.Unwrap(broken, w.coordinator); gateway.AsProblem(err).Code != gateway.CodeSealBroken {
		t.Errorf("a changed tag: %v", err)
	}
}
