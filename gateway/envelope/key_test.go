package envelope_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func TestAKeyReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		use gateway.Use
		alg string
	}{{gateway.UseMessage, "ES256"}, {gateway.UseDirectory, "EdDSA"}, {gateway.UseEncryption, "ECDH-ES+A256KW"}} {
		k, err := envelope.Generate(c.use, c.alg)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := k.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := envelope.ParsePrivate(raw)
		if err != nil {
			t.Fatal(err)
		}
		if again.ID() != k.ID() || again.Alg() != c.alg || again.Use() != c.use {
			t.Errorf("%s: read as %s, %s, %s", c.use, again.ID(), again.Alg(), again.Use())
		}
		if (again.Signer() == nil) != (c.use == gateway.UseEncryption) {
			t.Errorf("%s: signer is %v", c.use, again.Signer())
		}
		pub, id, err := envelope.MarshalPublic(k.Public(), c.use)
		if err != nil || id != k.ID() {
			t.Fatalf("%s: %s, %v", c.use, id, err)
		}
		got, id, alg, err := envelope.ParsePublic(pub)
		if err != nil || id != k.ID() || alg != c.alg {
			t.Errorf("%s: public key read as %s, %s, %v", c.use, id, alg, err)
		}
		if !got.(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Public()) {
			t.Errorf("%s: another public key", c.use)
		}
		if _, _, _, err := envelope.ParsePublic(raw); err == nil {
			t.Errorf("%s: a private key was read as a public one", c.use)
		}
		if _, err := envelope.ParsePrivate(pub); err == nil {
			t.Errorf("%s: a public key was read as a private one", c.use)
		}
	}
}

func TestAKeysIDIsTheThumbprintThatJWXComputes(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"ES256", "EdDSA"} {
		k, err := envelope.Generate(gateway.UseMessage, alg)
		if err != nil {
			t.Fatal(err)
		}
		j, err := jwk.FromRaw(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		want, err := j.Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if k.ID() != b64(string(want)) {
			t.Errorf("%s: got %s, want %s", alg, k.ID(), b64(string(want)))
		}
	}
}

// RFC 7638, Section 3.1 has an RSA key alone; this is RFC 8037's, Appendix A.3.
func TestAnEd25519KeysIDIsTheRFCs(t *testing.T) {
	t.Parallel()
	_, id, _, err := envelope.ParsePublic([]byte(`{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	if err != nil || id != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("got %s, %v", id, err)
	}
}

func TestKeysThatAreNotOursAreRefused(t *testing.T) {
	t.Parallel()
	k, err := envelope.Generate(gateway.UseMessage, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := envelope.MarshalPublic(k.Public(), gateway.UseMessage)
	if err != nil {
		t.Fatal(err)
	}
	other, err := envelope.Generate(gateway.UseMessage, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	var j map[string]string
	if err := json.Unmarshal(raw, &j); err != nil {
		t.Fatal(err)
	}
	spoil := func(change func(m map[string]any)) string {
		m := map[string]any{}
		for k, v := range j {
			m[k] = v
		}
		change(m)
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	set := func(name string, v any) string { return spoil(func(m map[string]any) { m[name] = v }) }
	for name, text := range map[string]string{
		"nothing":                    "",
		"a list":                     "[]",
		"two keys":                   string(raw) + string(raw),
		"a set of keys":              `{"keys":[` + string(raw) + `]}`,
		"a symmetric key":            `{"kty":"oct","k":"` + strings.Repeat("A", 43) + `","alg":"HS256"}`,
		"an RSA key":                 `{"kty":"RSA","n":"AQAB","e":"AQAB","alg":"RS256"}`,
		"another curve":              set("crv", "P-384"),
		"secp256k1":                  set("crv", "secp256k1"),
		"X25519":                     `{"kty":"OKP","crv":"X25519","alg":"ECDH-ES+A256KW","x":"` + j["x"] + `"}`,
		"no alg":                     spoil(func(m map[string]any) { delete(m, "alg") }),
		"alg none":                   set("alg", "none"),
		"another key's alg":          set("alg", "EdDSA"),
		"encryption for a signature": set("use", "enc"),
		"a kid that is a name":       set("kid", "key-1"),
		"another key's kid":          set("kid", other.ID()),
		"a point that is not on it":  set("y", j["x"]),
		"no y":                       spoil(func(m map[string]any) { delete(m, "y") }),
		"a short x":                  set("x", j["x"][:42]),
		"a padded x":                 set("x", j["x"]+"="),
		"a member that is not known": set("key_ops", []string{"verify"}),
		"x twice":                    strings.Replace(string(raw), `{`, `{"x":"AA",`, 1),
		"more than 4 KiB":            string(raw) + strings.Repeat(" ", 4<<10),
	} {
		if _, _, _, err := envelope.ParsePublic([]byte(text)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	priv, err := k.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := envelope.ParsePrivate([]byte(strings.Replace(string(priv), `"trm_use":"message"`, `"trm_use":"encryption"`, 1))); err == nil {
		t.Error("a signing key was read for encryption")
	}
	mixed := strings.Replace(strings.Replace(string(priv), j["x"], field(t, other, "x"), 1), j["y"], field(t, other, "y"), 1)
	mixed = strings.Replace(mixed, k.ID(), other.ID(), 1)
	if _, err := envelope.ParsePrivate([]byte(mixed)); err == nil {
		t.Error("two halves of two keys were read as one")
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := envelope.MarshalPublic(&p384.PublicKey, gateway.UseMessage); err == nil {
		t.Error("a key on P-384 was written")
	}
	ed, err := envelope.Generate(gateway.UseMessage, "EdDSA")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := envelope.MarshalPublic(ed.Public(), gateway.UseEncryption); err == nil {
		t.Error("an Ed25519 key was written for encryption")
	}
	for _, c := range []struct {
		use gateway.Use
		alg string
	}{{gateway.UseMessage, "ECDH-ES+A256KW"}, {gateway.UseEncryption, "ES256"}, {gateway.UseMessage, "RS256"}, {"signing", "ES256"}, {"", "ES256"}} {
		if _, err := envelope.Generate(c.use, c.alg); err == nil {
			t.Errorf("generated %s for %q", c.alg, c.use)
		}
	}
}

func field(t *testing.T, k *envelope.Private, name string) string {
	t.Helper()
	raw, _, err := envelope.MarshalPublic(k.Public(), k.Use())
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]string
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m[name]
}

func TestAPrivateKeyIsInNoLogAndNoError(t *testing.T) {
	t.Parallel()
	k, err := envelope.Generate(gateway.UseMessage, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := k.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var j map[string]string
	if err := json.Unmarshal(raw, &j); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("made a key", "key", k)
	slog.New(slog.NewTextHandler(&b, nil)).Info("made a key", "key", k)
	fmt.Fprintf(&b, "%v %+v %#v %s %x %d", k, k, k, k, k, k)
	fmt.Fprint(&b, fmt.Errorf("signing with %v", k))
	said := b.String()
	d := un64(t, j["d"])
	for _, form := range []string{j["d"], d, fmt.Sprintf("%x", d), fmt.Sprint([]byte(d))} {
		if strings.Contains(said, form) {
			t.Error("the private number was printed")
		}
	}
	if !strings.Contains(said, k.ID()) {
		t.Error("the key's id was not printed: the test looks at nothing")
	}
}
