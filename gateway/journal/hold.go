package journal

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// holdReasons are why a message may be kept beyond its retention: a court needs it, a
// complaint or an audit runs, or how somebody fares is still followed.
var holdReasons = []gateway.Code{"litigation", "complaint", "audit", "monitoring"}

// Held is a message that no purge touches.
type Held struct {
	Message  gateway.MessageID `json:"message"`
	Reason   gateway.Code      `json:"reason"`
	PlacedAt time.Time         `json:"placedAt"`
}

// What can be wrong with an order to hold a message, or to release it.
var (
	ErrHoldReason  = errors.New("the reason is litigation, complaint, audit or monitoring")
	ErrHoldUnknown = errors.New("there is no such message, or it was purged")
	ErrNotHeld     = errors.New("it is not held for this reason")
)

// Hold keeps a message from being purged until every hold on it is released. It is an
// entry of the log. Holding again for the same reason changes nothing.
func (j *Journal) Hold(ctx context.Context, id gateway.MessageID, reason gateway.Code, by gateway.Party) error {
	if !slices.Contains(holdReasons, reason) {
		return fmt.Errorf("holding a message: %w", ErrHoldReason)
	}
	return j.hold(ctx, gateway.Held, id, reason, by, `INSERT INTO holds (message, reason, placed_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`)
}

// Release ends a hold. It is an entry of the log. Where there is none for the reason it is
// [ErrNotHeld], so that nobody believes a message free that another reason holds.
func (j *Journal) Release(ctx context.Context, id gateway.MessageID, reason gateway.Code, by gateway.Party) error {
	return j.hold(ctx, gateway.Released, id, reason, by, `DELETE FROM holds WHERE message = ?1 AND reason = ?2 AND ?3 > 0`)
}

func (j *Journal) hold(ctx context.Context, e gateway.Event, id gateway.MessageID, reason gateway.Code, by gateway.Party, q string) error {
	now := j.o.Now().UTC()
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		var seq int64
		err := tx.Row(`SELECT seq FROM messages WHERE iss = ? AND jti = ?`, string(id.Issuer), id.ID).Scan(&seq)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrHoldUnknown
		}
		if err != nil {
			return err
		}
		res, err := tx.Exec(q, seq, string(reason), seconds(now))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			if err == nil && e == gateway.Released {
				err = ErrNotHeld
			}
			return err
		}
		which := spend(id)
		_, err = enterDeed(tx, gateway.Deed{Event: e, At: now, Reason: reason, By: by, Digest: base64.RawURLEncoding.EncodeToString(which[:])})
		return err
	})
	if err != nil {
		return fmt.Errorf("holding a message: %w", err)
	}
	j.o.Entered()
	return nil
}

// Holds lists what is held, the oldest hold first.
func (j *Journal) Holds(ctx context.Context) ([]Held, error) {
	var out []Held
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var h Held
		var at int64
		err := scan(&h.Message.Issuer, &h.Message.ID, &h.Reason, &at)
		h.PlacedAt = fromSeconds(at)
		out = append(out, h)
		return err
	}, `SELECT m.iss, m.jti, h.reason, h.placed_at FROM holds h JOIN messages m ON m.seq = h.message ORDER BY h.id`)
	if err != nil {
		return nil, fmt.Errorf("reading holds: %w", err)
	}
	return out, nil
}
