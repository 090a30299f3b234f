package store

import (
	"context"
	"fmt"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Mark says what is known of an attempt.
type Mark string

// The marks. An attempt that a crash cut short keeps Ambiguous.
const (
	NotSent   Mark = "not-sent"  // nothing left: certainly no effect
	Ambiguous Mark = "ambiguous" // it may have taken effect
	Answered  Mark = "answered"  // the national system said yes or no
)

// Attempt is message × destination × n. Its numbers only rise, also when a person starts
// another round.
type Attempt struct {
	Delivery    string
	Destination gateway.Party
	N           int
	Mark        Mark
	Done        bool         // the destination has it
	Code        gateway.Code // a code for the operator; empty if Done
	BeganAt     time.Time
	EndedAt     time.Time
	NextAt      time.Time // when the next may begin
}

// Begin journals the next attempt at each destination before any is made, marked
// ambiguous.
func (s *Store) Begin(ctx context.Context, delivery string, at time.Time, destinations ...gateway.Party) ([]Attempt, error) {
	begun := make([]Attempt, len(destinations))
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		for i, d := range destinations {
			begun[i] = Attempt{Delivery: delivery, Destination: d, Mark: Ambiguous, BeganAt: at}
			if err := tx.Row(`INSERT INTO attempt (delivery, destination, n, mark, began_at)
				VALUES (?1, ?2, (SELECT coalesce(max(n), 0) + 1 FROM attempt WHERE delivery = ?1 AND destination = ?2), ?3, ?4)
				RETURNING n`, delivery, string(d), string(Ambiguous), millis(at)).Scan(&begun[i].N); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("journalling attempts: %w", err)
	}
	return begun, nil
}

// End journals how attempts ended.
func (s *Store) End(ctx context.Context, attempts ...Attempt) error {
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error { return ended(tx, attempts) })
	if err != nil {
		return fmt.Errorf("journalling how attempts ended: %w", err)
	}
	return nil
}

func ended(tx *sqlite.Tx, attempts []Attempt) error {
	for _, a := range attempts {
		if _, err := tx.Exec(`UPDATE attempt SET mark = ?, done = ?, code = ?, ended_at = ?, next_at = ?
			WHERE delivery = ? AND destination = ? AND n = ?`,
			string(a.Mark), a.Done, string(a.Code), millis(a.EndedAt), millis(a.NextAt), a.Delivery, string(a.Destination), a.N); err != nil {
			return err
		}
	}
	return nil
}

// Attempts lists a delivery's attempts by destination, in their order.
func (s *Store) Attempts(ctx context.Context, delivery string) (map[gateway.Party][]Attempt, error) {
	out := make(map[gateway.Party][]Attempt)
	err := s.r.Query(ctx, func(scan func(...any) error) error {
		a := Attempt{Delivery: delivery}
		var began, ended, next int64
		err := scan(&a.Destination, &a.N, &a.Mark, &a.Done, &a.Code, &began, &ended, &next)
		a.BeganAt, a.EndedAt, a.NextAt = fromMillis(began), fromMillis(ended), fromMillis(next)
		out[a.Destination] = append(out[a.Destination], a)
		return err
	}, `SELECT destination, n, mark, done, code, began_at, ended_at, next_at
		FROM attempt WHERE delivery = ? ORDER BY destination, n`, delivery)
	if err != nil {
		return nil, fmt.Errorf("reading attempts: %w", err)
	}
	return out, nil
}
