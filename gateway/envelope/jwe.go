package envelope

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"

	"example.org/trm/gateway"
)

// The one way in which this exchange encrypts (RFC 7518, Sections 4.6 and 5.3): compact
// serialisation, one recipient, no compression, no party information.
const (
	algKeyWrap = "ECDH-ES+A256KW"
	encContent = "A256GCM"

	typUnit     = "trm-unit+jwe"
	typDelivery = "trm-delivery+jwe"
	typDecision = "trm-decision+jwe"
)

const (
	maxClosed    = 2 * defaultBytes // of any compact JWE: a whole envelope, once more in base64url
	maxJWEHeader = 2 << 10
	keyBytes     = 40 // a wrapped AES-256 key
	ivBytes      = 12
	tagBytes     = 16
)

// closed is what the outside of a compact JWE says.
type closed struct {
	kid  string
	more claims // members beyond those that every JWE here has
	size int    // plaintext bytes: GCM does not pad
}

// readJWE checks the outside of a compact JWE before anything is decrypted: five parts
// in canonical base64url, of the lengths that the algorithms give, and a header of exactly
// alg, enc, epk, kid, typ and what the caller then reads from more. The ephemeral key is
// checked to be a point of P-256, without which ECDH tells an attacker about the private
// key. Problems have the code; more.done is the caller's to ask.
func readJWE(s, typ string, code gateway.Code) (closed, error) {
	fault := func(hint string) (closed, error) { return closed{}, gateway.Refuse(code, "", hint) }
	if len(s) > maxClosed {
		return fault("The JWE is too long.")
	}
	parts := strings.SplitN(s, ".", 6)
	if len(parts) != 5 {
		return fault("A JWE has five parts in compact serialisation.")
	}
	var n [5]int
	for i, p := range parts {
		b, err := decode64(p)
		if err != nil {
			return fault("Write base64url without padding, line breaks or stray bits.")
		}
		n[i] = len(b)
	}
	if n[0] > maxJWEHeader || n[1] != keyBytes || n[2] != ivBytes || n[4] != tagBytes {
		return fault("A part of the JWE does not have its length.")
	}
	left := budget(maxEnvelope)
	m, err := left.part(parts[0], "")
	if err != nil {
		return fault("The JWE's header is not well formed.")
	}
	c := claims{m: m, code: code}
	for _, name := range []string{"alg", "enc", "epk", "kid", "typ"} {
		c.need(name)
	}
	c.text("alg", func(s string) bool { return s == algKeyWrap })
	c.text("enc", func(s string) bool { return s == encContent })
	c.text("typ", func(s string) bool { return s == typ })
	kid := c.text("kid", isSum)
	epk := c.object("epk")
	for _, name := range []string{"kty", "crv", "x", "y"} {
		epk.need(name)
	}
	epk.text("kty", func(s string) bool { return s == "EC" })
	epk.text("crv", func(s string) bool { return s == "P-256" })
	x, y := epk.text("x", isSum), epk.text("y", isSum)
	c.close(epk)
	if c.err != nil {
		return fault("The JWE's header is not ECDH-ES+A256KW, A256GCM, P-256 with this typ.")
	}
	if _, err := pointOf(x, y); err != nil {
		return fault("The JWE's ephemeral key is not on P-256.")
	}
	return closed{kid: kid, more: c, size: n[3]}, nil
}

// done ends the reading of the header: nothing may be left.
func (c *closed) done() error {
	if c.more.err != nil || c.more.taken != len(c.more.m) {
		return gateway.Refuse(c.more.code, "", "The JWE's header does not hold exactly what its typ needs.")
	}
	return nil
}

// pointOf reads coordinates, each 32 bytes in base64url.
func pointOf(x, y string) (*ecdsa.PublicKey, error) {
	bx, errX := decode64(x)
	by, errY := decode64(y)
	if err := errors.Join(errX, errY); err != nil || len(bx) != 32 || len(by) != 32 {
		return nil, errors.New("coordinates do not have 32 bytes")
	}
	raw := append(append([]byte{4}, bx...), by...)
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
}

// encrypt closes plain for a key. The names in more are constants of this package: jwx
// does not escape them.
func encrypt(plain []byte, to gateway.Key, typ string, more map[string]string) (string, error) {
	pub, ok := to.Public.(*ecdsa.PublicKey)
	if !ok || to.Use != gateway.UseEncryption {
		return "", errors.New("encrypting: not an encryption key on P-256")
	}
	if err := checkP256(pub); err != nil {
		return "", fmt.Errorf("encrypting: %w", err)
	}
	h := jwe.NewHeaders()
	for name, value := range more {
		if err := h.Set(name, value); err != nil {
			return "", fmt.Errorf("encrypting: %w", err)
		}
	}
	if err := errors.Join(h.Set(jwe.TypeKey, typ), h.Set(jwe.KeyIDKey, to.ID)); err != nil {
		return "", fmt.Errorf("encrypting: %w", err)
	}
	out, err := jwe.Encrypt(plain, jwe.WithKey(jwa.ECDH_ES_A256KW, pub), jwe.WithContentEncryption(jwa.A256GCM), jwe.WithProtectedHeaders(h))
	if err != nil {
		return "", fmt.Errorf("encrypting: %w", err)
	}
	return string(out), nil
}

// decrypt opens a JWE whose outside readJWE has checked.
func decrypt(s string, c closed, k *Private) ([]byte, error) {
	priv, ok := k.key.(*ecdsa.PrivateKey)
	if !ok || k.use != gateway.UseEncryption {
		return nil, errors.New("decrypting: not an encryption key")
	}
	if c.kid != k.id {
		return nil, gateway.Refuse(gateway.CodeDeliveryKey, "", "")
	}
	plain, err := jwe.Decrypt([]byte(s), jwe.WithKey(jwa.ECDH_ES_A256KW, priv))
	if err != nil {
		return nil, gateway.Refuse(gateway.CodeSealBroken, "", "").Because(err)
	}
	return plain, nil
}
