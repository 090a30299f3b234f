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

// State is how far a delivery has come in this country.
type State string

// The states. Delivered and Failed are final: the first of them stands.
const (
	Taken     State = "taken"     // opened and journalled; being attempted
	Delivered State = "delivered" // the national system has all of it
	Failed    State = "failed"    // nothing more is attempted; evidence says why
)

// Delivery is what the journal knows of one.
type Delivery struct {
	ID         string
	Message    gateway.MessageID // empty if it could not be opened
	Audience   gateway.Party
	Pair       gateway.PairNumber
	SDHash     string
	Expires    time.Time
	TakenAt    time.Time
	State      State
	Code       gateway.Code // why it failed
	FinishedAt time.Time
}

// Intake is what taking a delivery found.
type Intake struct {
	Delivery Delivery // as journalled first
	Repeat   bool     // it was journalled before
	Missing  []int64  // numbers of its pair that are newly known to be missing
	Again    string   // an earlier delivery of the same message, if there was one
}

// maxGap bounds what one number can make the journal write.
const maxGap = 1000

// Take journals a delivery before anything is attempted. Taking it again returns what was
// journalled, with Repeat set, and changes nothing.
func (s *Store) Take(ctx context.Context, d Delivery) (Intake, error) {
	var in Intake
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		in = Intake{}
		old, err := delivery(tx, d.ID)
		if err == nil {
			in.Delivery, in.Repeat = old, true
			// A crash between this row and its end must not forget the other one.
			err := tx.Row(`SELECT o.id FROM delivery o JOIN delivery d ON d.issuer = o.issuer AND d.jti = o.jti
				WHERE d.id = ? AND d.jti <> '' AND o.rowid < d.rowid ORDER BY o.rowid LIMIT 1`, d.ID).Scan(&in.Again)
			if errors.Is(err, sql.ErrNoRows) {
				err = nil
			}
			return err
		}
		if !errors.Is(err, ErrUnknown) {
			return err
		}
		if d.Message.ID != "" {
			err := tx.Row(`SELECT id FROM delivery WHERE issuer = ? AND jti = ? LIMIT 1`,
				string(d.Message.Issuer), d.Message.ID).Scan(&in.Again)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		d.State = Taken
		if _, err := tx.Exec(`INSERT INTO delivery
			(id, issuer, jti, audience, pair_from, pair_to, origin, n, sd_hash, expires, taken_at, state)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`,
			d.ID, string(d.Message.Issuer), d.Message.ID, string(d.Audience), string(d.Pair.From), string(d.Pair.To),
			d.Pair.Origin, d.Pair.N, d.SDHash, millis(d.Expires), millis(d.TakenAt), string(Taken)); err != nil {
			return err
		}
		in.Delivery = d
		in.Missing, err = count(tx, d.Pair, d.TakenAt)
		return err
	})
	if err != nil {
		return Intake{}, fmt.Errorf("journalling a delivery: %w", err)
	}
	return in, nil
}

// Delivery finds one, or returns [ErrUnknown].
func (s *Store) Delivery(ctx context.Context, id string) (Delivery, error) {
	return delivery(s.reading(ctx), id)
}

// Ended reports whether a delivery of the message has ended here, in whatever way.
func (s *Store) Ended(ctx context.Context, id gateway.MessageID) (bool, error) {
	var n int
	err := s.reading(ctx).Row(`SELECT count(*) FROM delivery WHERE issuer = ? AND jti = ? AND state <> ?`,
		string(id.Issuer), id.ID, string(Taken)).Scan(&n)
	return n > 0, err
}

const deliveryColumns = `id, issuer, jti, audience, pair_from, pair_to, origin, n, sd_hash, expires, taken_at, state, code, finished_at`

func delivery(q rower, id string) (Delivery, error) {
	return scanDelivery(q.Row(`SELECT `+deliveryColumns+` FROM delivery WHERE id = ?`, id))
}

func scanDelivery(row interface{ Scan(...any) error }) (Delivery, error) {
	var d Delivery
	var expires, taken, finished int64
	err := row.Scan(&d.ID, &d.Message.Issuer, &d.Message.ID, &d.Audience, &d.Pair.From, &d.Pair.To, &d.Pair.Origin, &d.Pair.N,
		&d.SDHash, &expires, &taken, &d.State, &d.Code, &finished)
	if errors.Is(err, sql.ErrNoRows) {
		return Delivery{}, ErrUnknown
	}
	d.Expires, d.TakenAt, d.FinishedAt = fromMillis(expires), fromMillis(taken), fromMillis(finished)
	return d, err
}
