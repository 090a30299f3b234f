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

// RingState is how far the telling of one role at one step has come.
type RingState string

// The states of a ring. All but the first are final.
const (
	RingPending RingState = "pending" // to be told, or being told
	RingTold    RingState = "told"    // a channel has accepted the notice
	RingFailed  RingState = "failed"  // no channel did, and none is tried any more
	RingPassed  RingState = "passed"  // it was no longer needed before it was tried
)

// Ring is one step for one role: who was to be told, when, and what came of it.
type Ring struct {
	ID      int64
	Ref     string
	Step    string // "waiting", "minute-10", "due-soon", "overdue", "escalated"
	Party   gateway.Party
	DueAt   time.Time
	State   RingState
	Rounds  int // in which every channel of the role was tried
	NextAt  time.Time
	EndedAt time.Time
	Calls   []Call
}

// Call is ring × channel × n: one attempt.
type Call struct {
	Ring    int64
	N       int
	Channel string // its kind, never an address
	Mark    Mark
	Done    bool // the channel has accepted it
	BeganAt time.Time
	EndedAt time.Time
}

// Plan is what the clock adds to a notice.
type Plan struct {
	Ref   string
	At    time.Time
	Rings []Ring    // step, party and due time; those that are there already stay as they are
	Due   time.Time // until when an answer is owed, as it is known now
	Next  time.Time // when to look again; zero: never
	// Failure, if set, is the evidence that a step failed for good. It is recorded if a
	// ring of Party that was tried is overtaken by this plan.
	Failure gateway.Evidence
	Party   gateway.Party
	Retell  time.Time
}

// Plan records the steps that are due, in one transaction with the time of the next. What
// the same role was still to be told at an earlier step is told by the later one: it is
// passed over, or failed where it was tried in vain. It reports how many failed.
func (s *Store) Plan(ctx context.Context, p Plan) (failed int, err error) {
	err = s.w.Do(ctx, func(tx *sqlite.Tx) error {
		failed = 0
		told := false
		for _, r := range p.Rings {
			res, err := tx.Exec(`UPDATE ring SET state = 'failed', ended_at = ?1 WHERE ref = ?2 AND party = ?3 AND step <> ?4 AND state = 'pending' AND rounds > 0`,
				millis(p.At), p.Ref, string(r.Party), r.Step)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			failed += int(n)
			told = told || n > 0 && r.Party == p.Party
			if _, err := tx.Exec(`UPDATE ring SET state = 'passed', ended_at = ?1 WHERE ref = ?2 AND party = ?3 AND step <> ?4 AND state = 'pending'`,
				millis(p.At), p.Ref, string(r.Party), r.Step); err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO ring (ref, step, party, due_at, state, next_at) VALUES (?,?,?,?,'pending',?) ON CONFLICT DO NOTHING`,
				p.Ref, r.Step, string(r.Party), millis(r.DueAt), millis(p.At)); err != nil {
				return err
			}
		}
		if told && p.Failure.JWS() != "" {
			if err := giveFor(tx, p.Ref, p.Failure, p.Retell); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`UPDATE notice SET due_at = ?, next_at = ? WHERE ref = ? AND ended = ''`, millis(p.Due), millis(p.Next), p.Ref)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("recording who is to be told: %w", err)
	}
	return failed, nil
}

// Also adds a ring to a notice, due at once, unless it is there already.
func (s *Store) Also(ctx context.Context, r Ring, at time.Time) error {
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`INSERT INTO ring (ref, step, party, due_at, state, next_at) VALUES (?,?,?,?,'pending',?) ON CONFLICT DO NOTHING`,
			r.Ref, r.Step, string(r.Party), millis(r.DueAt), millis(at))
		return err
	})
	if err != nil {
		return fmt.Errorf("recording who is to be told: %w", err)
	}
	return nil
}

// giveFor records evidence about the delivery that a notice is of; an outbound one is of
// none.
func giveFor(tx *sqlite.Tx, ref string, e gateway.Evidence, next time.Time) error {
	var delivery string
	if err := tx.Row(`SELECT delivery FROM notice WHERE ref = ?`, ref).Scan(&delivery); err != nil || delivery == "" {
		return err
	}
	_, err := give(tx, delivery, e, next)
	return err
}

// Pending lists up to n rings that are due to be tried, those first that wait longest.
func (s *Store) Pending(ctx context.Context, now time.Time, n int) ([]Ring, error) {
	return s.rings(ctx, `WHERE state = 'pending' AND next_at <= ? ORDER BY next_at, id LIMIT ?`, millis(now), n)
}

// Rings lists the steps of a notice in their order, each with the attempts that were made.
func (s *Store) Rings(ctx context.Context, ref string) ([]Ring, error) {
	list, err := s.rings(ctx, `WHERE ref = ? ORDER BY id`, ref)
	for i := range list {
		if err == nil {
			list[i].Calls, err = s.calls(ctx, list[i].ID)
		}
	}
	return list, err
}

// Round begins to try a ring's channels. The intent is on disk before the first of them:
// a process that is killed tries again at next, not at once and not without end. It reports
// false where the ring has ended or a round was begun since it was read: somebody else has
// it.
func (s *Store) Round(ctx context.Context, r Ring, next time.Time) (mine bool, err error) {
	err = s.w.Do(ctx, func(tx *sqlite.Tx) error {
		res, err := tx.Exec(`UPDATE ring SET rounds = rounds + 1, next_at = ? WHERE id = ? AND state = 'pending' AND rounds = ?`, millis(next), r.ID, r.Rounds)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		mine = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("journalling a round: %w", err)
	}
	return mine, nil
}

// Call journals an attempt at a channel before it is made, marked ambiguous.
func (s *Store) Call(ctx context.Context, ring int64, channel string, at time.Time) (Call, error) {
	c := Call{Ring: ring, Channel: channel, Mark: Ambiguous, BeganAt: at}
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		return tx.Row(`INSERT INTO call (ring, n, channel, mark, began_at)
			VALUES (?1, (SELECT coalesce(max(n), 0) + 1 FROM call WHERE ring = ?1), ?2, ?3, ?4) RETURNING n`,
			ring, channel, string(Ambiguous), millis(at)).Scan(&c.N)
	})
	if err != nil {
		return Call{}, fmt.Errorf("journalling a call: %w", err)
	}
	return c, nil
}

// Called journals how an attempt at a channel ended. One that a channel accepted ends the
// ring as told, with the evidence that says so, in one transaction; the first evidence of
// a delivery stands. Evidence may be empty.
func (s *Store) Called(ctx context.Context, c Call, e gateway.Evidence, retell time.Time) error {
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error {
		if _, err := tx.Exec(`UPDATE call SET mark = ?, done = ?, ended_at = ? WHERE ring = ? AND n = ?`,
			string(c.Mark), c.Done, millis(c.EndedAt), c.Ring, c.N); err != nil || !c.Done {
			return err
		}
		return endRing(tx, c.Ring, RingTold, c.EndedAt, e, retell)
	})
	if err != nil {
		return fmt.Errorf("journalling how a call ended: %w", err)
	}
	return nil
}

// EndRing ends a ring without its having been told, with the evidence that says so, if
// there is any.
func (s *Store) EndRing(ctx context.Context, ring int64, st RingState, at time.Time, e gateway.Evidence, retell time.Time) error {
	err := s.w.Do(ctx, func(tx *sqlite.Tx) error { return endRing(tx, ring, st, at, e, retell) })
	if err != nil {
		return fmt.Errorf("journalling how a ring ended: %w", err)
	}
	return nil
}

func endRing(tx *sqlite.Tx, ring int64, st RingState, at time.Time, e gateway.Evidence, retell time.Time) error {
	var ref string
	// A ring that was overtaken while its channel was being tried was told all the same.
	if err := tx.Row(`UPDATE ring SET state = ?1, ended_at = ?2 WHERE id = ?3 AND (state = 'pending' OR ?1 = 'told') RETURNING ref`,
		string(st), millis(at), ring).Scan(&ref); err != nil {
		return ignoreNoRows(err)
	}
	if e.JWS() == "" {
		return nil
	}
	return giveFor(tx, ref, e, retell)
}

func (s *Store) rings(ctx context.Context, where string, args ...any) ([]Ring, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, ref, step, party, due_at, state, rounds, next_at, ended_at FROM ring `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading who is to be told: %w", err)
	}
	defer rows.Close()
	var out []Ring
	for rows.Next() {
		var r Ring
		var due, next, ended int64
		if err := rows.Scan(&r.ID, &r.Ref, &r.Step, &r.Party, &due, &r.State, &r.Rounds, &next, &ended); err != nil {
			return nil, fmt.Errorf("reading who is to be told: %w", err)
		}
		r.DueAt, r.NextAt, r.EndedAt = fromMillis(due), fromMillis(next), fromMillis(ended)
		out = append(out, r)
	}
	return out, rows.Err()
}

func (s *Store) calls(ctx context.Context, ring int64) ([]Call, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT n, channel, mark, done, began_at, ended_at FROM call WHERE ring = ? ORDER BY n`, ring)
	if err != nil {
		return nil, fmt.Errorf("reading calls: %w", err)
	}
	defer rows.Close()
	var out []Call
	for rows.Next() {
		c := Call{Ring: ring}
		var began, ended int64
		if err := rows.Scan(&c.N, &c.Channel, &c.Mark, &c.Done, &began, &ended); err != nil {
			return nil, fmt.Errorf("reading calls: %w", err)
		}
		c.BeganAt, c.EndedAt = fromMillis(began), fromMillis(ended)
		out = append(out, c)
	}
	return out, rows.Err()
}

func ignoreNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
