package adapters

import (
	"context"
	"errors"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// attendance is how long a change waits for what it changes.
const attendance = 10 * time.Minute

var errEarly = errors.New("it overtook the message that it changes")

// early holds a change that overtook its target: a recall, correction or withdrawal of
// consent travels on the urgent stream, and the national system can do nothing with it
// before it has the message. It waits for a while only, because nobody is left unwarned
// for want of an earlier step. Other changes keep their place in the thread, or are about
// what this country said itself.
func (a *Adapter) early(ctx context.Context, d store.Delivery, h gateway.Head) error {
	const uuid = 36
	if !changesAll(h) || len(h.Target) < uuid || h.Target[:uuid] == h.Thread {
		return nil
	}
	if a.Now().Sub(d.TakenAt) >= attendance {
		return nil
	}
	ended, err := a.Store.Ended(ctx, gateway.MessageID{Issuer: h.Issuer, ID: h.Target[:uuid]})
	if err != nil || ended {
		return err
	}
	return errEarly
}
