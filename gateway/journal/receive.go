package journal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// busyFor is how long a sender waits when a destination's backlog is full.
const busyFor = time.Minute

const findAnswer = `
	SELECT m.digest, m.refusal, e.jws FROM messages m
	JOIN evidence e ON e.message = m.seq AND e.delivery = ''
	WHERE m.iss = ? AND m.jti = ?`

// Find returns the answer that was recorded for an id.
func (j *Journal) Find(ctx context.Context, id gateway.MessageID) (gateway.Recorded, bool, error) {
	var rec gateway.Recorded
	ok, err := j.reader.One(ctx, func(scan func(...any) error) (err error) {
		rec, err = scanAnswer(scan)
		return err
	}, findAnswer, string(id.Issuer), id.ID)
	if err == nil && !ok {
		err = j.spent(ctx, id)
	}
	if err != nil {
		return gateway.Recorded{}, false, fmt.Errorf("finding answer: %w", err)
	}
	return rec, ok, nil
}

// Receive gives a message its place and records what record makes of it. Where the
// destination has too much unfinished, a received message gets "backlog-full" instead,
// and nothing is recorded.
func (j *Journal) Receive(ctx context.Context, id gateway.MessageID, thread string, from, to gateway.Country, record func(gateway.Slot) (gateway.Record, error)) (gateway.Recorded, error) {
	var out gateway.Recorded
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		known, err := scanAnswer(tx.Row(findAnswer, string(id.Issuer), id.ID).Scan)
		if !errors.Is(err, sql.ErrNoRows) {
			out = known
			return err
		}
		if err := spent(tx, id); err != nil {
			return err
		}
		s, err := place(tx, thread, gateway.PairNumber{From: from, To: to, Origin: j.Origin()})
		if err != nil {
			return err
		}
		r, err := record(s)
		if err != nil {
			return err
		}
		if r.Head.MessageID() != id {
			return errors.New("the record is of another message")
		}
		out = gateway.Recorded{Digest: r.Digest, Answer: r.Answer}
		return j.keep(tx, s, thread, to, r)
	})
	if p := (*sqlite.PanicError)(nil); errors.As(err, &p) {
		j.o.Log.Error("recording panicked", "message", id.ID, "stack", string(p.Stack))
	}
	if err != nil {
		return gateway.Recorded{}, fmt.Errorf("recording message: %w", err)
	}
	if !out.Answer.Repeat {
		j.o.Entered()
	}
	if !out.Answer.Repeat && out.Answer.Refusal == nil {
		j.o.Recorded(to)
	}
	return out, nil
}

// place reads what a message's record is made from: the next number of the pair, which
// nobody else can take before this transaction ends, and the thread's facts.
func place(tx *sqlite.Tx, thread string, n gateway.PairNumber) (gateway.Slot, error) {
	s := gateway.Slot{
		Number: n, Earlier: func(id gateway.MessageID) (gateway.Earlier, error) { return earlier(tx, id) },
		Approvals: func(d gateway.Digest) ([]gateway.Approval, error) { return approvals(tx, d) },
	}
	err := tx.Row(`SELECT n FROM pairs WHERE pair_from = ? AND pair_to = ? AND origin = ?`,
		string(n.From), string(n.To), n.Origin).Scan(&s.Number.N)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return s, err
	}
	s.Number.N++
	s.Facts, err = scanFacts(tx.Row(factsOf, thread).Scan)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return s, err
	}
	return s, nil
}

// earlier finds what another message refers to. A refused one was never said.
func earlier(tx *sqlite.Tx, id gateway.MessageID) (gateway.Earlier, error) {
	e, err := scanEarlier(tx.Row(earlierOf, string(id.Issuer), id.ID).Scan)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return gateway.Earlier{}, fmt.Errorf("finding an earlier message: %w", err)
	}
	return e, nil
}

// keep writes a record. A refusal takes no number, leaves the thread as it was and is
// not delivered.
func (j *Journal) keep(tx *sqlite.Tx, s gateway.Slot, thread string, to gateway.Country, r gateway.Record) error {
	h := r.Head
	if a := r.Answer; a.Refusal != nil {
		problem, err := marshalProblem(a.Refusal)
		if err != nil {
			return err
		}
		seq, err := j.number(tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO messages (seq, iss, jti, digest, aud, thread, received_at, expires, refusal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			seq, string(h.Issuer), h.ID, r.Digest[:], string(h.Audience), thread, seconds(r.At), seconds(h.Expires), problem)
		if err != nil {
			return err
		}
		return j.answer(tx, seq, r, a.Signed)
	}
	if len(r.Answer.Receipt) == 0 || r.Bound.Wrapped == "" {
		return errors.New("the record has neither receipt nor refusal")
	}
	released, err := digests(r.Units)
	if err != nil {
		return err
	}
	b, n := r.Bound.Binding, s.Number
	seq, err := j.number(tx)
	if err != nil {
		return err
	}
	c := closing{bodies: j.bodies, seq: seq}
	payload, sender, auditor := c.seal("payload", r.Core.Payload), c.seal("sender", r.Sender), c.seal("auditor", r.Auditor)
	wrapped := c.seal("wrapped", r.Bound.Wrapped)
	if c.err != nil {
		return c.err
	}
	_, err = tx.Exec(`INSERT INTO messages (seq, iss, jti, digest, aud, thread, type, received_at, expires,
			protected, payload, signature, released, kb_jwt, sd_hash, pair_from, pair_to, origin, n, sender, auditor)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		seq, string(h.Issuer), h.ID, r.Digest[:], string(h.Audience), thread, h.Type, seconds(r.At), seconds(h.Expires),
		r.Core.Protected, payload, r.Core.Signature, released, b.Serialized, b.SDHash,
		string(n.From), string(n.To), n.Origin, n.N, sender, auditor)
	if err != nil {
		return err
	}
	if err := j.answer(tx, seq, r, string(r.Answer.Receipt)); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO deliveries (id, message, country, urgent, order_key, expires, trace) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		b.Delivery, seq, string(to), r.Urgent, r.Order, seconds(h.Expires), r.Trace); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO wrapped (message, jwe) VALUES (?, ?)`, seq, wrapped); err != nil {
		return err
	}
	if err := j.count(tx, to, r.Urgent); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO pairs (pair_from, pair_to, origin, n) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = excluded.n`,
		string(n.From), string(n.To), n.Origin, n.N); err != nil {
		return err
	}
	if err := errors.Join(j.begin(tx, seq, r), j.said(tx, h, r.At), overridden(tx, seq, r.Override)); err != nil {
		return err
	}
	f := r.Facts
	_, err = tx.Exec(`INSERT INTO threads (thread, opener, other, accepted, declined, closed, withdrawn, of_age, last) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET accepted = excluded.accepted, declined = excluded.declined, closed = excluded.closed,
			withdrawn = excluded.withdrawn, of_age = excluded.of_age, last = excluded.last`,
		thread, string(f.Opener), string(f.Other), f.Accepted, f.Declined, f.Closed, f.Withdrawn, f.OfAge, f.Last)
	return err
}

// count adds a delivery to its stream's backlog, unless that is full.
func (j *Journal) count(tx *sqlite.Tx, to gateway.Country, urgent bool) error {
	var n int
	err := tx.Row(`INSERT INTO streams (country, urgent, unfinished) VALUES (?, ?, 1)
		ON CONFLICT DO UPDATE SET unfinished = unfinished + 1 RETURNING unfinished`, string(to), urgent).Scan(&n)
	if err == nil && n > j.o.Backlog {
		return gateway.Unavailable(gateway.CodeBacklog, busyFor, nil)
	}
	return err
}

// answer records the gateway's signed answer and its log entry.
func (j *Journal) answer(tx *sqlite.Tx, seq int64, r gateway.Record, jws string) error {
	if err := testify(tx, seq, r.Head.Issuer, "", r.Evidence, jws); err != nil {
		return err
	}
	return j.enter(tx, seq, r.Evidence.Event, r.Evidence.Pair, openingOf(r, jws), r.Sender, r.Auditor)
}

// number gives the next place in the order of receipt, which has a key by then.
func (j *Journal) number(tx *sqlite.Tx) (int64, error) {
	var seq int64
	// AUTOINCREMENT, so that no number is given twice when the last rows were purged.
	if err := tx.Row(`SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0) + 1`).Scan(&seq); err != nil {
		return 0, err
	}
	return seq, j.bodies.reserve(seq)
}

func insert(tx *sqlite.Tx, q string, args ...any) (int64, error) {
	res, err := tx.Exec(q, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// digests names what was released without holding it: the digest of each disclosure, as
// the origin signed it (RFC 9901, Section 4.2.3).
func digests(units []gateway.Unit) (string, error) {
	list := make([]string, len(units))
	for i, u := range units {
		d := sha256.Sum256([]byte(u.Disclosure))
		list[i] = base64.RawURLEncoding.EncodeToString(d[:])
	}
	b, err := json.Marshal(list)
	return string(b), err
}

func scanAnswer(scan func(...any) error) (gateway.Recorded, error) {
	var digest []byte
	var refusal sql.NullString
	var jws string
	if err := scan(&digest, &refusal, &jws); err != nil {
		return gateway.Recorded{}, err
	}
	rec := gateway.Recorded{Answer: gateway.Answer{Repeat: true}}
	if copy(rec.Digest[:], digest) != len(rec.Digest) {
		return rec, errors.New("reading answer: a digest is too short")
	}
	if !refusal.Valid {
		rec.Answer.Receipt = []byte(jws)
		return rec, nil
	}
	rec.Answer.Signed = jws
	var err error
	rec.Answer.Refusal, err = unmarshalProblem(refusal.String)
	return rec, err
}

// refused is a problem as the journal holds it: without its cause, which is for the log
// of the moment.
type refused struct {
	Code    gateway.Code  `json:"code"`
	Pointer string        `json:"pointer,omitempty"`
	Hint    string        `json:"hint,omitempty"`
	Rule    string        `json:"rule,omitempty"`
	Wait    time.Duration `json:"wait,omitempty"`
}

func marshalProblem(p *gateway.Problem) (string, error) {
	b, err := json.Marshal(refused{p.Code, p.Pointer, p.Hint, p.Rule, p.Wait})
	return string(b), err
}

func unmarshalProblem(s string) (*gateway.Problem, error) {
	var r refused
	if err := json.Unmarshal([]byte(s), &r); err != nil {
		return nil, fmt.Errorf("reading refusal: %w", err)
	}
	return &gateway.Problem{Code: r.Code, Pointer: r.Pointer, Hint: r.Hint, Rule: r.Rule, Wait: r.Wait}, nil
}
