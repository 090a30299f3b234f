package store

import (
	"context"
	"fmt"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Alarm is something that a person must look at. It names ids and codes only.
type Alarm struct {
	At    time.Time    `json:"at"` // first seen
	Kind  string       `json:"kind"`
	Ref   string       `json:"ref"`
	Code  gateway.Code `json:"code,omitempty"`
	Count int          `json:"count"`
}

// Raise records an alarm; the same kind and ref again is counted. It reports whether the
// alarm is new.
func (s *Store) Raise(ctx context.Context, a Alarm) (bool, error) {
	var n int
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		return tx.Row(`INSERT INTO alarm (at, kind, ref, code) VALUES (?,?,?,?)
			ON CONFLICT (kind, ref) DO UPDATE SET count = count + 1 RETURNING count`,
			millis(a.At), a.Kind, a.Ref, string(a.Code)).Scan(&n)
	})
	if err != nil {
		return false, fmt.Errorf("recording an alarm: %w", err)
	}
	return n == 1, nil
}

// Alarms lists up to n alarms, the newest first.
func (s *Store) Alarms(ctx context.Context, n int) ([]Alarm, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT at, kind, ref, code, count FROM alarm ORDER BY id DESC LIMIT ?`, n)
	if err != nil {
		return nil, fmt.Errorf("reading alarms: %w", err)
	}
	defer rows.Close()
	var out []Alarm
	for rows.Next() {
		var a Alarm
		var at int64
		if err := rows.Scan(&at, &a.Kind, &a.Ref, &a.Code, &a.Count); err != nil {
			return nil, fmt.Errorf("reading alarms: %w", err)
		}
		a.At = fromMillis(at)
		out = append(out, a)
	}
	return out, rows.Err()
}
