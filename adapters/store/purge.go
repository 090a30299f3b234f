package store

import (
	"context"
	"fmt"
	"time"

	"example.org/trm/gateway/journal/sqlite"
)

// Purge forgets what nothing can ask for any more: envelopes and finished deliveries, with
// their attempts, notices and acknowledged evidence, that expired before t. What is
// unfinished or unacknowledged stays, also a delivered message of which people are still to
// be told, because its answer is owed later than that; and so do receipts and evidence about
// what was sent, and what was escalated of it. It returns how many deliveries and envelopes it forgot.
//
// Rows are overwritten on disk (secure_delete) and the write-ahead log is cut back, so
// that an old envelope is not in a free page.
func (s *Store) Purge(ctx context.Context, t time.Time) (int, error) {
	var forgotten int64
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		forgotten = 0
		for _, q := range []string{
			// Before the evidence that says that somebody took the message on.
			`DELETE FROM notice WHERE side = 'in' AND expires < ?1 AND NOT (ended = '' AND next_at > 0
				AND EXISTS (SELECT 1 FROM delivery d WHERE d.id = notice.delivery AND d.state = 'delivered')
				AND EXISTS (SELECT 1 FROM exchange x WHERE x.issuer = notice.issuer AND x.jti = notice.jti))`,
			`DELETE FROM request WHERE made_at < ?1`,
			`DELETE FROM evidence WHERE state <> 'untold' AND delivery IN (
				SELECT id FROM delivery WHERE state <> 'taken' AND expires < ?1)` + unnoticed("evidence.delivery"),
			`DELETE FROM attempt WHERE delivery IN (SELECT id FROM delivery d WHERE state <> 'taken' AND expires < ?1
				AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.delivery = d.id))` + unnoticed("attempt.delivery"),
		} {
			if _, err := tx.Exec(q, millis(t)); err != nil {
				return err
			}
		}
		for _, q := range []string{
			`DELETE FROM delivery WHERE state <> 'taken' AND expires < ?1
				AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.delivery = delivery.id)` + unnoticed("delivery.id"),
			`UPDATE outbox SET envelope = NULL WHERE envelope IS NOT NULL AND state <> 'stored' AND expires < ?1`,
		} {
			res, err := tx.Exec(q, millis(t))
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			forgotten += n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("purging the adapter's journal: %w", err)
	}
	if _, err := s.read.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return int(forgotten), fmt.Errorf("purging the adapter's journal: %w", err)
	}
	return int(forgotten), nil
}

// unnoticed leaves alone what a notice is of that is kept.
func unnoticed(delivery string) string {
	return ` AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.side = 'in' AND n.delivery = ` + delivery + `)`
}
