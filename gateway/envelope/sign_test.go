package envelope_test

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func TestAHeadReadsAsItWasSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	full := w.head()
	full.InReplyTo, full.Supersedes, full.Target = thread, thread, jti
	full.Outcome, full.EffectiveAt, full.AckBy = "partly", at.Add(time.Hour), at.Add(2*time.Hour)
	full.Test, full.Via, full.Lane = true, "selec/liaison", gateway.Urgent
	full.Agreement = gateway.Agreement{State: "not-asked", Reason: "danger-to-life", By: "authority", Heard: true}
	full.Attests = []string{"family-excluded", "protection-checked"}
	least := gateway.Head{
		ID: jti, Issuer: "me/mobile-team.2", Audience: "rs/coordinator", IssuedAt: at, Expires: at.Add(time.Hour),
		Confirmation: w.binding.ID(), Type: "capacity.request/1.0", Codes: "2026-11", Thread: thread, Lane: gateway.Child, Purpose: "assistance",
	}
	for _, want := range []gateway.Head{full, least} {
		raw := w.sign(t, envelope.Draft{Head: want, Type: gateway.Type{Digests: 3}, Clear: map[string]map[string]any{"needs": nil}})
		if diff := cmp.Diff(want, decode(t, raw).Head); diff != "" {
			t.Errorf("head (-want +got):\n%s", diff)
		}
	}
}

func TestWhatIsSignedTellsNothingByLengthOrOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	f, g := forge(t, w.message(t)), forge(t, w.message(t))
	var a, b struct {
		SD []string `json:"_sd"`
	}
	for text, into := range map[string]any{f.payload: &a, g.payload: &b} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.SD) != w.kind.Digests || len(b.SD) != w.kind.Digests {
		t.Errorf("%d and %d digests, want %d", len(a.SD), len(b.SD), w.kind.Digests)
	}
	if !slices.IsSorted(a.SD) {
		t.Error("the digests are not sorted")
	}
	for _, s := range a.SD {
		if slices.Contains(b.SD, s) {
			t.Error("two messages share a digest, or a decoy")
		}
	}
	var subject []any
	if err := json.Unmarshal([]byte(un64(t, f.disclosures[f.find("subject")])), &subject); err != nil {
		t.Fatal(err)
	}
	if n := len(subject[2].(map[string]any)["_sd"].([]any)); n != len(w.kind.Fields["subject"]) {
		t.Errorf("%d digests in the block, want %d", n, len(w.kind.Fields["subject"]))
	}
	salts := map[string]bool{}
	for _, d := range slices.Concat(f.disclosures, g.disclosures) {
		salt := un64(t, d)[2:24]
		if raw, err := base64.RawURLEncoding.Strict().DecodeString(salt); err != nil || len(raw) != 16 {
			t.Errorf("a salt of %d bytes, %v", len(raw), err)
		}
		salts[salt] = true
	}
	if len(salts) != len(f.disclosures)+len(g.disclosures) {
		t.Error("two disclosures share a salt")
	}
}

// A coordinate that begins with zero bytes is written in full, or the length of every
// 128th seal would differ.
func TestEverySealHasOneLength(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	want := len(w.seal(t, "health", "child-protection", `{}`, 1024))
	for i := range 600 {
		if got := len(w.seal(t, "health", "child-protection", `{"a":`+strings.Repeat("1", i)+`}`, 1024)); got != want {
			t.Fatalf("%d letters, want %d", got, want)
		}
	}
}

func TestSigningLeavesTheDraftAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	d := w.draft(t)
	before := maps.Clone(d.Clear["subject"])
	w.sign(t, d)
	if diff := cmp.Diff(before, d.Clear["subject"]); diff != "" {
		t.Errorf("the block (-before +after):\n%s", diff)
	}
}

func TestACertificateTravelsInTheHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "TEST"}, NotBefore: at, NotAfter: at.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, w.office.Public(), w.office.Signer())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	thumbprint := b64(string(sum[:]))
	raw, err := envelope.Sign(w.draft(t), w.office, thumbprint, [][]byte{der})
	if err != nil {
		t.Fatal(err)
	}
	p := decode(t, raw)
	if p.Header.Thumbprint != thumbprint {
		t.Errorf("thumbprint: got %s, want %s", p.Header.Thumbprint, thumbprint)
	}
	if err := (envelope.Codec{}).Verify(p, w.key(w.office, "ba/coordinator")); err != nil {
		t.Error(err)
	}
	var h map[string]any
	if err := json.Unmarshal([]byte(un64(t, p.Core.Protected)), &h); err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(h))
	if diff := cmp.Diff([]string{"alg", "cty", "iat", "kid", "typ", "x5c", "x5t#S256"}, names); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if _, err := envelope.Sign(w.draft(t), w.office, w.thumbprint, [][]byte{der}); gateway.AsProblem(err).Code != gateway.CodeHeaderUnknown {
		t.Errorf("a thumbprint that does not name the certificate: %v", err)
	}
}

func TestADraftThatTheGatewayWouldRefuseIsNotSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	for _, c := range []struct {
		name   string
		change func(*envelope.Draft)
	}{
		{"more units than digests", func(d *envelope.Draft) { d.Type.Digests = 3 }},
		{"no digests", func(d *envelope.Draft) { d.Type.Digests, d.Clear, d.Sealed = 0, nil, nil }},
		{"no id", func(d *envelope.Draft) { d.Head.ID = "" }},
		{"attestations out of order", func(d *envelope.Draft) { d.Head.Attests = []string{"b", "a"} }},
		{"a time before 1970", func(d *envelope.Draft) { d.Head.IssuedAt = time.Time{} }},
		{"a reserved name in a block", func(d *envelope.Draft) { d.Clear["needs"] = map[string]any{"_sd": []string{canary}} }},
		{"a reserved name deep in a block", func(d *envelope.Draft) { d.Clear["needs"] = map[string]any{"a": []any{map[string]any{"...": canary}}} }},
		{"two names that differ in case", func(d *envelope.Draft) { d.Clear["needs"] = map[string]any{"a": canary, "A": 1} }},
		{"a value that JSON does not have", func(d *envelope.Draft) { d.Clear["needs"] = map[string]any{"a": json.Number(canary)} }},
		{"a fraction that others would round", func(d *envelope.Draft) { d.Clear["needs"] = map[string]any{"a": 0.12345678} }},
		{"a block named like a claim", func(d *envelope.Draft) { d.Clear["lane"] = map[string]any{} }},
		{"a block that is no name", func(d *envelope.Draft) { d.Clear[canary] = map[string]any{} }},
		{"a seal that is none", func(d *envelope.Draft) { d.Sealed["note@coordinator"] = canary }},
		{"a seal for another role", func(d *envelope.Draft) { d.Sealed["health@coordinator"] = d.Sealed["health@child-protection"] }},
		{"more than 256 KiB", func(d *envelope.Draft) { d.Clear["needs"] = map[string]any{"a": strings.Repeat("x", 200<<10)} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := w.draft(t)
			c.change(&d)
			raw, err := envelope.Sign(d, w.office, w.thumbprint, nil)
			if err == nil {
				t.Fatalf("signed %d bytes", len(raw))
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error holds a value of the message: %v", err)
			}
		})
	}
	for _, k := range []*envelope.Private{w.evidence, w.binding, w.coordinator} {
		if _, err := envelope.Sign(w.draft(t), k, w.thumbprint, nil); err == nil {
			t.Errorf("signed with a key of use %s", k.Use())
		}
	}
	if _, err := envelope.Sign(w.draft(t), w.office, "", nil); gateway.AsProblem(err).Code != gateway.CodeHeaderUnknown {
		t.Errorf("no thumbprint: %v", err)
	}
}

func TestABlockWithoutContentIsAnEmptyObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	raw := w.sign(t, envelope.Draft{Head: w.head(), Type: w.kind, Clear: map[string]map[string]any{"subject": nil, "needs": nil}})
	p := decode(t, raw)
	for _, block := range []string{"subject", "needs"} {
		if diff := cmp.Diff(map[string]any{}, p.Document[block]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", block, diff)
		}
	}
	if diff := cmp.Diff([]string{"needs", "subject"}, unitNames(p)); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
}
