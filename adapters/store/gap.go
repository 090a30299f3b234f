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

// Gap is a number of a pair that was passed and never came. Held threads, overtaking and
// expiry make gaps normal for a while; one that stays is an omission.
type Gap struct {
	Pair      gateway.PairNumber `json:"pair"`
	NoticedAt time.Time          `json:"noticedAt"`
}

// count notes a pair's number and returns those that it shows to be missing. At most
// [maxGap] are written: the newest.
func count(tx *sqlite.Tx, p gateway.PairNumber, at time.Time) ([]int64, error) {
	if p.N <= 0 {
		return nil, nil
	}
	key := []any{string(p.From), string(p.To), p.Origin}
	var highest int64
	err := tx.Row(`SELECT highest FROM pair WHERE pair_from = ? AND pair_to = ? AND origin = ?`, key...).Scan(&highest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if p.N <= highest {
		_, err := tx.Exec(`DELETE FROM gap WHERE pair_from = ? AND pair_to = ? AND origin = ? AND n = ?`, append(key, p.N)...)
		return nil, err
	}
	if _, err := tx.Exec(`INSERT INTO pair (pair_from, pair_to, origin, highest) VALUES (?,?,?,?)
		ON CONFLICT (pair_from, pair_to, origin) DO UPDATE SET highest = excluded.highest`, append(key, p.N)...); err != nil {
		return nil, err
	}
	var missing []int64
	for n := max(highest+1, p.N-maxGap); n < p.N; n++ {
		if _, err := tx.Exec(`INSERT INTO gap (pair_from, pair_to, origin, n, noticed_at) VALUES (?,?,?,?,?)
			ON CONFLICT DO NOTHING`, append(key, n, millis(at))...); err != nil {
			return nil, err
		}
		missing = append(missing, n)
	}
	return missing, nil
}

// Gaps lists the numbers that are missing, the oldest first, up to n.
func (s *Store) Gaps(ctx context.Context, n int) ([]Gap, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT pair_from, pair_to, origin, n, noticed_at FROM gap ORDER BY noticed_at, n LIMIT ?`, n)
	if err != nil {
		return nil, fmt.Errorf("reading gaps: %w", err)
	}
	defer rows.Close()
	var out []Gap
	for rows.Next() {
		var g Gap
		var at int64
		if err := rows.Scan(&g.Pair.From, &g.Pair.To, &g.Pair.Origin, &g.Pair.N, &at); err != nil {
			return nil, fmt.Errorf("reading gaps: %w", err)
		}
		g.NoticedAt = fromMillis(at)
		out = append(out, g)
	}
	return out, rows.Err()
}

// Explained forgets a gap: the gateway has said what became of that number.
func (s *Store) Explained(ctx context.Context, p gateway.PairNumber) error {
	return s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`DELETE FROM gap WHERE pair_from = ? AND pair_to = ? AND origin = ? AND n = ?`,
			string(p.From), string(p.To), p.Origin, p.N)
		return err
	})
}
