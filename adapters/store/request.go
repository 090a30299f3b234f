package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"example.org/trm/gateway/journal/sqlite"
)

// Asked reports whether something else than these bytes was asked under a key. A key that
// nothing was done under has been asked nothing.
func (s *Store) Asked(ctx context.Context, key string, raw []byte) (other bool, err error) {
	digest, err := s.Derive(ctx, "request", string(raw))
	if err != nil {
		return false, err
	}
	var first []byte
	err = s.reading(ctx).Row(`SELECT digest FROM request WHERE repeat_key = ?`, key).Scan(&first)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading what was asked: %w", err)
	}
	return !bytes.Equal(first, digest), nil
}

// Ask records what was asked under a key, once it has been done. The first stands. Of the
// bytes only a digest under the journal's own key is kept, and goes with the next purge after its time.
func (s *Store) Ask(ctx context.Context, key string, raw []byte, at time.Time) error {
	digest, err := s.Derive(ctx, "request", string(raw))
	if err == nil {
		err = s.w.Do(ctx, func(tx *sqlite.Tx) error {
			_, err := tx.Exec(`INSERT INTO request (repeat_key, digest, made_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, key, digest, millis(at))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("recording what was asked: %w", err)
	}
	return nil
}
