package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"example.org/trm/gateway"
)

// Kept is what is kept of a message to prove it: the part that its origin signed, the
// digests of what was released, and what the gateway signed of that. No unit is in it.
type Kept struct {
	Index    int64 // of its acceptance, in the log
	Core     gateway.Core
	Released []string // in the order in which the binding names them
	Bound    string   // the binding, kb_jwt
}

// Cores returns what is kept of the messages whose acceptances stand in a log from one
// index to before another, in their order.
func (j *Journal) Cores(ctx context.Context, origin string, from, to int64) ([]Kept, error) {
	var out []Kept
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var k Kept
		var seq int64
		var payload []byte
		var released string
		if err := scan(&k.Index, &seq, &k.Core.Protected, &payload, &k.Core.Signature, &released, &k.Bound); err != nil {
			return err
		}
		var err error
		if k.Core.Payload, err = j.bodies.open(seq, "payload", payload); errors.Is(err, errDestroyed) {
			return nil // by a purge that has not come to the rows yet
		} else if err != nil {
			return err
		}
		out = append(out, k)
		return json.Unmarshal([]byte(released), &out[len(out)-1].Released)
	}, `SELECT e.idx, m.seq, m.protected, m.payload, m.signature, m.released, m.kb_jwt
		FROM log_outbox e JOIN logs l ON l.id = e.log JOIN openings o ON o.entry = e.seq JOIN messages m ON m.seq = o.message
		WHERE l.origin = ? AND e.idx >= ? AND e.idx < ? AND e.event = ? ORDER BY e.idx`, origin, from, to, string(gateway.SubmissionAcceptance))
	if err != nil {
		return nil, fmt.Errorf("reading what is kept of messages: %w", err)
	}
	return out, nil
}

// Done is a deed with its place in a log.
type Done struct {
	Origin string
	Index  int64
	gateway.Deed
}

// Deeds returns every entry of every log that is about no message, in the order of
// recording. There are few.
func (j *Journal) Deeds(ctx context.Context) ([]Done, error) {
	var out []Done
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var d Done
		var opening []byte
		if err := scan(&d.Origin, &d.Index, &opening); err != nil {
			return err
		}
		if err := json.Unmarshal(opening, &d.Deed); err != nil {
			return err
		}
		out = append(out, d)
		return nil
	}, `SELECT l.origin, e.idx, o.opening FROM log_outbox e JOIN logs l ON l.id = e.log JOIN openings o ON o.entry = e.seq
		WHERE e.pair_from IS NULL AND e.event <> 'SubmissionRejection' ORDER BY e.seq`)
	if err != nil {
		return nil, fmt.Errorf("reading deeds: %w", err)
	}
	return out, nil
}

// Closed returns which entries of a range of a log nothing opens any more, each with the
// number of the purge that destroyed what did.
func (j *Journal) Closed(ctx context.Context, origin string, from, to int64) (map[int64]int64, error) {
	out := map[int64]int64{}
	err := j.reader.Query(ctx, func(scan func(...any) error) error {
		var index, purge int64
		err := scan(&index, &purge)
		out[index] = purge
		return err
	}, `SELECT e.idx, p.purge FROM purged_entries p JOIN log_outbox e ON e.seq = p.entry JOIN logs l ON l.id = e.log
		WHERE l.origin = ? AND e.idx >= ? AND e.idx < ?`, origin, from, to)
	if err != nil {
		return nil, fmt.Errorf("reading which entries were closed: %w", err)
	}
	return out, nil
}
