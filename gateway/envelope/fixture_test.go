package envelope_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// The invented message of these tests: a referral from BA to RS with two clear blocks, a
// governed field, and two units sealed to two roles.
const (
	jti    = "0199a3b4-5c6d-7e8f-9a0b-1c2d3e4f5a6b"
	thread = "0199a3b4-0000-7000-8000-000000000001"
	canary = "Zvezdanka-Izmisljena"
)

var at = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

type world struct {
	office, evidence, assertion *envelope.Private
	binding                     *envelope.Private
	coordinator, protection     *envelope.Private // encryption keys of the recipients
	kind                        gateway.Type
	thumbprint                  string
}

// newWorld has new keys.
func newWorld(tb testing.TB, alg string) world {
	tb.Helper()
	return worldOf(alg, func(u gateway.Use, alg string, _ string) *envelope.Private {
		k, err := envelope.Generate(u, alg)
		if err != nil {
			tb.Fatal(err)
		}
		return k
	})
}

// oldWorld has the keys that the files in testdata were made with. They are no secret:
// each is the SHA-256 of "TEST KEY" and a word.
func oldWorld(tb testing.TB) world {
	tb.Helper()
	return worldOf("ES256", func(u gateway.Use, alg string, word string) *envelope.Private {
		d := sha256.Sum256([]byte("TEST KEY " + word))
		k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:])
		if err != nil {
			tb.Fatal(err)
		}
		public, _, err := envelope.MarshalPublic(k.Public(), u)
		if err != nil {
			tb.Fatal(err)
		}
		out, err := envelope.ParsePrivate([]byte(strings.Replace(string(public), "{", `{"d":"`+b64(string(d[:]))+`",`, 1)))
		if err != nil {
			tb.Fatal(err)
		}
		return out
	})
}

func worldOf(alg string, key func(u gateway.Use, alg, word string) *envelope.Private) world {
	return world{
		office: key(gateway.UseMessage, alg, "office"), evidence: key(gateway.UseEvidence, alg, "evidence"),
		assertion: key(gateway.UseAssertion, alg, "assertion"), binding: key(gateway.UseBinding, alg, "binding"),
		coordinator: key(gateway.UseEncryption, "ECDH-ES+A256KW", "coordinator"),
		protection:  key(gateway.UseEncryption, "ECDH-ES+A256KW", "protection"),
		thumbprint:  strings.Repeat("A", 43),
		kind: gateway.Type{
			Name: "referral.request/1.0", Topic: "referral", Frame: "request", Must: []string{"subject", "needs"},
			Fields: map[string][]string{"subject": {"decidedBy", "phase"}}, Digests: 12,
		},
	}
}

func (w world) head() gateway.Head {
	return gateway.Head{
		ID: jti, Issuer: "ba/coordinator", Audience: "rs/coordinator", IssuedAt: at, Expires: at.Add(72 * time.Hour),
		Confirmation: w.binding.ID(), Type: w.kind.Name, Codes: "2026-11", Thread: thread, Lane: gateway.Normal,
		AnswerBy: at.Add(48 * time.Hour), Purpose: "assistance", Basis: "ba-rs-2019/art-6",
		Agreement: gateway.Agreement{State: "given", By: "person"}, Attests: []string{"protection-checked"}, Act: []string{"housing", "legal-aid"},
	}
}

func (w world) key(k *envelope.Private, p gateway.Party) gateway.Key {
	return k.Key(p, at.Add(-time.Hour), at.Add(24*90*time.Hour), w.thumbprint)
}

func (w world) place(block, role string) envelope.Place {
	return envelope.Place{Issuer: "ba/coordinator", ID: jti, Role: role, Pointer: "/" + block + "@" + role}
}

func (w world) seal(tb testing.TB, block, role, content string, size int) string {
	tb.Helper()
	k := w.coordinator
	if role == "child-protection" {
		k = w.protection
	}
	s, err := envelope.Seal([]byte(content), size, w.key(k, gateway.Party("rs/"+role)), w.place(block, role))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (w world) draft(tb testing.TB) envelope.Draft {
	tb.Helper()
	return envelope.Draft{
		Head: w.head(), Type: w.kind,
		Clear: map[string]map[string]any{
			"subject": {"child": "age-disputed", "decidedBy": "mobile-team", "phase": "presumed"},
			"needs":   {"n1": map[string]any{"code": "housing", "days": json.Number("14")}},
		},
		Sealed: map[string]string{
			"facts@coordinator":       w.seal(tb, "facts", "coordinator", `{"note":"`+canary+`"}`, 4096),
			"health@child-protection": w.seal(tb, "health", "child-protection", `{"finding":"`+canary+`"}`, 1024),
		},
	}
}

func (w world) sign(tb testing.TB, d envelope.Draft) []byte {
	tb.Helper()
	raw, err := envelope.Sign(d, w.office, w.thumbprint, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func (w world) message(tb testing.TB) []byte {
	tb.Helper()
	return w.sign(tb, w.draft(tb))
}

func decode(tb testing.TB, raw []byte) gateway.Parts {
	tb.Helper()
	p, err := envelope.Codec{}.Decode(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// bind releases the units that keep names, as the gateway does.
func (w world) bind(tb testing.TB, raw []byte, keep func(string) bool) gateway.Bound {
	tb.Helper()
	p := decode(tb, raw)
	var (
		units    []gateway.Unit
		released []string
	)
	for _, u := range p.Units {
		if keep(u.Name) {
			units, released = append(units, u), append(released, u.Name)
		}
	}
	b, err := envelope.Binder{Keys: []*envelope.Private{w.binding}}.Bind(p.Core, units, gateway.Binding{
		KeyID: p.Head.Confirmation, Delivery: "0199a3b4-1111-7000-8000-000000000002", Audience: "rs/coordinator", IssuedAt: at.Add(time.Minute),
		Released: released, Policy: strings.Repeat("P", 42) + "A", Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "trm.example/2026", N: 7},
	}, w.key(w.coordinator, "rs/coordinator"))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func (w world) unwrap(tb testing.TB, wrapped string) []byte {
	tb.Helper()
	raw, err := envelope.Unwrap(wrapped, w.coordinator)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func (w world) lookup(kid string) (gateway.Key, bool) {
	return w.key(w.binding, gateway.TheGateway), kid == w.binding.ID()
}

func unitNames(p gateway.Parts) []string {
	var names []string
	for _, u := range p.Units {
		names = append(names, u.Name)
	}
	return names
}

func all(string) bool { return true }

func but(name string) func(string) bool { return func(u string) bool { return u != name } }
