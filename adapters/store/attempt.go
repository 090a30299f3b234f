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

// Begin journals the next attempt before it is made, marked ambiguous.
func (s *Store) Begin(ctx context.Context, delivery string, destination gateway.Party, at time.Time) (Attempt, error) {
	a := Attempt{Delivery: delivery, Destination: destination, Mark: Ambiguous, BeganAt: at}
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		return tx.Row(`INSERT INTO attempt (delivery, destination, n, mark, began_at)
			VALUES (?1, ?2, (SELECT coalesce(max(n), 0) + 1 FROM attempt WHERE delivery = ?1 AND destination = ?2), ?3, ?4)
			RETURNING n`, delivery, string(destination), string(Ambiguous), millis(at)).Scan(&a.N)
	})
	if err != nil {
		return Attempt{}, fmt.Errorf("journalling an attempt: %w", err)
	}
	return a, nil
}

// End journals how an attempt ended.
func (s *Store) End(ctx context.Context, a Attempt) error {
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE attempt SET mark = ?, done = ?, code = ?, ended_at = ?, next_at = ?
			WHERE delivery = ? AND destination = ? AND n = ?`,
			string(a.Mark), a.Done, string(a.Code), millis(a.EndedAt), millis(a.NextAt), a.Delivery, string(a.Destination), a.N)
		return err
	})
	if err != nil {
		return fmt.Errorf("journalling an attempt's end: %w", err)
	}
	return nil
}

// Attempts lists a delivery's attempts by destination, in their order.
func (s *Store) Attempts(ctx context.Context, delivery string) (map[gateway.Party][]Attempt, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT destination, n, mark, done, code, began_at, ended_at, next_at
		FROM attempt WHERE delivery = ? ORDER BY destination, n`, delivery)
	if err != nil {
		return nil, fmt.Errorf("reading attempts: %w", err)
	}
	defer rows.Close()
	out := make(map[gateway.Party][]Attempt)
	for rows.Next() {
		a := Attempt{Delivery: delivery}
		var began, ended, next int64
		if err := rows.Scan(&a.Destination, &a.N, &a.Mark, &a.Done, &a.Code, &began, &ended, &next); err != nil {
			return nil, fmt.Errorf("reading attempts: %w", err)
		}
		a.BeganAt, a.EndedAt, a.NextAt = fromMillis(began), fromMillis(ended), fromMillis(next)
		out[a.Destination] = append(out[a.Destination], a)
	}
	return out, rows.Err()
}
