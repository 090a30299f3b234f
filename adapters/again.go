package adapters

import (
	"context"
	"errors"
	"fmt"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// GiveAgain puts back among the envelopes that are to be submitted those that the gateway
// had received and no longer knows: after it went back to an older state of its journal,
// what came since is with the senders alone. It returns how many. Envelopes that have
// expired, or whose bytes were purged, are not asked about. Calling it again is harmless.
//
// They go in the order in which they were stored, and each waits until the gateway knows
// again what the other side had said before it: an answer that came before its question
// would be refused, for ever, and a name that came before the acceptance withheld.
func (a *Adapter) GiveAgain(ctx context.Context) (int, error) {
	kept, err := a.Store.Kept(ctx, a.Now())
	if err != nil {
		return 0, err
	}
	n := 0
	for _, o := range kept {
		known, err := a.knows(ctx, o.ID.Issuer, o.ID)
		if err != nil {
			return n, fmt.Errorf("looking for what the gateway has lost: %w", err)
		}
		if known {
			continue
		}
		if err := a.Store.Reopen(ctx, o.ID); err != nil {
			return n, err
		}
		n++
		a.Log.Warn("the gateway no longer knows a message", "country", string(a.Country), "message", o.ID.ID)
	}
	if n > 0 {
		a.stored()
	}
	return n, nil
}

// knows reports whether the gateway knows a message.
func (a *Adapter) knows(ctx context.Context, as gateway.Party, id gateway.MessageID) (bool, error) {
	_, err := a.Gate.Message(ctx, as, id)
	var p *gateway.Problem
	if errors.As(err, &p) && p.Code == gateway.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}

var errBeforeItsTime = errors.New("the gateway does not know again what was said before it")

// premature holds back an envelope that is submitted again until the gateway knows again
// what the other side had said before it in the same conversation: its question, or the
// acceptance after which more may be said. The other side's adapter submits that again;
// what has expired it cannot. Our own keep their order in the outbox.
func (a *Adapter) premature(ctx context.Context, o store.Outgoing, h gateway.Head) error {
	if !o.Again {
		return nil
	}
	list, err := a.Store.Thread(ctx, h.Thread)
	if err != nil {
		return err
	}
	reply := h.InReplyTo
	for _, x := range list {
		if x.Head.ID == reply {
			reply = ""
		}
		if x.Head.MessageID() == o.ID {
			break
		}
		if x.Own || a.expired(ctx, x.Delivery) {
			continue
		}
		if err := a.await(ctx, o.ID.Issuer, x.Head.MessageID()); err != nil {
			return err
		}
	}
	if reply == "" {
		return nil
	}
	// What it refers to was said before this journal began, by either side.
	if known, err := a.knows(ctx, o.ID.Issuer, gateway.MessageID{Issuer: h.Issuer, ID: reply}); err != nil || known {
		return err
	}
	return a.await(ctx, o.ID.Issuer, gateway.MessageID{Issuer: h.Audience, ID: reply})
}

// await is an error while the gateway does not know a message.
func (a *Adapter) await(ctx context.Context, as gateway.Party, id gateway.MessageID) error {
	known, err := a.knows(ctx, as, id)
	if err == nil && !known {
		err = errBeforeItsTime
	}
	return err
}

// expired reports whether a message that came here can no longer be submitted by its
// sender, or is so old that nothing is known of it.
func (a *Adapter) expired(ctx context.Context, delivery string) bool {
	d, err := a.Store.Delivery(ctx, delivery)
	return errors.Is(err, store.ErrUnknown) || err == nil && !a.Now().Before(d.Expires)
}
