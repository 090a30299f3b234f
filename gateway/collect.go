package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"
)

// Evidence about evidence: the gateway's signed answer to what a recipient sent, which
// ends the sending again.
const (
	EvidenceRecorded Event = "EvidenceRecorded"
	EvidenceRefused  Event = "EvidenceRefused"
)

// Case is what the journal knows of a delivery that somebody testifies about.
type Case struct {
	Message  MessageID
	Audience Party
	Delivery string
	SDHash   string
	Pair     PairNumber
	Expires  time.Time
}

// Book is the journal as the collector sees it.
type Book interface {
	// Case finds a delivery.
	Case(ctx context.Context, delivery string) (Case, bool, error)
	// Testimony records evidence of a delivery: on disk when it returns. The same
	// statement again changes nothing. A final event ends the delivery; the first final
	// event stands, and one that contradicts it is recorded too and reported by
	// [ErrContradiction]. A statement that will never be recorded is a final *Problem.
	Testimony(ctx context.Context, c Case, e Evidence) error
	// Lapsed returns up to n deliveries without final evidence that expired before t.
	Lapsed(ctx context.Context, t time.Time, n int) ([]Case, error)
}

// ErrContradiction says that signers contradict each other about a delivery: evidence is
// recorded, and a person must look.
var ErrContradiction = errors.New("evidence contradicts earlier evidence")

// Collector is the gateway's last verb: it takes the evidence that recipients sign,
// proves it, records it and answers with a signed acknowledgement.
type Collector struct {
	Examiner  Examiner
	Notary    Notary
	Directory Directory
	Book      Book
	Log       *slog.Logger
	Now       func() time.Time
	NewID     func() string
	// Grace is how long after exp the gateway waits before it signs that no evidence
	// came. Default 10 minutes.
	Grace time.Duration
}

// Collect takes one piece of evidence and returns the signed acknowledgement, which is
// the recipient's proof that it is recorded, or that it was refused for ever. An error
// means that nothing was decided: the same evidence is to be given again.
func (c *Collector) Collect(ctx context.Context, from Country, jws string) (ack string, err error) {
	e, err := Witnessed(jws, c.Examiner, c.Directory)
	if err != nil {
		return c.acknowledge(jws, Statement{}, err)
	}
	s := e.Statement()
	if e.Late(c.Now()) {
		return c.acknowledge(jws, s, Refuse(CodeEvidence, "", "The key was revoked. Sign what is new with the key that followed it."))
	}
	if s.Signer.Country() != from {
		return c.acknowledge(jws, s, Refuse(CodeEvidence, "", "Each country sends its own evidence."))
	}
	if !s.Event.ofRecipient() {
		return c.acknowledge(jws, s, Refuse(CodeEvidence, "", "A recipient testifies to what happened at its side."))
	}
	if err := c.checkWords(s); err != nil {
		return c.acknowledge(jws, s, err)
	}
	k, ok, err := c.Book.Case(ctx, s.Delivery)
	if err != nil {
		return "", err
	}
	// A country's adapter holds the keys of all its parties, but only the addressee
	// testifies to a delivery.
	// A recipient that cannot open a delivery cannot say which message it was.
	unopened := s.Event == ContentConsignmentFailure && s.Message == (MessageID{})
	if !ok || k.Audience != s.Signer || k.Message != s.Message && !unopened {
		return c.acknowledge(jws, s, Refuse(CodeEvidence, "", ""))
	}
	if s.Event == ContentConsignment && s.SDHash != k.SDHash {
		return c.acknowledge(jws, s, Refuse(CodeBinding, "", ""))
	}
	err = c.Book.Testimony(ctx, k, e)
	if errors.Is(err, ErrContradiction) {
		c.Log.Error("signers contradict each other", "message", s.Message.ID, "party", string(s.Signer))
		err = nil
	}
	if err != nil {
		return c.acknowledge(jws, s, err) // the book keeps a bounded number of statements
	}
	c.Log.Info("recorded evidence", "event", string(s.Event), "message", s.Message.ID, "party", string(s.Signer))
	return c.acknowledge(jws, s, nil)
}

// checkWords refuses in a recipient's statement every word that is not of a closed list:
// the statement is kept, and shown to the sender, so it must have no room for a name.
func (c *Collector) checkWords(s Statement) error {
	if _, ok := Codes[s.Code]; s.Code != "" && !ok {
		return Refuse(CodeEvidence, "/code", "Take a code of /v1/problems.")
	}
	if s.Pointer != "" || s.Rule != "" {
		return Refuse(CodeEvidence, "", "Pointer and rule are the gateway's to say.")
	}
	if s.Role == "" {
		return nil
	}
	if _, ok := c.Directory.Institution(s.Signer.In(s.Role)); !ok {
		return Refuse(CodeEvidence, "/role", "Name a role of your country that the directory lists.")
	}
	return nil
}

// acknowledge signs that the evidence was recorded, or refused for ever; a temporary
// failure is returned, not signed.
func (c *Collector) acknowledge(jws string, s Statement, refused error) (string, error) {
	a := Statement{
		ID: c.NewID(), Signer: TheGateway, At: c.Now().UTC().Truncate(time.Second), Event: EvidenceRecorded,
		Message: s.Message, Delivery: s.Delivery, Of: DigestString(jws),
	}
	if refused != nil {
		p := AsProblem(refused)
		if !p.Final() {
			return "", refused
		}
		c.Log.Warn("refused evidence", "problem", string(p.Code), "err", refused)
		a.Event, a.Code = EvidenceRefused, p.Code
	}
	return c.Notary.Testify(a)
}

// Lapse signs that no evidence came for deliveries that expired, and returns how many.
// Evidence that is dated before exp and comes later is recorded beside it.
func (c *Collector) Lapse(ctx context.Context) (int, error) {
	now := c.Now().UTC().Truncate(time.Second)
	ks, err := c.Book.Lapsed(ctx, now.Add(-cmp.Or(c.Grace, 10*time.Minute)), 100)
	if err != nil {
		return 0, err
	}
	for i, k := range ks {
		e, err := Testify(Statement{
			ID: c.NewID(), Signer: TheGateway, At: now, Event: ContentConsignmentFailure, Message: k.Message,
			Delivery: k.Delivery, Pair: k.Pair, Code: CodeExpired,
		}, c.Notary)
		if err != nil {
			return i, err
		}
		if err := c.Book.Testimony(ctx, k, e); err != nil && !errors.Is(err, ErrContradiction) {
			return i, err
		}
		c.Log.Warn("delivery expired", "message", k.Message.ID, "country", string(k.Pair.To))
	}
	return len(ks), nil
}
