package gateway

import "time"

// Event names what a piece of evidence says happened. The names are those of ETSI EN
// 319 522-1, Section 8, and a few of our own.
type Event string

// The events.
const (
	SubmissionAcceptance      Event = "SubmissionAcceptance"      // the gateway received it: durable
	SubmissionRejection       Event = "SubmissionRejection"       // the gateway refused it, for ever
	ContentConsignment        Event = "ContentConsignment"        // in the national system or inbox
	ContentConsignmentFailure Event = "ContentConsignmentFailure" // refused by the recipient's checks, given up, expired, key
	ContentHandover           Event = "ContentHandover"           // the recipient's person opened it
	TakenOn                   Event = "TakenOn"                   // a person took it on
	DueSoon                   Event = "DueSoon"                   // little is left of the time in which an answer is owed
	Overdue                   Event = "Overdue"                   // that time has passed
	Escalated                 Event = "Escalated"                 // and nobody has answered for it; urgent: nobody has taken it on

	ConsignmentNotification        Event = "ConsignmentNotification"        // the recipient's people were told that it waits
	ConsignmentNotificationFailure Event = "ConsignmentNotificationFailure" // they could not be told, or not at one of the steps

	ApprovalRecorded   Event = "ApprovalRecorded"   // the gateway holds a second person's approval
	ReviewRecorded     Event = "ReviewRecorded"     // and what a review of it came to
	OverrideUnapproved Event = "OverrideUnapproved" // nobody approved within 24 hours what an urgent message set aside
)

// Final reports whether the event ends the delivery: nothing more is attempted.
func (e Event) Final() bool { return e == ContentConsignment || e == ContentConsignmentFailure }

// ofRecipient reports whether the event is one that a recipient testifies to: what
// happened at its side. Everything else is the gateway's to say.
func (e Event) ofRecipient() bool {
	switch e {
	case ContentConsignment, ContentConsignmentFailure, ContentHandover, TakenOn, ConsignmentNotification, ConsignmentNotificationFailure:
		return true
	}
	return false
}

// OfDuty reports whether the event is a step of a duty, which the gateway alone signs.
func (e Event) OfDuty() bool { return e == DueSoon || e == Overdue || e == Escalated }

// Statement is what one piece of evidence says, before it is signed or once its
// signature was checked. A statement holds codes, ids, times and digests, never a value
// of a message.
type Statement struct {
	ID       string    // jti, a UUIDv7
	Signer   Party     // iss
	At       time.Time // iat
	Event    Event
	Message  MessageID
	Envelope string     // base64url digest of the envelope as received; the gateway's events
	Delivery string     // delivery id; recipients' events
	Pair     PairNumber // zero on rejections
	SDHash   string     // what was truly released; acceptance and recipients' events
	Decision string     // digest of the concealed list that the sender gets; acceptance
	Code     Code       // why, on rejections and failures
	Pointer  string     // where, on rejections
	Rule     string     // by which policy rule, on rejections
	Role     string     // of the person, on handover and taking on
	Expires  time.Time  // the message's exp, on acceptance
	Due      time.Time  // the date that a step of a duty is about
	Of       string     // digest of the evidence acknowledged; on EvidenceRecorded and EvidenceRefused
}

// Evidence is a statement with the signature that proves it. Only [Testify] and
// [Witnessed] make one.
type Evidence struct {
	statement Statement
	jws       string
	key       Key // that proved it; zero where we signed it ourselves
}

// Statement is what the evidence says.
func (e Evidence) Statement() Statement { return e.statement }

// JWS is the signed form, a compact JWS with typ "trm-evidence+jwt".
func (e Evidence) JWS() string { return e.jws }

// Late reports whether the key that proved the evidence had been revoked by t: whoever
// hears it first at t does not believe it, whatever date it bears. Evidence that was heard
// in time stays good.
func (e Evidence) Late(t time.Time) bool { return e.key.RevokedBy(t) }

// Notary signs and reads evidence. The envelope package implements it.
type Notary interface {
	// Testify signs the statement with the key of use evidence that its signer holds here.
	Testify(Statement) (jws string, err error)
}

// Examiner reads evidence strictly and checks its signature.
type Examiner interface {
	// Examine returns what the evidence says and the id of the key that the header
	// names, having proven nothing.
	Examine(jws string) (s Statement, keyID string, err error)
	// Check proves the signature with the key.
	Check(jws string, k Key) error
}

// Testify signs a statement.
func Testify(s Statement, n Notary) (Evidence, error) {
	jws, err := n.Testify(s)
	if err != nil {
		return Evidence{}, err
	}
	return Evidence{statement: s, jws: jws}, nil
}

// Witnessed reads evidence that somebody else signed and proves it: key in the
// directory, of use evidence, the signer's own, valid at the time it states.
func Witnessed(jws string, x Examiner, d Directory) (Evidence, error) {
	s, kid, err := x.Examine(jws)
	if err != nil {
		return Evidence{}, err
	}
	if s.Event.OfDuty() && s.Signer != TheGateway {
		return Evidence{}, Refuse(CodeEvidence, "/event", "The steps of a duty are the gateway's to sign.")
	}
	k, ok := d.Key(kid)
	if !ok || k.Party != s.Signer || k.Use != UseEvidence || !k.ValidAt(s.At) {
		return Evidence{}, Refuse(CodeEvidence, "", "Sign with a key of use evidence that the directory lists for the signer.")
	}
	if err := x.Check(jws, k); err != nil {
		return Evidence{}, err
	}
	return Evidence{s, jws, k}, nil
}

// State is how far a message has come, as its correspondents see it.
type State string

// The states (gateway/doc/states.md).
const (
	StateReceived  State = "received"  // by the gateway: durable
	StateRefused   State = "refused"   // by the gateway, for ever
	StateQueued    State = "queued"    // waiting in Redis
	StateDelivered State = "delivered" // in the national system or inbox
	StateFailed    State = "failed"    // the recipient's side could not take it
	StateExpired   State = "expired"   // its time ran out before it was delivered
	StateRead      State = "read"      // a person opened it
	StateTakenOn   State = "taken-on"  // a person took it on
)
