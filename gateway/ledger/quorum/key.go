// Package quorum says whose cosignatures make a checkpoint believed: public keys as
// verifier keys (C2SP signed-note), and the rule over witnesses as C2SP tlog-policy.
//
// It stands apart from package ledger, and imports the standard library only, because the
// rule is not the operator's to make: it stands in the signed directory, whose reader
// checks it with this package and needs no log.
package quorum

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a key signs: the first byte of the key material of a verifier key.
type Kind byte

// The kinds of keys that are known. ML-DSA-44 (0x06) has its number and no code yet.
const (
	Log     Kind = 0x01 // Ed25519 over a checkpoint (C2SP signed-note)
	Witness Kind = 0x04 // Ed25519 over a checkpoint and a time (C2SP tlog-cosignature, cosignature/v1)
)

// Key is the public key of a log or of a witness, with the name that its signature lines
// bear. The zero value is no key.
type Key struct {
	Name   string
	Kind   Kind
	Public ed25519.PublicKey
}

// ErrKey says that a verifier key is none, or not of a kind that is known.
var ErrKey = errors.New("not a verifier key NAME+ID+KEY of Ed25519")

// ParseKey reads a verifier key, "name+id+base64", in its one form: the id must be that of
// name and key.
func ParseKey(vkey string) (Key, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	id, text, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		return Key{}, ErrKey
	}
	k := Key{Name: name, Kind: Kind(raw[0]), Public: ed25519.PublicKey(raw[1:])}
	if k.Kind != Log && k.Kind != Witness || !ValidName(name) || k.String() != vkey || len(id) != 8 {
		return Key{}, ErrKey
	}
	return k, nil
}

// ValidName reports whether a signature line can bear the name: no white space, no plus
// (C2SP signed-note).
func ValidName(name string) bool {
	return name != "" && utf8.ValidString(name) && strings.IndexFunc(name, unicode.IsSpace) < 0 && !strings.Contains(name, "+")
}

// ID is the number by which a signature line names the key: it depends on the name too.
func (k Key) ID() uint32 {
	h := sha256.New()
	h.Write([]byte(k.Name))
	h.Write([]byte{'\n', byte(k.Kind)})
	h.Write(k.Public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// String is the verifier key, which [ParseKey] reads.
func (k Key) String() string {
	id := strconv.FormatUint(uint64(k.ID()), 16)
	return fmt.Sprintf("%s+%08s+%s", k.Name, id, base64.StdEncoding.EncodeToString(append([]byte{byte(k.Kind)}, k.Public...)))
}

// Named is the same key under another name. A region's log key is listed under the
// region's name, "trm", and signs each origin, "trm/2026", under the origin's.
func (k Key) Named(name string) Key {
	k.Name = name
	return k
}

// Equal reports whether two keys are one: the same name, kind and bytes.
func (k Key) Equal(other Key) bool {
	return k.Name == other.Name && k.Kind == other.Kind && k.Public.Equal(other.Public)
}
