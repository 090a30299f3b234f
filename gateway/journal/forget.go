package journal

import (
	"context"
	"fmt"
	"time"

	"example.org/trm/gateway/journal/sqlite"
)

// Forget removes the wrapped deliveries whose final evidence was recorded before t and
// whose stream entries are gone, n at most, and returns how many it removed. What proves
// the exchange stays: receipt, signed part, digests and evidence. The bytes are
// overwritten in the database; in the write-ahead log they last until it is next emptied.
func (j *Journal) Forget(ctx context.Context, t time.Time, n int) (int, error) {
	var removed int64
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		res, err := tx.Exec(`DELETE FROM wrapped WHERE message IN (
			SELECT w.message FROM wrapped w JOIN deliveries d ON d.message = w.message
			WHERE d.final <> '' AND d.generation = 0 AND d.ended_at < ? LIMIT ?)`, seconds(t), n)
		if err != nil {
			return err
		}
		removed, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("forgetting deliveries: %w", err)
	}
	return int(removed), nil
}
