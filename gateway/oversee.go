package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"
)

// Overseer is the gateway's verb of two people: it takes the approvals of messages that
// override rules, and the reviews of these, and says of those that nobody approved in time
// that nobody did. Safe for concurrent use.
type Overseer struct {
	Examiner  ApprovalExaminer
	Notary    Notary
	Directory Directory
	Overrides Overrides
	Log       *slog.Logger
	Now       func() time.Time
	NewID     func() string
	// Doubt says why the clock is not to be believed, nil where it is (see [Timekeeper]).
	// Nil: never in doubt.
	Doubt func(context.Context) error
	// Batch is how many overrides are said to be unapproved between two looks. Default 100.
	Batch int
}

// Approve proves an approval or a review, records it and returns the gateway's signed
// answer: durable, and the same bytes get the same answer whatever became of the key since.
// It may come before the message; of an urgent message until 24 hours after it. What it
// refuses is a *Problem and leaves nothing behind.
func (o *Overseer) Approve(ctx context.Context, caller Party, jws string) (answer string, err error) {
	a, kid, err := o.Examiner.ExamineApproval(jws)
	if err != nil {
		return "", err
	}
	// Whose key it is says who could have approved: only a person of the sender's own party.
	if a.By != caller || a.Message.Issuer != a.By {
		return "", Refuse(CodeCallerMismatch, "/iss", "")
	}
	if answer, ok, err := o.Overrides.Answered(ctx, jws); ok || err != nil {
		return answer, busy(err)
	}
	now := o.Now().UTC().Truncate(time.Second)
	k, ok := o.Directory.Key(kid)
	switch {
	case !ok || k.Party != a.By || k.Use != UseApproval || !k.ValidAt(a.At) || k.RevokedBy(now):
		return "", Refuse(CodeApproval, "", "Sign with an approval key that the directory lists for the sender's party: a second person holds it.")
	case a.At.After(now.Add(Skew)):
		return "", Refuse(CodeTimeFuture, "/iat", "")
	// A key that ran out was never revoked, and could sign for the time when it was good.
	case a.At.Before(now.Add(-ReviewWithin)):
		return "", Refuse(CodeApproval, "/iat", "Sign it anew: it is received within 72 hours after it was signed.")
	}
	if err := o.Examiner.CheckApproval(jws, k); err != nil {
		return "", err
	}
	answer, err = o.Overrides.Approve(ctx, a, jws, func(x Override, known bool) (string, error) {
		event, err := place(a, x, known, now)
		if err != nil {
			return "", err
		}
		return o.Notary.Testify(Statement{ID: o.NewID(), Signer: TheGateway, At: now, Event: event, Message: a.Message, Of: DigestString(jws)})
	})
	if err != nil {
		return "", busy(err)
	}
	o.Log.Info("recorded approval", "message", a.Message.ID, "party", string(a.By))
	return answer, nil
}

// place says what an approval or a review is to the override that it speaks of.
func place(a Approval, x Override, known bool, now time.Time) (Event, error) {
	if a.Finding == "" {
		switch {
		case !known:
			return ApprovalRecorded, nil // it comes first, and waits for its message
		case !a.Covers(x):
			return "", Refuse(CodeApproval, "", "The message that was received needs other rules, or gives another reason.")
		case x.Approved.IsZero() && (!x.Lapsed.IsZero() || now.After(x.ApproveBy())):
			return "", Refuse(CodeApprovalLate, "", "")
		}
		return ApprovalRecorded, nil
	}
	switch {
	case !known || a.Message != x.Message || a.Reason != x.Reason:
		return "", Refuse(CodeApproval, "", "A review is of a message that was received and overrides rules.")
	case !x.Reviewed.IsZero():
		return "", Refuse(CodeApproval, "/finding", "It was reviewed already.")
	}
	return ReviewRecorded, nil
}

// busy makes of what is no *Problem one that invites the same bytes again.
func busy(err error) error {
	if err == nil || AsProblem(err).Code != CodeInternal {
		return err
	}
	return Unavailable(CodeBusy, 5*time.Second, err)
}

// approved reports whether one of the approvals that were recorded for these bytes covers
// what the message sets aside.
func approved(x Override, list []Approval) bool {
	return slices.ContainsFunc(list, func(a Approval) bool { return a.Covers(x) })
}

// Lapse signs of urgent messages that override rules and that nobody approved within 24
// hours that nobody did, and returns for how many it looked. It is a breach: the operator
// is told, the sender gets it as evidence, and the log holds it.
func (o *Overseer) Lapse(ctx context.Context) (int, error) {
	if o.Doubt != nil {
		if err := o.Doubt(ctx); err != nil {
			return 0, err
		}
	}
	now := o.Now().UTC().Truncate(time.Second)
	list, err := o.Overrides.Unapproved(ctx, now.Add(-ApproveWithin), cmp.Or(o.Batch, 100))
	if err != nil {
		return 0, err
	}
	for i, x := range list {
		e, err := Testify(Statement{
			ID: o.NewID(), Signer: TheGateway, At: now, Event: OverrideUnapproved, Message: x.Message, Delivery: x.Delivery, Pair: x.Pair, Code: CodeApprovalMissing,
		}, o.Notary)
		if err != nil {
			return i, err
		}
		done, err := o.Overrides.Lapse(ctx, x, e)
		if err != nil {
			return i, err
		}
		if done {
			o.Log.Error("nobody approved an override", "message", x.Message.ID, "party", string(x.Message.Issuer))
		}
	}
	return len(list), nil
}
