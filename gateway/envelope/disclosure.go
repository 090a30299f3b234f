package envelope

import (
	"crypto/sha256"

	"example.org/trm/gateway"
)

// Reserved names of RFC 9901, Section 4.1 and 4.2: no claim has them.
const (
	sdName    = "_sd"
	sdAlgName = "_sd_alg"
	sdElement = "..."
	sdAlg     = "sha-256"
)

// disclosure is one disclosed object property (RFC 9901, Section 4.2.1). Array elements
// are not in the profile: thinning an array moves the others.
type disclosure struct {
	text  string // as received; the digest is over this, so it is never written anew
	name  string
	value any
	used  bool
}

// digestOf is the digest of a disclosure's text (RFC 9901, Section 4.2.3).
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return encode64(sum[:])
}

const minSalt, maxSalt = 16, 64 // bytes

// parseDisclosure reads exactly [salt, name, value]. Problems have no pointer yet.
func parseDisclosure(text string, left *budget) (disclosure, error) {
	b, err := decode64(text)
	if err != nil {
		return disclosure{}, gateway.Refuse(gateway.CodeMalformed, "", "Write base64url without padding, line breaks or stray bits.")
	}
	v, err := left.decode(b)
	if err != nil {
		return disclosure{}, err
	}
	a, ok := v.([]any)
	if !ok || len(a) != 3 {
		return disclosure{}, gateway.Refuse(gateway.CodeDisclosure, "", "A disclosure is a list of salt, name and value.")
	}
	salt, _ := a[0].(string)
	if raw, err := decode64(salt); err != nil || len(raw) < minSalt || len(raw) > maxSalt {
		return disclosure{}, gateway.Refuse(gateway.CodeDisclosure, "", "A salt is 16 to 64 random bytes in base64url.")
	}
	name, ok := a[1].(string)
	if !ok || isReserved(name) {
		return disclosure{}, gateway.Refuse(gateway.CodeDisclosure, "", "A name is a string, and none that RFC 9901 reserves.")
	}
	return disclosure{text: text, name: name, value: a[2]}, nil
}

func isReserved(name string) bool { return name == sdName || name == sdAlgName || name == sdElement }

// reveal puts disclosed values into objects in place of their digests (RFC 9901, Section
// 7.1, step 3).
type reveal struct {
	list     []disclosure
	byDigest map[string]int
	seen     map[string]struct{} // every digest in payload and disclosed values, decoys included
}

// newReveal takes the disclosures in the order of the wire. The int of a problem is the
// place of the disclosure it is about.
func newReveal(texts []string, left *budget) (*reveal, int, error) {
	r := &reveal{
		list:     make([]disclosure, len(texts)),
		byDigest: make(map[string]int, len(texts)),
		seen:     make(map[string]struct{}, 4*len(texts)),
	}
	for i, text := range texts {
		d, err := parseDisclosure(text, left)
		if err != nil {
			return nil, i, err
		}
		sum := digestOf(text)
		if _, twice := r.byDigest[sum]; twice {
			return nil, i, gateway.Refuse(gateway.CodeDisclosure, "", "The same disclosure is here twice.")
		}
		r.list[i], r.byDigest[sum] = d, i
	}
	return r, 0, nil
}

// fill replaces an object's "_sd" by what is disclosed of it and returns the places of
// the disclosures. An object without "_sd" stays as it is. Digests without disclosure are
// ignored: they are withheld, or decoys, and nobody can tell which.
func (r *reveal) fill(object map[string]any) ([]int, error) {
	v, ok := object[sdName]
	if !ok {
		return nil, nil
	}
	delete(object, sdName)
	digests, ok := v.([]any)
	if !ok || len(digests) == 0 || len(digests) > maxDisclosures {
		return nil, gateway.Refuse(gateway.CodeDisclosure, "", "_sd is a list of 1 to 64 digests.")
	}
	var filled []int
	for _, e := range digests {
		sum, _ := e.(string)
		if !isSum(sum) {
			return nil, gateway.Refuse(gateway.CodeDisclosure, "", "A digest is 32 bytes in base64url.")
		}
		if _, twice := r.seen[sum]; twice {
			return nil, gateway.Refuse(gateway.CodeDisclosure, "", "The same digest is here twice.")
		}
		r.seen[sum] = struct{}{}
		i, ok := r.byDigest[sum]
		if !ok {
			continue
		}
		d := &r.list[i]
		if _, there := object[d.name]; there {
			return nil, gateway.Refuse(gateway.CodeDisclosure, "", "A disclosure has the name of a member that is there already.")
		}
		object[d.name] = d.value
		d.used = true
		filled = append(filled, i)
	}
	return filled, nil
}

// unused is the place of a disclosure that no digest names, or -1.
func (r *reveal) unused() int {
	for i := range r.list {
		if !r.list[i].used {
			return i
		}
	}
	return -1
}

// hasReserved looks for reserved names in a value whose own "_sd" was filled: there they
// would be a deeper level, or somebody's attempt at one.
func hasReserved(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for name, in := range v {
			if isReserved(name) || hasReserved(in) {
				return true
			}
		}
	case []any:
		for _, in := range v {
			if hasReserved(in) {
				return true
			}
		}
	}
	return false
}
