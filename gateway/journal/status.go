package journal

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"example.org/trm/gateway"
)

// Status is what a message's correspondents may know of it.
type Status struct {
	Message    gateway.MessageID
	Audience   gateway.Party
	State      gateway.State
	Late       bool // delivered in time, but the evidence came after the gateway had given up
	ReceivedAt time.Time
	Expires    time.Time
	Pair       gateway.PairNumber // zero on a refusal
	Delivery   string             // empty on a refusal
	Evidence   []string           // every signed statement in the order of recording; the answer is the first
	Sender     string             // the concealed decision, for the sender
	Auditor    string             // the same, for its auditor
	Refused    *gateway.Problem
}

const statuses = `
	SELECT m.seq, m.iss, m.jti, m.aud, m.received_at, m.expires, m.refusal, ifnull(m.sender, ''), ifnull(m.auditor, ''),
		ifnull(m.pair_from, ''), ifnull(m.pair_to, ''), ifnull(m.origin, ''), ifnull(m.n, 0),
		ifnull(d.id, ''), ifnull(d.generation, 0)
	FROM messages m LEFT JOIN deliveries d ON d.message = m.seq `

// Status finds a message.
func (j *Journal) Status(ctx context.Context, id gateway.MessageID) (Status, bool, error) {
	return j.status(ctx, statuses+`WHERE m.iss = ? AND m.jti = ?`, string(id.Issuer), id.ID)
}

// Pair finds the message that has a number. A number that was never given is not found.
func (j *Journal) Pair(ctx context.Context, n gateway.PairNumber) (Status, bool, error) {
	return j.status(ctx, statuses+`WHERE m.pair_from = ? AND m.pair_to = ? AND m.origin = ? AND m.n = ?`,
		string(n.From), string(n.To), n.Origin, n.N)
}

func (j *Journal) status(ctx context.Context, q string, args ...any) (Status, bool, error) {
	var (
		s                 Status
		seq               int64
		received, expires int64
		refusal           sql.NullString
		generation        uint64
		sender, auditor   []byte
	)
	ok, err := j.reader.One(ctx, func(scan func(...any) error) error {
		return scan(&seq, &s.Message.Issuer, &s.Message.ID, &s.Audience, &received, &expires, &refusal, &sender, &auditor,
			&s.Pair.From, &s.Pair.To, &s.Pair.Origin, &s.Pair.N, &s.Delivery, &generation)
	}, q, args...)
	if err != nil || !ok {
		return Status{}, false, reading(err)
	}
	c := opener{bodies: j.bodies, seq: seq}
	if s.Sender, s.Auditor = c.open("sender", sender), c.open("auditor", auditor); c.err != nil {
		return Status{}, false, reading(c.err)
	}
	s.ReceivedAt, s.Expires = fromSeconds(received), fromSeconds(expires)
	s.State = gateway.StateReceived
	if generation > 0 {
		s.State = gateway.StateQueued
	}
	if refusal.Valid {
		s.State = gateway.StateRefused
		if s.Refused, err = unmarshalProblem(refusal.String); err != nil {
			return Status{}, false, reading(err)
		}
	}
	err = j.reader.Query(ctx, func(scan func(...any) error) error {
		var event gateway.Event
		var code gateway.Code
		var jws string
		var at int64
		err := scan(&event, &code, &at, &jws)
		s.Evidence = append(s.Evidence, jws)
		s.after(event, code, fromSeconds(at))
		return err
	}, `SELECT event, code, at, jws FROM evidence WHERE message = ? ORDER BY seq`, seq)
	if err != nil {
		return Status{}, false, reading(err)
	}
	return s, true, nil
}

// after moves the state on by one event. The first final event stands, except that a
// proof of delivery in time replaces the gateway's statement that none had come; what
// people did afterwards is shown whatever came before it.
func (s *Status) after(e gateway.Event, c gateway.Code, at time.Time) {
	switch final := s.State != gateway.StateReceived && s.State != gateway.StateQueued; {
	case e == gateway.ContentConsignment && s.State == gateway.StateExpired && !at.After(s.Expires):
		s.State, s.Late = gateway.StateDelivered, true
	case e == gateway.ContentConsignment && !final:
		s.State = gateway.StateDelivered
	case e == gateway.ContentConsignmentFailure && !final && c == gateway.CodeExpired:
		s.State = gateway.StateExpired
	case e == gateway.ContentConsignmentFailure && !final:
		s.State = gateway.StateFailed
	case e == gateway.ContentHandover && s.State != gateway.StateTakenOn:
		s.State = gateway.StateRead
	case e == gateway.TakenOn:
		s.State = gateway.StateTakenOn
	}
}

func reading(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading status: %w", err)
}
