package envelope

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/lestrrat-go/jwx/v2/cert"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"example.org/trm/gateway"
)

// maxSigned bounds a compact JWS whose payload is a document: a directory.
const maxSigned = 4 << 20

// SignCompact signs a payload as a compact JWS whose header is alg, kid and typ. The key
// must have the use that the typ needs.
func SignCompact(typ string, payload []byte, k *Private) (string, error) {
	if use := useOf(typ); use == "" || use != k.use {
		return "", fmt.Errorf("signing %s: %w", typ, errUse)
	}
	return signJWS(payload, k, jws.NewHeaders(), typ)
}

func signJWS(payload []byte, k *Private, h jws.Headers, typ string) (string, error) {
	alg := jwa.ES256
	if k.alg == algEdDSA {
		alg = jwa.EdDSA
	}
	if err := errors.Join(h.Set(jws.TypeKey, typ), h.Set(jws.KeyIDKey, k.id)); err != nil {
		return "", fmt.Errorf("signing %s: %w", typ, err)
	}
	// Compact, always: with a JSON serialisation jwx signs a header that it does not write.
	out, err := jws.Sign(payload, jws.WithKey(alg, k.key, jws.WithProtectedHeaders(h)))
	if err != nil {
		return "", fmt.Errorf("signing %s: %w", typ, err)
	}
	return string(out), nil
}

// messageHeader is the protected header of a message without what every JWS has.
func messageHeader(h gateway.Header, x5c [][]byte) (jws.Headers, error) {
	out := jws.NewHeaders()
	err := errors.Join(out.Set(jws.ContentTypeKey, h.Cty), out.Set("iat", h.IssuedAt.Unix()), out.Set(jws.X509CertThumbprintS256Key, h.Thumbprint))
	if len(x5c) > 0 {
		var chain cert.Chain
		for _, der := range x5c {
			err = errors.Join(err, chain.AddString(base64.StdEncoding.EncodeToString(der)))
		}
		err = errors.Join(err, out.Set(jws.X509CertChainKey, &chain))
	}
	return out, err
}

// splitCompact takes a compact JWS apart: three parts, each canonical base64url.
func splitCompact(s string) (gateway.Core, error) {
	fault := gateway.Refuse(gateway.CodeMalformed, "", "A signed token has three parts in base64url without padding, line breaks or stray bits.")
	parts := strings.SplitN(s, ".", 4)
	if len(parts) != 3 {
		return gateway.Core{}, fault
	}
	for _, p := range parts {
		if _, err := decode64(p); err != nil || p == "" {
			return gateway.Core{}, fault
		}
	}
	return gateway.Core{Protected: parts[0], Payload: parts[1], Signature: parts[2]}, nil
}

// ReadCompact reads a compact JWS that [SignCompact] could have made with this typ and
// proves nothing. The payload's own form is the caller's to check, with [DecodeJSON].
func ReadCompact(typ, token string) (payload []byte, h gateway.Header, err error) {
	if len(token) > maxSigned {
		return nil, gateway.Header{}, gateway.Refuse(gateway.CodeTooLarge, "", "")
	}
	core, h, err := readCompact(typ, token)
	if err != nil {
		return nil, gateway.Header{}, err
	}
	payload, err = decode64(core.Payload)
	return payload, h, err
}

func readCompact(typ, token string) (gateway.Core, gateway.Header, error) {
	core, err := splitCompact(token)
	if err != nil {
		return gateway.Core{}, gateway.Header{}, err
	}
	left := budget(maxEnvelope)
	m, err := left.header(core.Protected)
	if err != nil {
		return gateway.Core{}, gateway.Header{}, err
	}
	c := &claims{m: m, at: "/protected", code: gateway.CodeHeaderUnknown}
	for _, name := range []string{"alg", "kid", "typ"} {
		c.need(name)
	}
	h := gateway.Header{Alg: c.text("alg", isToken), KeyID: c.text("kid", isSum), Typ: c.text("typ", isToken)}
	if err := c.done(); err != nil {
		return gateway.Core{}, gateway.Header{}, err
	}
	return core, h, checkTyp(h, typ, "")
}

// VerifyCompact proves that the key signed the compact JWS: that the header names this
// key and its algorithm, and has the typ of the key's use.
func VerifyCompact(token string, k gateway.Key) error {
	if len(token) > maxSigned {
		return gateway.Refuse(gateway.CodeTooLarge, "", "")
	}
	var typ string
	for _, t := range []string{typEvidence, typBinding, typAssertion, typApproval, typDirectory} {
		if useOf(t) == k.Use {
			typ = t
		}
	}
	core, h, err := readCompact(typ, token)
	if err != nil {
		return err
	}
	return verifyJWS(core, h, k)
}

// Verify proves that the key signed the parts. The algorithm is the directory's for that
// key; the header must name it and never decides. The error is a *gateway.Problem.
func (Codec) Verify(p gateway.Parts, k gateway.Key) error {
	if k.Use != gateway.UseMessage {
		return gateway.Refuse(gateway.CodeKeyNotValid, "", "")
	}
	return verifyJWS(p.Core, p.Header, k)
}

func verifyJWS(core gateway.Core, h gateway.Header, k gateway.Key) error {
	if h.KeyID != k.ID {
		return gateway.Refuse(gateway.CodeKeyUnknown, "", "")
	}
	if h.Alg != k.Alg {
		return gateway.Refuse(gateway.CodeAlgorithm, "/protected/alg", "")
	}
	alg, err := signatureAlg(k)
	if err != nil {
		return err
	}
	if _, err := jws.Verify([]byte(compactForm(core)), jws.WithCompact(), jws.WithKey(alg, k.Public)); err != nil {
		return gateway.Refuse(gateway.CodeSignature, "", "")
	}
	return nil
}

// signatureAlg is jwx's name of the key's algorithm. jwx verifies ES256 with a key on any
// curve, so the curve is checked here.
func signatureAlg(k gateway.Key) (jwa.SignatureAlgorithm, error) {
	switch pub := k.Public.(type) {
	case *ecdsa.PublicKey:
		if k.Alg == algES256 && checkP256(pub) == nil {
			return jwa.ES256, nil
		}
	case ed25519.PublicKey:
		if k.Alg == algEdDSA && len(pub) == ed25519.PublicKeySize {
			return jwa.EdDSA, nil
		}
	}
	return "", gateway.Refuse(gateway.CodeAlgorithm, "/protected/alg", "")
}
