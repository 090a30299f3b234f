package journal

import (
	"context"
	"errors"
	"fmt"

	"example.org/trm/gateway"
)

const entries = `
	SELECT e.event, ifnull(l.origin, ''), ifnull(e.idx, 0), e.leaf, ifnull(o.message, 0), o.opening, o.nonce, o.withheld_nonce,
		ifnull(m.digest, x''), ifnull((SELECT v.jws FROM evidence v WHERE v.message = m.seq AND v.delivery = ''), ''), ifnull(m.sender, ''), ifnull(m.auditor, '')
	FROM log_outbox e JOIN openings o ON o.entry = e.seq LEFT JOIN logs l ON l.id = e.log LEFT JOIN messages m ON m.seq = o.message `

// Entries returns the entries about a message, with what opens them, in the order of
// recording. An entry whose opening was destroyed is not known to be about anything.
func (j *Journal) Entries(ctx context.Context, id gateway.MessageID) ([]gateway.LogEntry, error) {
	return j.entries(ctx, entries+`WHERE m.iss = ? AND m.jti = ? ORDER BY e.seq`, string(id.Issuer), id.ID)
}

// EntriesAt returns n entries of a log from an index on, with what opens them. An entry
// whose opening was destroyed is left out.
func (j *Journal) EntriesAt(ctx context.Context, origin string, from int64, n int) ([]gateway.LogEntry, error) {
	return j.entries(ctx, entries+`WHERE l.origin = ? AND e.idx >= ? AND e.idx < ? ORDER BY e.idx`, origin, from, from+int64(n))
}

func (j *Journal) entries(ctx context.Context, q string, args ...any) ([]gateway.LogEntry, error) {
	var out []gateway.LogEntry
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var e gateway.LogEntry
		var digest []byte
		var seq int64
		var jws string
		var opening, sender, auditor []byte
		if err := scan(&e.Event, &e.Origin, &e.Index, &e.Leaf, &seq, &opening, &e.Nonce, &e.ConcealedNonce, &digest, &jws, &sender, &auditor); err != nil {
			return err
		}
		c := opener{bodies: j.bodies, seq: seq}
		e.Opening = []byte(c.open("opening", opening))
		to, auditors := c.open("sender", sender), c.open("auditor", auditor)
		if errors.Is(c.err, errDestroyed) {
			return nil // by a purge that has not come to the rows yet
		}
		if c.err == nil && e.ConcealedNonce != nil {
			e.Concealed, c.err = conceal(gateway.Digest(digest).String(), jws, to, auditors)
		}
		if c.err != nil {
			return c.err
		}
		out = append(out, e)
		return nil
	}, q, args...)
	if err != nil {
		return nil, fmt.Errorf("reading entries: %w", err)
	}
	return out, nil
}
