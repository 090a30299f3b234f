package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Origin is the log origin in which pairs are numbered now: that of the options, or what
// succeeded it.
func (j *Journal) Origin() string { return *j.origin.Load() }

// Number has pairs numbered in another origin from now on. A gateway that finds itself
// rolled back does so at once: numbers that it gave and no longer knows of are not given
// again.
func (j *Journal) Number(origin string) { j.origin.Store(&origin) }

// newest is the log that succeeded base last, or base.
func newest(ctx context.Context, r *sqlite.Reader, base string) (string, error) {
	found := base
	_, err := r.One(ctx, func(scan func(...any) error) error { return scan(&found) },
		`SELECT origin FROM logs WHERE origin = ?1 OR substr(origin, 1, length(?1) + 1) = ?1 || '.' ORDER BY id DESC LIMIT 1`, base)
	return found, err
}

// Logs returns every log that was begun, the oldest first.
func (j *Journal) Logs(ctx context.Context) ([]gateway.LogHead, error) {
	var out []gateway.LogHead
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var h gateway.LogHead
		err := scan(&h.Origin, &h.Size)
		out = append(out, h)
		return err
	}, `SELECT origin, size FROM logs ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("reading logs: %w", err)
	}
	return out, nil
}

// Waiting returns how many entries have no place in a log yet.
func (j *Journal) Waiting(ctx context.Context) (int, error) {
	var n int
	_, err := j.reader.One(ctx, func(scan func(...any) error) error { return scan(&n) }, `SELECT count(*) FROM log_outbox WHERE idx IS NULL`)
	if err != nil {
		return 0, fmt.Errorf("counting entries: %w", err)
	}
	return n, nil
}

// Begin begins a log, empty or with deed as its first entry, whose leaf and hash grow makes
// of its row: on disk when it returns. A log that was begun before stays as it is.
func (j *Journal) Begin(ctx context.Context, origin string, deed *gateway.Deed, grow func(gateway.LogRow) (gateway.LogGrowth, error)) error {
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		var id int64
		err := tx.Row(`INSERT INTO logs (origin, size) VALUES (?, 0) ON CONFLICT DO NOTHING RETURNING id`, origin).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil || deed == nil {
			return err
		}
		row, err := enterDeed(tx, *deed)
		if err != nil {
			return err
		}
		g, err := grow(row)
		if err != nil {
			return err
		}
		return settle(tx, id, 0, []gateway.LogRow{row}, g)
	})
	if err != nil {
		return fmt.Errorf("beginning a log: %w", err)
	}
	return nil
}

// Grow gives the entries that wait, n at most and in the order of recording, to grow, with
// the size of the log and a way to read its hashes; what grow returns is kept, and the
// entries have their places for ever: on disk when it returns nil. If grow fails, nothing
// is kept. It is not called where nothing waits.
//
// Rows are selected by state, never by a remembered position: a row that was committed
// after one with a larger number is not passed over.
func (j *Journal) Grow(ctx context.Context, origin string, n int, grow func(size int64, rows []gateway.LogRow, hashes func([]int64) ([][32]byte, error)) (gateway.LogGrowth, error)) error {
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		rows, err := unplaced(tx, n)
		if err != nil || len(rows) == 0 {
			return err
		}
		var id, size int64
		if err := tx.Row(`SELECT id, size FROM logs WHERE origin = ?`, origin).Scan(&id, &size); err != nil {
			return err
		}
		g, err := grow(size, rows, func(indexes []int64) ([][32]byte, error) {
			return gather(indexes, func(i int64, hash *[]byte) error {
				return tx.Row(`SELECT hash FROM log_hashes WHERE log = ? AND idx = ?`, id, i).Scan(hash)
			})
		})
		if err != nil {
			return err
		}
		return settle(tx, id, size, rows, g)
	})
	if err != nil {
		return fmt.Errorf("growing the log: %w", err)
	}
	return nil
}

func unplaced(tx *sqlite.Tx, n int) ([]gateway.LogRow, error) {
	var rows []gateway.LogRow
	err := tx.Query(func(scan func(...any) error) error {
		var r gateway.LogRow
		err := scan(&r.Seq, &r.Event, &r.Pair.From, &r.Pair.To, &r.Pair.Origin, &r.Pair.N, &r.Commitment, &r.Withheld)
		rows = append(rows, r)
		return err
	}, `SELECT seq, event, ifnull(pair_from, ''), ifnull(pair_to, ''), ifnull(origin, ''), ifnull(n, 0), commitment, withheld
		FROM log_outbox WHERE idx IS NULL ORDER BY seq LIMIT ?`, n)
	return rows, err
}

// settle gives rows their places from size on.
func settle(tx *sqlite.Tx, log, size int64, rows []gateway.LogRow, g gateway.LogGrowth) error {
	if len(g.Leaves) != len(rows) {
		return errors.New("not one leaf for each entry")
	}
	for i, r := range rows {
		if _, err := tx.Exec(`UPDATE log_outbox SET log = ?, idx = ?, leaf = ? WHERE seq = ? AND idx IS NULL`, log, size+int64(i), g.Leaves[i], r.Seq); err != nil {
			return err
		}
	}
	for i, h := range g.Hashes {
		if _, err := tx.Exec(`INSERT INTO log_hashes (log, idx, hash) VALUES (?, ?, ?)`, log, g.At+int64(i), h[:]); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`UPDATE logs SET size = ? WHERE id = ?`, size+int64(len(rows)), log)
	return err
}

// gather reads hashes one by one.
func gather(indexes []int64, read func(int64, *[]byte) error) ([][32]byte, error) {
	out := make([][32]byte, len(indexes))
	for i, at := range indexes {
		var h []byte
		if err := read(at, &h); err != nil {
			return nil, fmt.Errorf("reading hash %d of the log: %w", at, err)
		}
		if copy(out[i][:], h) != len(out[i]) {
			return nil, fmt.Errorf("reading hash %d of the log: it is too short", at)
		}
	}
	return out, nil
}

// Hashes reads stored hashes of a log.
func (j *Journal) Hashes(ctx context.Context, origin string, indexes []int64) ([][32]byte, error) {
	return gather(indexes, func(i int64, hash *[]byte) error {
		return j.reader.Row(ctx, `SELECT h.hash FROM log_hashes h JOIN logs l ON l.id = h.log WHERE l.origin = ? AND h.idx = ?`, origin, i).Scan(hash)
	})
}

// Leaves reads the bytes of n entries of a log from an index on; fewer where it ends.
func (j *Journal) Leaves(ctx context.Context, origin string, from int64, n int) ([][]byte, error) {
	var out [][]byte
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var leaf []byte
		err := scan(&leaf)
		out = append(out, leaf)
		return err
	}, `SELECT o.leaf FROM log_outbox o JOIN logs l ON l.id = o.log WHERE l.origin = ? AND o.idx >= ? AND o.idx < ? ORDER BY o.idx`, origin, from, from+int64(n))
	if err != nil {
		return nil, fmt.Errorf("reading entries: %w", err)
	}
	return out, nil
}

// Witnessed keeps a checkpoint with the cosignatures that it needs, the newest of its day
// (days since 1970): on disk when it returns. An older one changes nothing.
func (j *Journal) Witnessed(ctx context.Context, origin string, day, size int64, note []byte) error {
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`INSERT INTO log_checkpoints (log, day, size, note) SELECT id, ?, ?, ? FROM logs WHERE origin = ?
			ON CONFLICT DO UPDATE SET size = excluded.size, note = excluded.note WHERE excluded.size >= size`, day, size, string(note), origin)
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping a checkpoint: %w", err)
	}
	return nil
}

// Checkpoint returns a log's newest witnessed checkpoint of a day or before it, and its
// day; nil where there is none.
func (j *Journal) Checkpoint(ctx context.Context, origin string, day int64) (note []byte, of int64, err error) {
	_, err = j.reader.One(ctx, func(scan func(...any) error) error { return scan(&note, &of) },
		`SELECT c.note, c.day FROM log_checkpoints c JOIN logs l ON l.id = c.log WHERE l.origin = ? AND c.day <= ? ORDER BY c.day DESC LIMIT 1`, origin, day)
	if err != nil {
		return nil, 0, fmt.Errorf("reading a checkpoint: %w", err)
	}
	return note, of, nil
}

// Enter enters a deed in the log: on disk when it returns.
func (j *Journal) Enter(ctx context.Context, d gateway.Deed) error {
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := enterDeed(tx, d)
		return err
	})
	if err != nil {
		return fmt.Errorf("entering a deed: %w", err)
	}
	j.o.Entered()
	return nil
}

// EnterOnce enters a deed, unless the running log, or what is on its way there, has one of
// the same event and digest.
func (j *Journal) EnterOnce(ctx context.Context, d gateway.Deed) error {
	return j.enterUnless(ctx, d, `SELECT count(*) > 0 FROM log_outbox e JOIN openings o ON o.entry = e.seq
		WHERE o.opening ->> 'digest' = ? AND e.event = ? AND e.pair_from IS NULL AND e.event <> 'SubmissionRejection' AND (e.log IS NULL OR e.log = (SELECT max(id) FROM logs))`)
}

// InForce enters what came into force, unless the last entry of its event says so already,
// in the running log or on its way there.
func (j *Journal) InForce(ctx context.Context, d gateway.Deed) error {
	return j.enterUnless(ctx, d, `SELECT o.opening ->> 'digest' = ? FROM log_outbox e JOIN openings o ON o.entry = e.seq
		WHERE e.event = ? AND e.pair_from IS NULL AND e.event <> 'SubmissionRejection' AND (e.log IS NULL OR e.log = (SELECT max(id) FROM logs))
		ORDER BY e.seq DESC LIMIT 1`)
}

// enterUnless enters a deed unless a query by its digest and event says that it is there.
func (j *Journal) enterUnless(ctx context.Context, d gateway.Deed, there string) error {
	entered := false
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		entered = false
		var same bool
		err := tx.Row(there, d.Digest, string(d.Event)).Scan(&same)
		if same || err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		entered = true
		_, err = enterDeed(tx, d)
		return err
	})
	if err != nil {
		return fmt.Errorf("entering what is in force: %w", err)
	}
	if entered {
		j.o.Entered()
	}
	return nil
}
