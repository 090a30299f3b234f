package integration

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"example.org/trm/gateway/envelope"
)

// letter is a message taken apart, as an integrator's own code holds it who does not use
// ours: everything can be wrong in it, and still be signed.
type letter struct {
	header      map[string]any
	claims      map[string]any
	disclosures []string
}

var b64 = base64.RawURLEncoding

// unfold takes a signed message apart.
func unfold(t *testing.T, raw []byte) *letter {
	t.Helper()
	var w struct {
		Payload, Protected string
		Header             struct{ Disclosures []string }
	}
	l := &letter{}
	for _, err := range []error{json.Unmarshal(raw, &w), numbers(w.Protected, &l.header), numbers(w.Payload, &l.claims)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l.disclosures = w.Header.Disclosures
	return l
}

// numbers reads base64url JSON and keeps numbers as they were written.
func numbers(text string, v any) error {
	raw, err := b64.DecodeString(text)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(v)
}

// fold writes and signs it, with whatever key.
func (l *letter) fold(t *testing.T, k *envelope.Private) []byte {
	t.Helper()
	protected, payload := b64.EncodeToString(encoded(t, l.header)), b64.EncodeToString(encoded(t, l.claims))
	return encoded(t, map[string]any{
		"payload": payload, "protected": protected, "signature": signature(t, k, protected+"."+payload),
		"header": map[string]any{"disclosures": l.disclosures},
	})
}

// signature is that of RFC 7515, made with the standard library alone.
func signature(t *testing.T, k *envelope.Private, input string) string {
	t.Helper()
	switch key := k.Signer().(type) {
	case ed25519.PrivateKey:
		return b64.EncodeToString(ed25519.Sign(key, []byte(input)))
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		var out [64]byte
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return b64.EncodeToString(out[:])
	}
	t.Fatal("the key signs nothing")
	return ""
}

// disclosed finds the disclosure of a unit, and what it discloses.
func (l *letter) disclosed(t *testing.T, unit string) (place int, value any) {
	t.Helper()
	for i, text := range l.disclosures {
		var d []any
		if err := numbers(text, &d); err != nil {
			t.Fatal(err)
		}
		if d[1] == unit {
			return i, d[2]
		}
	}
	t.Fatalf("the message has no %s", unit)
	return 0, nil
}

// disclose replaces what a unit discloses, digest and all. The new value nil removes it,
// and puts the digest of nothing in its place.
func (l *letter) disclose(t *testing.T, unit string, value any) {
	t.Helper()
	i, _ := l.disclosed(t, unit)
	was := digest(l.disclosures[i])
	text := b64.EncodeToString(encoded(t, []any{b64.EncodeToString([]byte(rand.Text()))[:24], unit, value}))
	if value == nil {
		l.disclosures = append(l.disclosures[:i], l.disclosures[i+1:]...)
	} else {
		l.disclosures[i] = text
	}
	sd, _ := l.claims["_sd"].([]any)
	for i := range sd {
		if sd[i] == was {
			sd[i] = digest(text)
		}
	}
	// The profile wants the digests in order, so that it tells nothing.
	sorted(sd)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return b64.EncodeToString(sum[:])
}

func sorted(sd []any) {
	for i := range sd {
		for j := i; j > 0 && strings.Compare(fmt.Sprint(sd[j-1]), fmt.Sprint(sd[j])) > 0; j-- {
			sd[j-1], sd[j] = sd[j], sd[j-1]
		}
	}
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
