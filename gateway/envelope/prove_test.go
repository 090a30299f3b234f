package envelope_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func TestASignatureIsProvenByTheDirectorysKeyAndItsAlgorithmAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	p := decode(t, w.message(t))
	good := w.key(w.office, "ba/coordinator")
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edKey, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(s string) string { // another letter in the middle
		c := byte('A')
		if s[40] == c {
			c = 'B'
		}
		return s[:40] + string(c) + s[41:]
	}
	for _, c := range []struct {
		name   string
		code   gateway.Code
		parts  func(*gateway.Parts)
		change func(*gateway.Key)
	}{
		{"another party's key under the same id", gateway.CodeSignature, nil, func(k *gateway.Key) { k.Public = w.evidence.Public() }},
		{"a key with another id", gateway.CodeKeyUnknown, nil, func(k *gateway.Key) { k.ID = w.evidence.ID() }},
		{"a key of use evidence", gateway.CodeKeyNotValid, nil, func(k *gateway.Key) { k.Use = gateway.UseEvidence }},
		{"a key of use encryption", gateway.CodeKeyNotValid, nil, func(k *gateway.Key) { k.Use = gateway.UseEncryption }},
		{"a directory that lists EdDSA", gateway.CodeAlgorithm, nil, func(k *gateway.Key) { k.Alg = "EdDSA" }},
		{"a directory that lists an algorithm of its own", gateway.CodeAlgorithm, nil, func(k *gateway.Key) { k.Alg = "HS256" }},
		{"a key on P-384", gateway.CodeAlgorithm, nil, func(k *gateway.Key) { k.Public = &p384.PublicKey }},
		{"an RSA key", gateway.CodeAlgorithm, nil, func(k *gateway.Key) { k.Public = &rsaKey.PublicKey }},
		{"an Ed25519 key listed for ES256", gateway.CodeAlgorithm, nil, func(k *gateway.Key) { k.Public = edKey }},
		{"bytes for a key", gateway.CodeAlgorithm, nil, func(k *gateway.Key) { k.Public = []byte("secret") }},
		{"no key", gateway.CodeAlgorithm, nil, func(k *gateway.Key) { k.Public = nil }},
		{"a nil pointer for a key", gateway.CodeAlgorithm, nil, func(k *gateway.Key) { k.Public = (*ecdsa.PublicKey)(nil) }},
		{"a changed payload", gateway.CodeSignature, func(p *gateway.Parts) { p.Core.Payload = flipped(p.Core.Payload) }, nil},
		{"a changed signature", gateway.CodeSignature, func(p *gateway.Parts) { p.Core.Signature = flipped(p.Core.Signature) }, nil},
		{"a signature of zeros", gateway.CodeSignature, func(p *gateway.Parts) { p.Core.Signature = strings.Repeat("A", 86) }, nil},
		{"an algorithm that the header changed after signing", gateway.CodeAlgorithm, func(p *gateway.Parts) { p.Header.Alg = "EdDSA" }, nil},
		{"a protected header in other letters", gateway.CodeSignature, func(p *gateway.Parts) {
			p.Core.Protected = b64(strings.Replace(un64(t, p.Core.Protected), `"alg"`, ` "alg"`, 1))
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			spoilt, k := p, good
			if c.parts != nil {
				c.parts(&spoilt)
			}
			if c.change != nil {
				c.change(&k)
			}
			err := envelope.Codec{}.Verify(spoilt, k)
			if got := gateway.AsProblem(err).Code; got != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
	if err := (envelope.Codec{}).Verify(p, good); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// JWS allows the twin (r, n−s) of an ES256 signature, so that this is no refusal; but it
// is another digest, and the gateway calls it another message under the same id.
func TestTheTwinOfASignatureVerifiesAndIsAnotherDigest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	f := forge(t, w.message(t))
	first := decode(t, f.bytes())
	sig, err := base64.RawURLEncoding.DecodeString(f.signature)
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(sig[32:]))
	f.signature = base64.RawURLEncoding.EncodeToString(append(sig[:32:32], s.FillBytes(make([]byte, 32))...))
	second := decode(t, f.bytes())
	if err := (envelope.Codec{}).Verify(second, w.key(w.office, "ba/coordinator")); err != nil {
		t.Errorf("verifying: %v", err)
	}
	if first.Digest == second.Digest {
		t.Error("the digest does not tell the twins apart")
	}
}

func TestADigestNamesTheBytesAsReceived(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	f := forge(t, w.message(t))
	p := decode(t, f.bytes())
	compact := strings.Join([]string{b64(f.protected), b64(f.payload), f.signature}, ".") + "~" + strings.Join(f.disclosures, "~") + "~"
	if got, want := p.Digest.String(), sum(compact); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	f.disclosures[0], f.disclosures[1] = f.disclosures[1], f.disclosures[0]
	if decode(t, f.bytes()).Digest == p.Digest {
		t.Error("another order of disclosures has the same digest")
	}
	f.disclosures[0], f.disclosures[1] = f.disclosures[1], f.disclosures[0]
	f.envelope = func(s string) string { return " " + strings.ReplaceAll(s, `,"`, ",\n\t\"") }
	if decode(t, f.bytes()).Digest != p.Digest {
		t.Error("white space of the JSON around it changes the digest")
	}
}
