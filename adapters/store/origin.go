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

// Origin is the log in which the gateway went on when it was last asked; empty before that.
func (s *Store) Origin(ctx context.Context) (string, error) {
	var name string
	err := s.reading(ctx).Row(`SELECT name FROM origin`).Scan(&name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("reading the origin: %w", err)
	}
	return name, nil
}

// GoOn remembers the log in which the gateway goes on, and forgets how far its feeds were
// read: their cursors count anew in a journal that was turned back. What is heard a second
// time changes nothing.
func (s *Store) GoOn(ctx context.Context, origin string) error {
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		if _, err := tx.Exec(`DELETE FROM feed`); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO origin (id, name) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name`, origin)
		return err
	})
	if err != nil {
		return fmt.Errorf("recording the origin: %w", err)
	}
	return nil
}

// Testified lists the deliveries that were taken since t and about which the gateway has
// recorded evidence, with the numbers that they came under.
func (s *Store) Testified(ctx context.Context, since time.Time) (map[string]gateway.PairNumber, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, pair_from, pair_to, origin, n FROM delivery
		WHERE taken_at >= ? AND id IN (SELECT delivery FROM evidence WHERE state = 'recorded')`, millis(since))
	if err != nil {
		return nil, fmt.Errorf("reading what was testified: %w", err)
	}
	defer rows.Close()
	out := map[string]gateway.PairNumber{}
	for rows.Next() {
		var id string
		var n gateway.PairNumber
		if err := rows.Scan(&id, &n.From, &n.To, &n.Origin, &n.N); err != nil {
			return nil, fmt.Errorf("reading what was testified: %w", err)
		}
		out[id] = n
	}
	return out, rows.Err()
}

// Retell puts the evidence about a delivery that the gateway had recorded back among what
// is to be sent, from now on.
func (s *Store) Retell(ctx context.Context, delivery string, now time.Time) error {
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE evidence SET state = 'untold', next_at = ? WHERE delivery = ? AND state = 'recorded'`, millis(now), delivery)
		return err
	})
	if err != nil {
		return fmt.Errorf("telling again: %w", err)
	}
	return nil
}
