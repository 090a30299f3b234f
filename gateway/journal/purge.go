package journal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Retention says how long a message is kept after it was received, by its type; a refused
// one has none that is known here, and is asked for by the empty name, and what was received
// before types were recorded as [Untyped]. Zero keeps it.
type Retention func(typ string) time.Duration

// Untyped stands for the type of what was received before types were recorded. No type has
// this name.
const Untyped = "?"

// Due is what has come to the end of its retention.
type Due struct {
	Messages   int `json:"messages"`   // that [Journal.Purge] would destroy now
	Held       int `json:"held"`       // that a hold keeps
	Unfinished int `json:"unfinished"` // whose delivery has not ended, or is still in its stream
}

// Purged is one purge.
type Purged struct {
	Number   int64     `json:"number"` // from 1; zero where there was nothing
	At       time.Time `json:"at"`
	Messages int       `json:"messages"`
	// Lasting says that the write-ahead log could not be emptied, because somebody was
	// reading: what was destroyed may be in it, under keys that are gone, until the next
	// purge.
	Lasting bool `json:"lasting,omitempty"`
}

// doomed is a message that is due.
type doomed struct {
	seq int64
	id  gateway.MessageID
}

// Due counts what is due at a time, and changes nothing.
func (j *Journal) Due(ctx context.Context, at time.Time, keep Retention) (Due, error) {
	var d Due
	for _, of := range []struct {
		q string
		n *int
	}{{ripe + free, &d.Messages}, {ripe + held, &d.Held}, {ripeUnended, &d.Unfinished}} {
		list, err := j.ripe(ctx, of.q, at, keep, 1<<31)
		if err != nil {
			return Due{}, err
		}
		*of.n = len(list)
	}
	return d, nil
}

// A message is due when its retention and its life have passed, and nothing of it is on
// its way. The entry in its stream must be gone: what Redis holds is not purged here.
const (
	old         = `SELECT m.seq, m.iss, m.jti FROM messages m LEFT JOIN deliveries d ON d.message = m.seq WHERE m.type = ?1 AND m.received_at <= ?2 AND m.expires <= ?3 AND (m.refusal IS NULL) = ?5 `
	ripe        = old + `AND (d.id IS NULL OR d.final <> '' AND d.generation = 0) `
	ripeUnended = old + `AND d.id IS NOT NULL AND (d.final = '' OR d.generation <> 0) ORDER BY m.seq LIMIT ?4 + 0`
	free        = `AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.message = m.seq) ORDER BY m.seq LIMIT ?4 + 0`
	held        = `AND EXISTS (SELECT 1 FROM holds h WHERE h.message = m.seq) ORDER BY m.seq LIMIT ?4 + 0`
)

func (j *Journal) ripe(ctx context.Context, q string, at time.Time, keep Retention, n int) ([]doomed, error) {
	types := []string{}
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var t string
		err := scan(&t)
		types = append(types, t)
		return err
	}, `SELECT DISTINCT type FROM messages`)
	if err != nil {
		return nil, fmt.Errorf("reading what is due: %w", err)
	}
	var out []doomed
	more := func(t string, term time.Duration, received bool) error {
		if term <= 0 {
			return nil
		}
		return j.reader.Query(ctx, func(scan func(...any) error) error {
			var d doomed
			err := scan(&d.seq, &d.id.Issuer, &d.id.ID)
			out = append(out, d)
			return err
		}, q, t, seconds(at.Add(-term)), seconds(at), n-len(out), received)
	}
	for _, t := range types {
		var err error
		if t == "" {
			err = errors.Join(more(t, keep(t), false), more(t, keep(Untyped), true))
		} else {
			err = more(t, keep(t), true)
		}
		if err != nil {
			return nil, fmt.Errorf("reading what is due: %w", err)
		}
	}
	return out, nil
}

// Purge destroys n messages at most that are due: their keys, and then all that is known
// of them but their places in the log, which still prove that something was there. Whoever
// asks for one of their ids again is told that it was purged. The purge is an entry of the
// log, and is written to the list of purges first, so that a journal that is restored from
// a backup forgets them too before it opens.
//
// When it returns without error, all of it is on disk. A crash in between leaves a purge
// that the next start of the journal completes.
func (j *Journal) Purge(ctx context.Context, at time.Time, keep Retention, n int) (Purged, error) {
	due, err := j.ripe(ctx, ripe+free, at, keep, n)
	if err != nil || len(due) == 0 {
		return Purged{}, err
	}
	p := Purged{At: at.UTC().Truncate(time.Second)}
	var gone []doomed
	err = j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		if gone, err = still(tx, due); err != nil || len(gone) == 0 {
			return err
		}
		if err := tx.Row(`SELECT ifnull(max(n), 0) + 1 FROM purges`).Scan(&p.Number); err != nil {
			return err
		}
		p.Number = max(p.Number, j.purges.last()+1)
		ids := make([]spentID, len(gone))
		for i, d := range gone {
			ids[i] = spend(d.id)
		}
		if err := j.purges.add(p.Number, p.At, ids); err != nil {
			return err
		}
		return raze(tx, p.Number, p.At, gone)
	})
	if err != nil {
		if p.Number > 0 {
			err = errors.Join(err, j.takeBack(ctx, p.Number))
		}
		return Purged{}, fmt.Errorf("purging: %w", err)
	}
	if p.Messages = len(gone); p.Messages == 0 {
		return Purged{}, nil
	}
	j.o.Entered()
	seqs := make([]int64, len(gone))
	for i, d := range gone {
		seqs[i] = d.seq
	}
	if err := j.bodies.destroy(seqs...); err != nil {
		return p, fmt.Errorf("purging: %w", err)
	}
	p.Lasting, err = j.emptyLog(ctx)
	return p, err
}

// takeBack voids a purge of the list, unless the database has it: a commit whose flush
// failed may be there all the same. It asks in a transaction, so that no other process
// gives the number meanwhile.
func (j *Journal) takeBack(ctx context.Context, number int64) error {
	return j.writer.Do(context.WithoutCancel(ctx), func(tx *sqlite.Tx) error {
		if done, err := purgedIn(tx, number); done || err != nil {
			return err
		}
		return j.purges.void(number)
	})
}

// purgedIn reports whether the database has a purge.
func purgedIn(tx *sqlite.Tx, number int64) (done bool, err error) {
	err = tx.Row(`SELECT count(*) > 0 FROM purges WHERE n = ?`, number).Scan(&done)
	return done, err
}

// still is what of the list may be purged in this transaction: a hold may have come.
func still(tx *sqlite.Tx, due []doomed) ([]doomed, error) {
	var out []doomed
	for _, d := range due {
		var n int
		err := tx.Row(`SELECT count(*) FROM messages m WHERE m.seq = ? AND m.iss = ? AND m.jti = ?
			AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.message = m.seq)`, d.seq, string(d.id.Issuer), d.id.ID).Scan(&n)
		if err != nil {
			return nil, err
		}
		if n == 1 {
			out = append(out, d)
		}
	}
	return out, nil
}

// raze removes messages from every table, and records that it did.
func raze(tx *sqlite.Tx, number int64, at time.Time, gone []doomed) error {
	if _, err := tx.Exec(`INSERT INTO purges (n, at, messages) VALUES (?, ?, ?)`, number, seconds(at), len(gone)); err != nil {
		return err
	}
	list := sha256.New()
	for _, d := range gone {
		id := spend(d.id)
		list.Write(id[:])
		var thread sql.NullString
		if err := tx.Row(`SELECT thread FROM messages WHERE seq = ?`, d.seq).Scan(&thread); err != nil {
			return err
		}
		for _, q := range []string{
			`INSERT INTO purged_entries (entry, purge) SELECT entry, ?2 FROM openings WHERE message = ?1`,
			`DELETE FROM openings WHERE message = ?1`,
			`DELETE FROM wrapped WHERE message = ?1`,
			`DELETE FROM deliveries WHERE message = ?1`,
			`DELETE FROM evidence WHERE message = ?1`,
			`DELETE FROM duties WHERE message = ?1`,
			`DELETE FROM overrides WHERE message = ?1`,
			`DELETE FROM holds WHERE message = ?1`,
			`DELETE FROM approvals WHERE (signer, message) = (SELECT iss, jti FROM messages WHERE seq = ?1)`,
			`DELETE FROM messages WHERE seq = ?1`,
		} {
			if _, err := tx.Exec(q, d.seq, number); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`INSERT INTO spent (id, purge) VALUES (?, ?) ON CONFLICT DO NOTHING`, id[:], number); err != nil {
			return err
		}
		// What a conversation established outlives its messages by nothing.
		if _, err := tx.Exec(`DELETE FROM threads WHERE thread = ?1 AND NOT EXISTS (SELECT 1 FROM messages WHERE thread = ?1)`, thread); err != nil {
			return err
		}
	}
	_, err := enterDeed(tx, gateway.Deed{
		Event: gateway.Purged, At: at, Number: number, Digest: base64.RawURLEncoding.EncodeToString(list.Sum(nil)),
	})
	return err
}

// emptyLog moves the write-ahead log into the database and cuts it to nothing. It reports
// whether readers kept it from doing so.
func (j *Journal) emptyLog(ctx context.Context) (busy bool, err error) {
	for range 3 {
		var blocked, frames, moved int
		if err := j.reader.Row(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&blocked, &frames, &moved); err != nil {
			return true, fmt.Errorf("emptying the write-ahead log: %w", err)
		}
		if busy = blocked != 0; !busy {
			return false, nil
		}
	}
	return true, nil
}

// spentID is the id of a message that was purged, as a digest.
type spentID [sha256.Size]byte

func spend(id gateway.MessageID) spentID {
	return sha256.Sum256([]byte(string(id.Issuer) + " " + id.ID))
}

const spentBy = `SELECT purge FROM spent WHERE id = ?`

// spent refuses an id that a purged message had.
func spent(tx *sqlite.Tx, id gateway.MessageID) error {
	s := spend(id)
	return refuseSpent(tx.Row(spentBy, s[:]))
}

func (j *Journal) spent(ctx context.Context, id gateway.MessageID) error {
	s := spend(id)
	return refuseSpent(j.reader.Row(ctx, spentBy, s[:]))
}

func refuseSpent(row *sql.Row) error {
	var n int64
	err := row.Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return gateway.Refuse(gateway.CodePurged, "/jti", "")
}

// recover completes what was begun before the journal was opened: purges of the list that
// the database does not know, because it is a backup's or because a crash came between,
// and keys whose messages are gone.
func (j *Journal) recover(ctx context.Context) error {
	var last int64
	if err := j.reader.Row(ctx, `SELECT ifnull(max(n), 0) FROM purges`).Scan(&last); err != nil {
		return err
	}
	for _, listed := range j.purges.after(last) {
		if err := j.replay(ctx, listed); err != nil {
			return fmt.Errorf("purging again what purge %d destroyed: %w", listed.number, err)
		}
	}
	var newest int64
	if err := j.reader.Row(ctx, `SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0)`).Scan(&newest); err != nil {
		return err
	}
	keys, err := j.bodies.kept(newest)
	if err != nil {
		return err
	}
	there := map[int64]bool{}
	err = j.reader.Query(ctx, func(scan func(...any) error) error {
		var seq int64
		err := scan(&seq)
		there[seq] = true
		return err
	}, `SELECT seq FROM messages`)
	if err != nil {
		return err
	}
	orphans := slices.DeleteFunc(keys, func(seq int64) bool { return there[seq] || seq == 0 })
	if len(orphans) == 0 {
		return nil
	}
	return j.bodies.destroy(orphans...)
}

func (j *Journal) replay(ctx context.Context, listed listedPurge) error {
	ids := map[spentID]bool{}
	for _, id := range listed.ids {
		ids[id] = true
	}
	var gone []doomed
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var d doomed
		if err := scan(&d.seq, &d.id.Issuer, &d.id.ID); err != nil {
			return err
		}
		if ids[spend(d.id)] {
			gone = append(gone, d)
		}
		return nil
	}, `SELECT seq, iss, jti FROM messages`)
	if err != nil {
		return err
	}
	err = j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		// Another process may have been in the middle of it when the list was read.
		if done, err := purgedIn(tx, listed.number); done || err != nil {
			return err
		}
		if err := raze(tx, listed.number, listed.at, gone); err != nil {
			return err
		}
		// Those that came after the backup are not here; their ids stay spent.
		for _, id := range listed.ids {
			if _, err := tx.Exec(`INSERT INTO spent (id, purge) VALUES (?, ?) ON CONFLICT DO NOTHING`, id[:], listed.number); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	j.o.Log.Warn("purged again what a restored journal still held", "purge", listed.number, "messages", len(gone))
	_, err = j.emptyLog(ctx)
	return err
}
