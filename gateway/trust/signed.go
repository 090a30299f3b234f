package trust

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// The typ of what is signed here, one for each use of key: a coordinator's directory key
// signs directories, confirmations of them and switches of pairs, a party's approval key
// what the party says of itself. Within a typ the payload's kind tells them apart.
const (
	typDirectory = "trm-directory+jwt"
	typApproval  = "trm-approval+jwt"
)

// maxSignatures is every country with an old and a new key.
const maxSignatures = 2 * len(gateway.Countries)

// signed is one payload under several hands: a JWS in general JSON serialisation (RFC
// 7515, Section 7.2.1) without unprotected headers.
type signed struct {
	Payload    string      `json:"payload"`
	Signatures []signature `json:"signatures"`
}

type signature struct {
	Protected string `json:"protected"`
	Signature string `json:"signature"`
}

// parseSigned reads the outer form; nothing is verified. White space around it is what
// editors leave.
func parseSigned(raw []byte) (signed, []byte, error) {
	var s signed
	raw = bytes.TrimSpace(raw)
	if err := decode(raw, &s); err != nil {
		return signed{}, nil, fault(BadForm, "")
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(s.Payload)
	if err != nil || len(s.Signatures) == 0 || len(s.Signatures) > maxSignatures {
		return signed{}, nil, fault(BadForm, "")
	}
	return s, payload, nil
}

// add signs the payload with one more key. A key that has signed already is refused, so
// that nobody counts hands and finds fewer.
func (s *signed) add(payload []byte, k *envelope.Private) error {
	if k.Use() != gateway.UseDirectory {
		return fault(WrongUse, k.ID())
	}
	jws, err := envelope.SignCompact(typDirectory, payload, k)
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	part := strings.Split(jws, ".")
	if len(part) != 3 {
		return errors.New("signing: not a compact JWS")
	}
	s.Payload = part[1]
	for i := range s.Signatures {
		_, h, err := envelope.ReadCompact(typDirectory, s.compact(i))
		if err == nil && h.KeyID == k.ID() {
			return fault(SignedTwice, k.ID())
		}
	}
	s.Signatures = append(s.Signatures, signature{Protected: part[0], Signature: part[2]})
	return nil
}

func (s signed) compact(i int) string {
	return s.Signatures[i].Protected + "." + s.Payload + "." + s.Signatures[i].Signature
}

// signers verifies every signature by one of the keys and returns the countries, sorted.
// A country counts once, whatever it signs with. Keys that are not among them are left to
// others, such as a country's next key; a bad signature by one that is spoils the whole.
func (s signed) signers(keys map[string]gateway.Key) (countries []gateway.Country, strangers int, err error) {
	for i := range s.Signatures {
		jws := s.compact(i)
		_, h, err := envelope.ReadCompact(typDirectory, jws)
		if err != nil {
			return nil, 0, fault(BadForm, "")
		}
		k, ok := keys[h.KeyID]
		if !ok {
			strangers++
			continue
		}
		c := k.Party.Country()
		if slices.Contains(countries, c) {
			return nil, 0, fault(SignedTwice, string(c))
		}
		if err := envelope.VerifyCompact(jws, k); err != nil {
			return nil, 0, fault(BadSignature, string(c))
		}
		countries = append(countries, c)
	}
	slices.Sort(countries)
	return countries, strangers, nil
}

// quorum verifies that at least n countries signed.
func (s signed) quorum(keys map[string]gateway.Key, n int) ([]gateway.Country, error) {
	by, strangers, err := s.signers(keys)
	switch {
	case err != nil:
		return nil, err
	case len(by) < n && strangers > 0:
		return nil, errors.Join(fault(TooFew, fmt.Sprintf("%d of %d", len(by), n)), fault(NotPinned, ""))
	case len(by) < n:
		return nil, fault(TooFew, fmt.Sprintf("%d of %d", len(by), n))
	}
	return by, nil
}
