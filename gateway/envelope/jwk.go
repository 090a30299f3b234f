package envelope

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"

	"example.org/trm/gateway"
)

// jwkUse is the member that says which of our uses a key has. "use" (RFC 7517, Section
// 4.2) knows only signing and encryption, of which signing has six here.
const jwkUse = "trm_use"

const maxJWK = 4 << 10

var errJWK = errors.New("a key is a JWK of kty EC with crv P-256, or OKP with crv Ed25519, with alg, and nothing that is not known")

// jwk is the one form of key that this exchange has (RFC 7517; RFC 8037 for OKP).
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y,omitempty"`
	D   string `json:"d,omitempty"`
	Kid string `json:"kid,omitempty"`
	Alg string `json:"alg,omitempty"`
	Sig string `json:"use,omitempty"`
	Use string `json:"trm_use,omitempty"`
}

// parseJWK reads a JWK strictly. Members that are not known are faults: a key that says
// more than is read could say that it must not be used.
func parseJWK(raw []byte) (jwk, error) {
	if len(raw) > maxJWK {
		return jwk{}, errJWK
	}
	m, err := decodeObject(raw)
	if err != nil {
		return jwk{}, err
	}
	c := &claims{m: m, code: gateway.CodeMalformed}
	j := jwk{
		Kty: c.text("kty", isToken), Crv: c.text("crv", isToken), X: c.text("x", isSum), Y: c.text("y", isSum), D: c.text("d", isSum),
		Kid: c.text("kid", isSum), Alg: c.text("alg", isToken), Sig: c.text("use", isToken), Use: c.text(jwkUse, isToken),
	}
	if c.done() != nil {
		return jwk{}, errJWK
	}
	if j.Sig != "" && (j.Sig == "enc") != (j.Alg == algKeyWrap) {
		return jwk{}, errUse
	}
	return j, nil
}

// public reads the public half and proves that kid, where there is one, is its thumbprint.
func (j jwk) public() (pub crypto.PublicKey, id string, err error) {
	switch {
	case j.Kty == "EC" && j.Crv == "P-256" && (j.Alg == algES256 || j.Alg == algKeyWrap):
		pub, err = pointOf(j.X, j.Y)
	case j.Kty == "OKP" && j.Crv == "Ed25519" && j.Alg == algEdDSA && j.Y == "":
		var x []byte
		x, err = decode64(j.X)
		pub = ed25519.PublicKey(x)
	default:
		err = errJWK
	}
	if err != nil {
		return nil, "", errJWK
	}
	if id, err = thumbprint(pub); err != nil {
		return nil, "", err
	}
	if j.Kid != "" && j.Kid != id {
		return nil, "", errors.New("kid is not the key's thumbprint")
	}
	return pub, id, nil
}

// ParsePublic reads a public JWK: EC P-256 with alg ES256 or ECDH-ES+A256KW, or OKP
// Ed25519 with alg EdDSA. It refuses private keys, so that none is published by mistake,
// symmetric and RSA keys, other curves, points that are not on theirs, and a kid that is
// not the thumbprint.
func ParsePublic(raw []byte) (pub crypto.PublicKey, id, alg string, err error) {
	j, err := parseJWK(raw)
	if err != nil {
		return nil, "", "", fmt.Errorf("reading a public key: %w", err)
	}
	if j.D != "" {
		return nil, "", "", errors.New("reading a public key: it is a private one")
	}
	if pub, id, err = j.public(); err != nil {
		return nil, "", "", fmt.Errorf("reading a public key: %w", err)
	}
	return pub, id, j.Alg, nil
}

// MarshalPublic writes a public key for a use as a JWK and returns its id.
func MarshalPublic(pub crypto.PublicKey, use gateway.Use) (raw []byte, id string, err error) {
	j, err := publicJWK(pub)
	if err != nil {
		return nil, "", fmt.Errorf("writing a public key: %w", err)
	}
	if use == gateway.UseEncryption {
		j.Alg = algKeyWrap
	}
	if !fits(use, j.Alg) || use == gateway.UseEncryption && j.Kty != "EC" {
		return nil, "", fmt.Errorf("writing a public key: %w", errUse)
	}
	if j.Kid, err = thumbprint(pub); err != nil {
		return nil, "", err
	}
	j.Sig, j.Use = sigOrEnc(use), string(use)
	raw, err = marshal(j)
	return raw, j.Kid, err
}

func sigOrEnc(use gateway.Use) string {
	if use == gateway.UseEncryption {
		return "enc"
	}
	return "sig"
}

// ParsePrivate reads a private JWK with alg and trm_use, as [Private.Marshal] writes it.
func ParsePrivate(raw []byte) (*Private, error) {
	j, err := parseJWK(raw)
	if err != nil {
		return nil, fmt.Errorf("reading a private key: %w", err)
	}
	pub, _, err := j.public()
	if err != nil {
		return nil, fmt.Errorf("reading a private key: %w", err)
	}
	d, err := decode64(j.D)
	if err != nil || len(d) != 32 {
		return nil, errors.New("reading a private key: it is a public one")
	}
	var key crypto.Signer
	if j.Kty == "OKP" {
		key = ed25519.NewKeyFromSeed(d)
	} else if key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), d); err != nil {
		return nil, errors.New("reading a private key: d is not a number of P-256")
	}
	if !pub.(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
		return nil, errors.New("reading a private key: its two halves are not one key")
	}
	k, err := newPrivate(key, gateway.Use(j.Use), j.Alg)
	if err != nil {
		return nil, fmt.Errorf("reading a private key: %w", err)
	}
	return k, nil
}

// Marshal writes the private key as a JWK. Who writes it to a file sees to its mode.
func (k *Private) Marshal() ([]byte, error) {
	j, err := publicJWK(k.Public())
	if err != nil {
		return nil, err
	}
	j.Kid, j.Alg, j.Sig, j.Use = k.id, k.alg, sigOrEnc(k.use), string(k.use)
	switch key := k.key.(type) {
	case *ecdsa.PrivateKey:
		d, err := key.Bytes()
		if err != nil {
			return nil, fmt.Errorf("writing a private key: %w", err)
		}
		j.D = encode64(d)
	case ed25519.PrivateKey:
		j.D = encode64(key.Seed())
	}
	return marshal(j)
}

func publicJWK(pub crypto.PublicKey) (jwk, error) {
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		if err := checkP256(pub); err != nil {
			return jwk{}, err
		}
		b, err := pub.Bytes()
		if err != nil {
			return jwk{}, errJWK
		}
		return jwk{Kty: "EC", Crv: "P-256", X: encode64(b[1:33]), Y: encode64(b[33:]), Alg: algES256}, nil
	case ed25519.PublicKey:
		if len(pub) != ed25519.PublicKeySize {
			return jwk{}, errJWK
		}
		return jwk{Kty: "OKP", Crv: "Ed25519", X: encode64(pub), Alg: algEdDSA}, nil
	}
	return jwk{}, errJWK
}

// checkP256 refuses other curves and points beside the curve.
func checkP256(pub *ecdsa.PublicKey) error {
	if pub == nil || pub.Curve != elliptic.P256() {
		return errJWK
	}
	if _, err := pub.ECDH(); err != nil {
		return errJWK
	}
	return nil
}

// thumbprint is RFC 7638's, over the required members in the order of their names.
func thumbprint(pub crypto.PublicKey) (string, error) {
	j, err := publicJWK(pub)
	if err != nil {
		return "", err
	}
	text := `{"crv":"` + j.Crv + `","kty":"` + j.Kty + `","x":"` + j.X + `"`
	if j.Y != "" {
		text += `,"y":"` + j.Y + `"`
	}
	sum := sha256.Sum256([]byte(text + "}"))
	return encode64(sum[:]), nil
}
