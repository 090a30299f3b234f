package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Standing is what the gateway said of a piece of evidence.
type Standing string

// The standings. Only the gateway's signed acknowledgement ends Untold.
const (
	Untold   Standing = "untold"
	Recorded Standing = "recorded"
	Refused  Standing = "refused"
)

// Testimony is evidence that this country signed, and how far it has come.
type Testimony struct {
	Digest   string // of the JWS
	Delivery string
	Event    gateway.Event
	Role     string // of the person, on handover and taking on
	JWS      string
	MadeAt   time.Time
	State    Standing
	Sends    int    // again, after the first
	Ack      string // the gateway's answer, a compact JWS
}

// Outcome is how a delivery ended.
type Outcome struct {
	State    State // Delivered or Failed
	Code     gateway.Code
	Evidence gateway.Evidence
	Attempts []Attempt // those that this is the outcome of
	Exchange *Exchange // what the thread learns; nil where it learns nothing
	Next     time.Time // when to send the evidence again, should it not be acknowledged
}

// Finish records how a delivery ended, the evidence that says so and what its thread has
// learned, in one transaction. The first end stands: finishing again returns the evidence
// that was recorded then, whatever is given now, so that nobody contradicts themselves.
func (s *Store) Finish(ctx context.Context, id string, o Outcome) (Testimony, error) {
	var t Testimony
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		if err := ended(tx, o.Attempts); err != nil {
			return err
		}
		res, err := tx.Exec(`UPDATE delivery SET state = ?, code = ?, finished_at = ? WHERE id = ? AND state = ?`,
			string(o.State), string(o.Code), millis(o.Evidence.Statement().At), id, string(Taken))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			t, err = finalOf(tx, id)
			return err
		}
		if o.Exchange != nil {
			if err := note(tx, o.Exchange.Head); err != nil {
				return err
			}
			x := *o.Exchange
			x.Delivered = o.Evidence.Statement().At
			if err := enter(tx, x); err != nil {
				return err
			}
		}
		t, err = give(tx, id, o.Evidence, o.Next)
		return err
	})
	if err != nil {
		return Testimony{}, fmt.Errorf("recording a delivery's end: %w", err)
	}
	return t, nil
}

// Give records evidence of what a person did with a delivery. The same event of the same
// role again returns what was recorded first.
func (s *Store) Give(ctx context.Context, id string, e gateway.Evidence, next time.Time) (Testimony, error) {
	var t Testimony
	err := s.w.Do(ctx, func(tx *sqlite.Tx) (err error) {
		if t, err = give(tx, id, e, next); err != nil {
			return err
		}
		return witness(tx, e.Statement().Message, e.Statement())
	})
	if err != nil {
		return Testimony{}, fmt.Errorf("recording evidence: %w", err)
	}
	return t, nil
}

func give(tx *sqlite.Tx, id string, e gateway.Evidence, next time.Time) (Testimony, error) {
	st := e.Statement()
	if _, err := tx.Exec(`INSERT INTO evidence (digest, delivery, event, role, jws, made_at, state, next_at)
		VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (delivery, event, role) DO NOTHING`,
		gateway.DigestString(e.JWS()), id, string(st.Event), st.Role, e.JWS(), millis(st.At), string(Untold), millis(next)); err != nil {
		return Testimony{}, err
	}
	return testimony(tx.Row(`SELECT `+testimonyColumns+` FROM evidence WHERE delivery = ? AND event = ? AND role = ?`,
		id, string(st.Event), st.Role))
}

func finalOf(q rower, id string) (Testimony, error) {
	return testimony(q.Row(`SELECT `+testimonyColumns+` FROM evidence WHERE delivery = ? AND event IN (?, ?)`,
		id, string(gateway.ContentConsignment), string(gateway.ContentConsignmentFailure)))
}

// Final returns the evidence that ended a delivery, or [ErrUnknown].
func (s *Store) Final(ctx context.Context, delivery string) (Testimony, error) {
	return finalOf(s.reading(ctx), delivery)
}

// Evidence lists what was testified of a delivery, in order.
func (s *Store) Evidence(ctx context.Context, delivery string) ([]Testimony, error) {
	return s.testimonies(ctx, `WHERE delivery = ? ORDER BY rowid`, delivery)
}

// Untold lists up to n pieces of evidence that the gateway has not acknowledged and whose
// next sending is due, the longest due first.
func (s *Store) Untold(ctx context.Context, now time.Time, n int) ([]Testimony, error) {
	return s.testimonies(ctx, `WHERE state = 'untold' AND next_at <= ? ORDER BY next_at, rowid LIMIT ?`, millis(now), n)
}

// Told notes that evidence was sent again, and when the next time is.
func (s *Store) Told(ctx context.Context, digest string, next time.Time) error {
	return s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE evidence SET sends = sends + 1, next_at = ? WHERE digest = ?`, millis(next), digest)
		return err
	})
}

// Acknowledged records the gateway's answer, which ends the sending again. The first
// answer stands. It reports whether the evidence is this journal's.
func (s *Store) Acknowledged(ctx context.Context, of string, st Standing, ack string) (bool, error) {
	var known bool
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		if _, err := tx.Exec(`UPDATE evidence SET state = ?, ack = ? WHERE digest = ? AND state = ?`,
			string(st), ack, of, string(Untold)); err != nil {
			return err
		}
		var n int
		err := tx.Row(`SELECT count(*) FROM evidence WHERE digest = ?`, of).Scan(&n)
		known = n > 0
		return err
	})
	return known, err
}

const testimonyColumns = `digest, delivery, event, role, jws, made_at, state, sends, ack`

func testimony(row interface{ Scan(...any) error }) (Testimony, error) {
	var t Testimony
	var made int64
	err := row.Scan(&t.Digest, &t.Delivery, &t.Event, &t.Role, &t.JWS, &made, &t.State, &t.Sends, &t.Ack)
	if errors.Is(err, sql.ErrNoRows) {
		return Testimony{}, ErrUnknown
	}
	t.MadeAt = fromMillis(made)
	return t, err
}

func (s *Store) testimonies(ctx context.Context, where string, args ...any) ([]Testimony, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+testimonyColumns+` FROM evidence `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading evidence: %w", err)
	}
	defer rows.Close()
	var out []Testimony
	for rows.Next() {
		t, err := testimony(rows)
		if err != nil {
			return nil, fmt.Errorf("reading evidence: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}
