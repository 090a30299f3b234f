package envelope

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/trm/gateway"
)

// Draft is a message before it is signed.
type Draft struct {
	Head   gateway.Head
	Clear  map[string]map[string]any // block -> content
	Sealed map[string]string         // unit -> what [Seal] made of its content
	Type   gateway.Type              // its Digests and Fields decide what is disclosed, and among how many decoys
}

// Sign makes an envelope of a draft: every block a disclosure, every field that the type
// names too, each "_sd" filled with decoys to the constant length of the type and sorted,
// so that neither its length nor its order tells anything. Salts and decoys are new
// random bytes. x5c may be empty; thumbprint is the certificate's (x5t#S256).
//
// What Sign returns, [Codec.Decode] reads: a draft that the gateway would refuse for its
// form is refused here, with the same *gateway.Problem.
func Sign(d Draft, k *Private, thumbprint string, x5c [][]byte) (raw []byte, err error) {
	if k.use != gateway.UseMessage {
		return nil, fmt.Errorf("signing a message: %w", errUse)
	}
	payload, disclosures, err := conceal(d)
	if err != nil {
		return nil, fmt.Errorf("signing a message: %w", err)
	}
	h := messageHeader(gateway.Header{Cty: ctyMessage, IssuedAt: d.Head.IssuedAt, Thumbprint: thumbprint}, x5c)
	token, err := signJWS(payload, k, h, typMessage)
	if err != nil {
		return nil, err
	}
	core, err := splitCompact(token)
	if err != nil {
		return nil, fmt.Errorf("signing a message: %w", err)
	}
	raw = wire{core: core, disclosures: disclosures}.bytes()
	if _, err := (Codec{}).Decode(raw); err != nil {
		return nil, fmt.Errorf("signing a message: %w", err)
	}
	return raw, nil
}

var errDigests = errors.New("the message has more units than its type has digests")

// conceal makes the payload and the disclosures, in the order of their units' names.
func conceal(d Draft) (payload []byte, disclosures []string, err error) {
	var (
		top   []string
		texts = make(map[string][]string) // unit -> its disclosure, and those of its fields
	)
	for block, content := range d.Clear {
		value, fields, err := concealFields(content, d.Type.Fields[block])
		if err != nil {
			return nil, nil, err
		}
		text, err := disclose(block, value)
		if err != nil {
			return nil, nil, err
		}
		texts[block] = append([]string{text}, fields...)
		top = append(top, digestOf(text))
	}
	for unit, jwe := range d.Sealed {
		text, err := disclose(unit, jwe)
		if err != nil {
			return nil, nil, err
		}
		texts[unit] = []string{text}
		top = append(top, digestOf(text))
	}
	for _, unit := range slices.Sorted(maps.Keys(texts)) {
		disclosures = append(disclosures, texts[unit]...)
	}
	claims := headClaims(d.Head)
	if claims[sdName], err = withDecoys(top, d.Type.Digests); err != nil {
		return nil, nil, err
	}
	claims[sdAlgName] = sdAlg
	payload, err = marshal(claims)
	return payload, disclosures, err
}

// concealFields takes the governed fields out of a clear block and puts digests in their
// place, as many as the type has fields there, whichever of them this message has.
func concealFields(content map[string]any, governed []string) (value map[string]any, disclosures []string, err error) {
	value = maps.Clone(content)
	if value == nil {
		value = map[string]any{}
	}
	if len(governed) == 0 {
		return value, nil, nil
	}
	var digests []string
	for _, field := range slices.Sorted(slices.Values(governed)) {
		v, ok := value[field]
		if !ok {
			continue
		}
		delete(value, field)
		text, err := disclose(field, v)
		if err != nil {
			return nil, nil, err
		}
		disclosures = append(disclosures, text)
		digests = append(digests, digestOf(text))
	}
	value[sdName], err = withDecoys(digests, len(governed))
	return value, disclosures, err
}

// disclose makes a disclosure with a new salt of 128 bits (RFC 9901, Section 9.3).
func disclose(name string, value any) (string, error) {
	salt := make([]byte, minSalt)
	rand.Read(salt)
	b, err := marshal([]any{encode64(salt), name, value})
	return encode64(b), err
}

// withDecoys fills up with digests of random bytes (RFC 9901, Section 4.2.5) and sorts.
func withDecoys(digests []string, n int) ([]string, error) {
	if len(digests) > n {
		return nil, errDigests
	}
	out := slices.Clone(digests)
	for len(out) < n {
		var b [32]byte
		rand.Read(b[:])
		out = append(out, digestOf(string(b[:])))
	}
	slices.SortFunc(out, strings.Compare)
	return out, nil
}
