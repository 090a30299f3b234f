package gateway

import "time"

// Head is the part of a message that the gateway always reads: who, to whom, when,
// which conversation, on which ground. It is pseudonymous, not anonymous: treat it so.
// The names on the wire and their meaning are in gateway/doc/message.md.
type Head struct {
	ID           string    // jti: a UUIDv7 that the sender chose; unique for its Issuer for ever
	Issuer       Party     // iss
	Audience     Party     // aud: one party
	IssuedAt     time.Time // iat, whole seconds; equals the protected header's
	Expires      time.Time // exp: no delivery starts after it
	Confirmation string    // cnf.kid: the gateway's binding key that may say what was released
	Type         string    // "referral.request/1.0"
	Codes        string    // the code-list release that the codes come from, "2026-11"
	Thread       string    // a UUIDv7: one person and one pair of parties
	InReplyTo    string    // jti of the message answered, or empty
	Lane         Lane
	AnswerBy     time.Time // zero where the frame has none
	Purpose      string    // a code
	Basis        string    // an article that the directory lists for this pair
	Agreement    Agreement
	Attests      []string // sorted; positive statements that the sending officer signs
	Act          []string // sorted; the type's own codes that the gateway needs
	Outcome      string   // answers only
	Target       string   // changes only: a jti, a jti with a unit, or the thread
	EffectiveAt  time.Time
	AckBy        time.Time
	Test         bool
	Supersedes   string // jti of an own message that could not be opened
	Override     string // a code: why a rule that lets itself be overridden does not hold; needs an [Approval]
	Via          string // reserved; a message that has it is refused
}

// MessageID names a message for ever: the sender chooses the second half.
type MessageID struct {
	Issuer Party
	ID     string
}

// MessageID is the name under which the message is recorded.
func (h Head) MessageID() MessageID { return MessageID{h.Issuer, h.ID} }

// Topic is the part of the type before the dot: "referral".
func (h Head) Topic() string { return cutType(h.Type, 0) }

// Frame is the part between dot and slash: "request", "answer", "notice", "change".
func (h Head) Frame() string { return cutType(h.Type, 1) }

func cutType(t string, i int) string {
	var parts [2]string
	n := 0
	start := 0
	for j := 0; j <= len(t) && n < 2; j++ {
		if j == len(t) || t[j] == '.' || t[j] == '/' {
			parts[n] = t[start:j]
			n++
			start = j + 1
		}
	}
	return parts[i]
}

// Lane says how fast a message travels.
type Lane string

// The three lanes. Child shortens deadlines; urgent also has its own stream, its own
// share of the door, and rings until a person takes the message on.
const (
	Normal Lane = "normal"
	Child  Lane = "child"
	Urgent Lane = "urgent"
)

// Agreement is what the person (or, for a child, the authority or guardian) decided
// about this exchange. It is the second of two questions; [Head.Basis] is the first.
type Agreement struct {
	State  string // given, limited, refused, not-asked
	Reason string // a code; with not-asked it is required
	By     string // person, guardian, authority
	Heard  bool   // for a child: that the child was heard
}

// Class is how much harm a value can do in the wrong hands (gateway/doc/message.md).
type Class string

// The sensitivity classes. E and C1 stand in the clear; the others are always sealed.
const (
	ClassE  Class = "E"  // head
	ClassC1 Class = "C1" // pseudonymous, coded
	ClassC2 Class = "C2" // characteristics that identify in small countries
	ClassP1 Class = "P1" // identifiers
	ClassP2 Class = "P2" // health and other high-harm
	ClassP3 Class = "P3" // protective location and movement
)

// Type is a row of schemas/types.csv: one kind of message, with everything that is
// derived from it.
type Type struct {
	Name      string // "referral.request/1.0"
	Topic     string
	Frame     string
	Must      []string            // clear blocks it always carries
	May       []string            // clear blocks it can carry
	Sealed    []SealedBlock       // sealed blocks it can carry; none of them must
	Fields    map[string][]string // clear block -> fields of it that are units of their own
	Digests   int                 // the length of the top-level _sd array, decoys included
	Senders   []string            // role kinds
	Receivers []string
	Lanes     []Lane
	Bases     []string      // head members that must be there: "basis", "agreement"
	Attests   []string      // attestations that some rule may ask of it
	Answer    string        // the type that closes it, empty for an answer
	MaxLife   time.Duration // exp − iat at most
	Retention time.Duration
}

// SealedBlock is one entry of a type's "may carry, sealed" column.
type SealedBlock struct {
	Block string // "health"
	Role  string // "aud" for the recipient itself, or a role kind of the recipient's country
	Class Class
	Size  int // plaintext bytes after padding: 1024, 4096 or 16384
}

// Always reports whether the unit is present in every message to aud, sealed over {}
// where there is nothing to say, so that aud sees no difference.
func (b SealedBlock) Always(aud Party) bool { return b.Role != "aud" && b.Role != aud.Kind() }

// Unit is the name of the claim that carries the block to aud's country:
// "health@child-protection".
func (b SealedBlock) Unit(aud Party) string {
	if b.Role == "aud" {
		return b.Block + "@" + aud.Role()
	}
	return b.Block + "@" + b.Role
}
