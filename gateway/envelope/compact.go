package envelope

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

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
	return signJWS(payload, k, map[string]any{}, typ)
}

// signJWS writes the header that is signed, with what h has beside alg, kid and typ, and
// lets jwx sign both (RFC 7515, Section 5.1).
func signJWS(payload []byte, k *Private, h map[string]any, typ string) (string, error) {
	alg := jwa.ES256
	if k.alg == algEdDSA {
		alg = jwa.EdDSA
	}
	h["alg"], h["kid"], h["typ"] = alg.String(), k.id, typ
	header, err := marshal(h)
	if err != nil {
		return "", fmt.Errorf("signing %s: %w", typ, err)
	}
	signer, err := jws.NewSigner(alg)
	if err != nil {
		return "", fmt.Errorf("signing %s: %w", typ, err)
	}
	input := encode64(header) + "." + encode64(payload)
	signature, err := signer.Sign([]byte(input), k.key)
	if err != nil {
		return "", fmt.Errorf("signing %s: %w", typ, err)
	}
	return input + "." + encode64(signature), nil
}

// messageHeader is the protected header of a message without what every JWS has.
func messageHeader(h gateway.Header, x5c [][]byte) map[string]any {
	out := map[string]any{"cty": h.Cty, "iat": h.IssuedAt.Unix(), "x5t#S256": h.Thumbprint}
	if len(x5c) > 0 {
		chain := make([]string, len(x5c))
		for i, der := range x5c {
			chain[i] = base64.StdEncoding.EncodeToString(der) // not base64url: RFC 7515, Section 4.1.6
		}
		out["x5c"] = chain
	}
	return out
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
	signature, err := decode64(core.Signature)
	if err != nil {
		return gateway.Refuse(gateway.CodeSignature, "", "")
	}
	verifier, err := jws.NewVerifier(alg)
	if err == nil {
		err = verifier.Verify([]byte(core.Protected+"."+core.Payload), signature, k.Public)
	}
	if err != nil {
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
