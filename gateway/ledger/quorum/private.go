package quorum

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// A private key on disk is one line, as golang.org/x/mod/sumdb/note writes a signer's:
// "PRIVATE+KEY+name+id+base64", of the kind and the 32 bytes that an Ed25519 key is made
// of (RFC 8032, Section 5.1.5).
const privatePrefix = "PRIVATE+KEY+"

// ErrPrivate says that a line is no private key. No error quotes any of it.
var ErrPrivate = errors.New("not a private key of a log or a witness: PRIVATE+KEY+NAME+ID+KEY")

// Generate makes a new private key, as the line that [ParsePrivate] reads.
func Generate(name string, kind Kind) (line string, public Key, err error) {
	if !ValidName(name) || kind != Log && kind != Witness {
		return "", Key{}, errors.New("making a key: a name has neither white space nor plus")
	}
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", Key{}, fmt.Errorf("making a key: %w", err)
	}
	k := Key{Name: name, Kind: kind, Public: pub}
	raw := append([]byte{byte(kind)}, private.Seed()...)
	return fmt.Sprintf("%s%s+%08x+%s\n", privatePrefix, name, k.ID(), base64.StdEncoding.EncodeToString(raw)), k, nil
}

// ParsePrivate reads a private key and its public half. Lines before it that begin with #
// are for people.
func ParsePrivate(line string) (ed25519.PrivateKey, Key, error) {
	for strings.HasPrefix(line, "#") {
		_, line, _ = strings.Cut(line, "\n")
	}
	rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), privatePrefix)
	name, rest, _ := strings.Cut(rest, "+")
	id, text, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, Key{}, ErrPrivate
	}
	private := ed25519.NewKeyFromSeed(raw[1:])
	k := Key{Name: name, Kind: Kind(raw[0]), Public: ed25519.PublicKey(private[ed25519.SeedSize:])}
	if !ValidName(name) || k.Kind != Log && k.Kind != Witness || fmt.Sprintf("%08x", k.ID()) != id {
		return nil, Key{}, ErrPrivate
	}
	return private, k, nil
}
