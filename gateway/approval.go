package gateway

import (
	"context"
	"slices"
	"time"
)

// Of an override: how long after the receipt of an urgent message its approval may come,
// and how long its sender has to look at it once more.
const (
	ApproveWithin = 24 * time.Hour
	ReviewWithin  = 72 * time.Hour
)

// OverrideReasons are the codes that [Head.Override] can hold.
var OverrideReasons = [...]string{"best-interests", "danger-to-life", "duty-in-law"}

// Findings are what a review can come to.
var Findings = [...]string{"upheld", "not-upheld"}

// Approval is what a second person of the sender's party signs about one message that
// overrides rules: these bytes, these rules, this reason. Signed again with a finding it is
// the review that is owed afterwards. It names codes, ids and a digest, never a value, and
// only the sender and the gateway ever see it: it holds the digest of the envelope.
type Approval struct {
	ID       string    // jti, a UUIDv7
	By       Party     // iss: the sender's party; the key is another person's than the one that signed the message
	At       time.Time // iat
	Message  MessageID
	Envelope string   // digest of the envelope as it is submitted, base64url
	Reason   string   // the override in the message's head
	Rules    []string // sorted ids of the rules that may be set aside
	Finding  string   // of a review; empty on an approval
}

// Covers reports whether the approval is of these bytes, for this reason, and names every
// rule that was set aside.
func (a Approval) Covers(o Override) bool {
	return a.Finding == "" && a.By == o.Message.Issuer && a.Message == o.Message && a.Envelope == o.Envelope.String() && a.Reason == o.Reason &&
		!slices.ContainsFunc(o.Rules, func(r string) bool { return !slices.Contains(a.Rules, r) })
}

// Override is what is remembered of a message that was received with a rule set aside.
type Override struct {
	Message  MessageID
	Audience Party
	Pair     PairNumber
	Delivery string // its id
	Envelope Digest
	Reason   string
	Rules    []string  // sorted
	At       time.Time // of receipt
	Approved time.Time // when the approval was recorded; zero: not yet
	Lapsed   time.Time // when it was recorded that none came in time; zero: not
	Reviewed time.Time // zero: not yet
	Finding  string    // of the review
}

// ApproveBy is the end of the time in which an approval may follow the message.
func (o Override) ApproveBy() time.Time { return o.At.Add(ApproveWithin) }

// ReviewBy is when the review is due.
func (o Override) ReviewBy() time.Time { return o.At.Add(ReviewWithin) }

// ApprovalExaminer reads approvals strictly and checks their signature. The envelope
// package implements it.
type ApprovalExaminer interface {
	// ExamineApproval returns what an approval says and the id of the key that its header
	// names, having proven nothing.
	ExamineApproval(jws string) (a Approval, keyID string, err error)
	// CheckApproval proves the signature with the key, which must have the use approval.
	CheckApproval(jws string, k Key) error
}

// Overrides is the journal as the overseer sees it.
type Overrides interface {
	// Answered finds the answer that the same bytes got before.
	Answered(ctx context.Context, jws string) (answer string, ok bool, err error)
	// Approve records an approval or a review, in one transaction: on disk when it
	// returns. The same bytes again get the same answer and record is not called. record
	// gets the override that the approval speaks of, as of this transaction, or false
	// where no message with that digest overrides anything yet, and makes the answer; its
	// error leaves nothing behind. Another approval with that signer and id, and more than
	// a few of one message, are *Problems.
	Approve(ctx context.Context, a Approval, jws string, record func(o Override, known bool) (answer string, err error)) (string, error)
	// Unapproved returns up to n overrides without approval that were received before t
	// and of which that is not yet recorded, the oldest first.
	Unapproved(ctx context.Context, t time.Time, n int) ([]Override, error)
	// Lapse records that no approval came. Once only; where one came meanwhile it does
	// nothing and reports false.
	Lapse(ctx context.Context, o Override, e Evidence) (bool, error)
}
