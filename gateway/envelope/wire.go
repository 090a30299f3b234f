package envelope

import (
	"bytes"
	"crypto/sha256"

	"example.org/trm/gateway"
)

// Limits of an envelope (RFC 9901 leaves them to the profile).
const (
	defaultBytes   = 256 << 10
	maxProtected   = 16 << 10
	maxDisclosures = 64
	maxCompact     = 12 << 10 // of kb_jwt, evidence and assertions
)

// wire is the envelope as it is written: strings, of which nothing is known but that
// they are there. RFC 9901, Section 8 names the members of the unprotected header.
type wire struct {
	core        gateway.Core
	disclosures []string
	bound       string
	left        budget // of JSON values, for what lies inside
}

// parseWire reads the flattened serialisation and nothing else: the general form, with
// several signatures, is a form in which one good signature covers for bad ones.
func parseWire(raw []byte) (wire, error) {
	if bytes.HasPrefix(raw, []byte("eyJ")) {
		return wire{}, gateway.Refuse(gateway.CodeMalformed, "", "This is the compact form: send the flattened JSON form (RFC 7515, Section 7.2.2).")
	}
	w := wire{left: maxEnvelope}
	m, err := w.left.object(raw)
	if err != nil {
		return wire{}, err
	}
	c := &claims{m: m, code: gateway.CodeMalformed}
	if _, ok := m["blocks"]; ok {
		return wire{}, gateway.Refuse(gateway.CodeMalformed, "", "This is a draft: give it to your adapter, or sign it (trm sign), and send the signed message.")
	}
	for _, part := range []struct {
		name string
		to   *string
	}{{"payload", &w.core.Payload}, {"protected", &w.core.Protected}, {"signature", &w.core.Signature}} {
		c.need(part.name)
		*part.to = c.text(part.name, func(s string) bool { return s != "" })
	}
	c.need("header")
	h := c.object("header")
	h.need("disclosures")
	if v, ok := h.take("disclosures"); ok {
		w.disclosures = h.disclosures(v)
	}
	w.bound = h.text("kb_jwt", func(s string) bool { return s != "" && len(s) <= maxCompact })
	c.close(h)
	return w, c.done()
}

func (c *claims) disclosures(v any) []string {
	a, ok := v.([]any)
	if !ok || len(a) > maxDisclosures {
		c.fail("disclosures", "The member is a list of at most 64 strings.")
		return nil
	}
	out := make([]string, len(a))
	for i, e := range a {
		if out[i], ok = e.(string); !ok {
			c.fail("disclosures", "The member is a list of at most 64 strings.")
		}
	}
	return out
}

// bytes writes the envelope. Its strings hold nothing that JSON escapes: they are
// base64url, with dots between.
func (w wire) bytes() []byte {
	n := len(w.core.Payload) + len(w.core.Protected) + len(w.core.Signature) + len(w.bound) + 128 // for the names
	for _, d := range w.disclosures {
		n += len(d) + len(`"",`)
	}
	b := make([]byte, 0, n)
	b = append(append(b, `{"payload":"`...), w.core.Payload...)
	b = append(append(b, `","protected":"`...), w.core.Protected...)
	b = append(append(b, `","signature":"`...), w.core.Signature...)
	b = append(b, `","header":{"disclosures":[`...)
	for i, d := range w.disclosures {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), d...), '"')
	}
	b = append(b, ']')
	if w.bound != "" {
		b = append(append(append(b, `,"kb_jwt":"`...), w.bound...), '"')
	}
	return append(b, `}}`...)
}

// digest is the SHA-256 of the compact form "protected.payload.signature~d1~...~dn~":
// [gateway.Digest], and the sd_hash of RFC 9901, Section 4.3.1.
func digest(core gateway.Core, disclosures []string) gateway.Digest {
	n := len(core.Protected) + len(core.Payload) + len(core.Signature) + 3
	for _, d := range disclosures {
		n += len(d) + 1
	}
	b := append(append(make([]byte, 0, n), compactForm(core)...), '~')
	for _, d := range disclosures {
		b = append(append(b, d...), '~')
	}
	return sha256.Sum256(b)
}

func compactForm(c gateway.Core) string { return c.Protected + "." + c.Payload + "." + c.Signature }
