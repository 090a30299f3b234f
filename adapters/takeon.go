package adapters

import (
	"context"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// closeTaken makes the answer that each notice owes which a person took on: one click says
// both that somebody has it and, signed by the role's own key, that the notice is closed.
// The answer is found again by its delivery, so that it is made once, however often this
// is asked and wherever it was cut short.
func (a *Adapter) closeTaken(ctx context.Context) error {
	list, err := a.Store.Unacknowledged(ctx, 64)
	if err != nil {
		return err
	}
	for _, n := range list {
		_, err := a.Send(ctx, a.acknowledgement(n), "taken-on "+n.Delivery)
		state := store.AckSent
		if err != nil {
			p := gateway.AsProblem(err)
			if !p.Final() {
				a.Log.Warn("an acknowledgement waits", "country", string(a.Country), "delivery", n.Delivery, "err", err)
				continue
			}
			state = store.AckRefused
			a.alarm(ctx, AlarmAck, n.Delivery, p.Code)
		}
		if err := a.Store.Acked(ctx, n.Ref, state); err != nil {
			return err
		}
	}
	return nil
}

// acknowledgement is the draft of the answer that closes a notice.
func (a *Adapter) acknowledgement(n store.Notice) outgoing.Draft {
	contact := map[string]any{"role": n.Party.Role()}
	if alt := a.alternate(n.Party); alt != "" {
		contact["alternate"] = alt.Role()
	}
	return outgoing.Draft{
		Type: n.Ack, From: n.Party, To: n.Other, Thread: n.Thread, InReplyTo: n.Message.ID, Lane: n.Lane, Purpose: n.Purpose,
		Outcome: "taken-on", Test: n.Test, Blocks: map[string]map[string]any{"contact": contact},
	}
}
