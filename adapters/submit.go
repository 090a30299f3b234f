package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// abreast is how many envelopes are submitted at once.
const abreast = 8

// submit gives stored envelopes to the gateway, the same bytes again until it has given a
// signed answer. Within a thread the next waits for that answer.
func (a *Adapter) submit(ctx context.Context) error {
	for {
		due, err := a.Store.Due(ctx, a.Now(), abreast)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		errs := make([]error, len(due))
		for i, o := range due {
			wg.Go(func() { errs[i] = a.send(ctx, o) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if len(due) == 0 && !pause(ctx, a.Resubmit.First, a.wake) {
			return nil
		}
	}
}

// send submits one envelope once. An error is the journal's.
func (a *Adapter) send(ctx context.Context, o store.Outgoing) (err error) {
	ctx, span := a.watch.tracer.Start(ctx, "submit message")
	defer func() { ended(span, err) }()
	p, err := a.Opener.Decode(o.Envelope)
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	var receipt string
	var problem *gateway.Document
	once, cancel := context.WithTimeout(ctx, a.Attempt)
	failure := a.premature(once, o, p.Head)
	if failure == nil {
		receipt, problem, failure = a.Gate.Submit(once, o.ID.Issuer, o.Envelope, o.Lane)
	}
	cancel()
	var at time.Time // of the gateway's receipt
	if failure == nil && problem == nil {
		var s gateway.Statement
		if s, failure = CheckReceipt(receipt, p, a.Examiner, a.Directory); failure != nil {
			a.alarm(ctx, AlarmReceipt, o.ID.ID, gateway.AsProblem(failure).Code)
		}
		at = s.At
	}
	keep := context.WithoutCancel(ctx) // an answer that came must be known after the next start
	switch {
	case failure != nil && ctx.Err() != nil:
		return nil
	case failure != nil:
		again := a.Now().Add(max(a.Resubmit.after(o.Sends+1), min(WaitOf(failure), a.Resubmit.Last)))
		a.Log.Warn("submission got no answer", "country", string(a.Country), "message", o.ID.ID, "attempt", o.Sends+1,
			"again_at", again, "err", failure)
		return a.Store.Sent(keep, o.ID, again)
	case problem != nil && o.Again:
		// It was received once: that this cannot be repeated is for a person to know.
		a.alarm(ctx, AlarmLost, o.ID.ID, problem.Code)
		return a.Store.GiveUp(keep, o.ID)
	case problem != nil:
		doc, err := json.Marshal(problem)
		if err != nil {
			return err
		}
		a.counted(ctx, a.watch.submissions, "outcome", "refused")
		// The code may say something about a person; whoever may know asks the outbox.
		a.Log.Warn("gateway refused a message", "country", string(a.Country), "message", o.ID.ID)
		return a.Store.Answered(keep, o.ID, store.Rejected, "", string(doc), p.Head, time.Time{})
	}
	a.counted(ctx, a.watch.submissions, "outcome", "received")
	a.Log.Info("gateway received a message", "country", string(a.Country), "message", o.ID.ID)
	return a.Store.Answered(keep, o.ID, store.Received, receipt, "", p.Head, at)
}

// CheckReceipt proves that a receipt is the gateway's signed SubmissionAcceptance of
// exactly these bytes.
func CheckReceipt(receipt string, p gateway.Parts, x gateway.Examiner, d gateway.Directory) (gateway.Statement, error) {
	e, err := gateway.Witnessed(receipt, x, d)
	if err != nil {
		return gateway.Statement{}, fmt.Errorf("checking a receipt: %w", err)
	}
	s := e.Statement()
	if s.Signer != gateway.TheGateway || s.Event != gateway.SubmissionAcceptance || s.Message != p.Head.MessageID() || s.Envelope != p.Digest.String() {
		return gateway.Statement{}, fmt.Errorf("checking a receipt: %w", gateway.Refuse(gateway.CodeEvidence, "", "The receipt is for another message."))
	}
	return s, nil
}

// stored tells the submitting loop that there is something new.
func (a *Adapter) stored() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// outgoingOf is the outbox row of an envelope that was just signed.
func outgoingOf(p gateway.Parts, raw []byte, repeat string, at time.Time) store.Outgoing {
	h := p.Head
	return store.Outgoing{
		ID: h.MessageID(), Audience: h.Audience, Thread: h.Thread, Lane: h.Lane, Digest: p.Digest.String(),
		Envelope: raw, Expires: h.Expires, StoredAt: at, Repeat: repeat,
	}
}
