package adapters

import (
	"context"
	"fmt"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// tell sends evidence to the gateway for the first time. When to send it again, should
// nobody acknowledge it, is in the journal already.
func (a *Adapter) tell(ctx context.Context, t store.Testimony) error {
	if err := a.Source.Testify(ctx, t.JWS); err != nil {
		return fmt.Errorf("sending evidence: %w", err)
	}
	return nil
}

// retell sends evidence again until it is acknowledged. It has no end: evidence that the
// gateway does not know is a promise not kept.
func (a *Adapter) retell(ctx context.Context) error {
	for {
		due, err := a.Store.Untold(ctx, a.Now(), 64)
		if err != nil {
			return err
		}
		for _, t := range due {
			if err := a.tell(ctx, t); err != nil {
				return err
			}
			if err := a.Store.Told(ctx, t.Digest, a.Now().Add(a.Retell.after(t.Sends+2))); err != nil {
				return err
			}
		}
		if len(due) < 64 && !pause(ctx, min(a.Retell.First, 5*time.Second), nil) {
			return nil
		}
	}
}

// acknowledged reads the gateway's answer to evidence and ends its sending. An answer that
// does not prove, or is not about this country's evidence, changes nothing and is not kept.
func (a *Adapter) acknowledged(ctx context.Context, ack string) error {
	e, err := gateway.Witnessed(ack, a.Examiner, a.Directory)
	if err != nil {
		a.Log.Warn("ignored an acknowledgement", "country", string(a.Country), "problem", string(gateway.AsProblem(err).Code))
		return nil
	}
	s := e.Statement()
	standing := store.Recorded
	switch {
	case e.Late(a.Now()):
		a.Log.Warn("ignored an acknowledgement under a revoked key", "country", string(a.Country))
		return nil
	case s.Signer != gateway.TheGateway || s.Of == "":
		return nil
	case s.Event == gateway.EvidenceRefused:
		standing = store.Refused
	case s.Event != gateway.EvidenceRecorded:
		return nil
	}
	known, err := a.Store.Acknowledged(ctx, s.Of, standing, ack)
	if err != nil || !known {
		return err
	}
	if standing == store.Refused {
		a.alarm(ctx, AlarmEvidence, s.Delivery, s.Code)
	}
	return nil
}
