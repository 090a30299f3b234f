package journal

import (
	"context"
	"fmt"

	"example.org/trm/gateway"
)

// Event is one step of a party's feed.
type Event struct {
	Cursor  int64 // where to read on from: its place in the party's feed, from 1
	Message gateway.MessageID
	Event   gateway.Event
	JWS     string // the signed statement
}

// Events returns up to n signed statements about the messages that a party sent, its
// receipts and rejections among them, after a cursor that it remembers; 0 begins with the
// oldest. A statement is recorded once and keeps its cursor, so that reading on from the
// last one misses nothing and repeats nothing. Cursors count the party's own statements and
// tell nothing of what others exchange.
func (j *Journal) Events(ctx context.Context, sender gateway.Party, after int64, n int) ([]Event, error) {
	var out []Event
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		e := Event{Message: gateway.MessageID{Issuer: sender}}
		err := scan(&e.Cursor, &e.Message.ID, &e.Event, &e.JWS)
		out = append(out, e)
		return err
	}, `SELECT e.place, m.jti, e.event, e.jws FROM evidence e JOIN messages m ON m.seq = e.message
		WHERE e.iss = ? AND e.place > ? ORDER BY e.place LIMIT 0 + ?`, string(sender), after, n)
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	return out, nil
}
