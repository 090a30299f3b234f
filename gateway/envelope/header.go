package envelope

import (
	"crypto/sha256"
	"encoding/base64"

	"example.org/trm/gateway"
)

// The two algorithms that a signature can have (RFC 7518, Section 3.4; RFC 8037).
const (
	algES256 = "ES256"
	algEdDSA = "EdDSA"
)

// The typ of each use (RFC 8725, Section 3.11): a token of one use is never read as
// another, even if a key were listed for both.
const (
	typMessage   = "trm+sd-jwt"
	typEvidence  = "trm-evidence+jwt"
	typBinding   = "kb+jwt"
	typAssertion = "client-authentication+jwt"
	typApproval  = "trm-approval+jwt"
	typDirectory = "trm-directory+jwt"

	ctyMessage = "application/trm+json"
)

// useOf is the key use that a typ needs, empty for a typ that is none of ours.
func useOf(typ string) gateway.Use {
	switch typ {
	case typMessage:
		return gateway.UseMessage
	case typEvidence:
		return gateway.UseEvidence
	case typBinding:
		return gateway.UseBinding
	case typAssertion:
		return gateway.UseAssertion
	case typApproval:
		return gateway.UseApproval
	case typDirectory:
		return gateway.UseDirectory
	}
	return ""
}

const maxChain = 5 // certificates in x5c

// header reads a message's protected header: alg, kid, typ, cty, iat, x5t#S256 and
// optionally x5c. That set needs no crit, so that crit itself is refused with everything
// else; the compact JWS is a JAdES baseline B-B signature (ETSI TS 119 182-1).
func (w *wire) header() (gateway.Header, error) {
	m, err := w.left.header(w.core.Protected)
	if err != nil {
		return gateway.Header{}, err
	}
	c := &claims{m: m, at: "/protected", code: gateway.CodeHeaderUnknown}
	for _, name := range []string{"alg", "kid", "typ", "cty", "iat", "x5t#S256"} {
		c.need(name)
	}
	h := gateway.Header{
		Alg:        c.text("alg", isToken),
		KeyID:      c.text("kid", isSum),
		Typ:        c.text("typ", isToken),
		Cty:        c.text("cty", isToken),
		IssuedAt:   c.date("iat"),
		Thumbprint: c.text("x5t#S256", isSum),
	}
	if v, ok := c.take("x5c"); ok && !isChain(v, h.Thumbprint) {
		c.fail("x5c", "The member is a list of up to five certificates in base64, of which x5t#S256 names the first.")
	}
	if err := c.done(); err != nil {
		return gateway.Header{}, err
	}
	return h, checkTyp(h, typMessage, ctyMessage)
}

func (b *budget) header(protected string) (map[string]any, error) {
	if len(protected) > maxProtected {
		return nil, gateway.Refuse(gateway.CodeHeaderUnknown, "/protected", "The header is too long.")
	}
	return b.part(protected, "/protected")
}

// part decodes one piece of a compact JWS that holds an object.
func (b *budget) part(s, at string) (map[string]any, error) {
	raw, err := decode64(s)
	if err != nil {
		return nil, gateway.Refuse(gateway.CodeMalformed, at, "Write base64url without padding, line breaks or stray bits.")
	}
	m, err := b.object(raw)
	return m, pointAt(err, at)
}

// pointAt tells a fault of form where in the envelope it is.
func pointAt(err error, at string) error {
	if err == nil {
		return nil
	}
	p := *gateway.AsProblem(err)
	p.Pointer = at + p.Pointer
	return &p
}

func checkTyp(h gateway.Header, typ, cty string) error {
	switch {
	case h.Alg != algES256 && h.Alg != algEdDSA:
		return gateway.Refuse(gateway.CodeAlgorithm, "/protected/alg", "")
	case h.Typ != typ:
		return gateway.Refuse(gateway.CodeTyp, "/protected/typ", "")
	case h.Cty != cty:
		return gateway.Refuse(gateway.CodeTyp, "/protected/cty", "")
	}
	return nil
}

// isChain checks the form of x5c (RFC 7515, Section 4.1.6: base64 with padding, here
// unlike everywhere else), and that the thumbprint names its first certificate. Nobody
// trusts what is in it: keys come from the directory.
func isChain(v any, thumbprint string) bool {
	a, ok := v.([]any)
	if !ok || len(a) == 0 || len(a) > maxChain {
		return false
	}
	for i, e := range a {
		s, _ := e.(string)
		der, err := base64.StdEncoding.Strict().DecodeString(s)
		if err != nil || len(der) == 0 || base64.StdEncoding.EncodedLen(len(der)) != len(s) {
			return false
		}
		if sum := sha256.Sum256(der); i == 0 && encode64(sum[:]) != thumbprint {
			return false
		}
	}
	return true
}
