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
// They go in the order in which they were stored, and one that answers another waits until
// the gateway knows that one again: an answer that came before its question would be
// refused, for ever.
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

var errBeforeItsQuestion = errors.New("the gateway does not know again what it answers")

// premature holds back an envelope that is submitted again until the gateway knows what it
// refers to: of the other side, whose adapter submits it again too, or our own.
func (a *Adapter) premature(ctx context.Context, o store.Outgoing, h gateway.Head) error {
	if !o.Again || h.InReplyTo == "" {
		return nil
	}
	for _, issuer := range []gateway.Party{h.Audience, h.Issuer} {
		known, err := a.knows(ctx, o.ID.Issuer, gateway.MessageID{Issuer: issuer, ID: h.InReplyTo})
		if err != nil {
			return err
		}
		if known {
			return nil
		}
	}
	return errBeforeItsQuestion
}
