package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Facts is what a thread has established, as far as this country has seen it: the same
// coded facts that the gateway keeps, so that a preview here decides as the gateway will.
func (s *Store) Facts(ctx context.Context, thread string) (gateway.ThreadFacts, error) {
	f, err := facts(s.reading(ctx), thread)
	if err != nil {
		return f, fmt.Errorf("reading a thread's facts: %w", err)
	}
	return f, nil
}

func facts(q rower, thread string) (gateway.ThreadFacts, error) {
	var f gateway.ThreadFacts
	err := q.Row(`SELECT opener, other, accepted, declined, closed, withdrawn, of_age, last FROM thread WHERE id = ?`, thread).
		Scan(&f.Opener, &f.Other, &f.Accepted, &f.Declined, &f.Closed, &f.Withdrawn, &f.OfAge, &f.Last)
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil
	}
	return f, err
}

// note adds what a message establishes to its thread.
func note(tx *sqlite.Tx, h gateway.Head) error {
	f, err := facts(tx, h.Thread)
	if err != nil {
		return err
	}
	f = f.After(h)
	_, err = tx.Exec(`INSERT INTO thread (id, opener, other, accepted, declined, closed, withdrawn, of_age, last) VALUES (?,?,?,?,?,?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET accepted = excluded.accepted, declined = excluded.declined, closed = excluded.closed,
			withdrawn = excluded.withdrawn, of_age = excluded.of_age, last = excluded.last`,
		h.Thread, string(f.Opener), string(f.Other), f.Accepted, f.Declined, f.Closed, f.Withdrawn, f.OfAge, f.Last)
	return err
}
