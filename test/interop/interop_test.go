package interop

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

const (
	jti      = "0199a3b4-5c6d-7e8f-9a0b-1c2d3e4f5a6b"
	thread   = "0199a3b4-0000-7000-8000-000000000001"
	delivery = "0199a3b4-1111-7000-8000-000000000002"
)

var (
	at    = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	place = envelope.Place{Issuer: "ba/coordinator", ID: jti, Role: "child-protection", Pointer: "/health@child-protection"}
)

type world struct{ office, binding, evidence, recipient, protection *envelope.Private }

func newWorld(t *testing.T, alg string) world {
	t.Helper()
	key := func(use gateway.Use, alg string) *envelope.Private {
		k, err := envelope.Generate(use, alg)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	return world{
		office: key(gateway.UseMessage, alg), binding: key(gateway.UseBinding, alg), evidence: key(gateway.UseEvidence, alg),
		recipient: key(gateway.UseEncryption, "ECDH-ES+A256KW"), protection: key(gateway.UseEncryption, "ECDH-ES+A256KW"),
	}
}

func listed(k *envelope.Private, p gateway.Party) gateway.Key {
	return k.Key(p, at.Add(-time.Hour), at.Add(time.Hour), strings.Repeat("A", 43))
}

func (w world) lookup(kid string) (gateway.Key, bool) {
	return listed(w.binding, gateway.TheGateway), kid == w.binding.ID()
}

func (w world) head() gateway.Head {
	return gateway.Head{
		ID: jti, Issuer: "ba/coordinator", Audience: "rs/coordinator", IssuedAt: at, Expires: at.Add(72 * time.Hour),
		Confirmation: w.binding.ID(), Type: "referral.request/1.0", Codes: "2026-11", Thread: thread, Lane: gateway.Child,
		AnswerBy: at.Add(24 * time.Hour), Purpose: "assistance", Basis: "art-6", Agreement: gateway.Agreement{State: "given", By: "guardian", Heard: true},
		Act: []string{"housing"},
	}
}

func (w world) message(t *testing.T) []byte {
	t.Helper()
	sealed, err := envelope.Seal([]byte(`{"finding":"измишљено"}`), 1024, listed(w.protection, "rs/child-protection"), place)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := envelope.Sign(envelope.Draft{
		Head: w.head(), Type: gateway.Type{Digests: 8, Fields: map[string][]string{"subject": {"decidedBy", "phase"}}},
		Clear: map[string]map[string]any{
			"subject": {"child": "yes", "decidedBy": "mobile-team", "phase": "presumed"},
			"needs":   {"n1": map[string]any{"code": "housing", "days": json.Number("14")}},
		},
		Sealed: map[string]string{"health@child-protection": sealed},
	}, w.office, strings.Repeat("A", 43), nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// deliver binds and wraps what keep names, as the gateway does.
func (w world) deliver(t *testing.T, raw []byte, keep func(unit string) bool) gateway.Bound {
	t.Helper()
	p := decode(t, raw)
	units := slices.DeleteFunc(p.Units, func(u gateway.Unit) bool { return !keep(u.Name) })
	b := gateway.Binding{
		KeyID: p.Head.Confirmation, Delivery: delivery, Audience: "rs/coordinator", IssuedAt: at, Policy: strings.Repeat("A", 43),
		Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "trm.example/2026", N: 1},
	}
	for _, u := range units {
		b.Released = append(b.Released, u.Name)
	}
	bound, err := envelope.Binder{Keys: []*envelope.Private{w.binding}}.Bind(p.Core, units, b, listed(w.recipient, "rs/coordinator"))
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

func decode(t *testing.T, raw []byte) gateway.Parts {
	t.Helper()
	p, err := envelope.Codec{}.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func public(t *testing.T, k *envelope.Private) json.RawMessage {
	t.Helper()
	raw, _, err := envelope.MarshalPublic(k.Public(), k.Use())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func private(t *testing.T, k *envelope.Private) json.RawMessage {
	t.Helper()
	raw, err := k.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// sameClaims compares Go's processed document with the claims of @sd-jwt/core.
func sameClaims(t *testing.T, p gateway.Parts, r result) {
	t.Helper()
	var got struct{ Claims, Binding map[string]any }
	r.into(t, &got)
	raw, err := json.Marshal(p.Document)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Claims); diff != "" {
		t.Errorf("claims (-ours +@sd-jwt/core's):\n%s", diff)
	}
}

func TestWhatWeMakeOthersVerify(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, alg)
			whole := w.message(t)
			bound := w.deliver(t, whole, func(u string) bool { return u != "subject/decidedBy" })
			reduced, err := envelope.Unwrap(bound.Wrapped, w.recipient)
			if err != nil {
				t.Fatal(err)
			}
			robbed, err := envelope.Drop(reduced, func(u string) bool { return u != "needs" })
			if err != nil {
				t.Fatal(err)
			}
			dropped, err := envelope.Drop(whole, func(u string) bool { return u == "subject" })
			if err != nil {
				t.Fatal(err)
			}
			sealed := decode(t, reduced).Document["health@child-protection"]
			office, holder, now := public(t, w.office), public(t, w.binding), at.Unix()
			sdjwt := func(raw []byte, nonce string) job {
				j := job{"op": "sdjwt", "envelope": json.RawMessage(raw), "jwk": office, "now": now}
				if nonce != "" {
					j["holder"], j["nonce"] = holder, nonce
				}
				return j
			}
			r := ask(t,
				job{"op": "flattened", "envelope": json.RawMessage(whole), "jwk": office},
				job{"op": "flattened", "envelope": json.RawMessage(reduced), "jwk": office},
				sdjwt(whole, ""), sdjwt(dropped, ""), sdjwt(reduced, delivery),
				sdjwt(robbed, delivery), sdjwt(reduced, jti), sdjwt(whole, delivery),
				job{"op": "open", "jwe": sealed, "jwk": private(t, w.protection)},
				job{"op": "open", "jwe": bound.Wrapped, "jwk": private(t, w.recipient)},
				job{"op": "open", "jwe": sealed, "jwk": private(t, w.recipient)},
				job{"op": "thumbprint", "jwk": office},
			)
			for i, name := range []string{"the whole envelope", "the reduced envelope"} {
				var jws struct{ Header map[string]any }
				r[i].into(t, &jws)
				if jws.Header["typ"] != "trm+sd-jwt" || jws.Header["kid"] != w.office.ID() {
					t.Errorf("%s: header %v", name, jws.Header)
				}
			}
			sameClaims(t, decode(t, whole), r[2])
			sameClaims(t, decode(t, dropped), r[3])
			sameClaims(t, decode(t, reduced), r[4])
			for i, want := range map[int]string{5: "sd_hash", 6: "Nonce", 7: "Key Binding JWT not exist"} {
				if !strings.Contains(r[i].Error, want) {
					t.Errorf("answer %d: got %q %s, want an error about %s", i, r[i].Error, r[i].OK, want)
				}
			}
			if _, err := envelope.CheckBinding(decode(t, robbed), w.lookup, delivery); gateway.AsProblem(err).Code != gateway.CodeBinding {
				t.Errorf("one more left out, in Go: %v", err)
			}
			var opened struct {
				Plaintext string
				Header    map[string]any
			}
			r[8].into(t, &opened)
			if len(opened.Plaintext) != 1024 || strings.TrimRight(opened.Plaintext, " ") != `{"finding":"измишљено"}` || opened.Header["ptr"] != place.Pointer {
				t.Errorf("the sealed unit opened to %d bytes at %v", len(opened.Plaintext), opened.Header["ptr"])
			}
			r[9].into(t, &opened)
			if opened.Plaintext != string(reduced) || opened.Header["jti"] != delivery {
				t.Errorf("the delivery opened to %d bytes as %v", len(opened.Plaintext), opened.Header["jti"])
			}
			if r[10].Error == "" {
				t.Error("another role's key opened the sealed unit")
			}
			var id string
			if r[11].into(t, &id); id != w.office.ID() {
				t.Errorf("thumbprint: got %s, want %s", id, w.office.ID())
			}
		})
	}
}

// made is a private key of JavaScript's, with our use added.
func made(t *testing.T, r result, use gateway.Use) *envelope.Private {
	t.Helper()
	var jwk map[string]any
	r.into(t, &jwk)
	jwk["trm_use"] = string(use)
	raw, err := json.Marshal(jwk)
	if err != nil {
		t.Fatal(err)
	}
	k, err := envelope.ParsePrivate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatOthersMakeWeVerify(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			signing, closing := job{"op": "keys", "alg": alg}, job{"op": "keys", "alg": "ECDH-ES+A256KW"}
			k := ask(t, signing, signing, signing, closing, closing)
			w := world{
				office: made(t, k[0], gateway.UseMessage), binding: made(t, k[1], gateway.UseBinding), evidence: made(t, k[2], gateway.UseEvidence),
				recipient: made(t, k[3], gateway.UseEncryption), protection: made(t, k[4], gateway.UseEncryption),
			}
			content := `{"finding":"izmišljeno"}`
			r := ask(t,
				job{"op": "seal", "plaintext": content + strings.Repeat(" ", 1024-len(content)), "jwk": public(t, w.protection), "header": job{
					"kid": w.protection.ID(), "typ": "trm-unit+jwe", "iss": "ba/coordinator", "jti": jti, "role": place.Role, "ptr": place.Pointer,
				}},
				job{"op": "compact", "jwk": private(t, w.evidence), "header": job{"alg": alg, "kid": w.evidence.ID(), "typ": "trm-evidence+jwt"}, "payload": job{
					"jti": thread, "iss": "rs/coordinator", "iat": at.Unix(), "event": "ContentConsignment", "delivery": delivery,
					"message": job{"iss": "ba/coordinator", "jti": jti},
				}},
			)
			var sealed, evidence string
			r[0].into(t, &sealed)
			r[1].into(t, &evidence)
			plain, err := envelope.Unseal(sealed, w.protection, place)
			if err != nil || string(plain) != content {
				t.Errorf("unsealing gave %d bytes, %v", len(plain), err)
			}
			s, kid, err := envelope.Codec{}.Examine(evidence)
			if err != nil || kid != w.evidence.ID() || s.Event != gateway.ContentConsignment || s.Message.ID != jti {
				t.Errorf("evidence: %+v by %s, %v", s, kid, err)
			}
			if err := (envelope.Codec{}).Check(evidence, listed(w.evidence, "rs/coordinator")); err != nil {
				t.Errorf("evidence: %v", err)
			}

			raw := issue(t, w, alg, sealed)
			p := decode(t, raw)
			if err := (envelope.Codec{}).Verify(p, listed(w.office, "ba/coordinator")); err != nil {
				t.Errorf("verifying: %v", err)
			}
			if diff := cmp.Diff(w.head(), p.Head); diff != "" {
				t.Errorf("head (-want +got):\n%s", diff)
			}
			want := map[string]any{"child": "yes", "decidedBy": "mobile-team", "phase": "presumed"}
			if diff := cmp.Diff(want, p.Document["subject"]); diff != "" {
				t.Errorf("subject (-want +got):\n%s", diff)
			}
			checkForeignBinding(t, w, alg, raw)
		})
	}
}

// issue lets @sd-jwt/core make the message.
func issue(t *testing.T, w world, alg, sealed string) []byte {
	t.Helper()
	h := w.head()
	r := ask(t, job{
		"op": "issue", "jwk": private(t, w.office),
		"header": job{
			"kid": w.office.ID(), "typ": "trm+sd-jwt", "cty": "application/trm+json", "iat": at.Unix(), "x5t#S256": strings.Repeat("A", 43),
		},
		"claims": job{
			"jti": h.ID, "iss": h.Issuer, "aud": h.Audience, "iat": h.IssuedAt.Unix(), "exp": h.Expires.Unix(), "cnf": job{"kid": h.Confirmation},
			"type": h.Type, "codes": h.Codes, "thread": h.Thread, "lane": h.Lane, "answerBy": h.AnswerBy.Format(time.RFC3339), "purpose": h.Purpose,
			"basis": h.Basis, "agreement": job{"state": "given", "by": "guardian", "heard": true}, "act": h.Act,
			"subject":                 job{"child": "yes", "decidedBy": "mobile-team", "phase": "presumed"},
			"health@child-protection": sealed,
		},
		"frame": job{
			"_sd": []string{"subject", "health@child-protection"}, "_sd_decoy": 3,
			"subject": job{"_sd": []string{"decidedBy", "phase"}, "_sd_decoy": 1},
		},
	})
	return r[0].OK
}

// checkForeignBinding lets jose sign the binding of a message that lost its sealed unit.
func checkForeignBinding(t *testing.T, w world, alg string, raw []byte) {
	t.Helper()
	reduced, err := envelope.Drop(raw, func(u string) bool { return u != "health@child-protection" })
	if err != nil {
		t.Fatal(err)
	}
	var e map[string]any
	if err := json.Unmarshal(reduced, &e); err != nil {
		t.Fatal(err)
	}
	header := e["header"].(map[string]any)
	hash := sha256.New()
	hash.Write([]byte(e["protected"].(string) + "." + e["payload"].(string) + "." + e["signature"].(string) + "~"))
	for _, d := range header["disclosures"].([]any) {
		hash.Write([]byte(d.(string) + "~"))
	}
	r := ask(t, job{"op": "compact", "jwk": private(t, w.binding), "header": job{"alg": alg, "kid": w.binding.ID(), "typ": "kb+jwt"}, "payload": job{
		"iat": at.Unix(), "aud": "rs/coordinator", "nonce": delivery, "sd_hash": base64.RawURLEncoding.EncodeToString(hash.Sum(nil)),
		"released": []string{"subject", "subject/decidedBy", "subject/phase"}, "policy": strings.Repeat("A", 43),
		"pair": job{"from": "ba", "to": "rs", "origin": "trm.example/2026", "n": 1},
	}})
	var kb string
	r[0].into(t, &kb)
	header["kb_jwt"] = kb
	bound, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := envelope.CheckBinding(decode(t, bound), w.lookup, delivery); err != nil {
		t.Errorf("binding: %v", err)
	}
	wrapped := ask(t, job{"op": "seal", "plaintext": string(bound), "jwk": public(t, w.recipient), "header": job{
		"kid": w.recipient.ID(), "typ": "trm-delivery+jwe", "jti": delivery,
	}})
	var jwe string
	wrapped[0].into(t, &jwe)
	if got, err := envelope.Unwrap(jwe, w.recipient); err != nil || string(got) != string(bound) {
		t.Errorf("unwrapping gave %d bytes, %v", len(got), err)
	}
}
