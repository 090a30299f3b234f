package gateway

import (
	"context"
	"errors"
	"time"
)

var errNoReader = errors.New("no encryption key for the reader of a decision")

// Receiver is the gateway's first verb: it takes a submission from a caller who is known
// and gives back a signed answer. Everything it needs is asked of others through the
// interfaces of this package; it decides only their order. Safe for concurrent use.
type Receiver struct {
	Opener    Opener
	Directory Directory
	Catalogue Catalogue
	Procedure Procedure
	Policy    Policy
	Binder    Binder
	Notary    Notary
	Journal   Journal
	Origin    string              // log origin of the running year, part of every pair number
	Now       func() time.Time    // the clock
	NewID     func() string       // UUIDv7s for deliveries and evidence
	Auditor   func(Country) Party // the auditor who may open a country's decisions
}

// Answer is what a submission gets, now and every time the same bytes come again.
type Answer struct {
	Receipt []byte   // the signed SubmissionAcceptance, a compact JWS; nil if refused
	Refusal *Problem // recorded; nil if received
	Signed  string   // the signed SubmissionRejection of a recorded refusal
	Repeat  bool     // this message had been answered before
}

// Journal is where the exchange is recorded. Once a method returns without error, what
// it wrote is on disk.
type Journal interface {
	// Find returns the answer that was recorded for an id, if any. The id of a message that
	// was purged is a *Problem.
	Find(ctx context.Context, id MessageID) (Recorded, bool, error)
	// Receive gives the message its place and records what record makes of it, in one
	// transaction: it looks the id up again, reads the thread's facts, reserves the
	// pair's next number and calls record while no other message can take it; whatever
	// record looks up through the slot is as of this transaction. A record
	// with a Refusal, or an error, gives the number back. If the id is recorded already,
	// record is not called and what was recorded comes back with Repeat true. Many
	// messages may share one commit; one that fails does not spoil the others. record
	// may run on another goroutine but has returned when Receive does.
	Receive(ctx context.Context, id MessageID, thread string, from, to Country, record func(Slot) (Record, error)) (Recorded, error)
}

// Slot is a message's place: the number it would have, and what its thread knows.
type Slot struct {
	Number PairNumber
	Facts  ThreadFacts
	// Earlier finds a message that was received before; its zero value is one that never
	// was, or was refused. It may be called until record returns.
	Earlier func(MessageID) (Earlier, error)
	// Approvals are those that were proven and recorded for these bytes. It may be called
	// until record returns.
	Approvals func(Digest) ([]Approval, error)
}

// Earlier is what the journal says of a message that another refers to.
type Earlier struct {
	Audience Party
	Thread   string
	Type     string
}

// Known reports whether there is such a message.
func (e Earlier) Known() bool { return e.Audience != "" }

// Procedure decides whether a message has its place in its conversation. The sop package
// implements it. It keeps nothing and is safe for concurrent use.
type Procedure interface {
	// Admit refuses with a *Problem a message that refers to what its correspondents
	// never said. Any other error is the look-up's own.
	Admit(h Head, earlier func(MessageID) (Earlier, error)) error
}

// Record is everything that is kept of a message, in one transaction.
type Record struct {
	Digest   Digest
	Head     Head
	Answer   Answer
	At       time.Time
	Order    string // the key within which one delivery is unfinished at a time
	Urgent   bool   // travels on the urgent stream
	Core     Core   // empty on a refusal, as is all below
	Units    []Unit // what was released: only digests of these are kept
	Bound    Bound
	Facts    ThreadFacts // of the thread, after this message
	Sender   string      // concealed decision for the sender
	Auditor  string      // concealed decision for the sender's auditor
	Evidence Statement   // what the answer says
	Trace    string      // W3C traceparent of the request
	Override Override    // what the message sets aside; its reason is empty where it does not
}

// Recorded is what the journal says of an id.
type Recorded struct {
	Digest Digest
	Answer Answer
}

// Accept receives a submission: durable once it returns an Answer without error, and
// idempotent: the same bytes get the same answer, byte for byte. announced is the
// lane that the caller named at the door, outside the signature. An error is a *Problem that is not recorded, so that the id is
// free; a recorded refusal is an Answer.
func (r *Receiver) Accept(ctx context.Context, caller Party, announced Lane, e Envelope, trace string) (Answer, error) {
	p, err := Decode(e, r.Opener)
	if err != nil {
		return Answer{}, err
	}
	h := p.Head
	if p.Bound != "" {
		return Answer{}, Refuse(CodeMalformed, "", "Leave kb_jwt out: the gateway signs it.")
	}
	if h.Issuer != caller {
		return Answer{}, Refuse(CodeCallerMismatch, "/iss", "")
	}
	// The same bytes get the same answer before any check of time, keys or policy.
	if rec, ok, err := r.Journal.Find(ctx, h.MessageID()); AsProblem(err).Code == CodePurged {
		return Answer{}, AsProblem(err)
	} else if err != nil {
		return Answer{}, Unavailable(CodeBusy, 5*time.Second, err)
	} else if ok {
		return again(rec, p.Digest)
	}
	k, err := Prove(p, r.Opener, r.Directory, e.at)
	if err != nil {
		return Answer{}, err
	}
	// The reserve is for urgent messages. The header is not signed, so that this refusal is
	// not recorded; and an urgent message whose header was lost on the way is received.
	if announced == Urgent && h.Lane != Urgent {
		return Answer{}, Refuse(CodeLaneMismatch, "/lane", "")
	}
	m, refusal := Open(p, k, e.at, r.Catalogue, r.Directory)
	if refusal != nil && !AsProblem(refusal).Final() {
		return Answer{}, refusal
	}
	rec, err := r.Journal.Receive(ctx, h.MessageID(), h.Thread, h.Issuer.Country(), h.Audience.Country(), func(s Slot) (Record, error) {
		base := Record{Digest: p.Digest, Head: h, At: e.at, Trace: trace}
		if refusal != nil {
			return r.refuse(base, AsProblem(refusal))
		}
		return r.record(base, m, s)
	})
	if err != nil {
		if q := AsProblem(err); q.Code != CodeInternal {
			return Answer{}, q
		}
		return Answer{}, Unavailable(CodeBusy, 5*time.Second, err)
	}
	return again(rec, p.Digest)
}

// again is the answer that was recorded, unless the id names other bytes.
func again(rec Recorded, d Digest) (Answer, error) {
	if rec.Digest != d {
		return Answer{}, Refuse(CodeIDReused, "/jti", "")
	}
	return rec.Answer, nil
}

// record minimises, binds, wraps and signs: the part of receiving that needs the pair's
// number and the thread's facts, and therefore runs inside the journal's transaction.
func (r *Receiver) record(base Record, m Message, s Slot) (Record, error) {
	h := m.Head()
	q, err := Ask(m, s.Facts, r.Directory)
	if err != nil {
		return r.refuse(base, AsProblem(err))
	}
	if err := r.Procedure.Admit(h, s.Earlier); err != nil {
		if p := AsProblem(err); p.Code == CodeInternal {
			return Record{}, err
		}
		return r.refuse(base, AsProblem(err))
	}
	d, decision, err := Minimise(m, r.Policy, q)
	if err != nil {
		return r.refuse(base, AsProblem(err))
	}
	recipient, err := recipientKey(h.Audience, r.Directory, base.At)
	if err != nil {
		return r.refuse(base, AsProblem(err))
	}
	out := base
	if out.Override, err = overrideOf(base, decision, s); err != nil {
		return Record{}, err
	}
	out.Bound, err = r.Binder.Bind(m.Core(), d.Units(), Binding{
		KeyID: h.Confirmation, Delivery: r.NewID(), Audience: h.Audience, IssuedAt: base.At,
		Released: d.Released(), Policy: decision.Policy, Pair: s.Number,
	}, recipient)
	if err != nil {
		return Record{}, err
	}
	if out.Sender, err = r.conceal(decision.Withheld, h.MessageID(), h.Issuer, base.At); err != nil {
		return Record{}, err
	}
	if out.Auditor, err = r.conceal(decision.Withheld, h.MessageID(), r.Auditor(h.Issuer.Country()), base.At); err != nil {
		return Record{}, err
	}
	out.Core, out.Units = m.Core(), d.Units()
	out.Order, out.Urgent = d.order(), d.Overtakes()
	out.Facts = s.Facts.After(h)
	out.Evidence = Statement{
		ID: r.NewID(), Signer: TheGateway, At: base.At, Event: SubmissionAcceptance, Message: h.MessageID(),
		Envelope: base.Digest.String(), Pair: s.Number, SDHash: out.Bound.Binding.SDHash,
		Decision: DigestString(out.Sender), Expires: h.Expires,
	}
	ev, err := Testify(out.Evidence, r.Notary)
	if err != nil {
		return Record{}, err
	}
	out.Answer = Answer{Receipt: []byte(ev.JWS())}
	return out, nil
}

// overrideOf is what a message sets aside. Without a second person's approval only an
// urgent one may, which then waits for it; another claims no id, so that the same bytes are
// received once the approval is there.
func overrideOf(base Record, d Decision, s Slot) (Override, error) {
	h := base.Head
	if h.Override == "" {
		return Override{}, nil
	}
	o := Override{
		Message: h.MessageID(), Audience: h.Audience, Pair: s.Number, Envelope: base.Digest, Reason: h.Override, Rules: d.Overridden, At: base.At,
	}
	list, err := s.Approvals(base.Digest)
	if err != nil {
		return Override{}, err
	}
	switch {
	case approved(o, list):
		o.Approved = base.At
	case h.Lane != Urgent:
		return Override{}, &Problem{Code: CodeApprovalMissing, Pointer: "/override", Wait: approvalWait}
	}
	return o, nil
}

// approvalWait is how long a message that waits for its approval stays away.
const approvalWait = 5 * time.Minute

// refuse signs the refusal of a message whose origin is proven: it is that id's answer
// for ever. What its sender wrote as audience or type may be neither, but any word in
// their form: what is not known is not kept.
func (r *Receiver) refuse(base Record, p *Problem) (Record, error) {
	if !p.Final() {
		return Record{}, p
	}
	if _, ok := r.Directory.Institution(base.Head.Audience); !ok {
		base.Head.Audience = ""
	}
	if _, ok := r.Catalogue.Type(base.Head.Type); !ok {
		base.Head.Type = ""
	}
	base.Evidence = Statement{
		ID: r.NewID(), Signer: TheGateway, At: base.At, Event: SubmissionRejection, Message: base.Head.MessageID(),
		Envelope: base.Digest.String(), Code: p.Code, Pointer: p.Pointer, Rule: p.Rule,
	}
	ev, err := Testify(base.Evidence, r.Notary)
	if err != nil {
		return Record{}, err
	}
	base.Answer = Answer{Refusal: p, Signed: ev.JWS()}
	return base, nil
}

// recipientKey is what a delivery is closed with.
func recipientKey(aud Party, d Directory, at time.Time) (Key, error) {
	keys := d.Keys(aud, UseEncryption, at)
	if len(keys) == 0 {
		return Key{}, Refuse(CodePartyUnknown, "/aud", "The recipient has no current encryption key; telephone its duty officer.")
	}
	return keys[0], nil
}

func (r *Receiver) conceal(list []Withheld, id MessageID, reader Party, at time.Time) (string, error) {
	keys := r.Directory.Keys(reader, UseEncryption, at)
	if len(keys) == 0 {
		return "", Unavailable(CodeDirectoryStale, time.Minute, errNoReader)
	}
	return r.Binder.Conceal(list, id, keys[0])
}
