package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

var _ gateway.Duties = (*Journal)(nil)

// Come returns up to n duties of which a step has come by t and is not signed.
func (j *Journal) Come(ctx context.Context, t time.Time, n int) ([]gateway.Reminder, error) {
	var out []gateway.Reminder
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		_, x, s, err := scanExchange(scan)
		step, _ := s.next(x.Duty)
		out = append(out, gateway.Reminder{Case: gateway.Case{Message: x.Asked.MessageID()}, Step: step})
		return err
	}, exchangeOf+`WHERE d.next_at > 0 AND d.next_at <= ? ORDER BY d.next_at, d.message LIMIT 0 + ?`, seconds(t), n)
	for i := 0; i < len(out) && err == nil; i++ {
		r, id := &out[i], out[i].Message
		_, err = j.reader.One(ctx, func(scan func(...any) error) (err error) {
			r.Case, err = scanCase(scan)
			return err
		}, cases+`WHERE m.iss = ? AND m.jti = ?`, string(id.Issuer), id.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("finding steps of duties: %w", err)
	}
	return out, nil
}

// Remind records a signed step, with its log entry and in the creditor's feed, unless the
// duty's next step is another one by now.
func (j *Journal) Remind(ctx context.Context, r gateway.Reminder, e gateway.Evidence) (bool, error) {
	var done bool
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		done = false
		message, x, s, err := scanExchange(tx.Row(exchangeOf+`WHERE m.iss = ? AND m.jti = ?`, string(r.Message.Issuer), r.Message.ID).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // purged in between
		}
		if err != nil {
			return err
		}
		st := e.Statement()
		next, ok := s.next(x.Duty)
		if done = ok && next.Event == st.Event && next.Due.Equal(st.Due) && !next.At.After(st.At); !done {
			return nil
		}
		*s.of(st.Event) = st.Due
		if err := change(tx, message, x, s); err != nil {
			return err
		}
		if err := testify(tx, message, r.Message.Issuer, r.Delivery, st, e.JWS()); err != nil {
			return err
		}
		return j.enter(tx, message, st.Event, r.Pair, opening{
			Event: st.Event, Issuer: r.Message.Issuer, ID: r.Message.ID, Delivery: r.Delivery, Evidence: e.JWS(),
		}, "", "")
	})
	if err != nil {
		return false, fmt.Errorf("recording a step of a duty: %w", err)
	}
	if done {
		j.o.Entered()
	}
	return done, nil
}

// Duties returns the duties that a party owes or is owed and that stand, up to n, the one
// that is due first at the top, and among them those of the urgent lane that nobody has
// delivered yet, which have no date.
func (j *Journal) Duties(ctx context.Context, p gateway.Party, n int) ([]gateway.Duty, error) {
	var out []gateway.Duty
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		_, x, _, err := scanExchange(scan)
		out = append(out, x.Duty)
		return err
	}, exchangeOf+`WHERE d.ended = 0 AND d.begins + d.escalate > 0 AND d.message IN (
			SELECT message FROM duties WHERE debtor = ?1 AND ended = 0 UNION SELECT message FROM duties WHERE creditor = ?1 AND ended = 0)
		ORDER BY d.due, d.message LIMIT 0 + ?2`, string(p), n)
	if err != nil {
		return nil, fmt.Errorf("reading duties: %w", err)
	}
	return out, nil
}

// Standing is how many duties of one country's offices stand how, and since when the
// oldest is overdue: zero where none is.
type Standing struct {
	Country gateway.Country
	Count   map[gateway.Standing]int
	Overdue time.Time
}

// Standings returns what is owed in each country in which something is.
func (j *Journal) Standings(ctx context.Context, now time.Time) (map[gateway.Country]Standing, error) {
	out := map[gateway.Country]Standing{}
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		_, x, _, err := scanExchange(scan)
		if err != nil {
			return err
		}
		d := x.Duty
		c := d.Debtor.Country()
		s, ok := out[c]
		if !ok {
			s = Standing{Country: c, Count: map[gateway.Standing]int{}}
		}
		s.Count[d.Standing(now)]++
		if !d.Due.IsZero() && d.Due.Before(now) && (s.Overdue.IsZero() || d.Due.Before(s.Overdue)) {
			s.Overdue = d.Due
		}
		out[c] = s
		return nil
	}, exchangeOf+`WHERE d.ended = 0 AND d.begins + d.escalate > 0`)
	if err != nil {
		return nil, fmt.Errorf("counting duties: %w", err)
	}
	return out, nil
}
