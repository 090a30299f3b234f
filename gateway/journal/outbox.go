package journal

import (
	"context"
	"fmt"
	"slices"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// waiting selects deliveries without what they carry.
const waiting = `SELECT d.id, d.message, d.country, d.urgent, '', d.expires, d.trace, d.generation, d.sequence FROM deliveries d `

// The two questions of Next. SQLite prepares a statement anew in every call where its plan
// looks at a parameter: one that an index is partial by, or a bare one after LIMIT. So the
// stream stands in the text, and the limit is a sum.
const (
	roomIn  = `SELECT ? - count(*) FROM deliveries WHERE country = ? AND final = '' AND generation > 0 AND urgent = `
	readyIn = `
		SELECT d.id, d.message, d.country, d.urgent, w.jwe, d.expires, d.trace, d.generation, d.sequence
		FROM deliveries d JOIN wrapped w ON w.message = d.message
		WHERE d.country = ? AND d.final = '' AND d.generation = 0 AND d.expires > ? AND d.urgent = `
	firstOfThread = ` AND NOT EXISTS (
			SELECT 1 FROM deliveries e
			WHERE e.order_key = d.order_key AND e.final = '' AND e.urgent = 0 AND e.message < d.message)`
	oldestFirst = ` ORDER BY d.message LIMIT 0 + ?`
)

// Next returns deliveries that may be placed now, as far as the window of their streams
// has room.
func (j *Journal) Next(ctx context.Context, c gateway.Country, now time.Time, n int) ([]gateway.Waiting, error) {
	var out []gateway.Waiting
	for _, stream := range []struct{ room, ready string }{
		{roomIn + `1`, readyIn + `1` + oldestFirst},
		{roomIn + `0`, readyIn + `0` + firstOfThread + oldestFirst},
	} {
		room := 0
		if _, err := j.reader.One(ctx, func(scan func(...any) error) error { return scan(&room) }, stream.room, j.o.Window, string(c)); err != nil {
			return nil, fmt.Errorf("reading deliveries: %w", err)
		}
		ws, err := j.waiting(ctx, stream.ready, string(c), seconds(now), max(0, min(room, n-len(out))))
		if err != nil {
			return nil, err
		}
		out = append(out, ws...)
	}
	return out, nil
}

// Placed returns deliveries that are in their streams, if nothing was lost.
func (j *Journal) Placed(ctx context.Context, c gateway.Country) ([]gateway.Waiting, error) {
	return j.waiting(ctx, waiting+`
		WHERE d.country = ? AND d.final = '' AND d.generation > 0
		ORDER BY d.urgent, d.generation, d.sequence`, string(c))
}

// Finished returns deliveries whose stream entries are to be removed.
func (j *Journal) Finished(ctx context.Context, c gateway.Country) ([]gateway.Waiting, error) {
	return j.waiting(ctx, waiting+`WHERE d.country = ? AND d.final <> '' AND d.generation > 0`, string(c))
}

func (j *Journal) waiting(ctx context.Context, q string, args ...any) ([]gateway.Waiting, error) {
	var out []gateway.Waiting
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var w gateway.Waiting
		var message, expires int64
		var wrapped []byte
		err := scan(&w.ID, &message, &w.Country, &w.Urgent, &wrapped, &expires, &w.Trace, &w.At.Generation, &w.At.Sequence)
		if err != nil {
			return err
		}
		w.Expires = fromSeconds(expires)
		if w.Wrapped, err = j.bodies.open(message, "wrapped", wrapped); err != nil {
			return err
		}
		out = append(out, w)
		return nil
	}, q, args...)
	if err != nil {
		return nil, fmt.Errorf("reading deliveries: %w", err)
	}
	return out, nil
}

// Place reserves the next positions, all in one transaction, and brings what is carried. A new generation is at least
// the time, so that a journal that was restored from a backup leaps past all positions
// that it gave before, instead of climbing to them.
func (j *Journal) Place(ctx context.Context, ws []gateway.Waiting, raise bool) ([]gateway.Waiting, error) {
	out := slices.Clone(ws)
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		raised := map[bool]bool{}
		for i := range out {
			w := &out[i]
			if raise && !raised[w.Urgent] {
				if _, err := tx.Exec(`UPDATE streams SET generation = max(generation + 1, ?), sequence = 0 WHERE country = ? AND urgent = ?`,
					j.o.Now().Unix(), string(w.Country), w.Urgent); err != nil {
					return err
				}
				raised[w.Urgent] = true
			}
			if err := tx.Row(`UPDATE streams SET sequence = sequence + 1 WHERE country = ? AND urgent = ? RETURNING generation, sequence`,
				string(w.Country), w.Urgent).Scan(&w.At.Generation, &w.At.Sequence); err != nil {
				return err
			}
			var message int64
			if err := tx.Row(`UPDATE deliveries SET generation = ?, sequence = ? WHERE id = ? RETURNING message`,
				w.At.Generation, w.At.Sequence, w.ID).Scan(&message); err != nil {
				return err
			}
			if w.Wrapped != "" {
				continue
			}
			var wrapped []byte
			err := tx.Row(`SELECT jwe FROM wrapped WHERE message = ?`, message).Scan(&wrapped)
			if err == nil {
				w.Wrapped, err = j.bodies.open(message, "wrapped", wrapped)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("placing deliveries: %w", err)
	}
	return out, nil
}

// Removed forgets the positions of entries that were removed, unless the delivery has
// been placed anew since.
func (j *Journal) Removed(ctx context.Context, ws []gateway.Waiting) error {
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		for _, w := range ws {
			if _, err := tx.Exec(`UPDATE deliveries SET generation = 0, sequence = 0 WHERE id = ? AND generation = ? AND sequence = ? AND final <> ''`,
				w.ID, w.At.Generation, w.At.Sequence); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forgetting positions: %w", err)
	}
	return nil
}
