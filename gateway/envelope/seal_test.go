package envelope_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func TestASealedUnitOpensAtItsPlaceWithItsKeyAndNowhereElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	at := w.place("health", "child-protection")
	sealed := w.seal(t, "health", "child-protection", `{"a":1}`, 1024)
	flip := func(i int) string { // one letter of part i
		p := strings.Split(sealed, ".")
		c := "A"
		if p[i][2] == 'A' {
			c = "B"
		}
		p[i] = p[i][:2] + c + p[i][3:]
		return strings.Join(p, ".")
	}
	for _, c := range []struct {
		name string
		code gateway.Code
		jwe  string
		key  *envelope.Private
		at   func(*envelope.Place)
	}{
		{"another message", gateway.CodeUnitSealedWrong, sealed, w.protection, func(p *envelope.Place) { p.ID = thread }},
		{"another sender", gateway.CodeUnitSealedWrong, sealed, w.protection, func(p *envelope.Place) { p.Issuer = "me/coordinator" }},
		{"another role", gateway.CodeUnitSealedWrong, sealed, w.protection, func(p *envelope.Place) { p.Role = "coordinator" }},
		{"another place", gateway.CodeUnitSealedWrong, sealed, w.protection, func(p *envelope.Place) { p.Pointer = "/facts@child-protection" }},
		{"another role's key", gateway.CodeDeliveryKey, sealed, w.coordinator, nil},
		{"a changed wrapped key", gateway.CodeSealBroken, flip(1), w.protection, nil},
		{"a changed nonce", gateway.CodeSealBroken, flip(2), w.protection, nil},
		{"a changed ciphertext", gateway.CodeSealBroken, flip(3), w.protection, nil},
		{"a changed tag", gateway.CodeSealBroken, flip(4), w.protection, nil},
		{"white space before it", gateway.CodeUnitSealedWrong, " " + sealed, w.protection, nil},
		{"a line break after it", gateway.CodeUnitSealedWrong, sealed + "\n", w.protection, nil},
		{"nothing", gateway.CodeUnitSealedWrong, "", w.protection, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			place := at
			if c.at != nil {
				c.at(&place)
			}
			if _, err := envelope.Unseal(c.jwe, c.key, place); gateway.AsProblem(err).Code != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
	plain, err := envelope.Unseal(sealed, w.protection, at)
	if err != nil || string(plain) != `{"a":1}` {
		t.Errorf("the good one: %d bytes, %v", len(plain), err)
	}
	if _, err := envelope.Unseal(sealed, w.office, at); err == nil {
		t.Error("a signing key opened it")
	}
}

func TestWhatCannotBeSealedSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	at := w.place("health", "child-protection")
	to := w.key(w.protection, "rs/child-protection")
	signing := w.key(w.office, "ba/coordinator")
	relabelled := signing
	relabelled.Use = gateway.UseEncryption
	relabelled.Public = []byte{4}
	for _, c := range []struct {
		name string
		size int
		n    int
		to   gateway.Key
		at   envelope.Place
	}{
		{"content beyond its size", 1024, 1025, to, at},
		{"a size that is no class", 2048, 10, to, at},
		{"a size of nothing", 0, 0, to, at},
		{"a signing key", 1024, 10, signing, at},
		{"bytes for a key", 1024, 10, relabelled, at},
		{"a place without message", 1024, 10, to, envelope.Place{Issuer: at.Issuer, Role: at.Role, Pointer: at.Pointer}},
		{"a place that climbs", 1024, 10, to, envelope.Place{Issuer: at.Issuer, ID: at.ID, Role: at.Role, Pointer: "/../x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if s, err := envelope.Seal([]byte(strings.Repeat("1", c.n)), c.size, c.to, c.at); err == nil {
				t.Errorf("sealed to %d letters", len(s))
			}
		})
	}
	if _, err := envelope.Seal([]byte(strings.Repeat("1", 1024)), 1024, to, at); err != nil {
		t.Errorf("content that fits exactly: %v", err)
	}
}

// Two messages that differ only in what is sealed: for everyone but the role that opens
// the seal they have the same lengths and the same parts, ciphertext and random bytes
// aside.
func TestTwinsThatDifferInSealedContentLookAlike(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, alg)
			d := w.draft(t)
			d.Sealed["health@child-protection"] = w.seal(t, "health", "child-protection", `{"finding":"`+strings.Repeat(canary, 20)+`"}`, 1024)
			first := w.sign(t, d)
			d = w.draft(t)
			d.Sealed["health@child-protection"] = w.seal(t, "health", "child-protection", `{}`, 1024)
			second := w.sign(t, d)
			if len(first) != len(second) {
				t.Errorf("envelopes of %d and %d bytes", len(first), len(second))
			}
			a, b := decode(t, first), decode(t, second)
			if diff := cmp.Diff(outside(t, a), outside(t, b)); diff != "" {
				t.Errorf("parts (-first +second):\n%s", diff)
			}
			x, y := w.bind(t, first, all), w.bind(t, second, all)
			if len(x.Wrapped) != len(y.Wrapped) || len(x.Binding.Serialized) != len(y.Binding.Serialized) {
				t.Errorf("deliveries of %d and %d letters", len(x.Wrapped), len(y.Wrapped))
			}
		})
	}
}

// A message from which a unit was withheld, and one that never had it: what the recipient
// gets has the same lengths and parts.
func TestTwinsThatDifferInWithheldContentLookAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	had := w.draft(t)
	never := w.draft(t)
	delete(never.Sealed, "facts@coordinator")
	delete(never.Clear["subject"], "decidedBy")
	keep := func(u string) bool { return u != "facts@coordinator" && u != "subject/decidedBy" }
	x, y := w.bind(t, w.sign(t, had), keep), w.bind(t, w.sign(t, never), keep)
	if len(x.Wrapped) != len(y.Wrapped) {
		t.Errorf("deliveries of %d and %d letters", len(x.Wrapped), len(y.Wrapped))
	}
	a, b := decode(t, w.unwrap(t, x.Wrapped)), decode(t, w.unwrap(t, y.Wrapped))
	if diff := cmp.Diff(outside(t, a), outside(t, b)); diff != "" {
		t.Errorf("parts (-had +never):\n%s", diff)
	}
	if diff := cmp.Diff(x.Binding.Released, y.Binding.Released); diff != "" {
		t.Errorf("released (-had +never):\n%s", diff)
	}
}

// outside is everything about a message but bytes that are random or encrypted, of which
// it is the lengths.
func outside(t *testing.T, p gateway.Parts) map[string]any {
	t.Helper()
	out := map[string]any{"head": p.Head, "header": p.Header, "payload": len(p.Core.Payload), "protected": p.Core.Protected}
	var order []string
	for _, u := range p.Units {
		text := un64(t, u.Disclosure)
		order = append(order, u.Name)
		out[u.Name] = map[string]any{"length": len(u.Disclosure), "seal": u.Seal}
		if u.Seal == nil {
			out[u.Name+" text"] = digestsGone(text[strings.Index(text, ","):])
		}
	}
	if !slices.IsSorted(order) {
		t.Error("units are not sorted")
	}
	out["units"] = order
	return out
}

// digestsGone writes every digest in a text as the same letters.
func digestsGone(text string) string {
	for i := 0; i+45 <= len(text); i++ {
		if text[i] == '"' && text[i+44] == '"' && !strings.ContainsAny(text[i+1:i+44], `"{}:,`) {
			text = text[:i+1] + strings.Repeat("=", 43) + text[i+44:]
		}
	}
	return text
}

func TestAConcealedDecisionHasOneLengthAndOneReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	id := gateway.MessageID{Issuer: "ba/coordinator", ID: jti}
	reader := w.key(w.coordinator, "ba/coordinator")
	var lengths []int
	for _, list := range [][]gateway.Withheld{
		nil, {},
		{{Unit: "health@child-protection", Rule: "health-by-agreement"}},
		slices.Repeat([]gateway.Withheld{{Unit: "subject/decidedBy", Rule: "no-field-for-it"}}, 60),
	} {
		s, err := envelope.Binder{Keys: []*envelope.Private{w.binding}}.Conceal(list, id, reader)
		if err != nil {
			t.Fatal(err)
		}
		lengths = append(lengths, len(s))
		got, err := envelope.Reveal(s, w.coordinator, id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append([]gateway.Withheld{}, list...), got); diff != "" {
			t.Errorf("withheld (-want +got):\n%s", diff)
		}
		if _, err := envelope.Reveal(s, w.protection, id); gateway.AsProblem(err).Code != gateway.CodeDeliveryKey {
			t.Errorf("another reader: %v", err)
		}
		if _, err := envelope.Reveal(s, w.coordinator, gateway.MessageID{Issuer: id.Issuer, ID: thread}); err == nil {
			t.Error("it is about another message, and opened")
		}
	}
	if slices.Min(lengths) != slices.Max(lengths) {
		t.Errorf("lengths differ: %v", lengths)
	}
	long := slices.Repeat([]gateway.Withheld{{Unit: "subject/decidedBy", Rule: "no-field-for-it"}}, 90)
	if s, err := (envelope.Binder{Keys: []*envelope.Private{w.binding}}).Conceal(long, id, reader); err == nil {
		t.Errorf("a decision that does not fit was concealed in %d letters", len(s))
	}
}
