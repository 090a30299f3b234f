package gateway

import (
	"crypto"
	"time"
)

// Use is what a key may sign or open. A key has one use, a use has one "typ", and both
// are checked every time (RFC 8725, Section 3.11).
type Use string

// The uses of a key.
const (
	UseMessage    Use = "message"    // messages of a party
	UseEvidence   Use = "evidence"   // receipts and evidence, of parties and of the gateway
	UseBinding    Use = "binding"    // what the gateway released (RFC 9901 key binding)
	UseAssertion  Use = "assertion"  // who calls (RFC 7523)
	UseApproval   Use = "approval"   // a second person's consent to a message
	UseDirectory  Use = "directory"  // a national coordinator's hand under the directory
	UseEncryption Use = "encryption" // opens what is sealed or wrapped for a party
)

// Key is a public key as the directory lists it.
type Key struct {
	ID         string // the JWK thumbprint (RFC 7638, SHA-256, base64url)
	Party      Party
	Use        Use
	Alg        string           // ES256, EdDSA; ECDH-ES+A256KW for encryption. The directory decides, never a header
	Public     crypto.PublicKey // *ecdsa.PublicKey on P-256, or ed25519.PublicKey
	Thumbprint string           // x5t#S256 of the certificate, empty for encryption keys
	NotBefore  time.Time
	NotAfter   time.Time
	Revoked    time.Time // zero where it is not
}

// ValidAt reports whether the key could be used at t. A revoked key was valid before
// its revocation: everyone who looks later judges as of receipt.
func (k Key) ValidAt(t time.Time) bool {
	if t.Before(k.NotBefore) || !t.Before(k.NotAfter) {
		return false
	}
	return !k.RevokedBy(t)
}

// RevokedBy reports whether the key was revoked at t or before. What is first heard then
// is not believed, whatever date it bears.
func (k Key) RevokedBy(t time.Time) bool { return !k.Revoked.IsZero() && !t.Before(k.Revoked) }

// Pair is what two countries agreed: the ground on which their messages travel.
type Pair struct {
	A, B       Country // in alphabetical order of code
	On         bool    // either side can switch it off
	Instrument string  // the agreement's short name, a code
	Articles   []string
	Purposes   []string
	Trace      bool         // SELEC may trace deliveries
	Terms      []AgreedTerm // in place of the table's
}

// Institution is a party's entry in the directory.
type Institution struct {
	Party     Party
	Names     map[string]string // by language tag
	Classes   []Class           // what the role may receive
	Mailbox   string
	Duty      string // telephone, E.164
	Alternate Party
}

// Directory says who may speak. Its answers are those of one numbered directory that k
// of n coordinators signed; implementations are safe for concurrent use and swap whole
// directories, never parts.
type Directory interface {
	// Key finds a key by its id, also one that is no longer valid. Whether it may be
	// used is for the caller to ask (ValidAt, Use, Party).
	Key(id string) (Key, bool)
	// Keys lists a party's keys of one use that are valid at t, the newest first.
	Keys(p Party, u Use, t time.Time) []Key
	// Institution finds a party.
	Institution(p Party) (Institution, bool)
	// Pair finds what two countries agreed; their order does not matter.
	Pair(a, b Country) (Pair, bool)
}
