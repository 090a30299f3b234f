package trust

import (
	"fmt"

	"example.org/trm/gateway/envelope"
)

// Sign puts the hands of coordinators under a directory. A document with a fault is not
// signed. Fewer keys than the quorum are allowed: the others sign with [Cosign], each in
// its own office.
func Sign(doc Document, keys ...*envelope.Private) ([]byte, error) {
	if err := doc.Check(); err != nil {
		return nil, fmt.Errorf("signing a directory: %w", err)
	}
	payload, err := doc.Canonical()
	if err != nil {
		return nil, fmt.Errorf("signing a directory: %w", err)
	}
	var s signed
	return s.sign(payload, keys)
}

// Cosign adds hands to a directory that others have signed. What it says is checked
// first; whether the others' hands are good is for [Open] to say, which has the pins.
func Cosign(raw []byte, keys ...*envelope.Private) ([]byte, error) {
	s, payload, err := parseSigned(raw)
	if err != nil {
		return nil, fmt.Errorf("cosigning a directory: %w", err)
	}
	doc, err := ParseDocument(payload)
	if err != nil {
		return nil, fmt.Errorf("cosigning a directory: %w", err)
	}
	if err := doc.Check(); err != nil {
		return nil, fmt.Errorf("cosigning a directory: %w", err)
	}
	return s.sign(payload, keys)
}

// Read shows what a signed directory says. Nothing is verified: it is for people who are
// about to sign, and for programs that print what was refused.
func Read(raw []byte) (Document, error) {
	_, payload, err := parseSigned(raw)
	if err != nil {
		return Document{}, fmt.Errorf("reading a directory: %w", err)
	}
	doc, err := ParseDocument(payload)
	if err != nil {
		return Document{}, fmt.Errorf("reading a directory: %w", err)
	}
	return doc, nil
}

func (s *signed) sign(payload []byte, keys []*envelope.Private) ([]byte, error) {
	for _, k := range keys {
		if err := s.add(payload, k); err != nil {
			return nil, fmt.Errorf("signing a directory: %w", err)
		}
	}
	if len(s.Signatures) == 0 {
		return nil, fmt.Errorf("signing a directory: %w", fault(TooFew, "0"))
	}
	return canonical(s)
}
