package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"time"
)

// Digest is the SHA-256 of "protected.payload.signature~d1~...~dn~" as received: the
// name of a message's exact bytes. Two envelopes with the same [MessageID] are the same
// message only if their digests are equal.
type Digest [32]byte

// String is the digest in base64url, as evidence writes it.
func (d Digest) String() string { return base64.RawURLEncoding.EncodeToString(d[:]) }

// DigestString is the SHA-256 of a serialised token, in base64url.
func DigestString(token string) string { return Digest(sha256.Sum256([]byte(token))).String() }

// Envelope is a submission as it came through the door: bytes that nobody has checked.
type Envelope struct {
	raw []byte
	at  time.Time
}

// Received wraps a submission with the time of its receipt, to which everyone who
// verifies it later goes back. The bytes are kept, not copied.
func Received(raw []byte, at time.Time) Envelope {
	return Envelope{raw: raw, at: at.UTC().Truncate(time.Second)}
}

// LogValue keeps the bytes out of every log.
func (e Envelope) LogValue() slog.Value { return slog.IntValue(len(e.raw)) }

// Format keeps the bytes out of every error.
func (e Envelope) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "envelope of %d bytes", len(e.raw)) }

// Core is the signed part as the origin signed it, base64url: a compact JWS in three
// pieces. It never holds a block, only the head and the digests of units.
type Core struct{ Protected, Payload, Signature string }

// Parts are what a strict decoder found in an envelope. Form is right; truth is unproven
// until the signature is checked.
type Parts struct {
	Head     Head
	Header   Header
	Core     Core
	Digest   Digest
	Units    []Unit         // sorted by name
	Document map[string]any // the processed payload: head, clear blocks, and sealed units as strings (json.Number kept)
	Bound    string         // the gateway's kb_jwt, in deliveries; a submission that has one is refused
}

// Header is the protected header.
type Header struct {
	Alg, KeyID, Typ, Cty string
	Thumbprint           string // x5t#S256
	IssuedAt             time.Time
}

// Unit is one part of a message that can be left out without breaking the signature: a
// block ("subject", "health@child-protection") or a field of a clear block where a rule
// distinguishes it ("subject/decidedBy").
type Unit struct {
	Name       string
	Disclosure string // as received
	Seal       *Seal  // nil for clear units
}

// Seal is what the outside of a sealed unit says, which is all that the gateway can
// read of it.
type Seal struct {
	KeyID   string
	Issuer  Party
	ID      string
	Role    string
	Pointer string
	Size    int // plaintext bytes
}

// Opener reads envelopes and proves their origin. The envelope package implements it.
type Opener interface {
	// Decode reads an envelope strictly; what it refuses is a *Problem. It proves
	// nothing. It panics for no input and its cost is bounded by the input's size.
	Decode(raw []byte) (Parts, error)
	// Verify checks the origin's signature over the bytes as received with the key,
	// whose algorithm the header must name.
	Verify(p Parts, k Key) error
}

// Catalogue knows the types, and checks a message against its type. The schemas package
// implements it; it is safe for concurrent use.
type Catalogue interface {
	// Type finds a row of the table by its full name.
	Type(name string) (Type, bool)
	// Validate checks the processed document of a message: head, frame, clear blocks,
	// codes against the release the head names, that act says what the blocks say, and
	// the shape of sealed units. What it refuses is a *Problem with a pointer.
	Validate(h Head, document map[string]any) error
}

// Message is an envelope whose origin, time and shape are proven. Only [Open] makes one.
type Message struct {
	parts Parts
	kind  Type
	key   Key
}

// Head is the message's head.
func (m Message) Head() Head { return m.parts.Head }

// Core is the signed part.
func (m Message) Core() Core { return m.parts.Core }

// Units are the message's units, sorted by name.
func (m Message) Units() []Unit { return m.parts.Units }

// names are the units' names, sorted.
func (m Message) names() []string {
	names := make([]string, len(m.parts.Units))
	for i, u := range m.parts.Units {
		names[i] = u.Name
	}
	return names
}

// Type is the row that the message follows.
func (m Message) Type() Type { return m.kind }

// LogValue keeps the content out of every log: a message is its size there.
func (m Message) LogValue() slog.Value { return slog.IntValue(len(m.parts.Core.Payload)) }

// Format keeps the content out of every error.
func (m Message) Format(f fmt.State, _ rune) { fmt.Fprint(f, "message") }

// Skew is how far ahead of ours a sender's clock may be.
const Skew = 5 * time.Minute

// Decode reads an envelope without proving anything of it.
func Decode(e Envelope, o Opener) (Parts, error) { return o.Decode(e.raw) }

// Prove checks that the origin signed the parts: key known, of the right use and party,
// valid at iat, not revoked when the message was received, and the signature over the raw
// bytes. iat is the signer's own word: without the second time, a key that was stolen
// and revoked could go on signing with earlier dates. From here on a refusal is the
// origin's own, and is signed and recorded.
func Prove(p Parts, o Opener, d Directory, received time.Time) (Key, error) {
	k, ok := d.Key(p.Header.KeyID)
	switch {
	case !ok || k.Party != p.Head.Issuer:
		return Key{}, Refuse(CodeKeyUnknown, "", "")
	case k.Use != UseMessage || !k.ValidAt(p.Header.IssuedAt) || k.RevokedBy(received):
		return Key{}, Refuse(CodeKeyNotValid, "", "")
	case k.Alg != p.Header.Alg:
		return Key{}, Refuse(CodeAlgorithm, "", "")
	case k.Thumbprint != p.Header.Thumbprint:
		return Key{}, Refuse(CodeKeyUnknown, "", "Name in x5t#S256 the certificate that the directory lists for this key.")
	}
	if err := o.Verify(p, k); err != nil {
		return Key{}, err
	}
	return k, nil
}

// Open makes a message of an envelope whose origin is proven, as the door does: it
// checks the times as of receipt, that the message is bound to this gateway, its type's
// rules, its shape, and the outside of every sealed unit.
func Open(p Parts, k Key, at time.Time, c Catalogue, d Directory) (Message, error) {
	m, err := open(p, k, at, c, d)
	if err != nil {
		return Message{}, err
	}
	return m, checkComplete(m.names(), m.kind, m.parts.Head.Audience, d)
}

// OpenDelivered does the same for a recipient, for whom units may have been left out.
// The time is that of the gateway's receipt, not now.
func OpenDelivered(p Parts, k Key, at time.Time, c Catalogue, d Directory) (Message, error) {
	return open(p, k, at, c, d)
}

func open(p Parts, k Key, at time.Time, c Catalogue, d Directory) (Message, error) {
	h := p.Head
	t, ok := c.Type(h.Type)
	if !ok {
		return Message{}, Refuse(CodeTypeUnknown, "/type", "")
	}
	if err := checkTimes(h, p.Header, t, at); err != nil {
		return Message{}, err
	}
	if h.Via != "" {
		return Message{}, Refuse(CodeNotInVersion, "/via", "")
	}
	if b, ok := d.Key(h.Confirmation); !ok || b.Party != TheGateway || b.Use != UseBinding || !b.ValidAt(at) {
		return Message{}, Refuse(CodeNotForUs, "/cnf", "")
	}
	if err := c.Validate(h, p.Document); err != nil {
		return Message{}, err
	}
	m := Message{parts: p, kind: t, key: k}
	return m, checkUnits(m, d)
}

func checkTimes(h Head, hd Header, t Type, at time.Time) error {
	switch {
	case !h.IssuedAt.Equal(hd.IssuedAt):
		return Refuse(CodeTimeMismatch, "/iat", "")
	case h.IssuedAt.After(at.Add(Skew)):
		return Refuse(CodeTimeFuture, "/iat", "")
	case !at.Before(h.Expires):
		return Refuse(CodeExpired, "/exp", "")
	case h.Expires.Sub(h.IssuedAt) > t.MaxLife:
		return Refuse(CodeLifeTooLong, "/exp", "")
	}
	return nil
}
