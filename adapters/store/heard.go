package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Senders lists the parties that have sent something: those whose feeds are followed.
func (s *Store) Senders(ctx context.Context) ([]gateway.Party, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT DISTINCT issuer FROM outbox ORDER BY issuer`)
	if err != nil {
		return nil, fmt.Errorf("reading who sent something: %w", err)
	}
	defer rows.Close()
	var out []gateway.Party
	for rows.Next() {
		var p gateway.Party
		if err := rows.Scan(&p); err != nil {
			return nil, fmt.Errorf("reading who sent something: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// Cursor is how far a party's feed was read; 0 is its beginning.
func (s *Store) Cursor(ctx context.Context, p gateway.Party) (int64, error) {
	var n int64
	err := s.reading(ctx).Row(`SELECT cursor FROM feed WHERE party = ?`, string(p)).Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading a feed's cursor: %w", err)
	}
	return n, nil
}

// Hear records evidence about a party's messages, what it says of them, and how far its
// feed was read, in one transaction: nothing is skipped, and hearing the same again changes nothing. id says of
// which message each piece is. It returns those that are new.
func (s *Store) Hear(ctx context.Context, p gateway.Party, cursor int64, list []gateway.Evidence, id func(gateway.Evidence) gateway.MessageID) ([]gateway.Evidence, error) {
	var fresh []gateway.Evidence
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		fresh = nil
		for _, e := range list {
			m := id(e)
			res, err := tx.Exec(`INSERT INTO heard (digest, issuer, jti, event, jws) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING`,
				gateway.DigestString(e.JWS()), string(m.Issuer), m.ID, string(e.Statement().Event), e.JWS())
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil {
				return err
			} else if n > 0 {
				fresh = append(fresh, e)
				if err := witness(tx, m, e.Statement()); err != nil {
					return err
				}
			}
		}
		_, err := tx.Exec(`INSERT INTO feed (party, cursor) VALUES (?,?)
			ON CONFLICT (party) DO UPDATE SET cursor = max(cursor, excluded.cursor)`, string(p), cursor)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("recording what was heard: %w", err)
	}
	return fresh, nil
}

// Heard lists the evidence about a message that was sent, in the order of hearing.
func (s *Store) Heard(ctx context.Context, id gateway.MessageID) ([]string, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT jws FROM heard WHERE issuer = ? AND jti = ? ORDER BY rowid`, string(id.Issuer), id.ID)
	if err != nil {
		return nil, fmt.Errorf("reading what was heard: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var jws string
		if err := rows.Scan(&jws); err != nil {
			return nil, fmt.Errorf("reading what was heard: %w", err)
		}
		out = append(out, jws)
	}
	return out, rows.Err()
}
