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

// Progress is how far an outgoing envelope has come.
type Progress string

// The states of an outgoing envelope. The last two are final and carry the gateway's
// answer.
const (
	Stored   Progress = "stored"   // on disk here; being submitted
	Received Progress = "received" // the gateway's signed receipt is here
	Rejected Progress = "refused"  // the gateway refused it; the problem is here
)

// Outgoing is an envelope on its way out.
type Outgoing struct {
	ID       gateway.MessageID
	Audience gateway.Party
	Thread   string
	Lane     gateway.Lane
	Digest   string // as the receipt names it
	Envelope []byte // the bytes as signed; nil once purged
	Expires  time.Time
	StoredAt time.Time
	State    Progress
	Sends    int
	NextAt   time.Time
	Receipt  string // compact JWS
	Problem  string // application/problem+json, without values
	Repeat   string // the national system's own key of the request, or empty
	Again    bool   // the gateway had received it, no longer knows it, and is given it again

	// Given when it is put, and not read back.
	Exchange *Exchange // what the conversation rules need of it; nil for a test of something else
	Case     string    // the office's own reference of the person's case: only a digest of it is kept
	filed    string    // that digest
}

// Put stores an envelope before it is first sent. If its Repeat key is known already, the
// first envelope under it comes back and nothing is stored.
func (s *Store) Put(ctx context.Context, o Outgoing) (Outgoing, bool, error) {
	var first Outgoing
	var again bool
	var err error
	if o.Case != "" {
		if o.filed, err = s.reference(ctx, o.Case); err != nil {
			return Outgoing{}, false, err
		}
	}
	err = s.w.Do(ctx, func(tx *sqlite.Tx) error {
		again = false
		if o.Repeat != "" {
			var err error
			first, err = outgoing(tx.Row(`SELECT `+outgoingColumns+` FROM outbox WHERE repeat_key = ?`, o.Repeat))
			if again = err == nil; again {
				return nil
			} else if !errors.Is(err, ErrUnknown) {
				return err
			}
		}
		o.State = Stored
		first = o
		return put(tx, o)
	})
	if err != nil {
		return Outgoing{}, false, fmt.Errorf("storing an envelope: %w", err)
	}
	return first, again, nil
}

func put(tx *sqlite.Tx, o Outgoing) error {
	if _, err := tx.Exec(`INSERT INTO outbox
			(issuer, jti, audience, thread, lane, digest, envelope, expires, stored_at, state, next_at, repeat_key)
			VALUES (?,?,?,?,?,?,?,?,?,?,0,?)`,
		string(o.ID.Issuer), o.ID.ID, string(o.Audience), o.Thread, string(o.Lane), o.Digest, o.Envelope,
		millis(o.Expires), millis(o.StoredAt), string(Stored), sql.NullString{String: o.Repeat, Valid: o.Repeat != ""}); err != nil {
		return err
	}
	if o.filed != "" {
		if err := file(tx, o.filed, Dossier{Thread: o.Thread, Party: o.ID.Issuer}); err != nil {
			return err
		}
	}
	if o.Exchange == nil {
		return nil
	}
	return enter(tx, *o.Exchange)
}

// Repeated finds the envelope that a request of the national system made, or returns
// [ErrUnknown].
func (s *Store) Repeated(ctx context.Context, key string) (Outgoing, error) {
	return outgoing(s.reading(ctx).Row(`SELECT `+outgoingColumns+` FROM outbox WHERE repeat_key = ?`, key))
}

// Outgoing finds an envelope, or returns [ErrUnknown].
func (s *Store) Outgoing(ctx context.Context, jti string) (Outgoing, error) {
	return outgoing(s.reading(ctx).Row(`SELECT `+outgoingColumns+` FROM outbox WHERE jti = ?`, jti))
}

// Due lists up to n envelopes whose submission is due. Within a thread the next waits for
// the gateway's answer to the one before it, except in the urgent lane.
func (s *Store) Due(ctx context.Context, now time.Time, n int) ([]Outgoing, error) {
	return s.envelopes(ctx, `WHERE state = 'stored' AND next_at <= ? AND (lane = 'urgent' OR NOT EXISTS (
			SELECT 1 FROM outbox b WHERE b.thread = o.thread AND b.state = 'stored' AND b.seq < o.seq))
		ORDER BY lane = 'urgent' DESC, next_at, seq LIMIT ?`, millis(now), n)
}

func (s *Store) envelopes(ctx context.Context, where string, args ...any) ([]Outgoing, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+outgoingColumns+` FROM outbox o `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	defer rows.Close()
	var out []Outgoing
	for rows.Next() {
		o, err := outgoing(rows)
		if err != nil {
			return nil, fmt.Errorf("reading the outbox: %w", err)
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// Kept lists the envelopes that the gateway has received, that could still be submitted
// now and whose bytes are here, in the order in which they were stored.
func (s *Store) Kept(ctx context.Context, now time.Time) ([]Outgoing, error) {
	return s.envelopes(ctx, `WHERE state = 'received' AND envelope IS NOT NULL AND expires > ? ORDER BY seq`, millis(now))
}

// Reopen puts an envelope that the gateway had received back among those that are to be
// submitted: the gateway has lost it. Its receipt stays until there is another.
func (s *Store) Reopen(ctx context.Context, id gateway.MessageID) error {
	return s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE outbox SET state = 'stored', again = 1, next_at = 0 WHERE issuer = ? AND jti = ? AND state = 'received'`, string(id.Issuer), id.ID)
		return err
	})
}

// GiveUp ends the submitting again of an envelope that the gateway would not take a second
// time. It was received once, and its first receipt says so.
func (s *Store) GiveUp(ctx context.Context, id gateway.MessageID) error {
	return s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE outbox SET state = 'received', again = 0 WHERE issuer = ? AND jti = ? AND state = 'stored' AND again = 1`, string(id.Issuer), id.ID)
		return err
	})
}

// Sent notes that an envelope was submitted without an answer, and when to try again.
func (s *Store) Sent(ctx context.Context, id gateway.MessageID, next time.Time) error {
	return s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE outbox SET sends = sends + 1, next_at = ? WHERE issuer = ? AND jti = ? AND state = ?`,
			millis(next), string(id.Issuer), id.ID, string(Stored))
		return err
	})
}

// Hasten makes a stored envelope's submission due at once. One that has an answer, or is not
// here, stays as it is.
func (s *Store) Hasten(ctx context.Context, id gateway.MessageID, now time.Time) error {
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE outbox SET next_at = min(next_at, ?) WHERE issuer = ? AND jti = ? AND state = ?`,
			millis(now), string(id.Issuer), id.ID, string(Stored))
		return err
	})
	if err != nil {
		return fmt.Errorf("hastening a submission: %w", err)
	}
	return nil
}

// Answered records the gateway's answer and, if it received the message, when, and what
// the thread has learned. The first answer stands.
func (s *Store) Answered(ctx context.Context, id gateway.MessageID, st Progress, receipt, problem string, h gateway.Head, at time.Time) error {
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		res, err := tx.Exec(`UPDATE outbox SET state = ?, receipt = ?, problem = ?, sends = sends + 1, again = 0
			WHERE issuer = ? AND jti = ? AND state = ?`, string(st), receipt, problem, string(id.Issuer), id.ID, string(Stored))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 || st != Received {
			return err
		}
		if err := witness(tx, id, gateway.Statement{Event: gateway.SubmissionAcceptance, At: at}); err != nil {
			return err
		}
		return note(tx, h)
	})
	if err != nil {
		return fmt.Errorf("recording the gateway's answer: %w", err)
	}
	return nil
}

const outgoingColumns = `issuer, jti, audience, thread, lane, digest, envelope, expires, stored_at, state, sends, next_at, receipt, problem, coalesce(repeat_key, ''), again`

func outgoing(row interface{ Scan(...any) error }) (Outgoing, error) {
	var o Outgoing
	var expires, stored, next int64
	err := row.Scan(&o.ID.Issuer, &o.ID.ID, &o.Audience, &o.Thread, &o.Lane, &o.Digest, &o.Envelope, &expires, &stored,
		&o.State, &o.Sends, &next, &o.Receipt, &o.Problem, &o.Repeat, &o.Again)
	if errors.Is(err, sql.ErrNoRows) {
		return Outgoing{}, ErrUnknown
	}
	o.Expires, o.StoredAt, o.NextAt = fromMillis(expires), fromMillis(stored), fromMillis(next)
	return o, err
}
