package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"time"
)

// Reminder is a step of a duty that has come and that nobody has signed yet.
type Reminder struct {
	Case
	Step
}

// Duties is the journal as the timekeeper sees it.
type Duties interface {
	// Come returns up to n duties of which a step has come by t and is not signed, each
	// with the first such step, in the order in which the steps came.
	Come(ctx context.Context, t time.Time, n int) ([]Reminder, error)
	// Remind records the signed step: on disk when it returns. It records nothing and
	// reports false where the step is signed already, or is none any more: an answer came
	// in between, or the date was moved. Of two callers with the same step one records it.
	Remind(ctx context.Context, r Reminder, e Evidence) (bool, error)
}

// Timekeeper is the gateway's verb of the clock: it signs when the time of an answer that
// is owed runs out, when it is over, and when nobody has answered for it. Each step of a
// duty is signed once, in order, whatever crashes; after an outage also what came
// meanwhile, dated when it was signed and saying which date it is about. Safe for
// concurrent use.
type Timekeeper struct {
	Duties Duties
	Notary Notary
	Log    *slog.Logger
	Now    func() time.Time
	NewID  func() string
	// Doubt says why the clock is not to be believed, nil where it is: what is signed
	// cannot be taken back, and a clock that was moved by a year would escalate every duty
	// of the region. Until it is healed nothing is signed. Nil: never in doubt.
	Doubt func(context.Context) error
	// Batch is how many steps are signed between two looks. Default 100.
	Batch int
}

// glance is how often a timekeeper looks. Looking costs one question of an index.
const glance = time.Second

// Run reminds until ctx ends, at once and then every second by the clock on the wall,
// whatever Now says. What failed is tried again with back-off.
func (k *Timekeeper) Run(ctx context.Context) error {
	pause := newBackoff(glance, time.Minute)
	for ctx.Err() == nil {
		wait := glance
		switch n, err := k.Remind(ctx); {
		case err != nil && ctx.Err() == nil:
			wait = pause.after()
			k.Log.Error("signing steps of duties", "err", err, "again_in", wait.String())
		case n > 0:
			pause.reset()
			continue
		default:
			pause.reset()
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
	return nil
}

// Remind signs what has come, and returns for how many duties it looked: where there was
// something, there may be more.
func (k *Timekeeper) Remind(ctx context.Context) (int, error) {
	if k.Doubt != nil {
		if err := k.Doubt(ctx); err != nil {
			return 0, err
		}
	}
	now := k.Now().UTC().Truncate(time.Second)
	list, err := k.Duties.Come(ctx, now, cmp.Or(k.Batch, 100))
	if err != nil {
		return 0, err
	}
	for i, r := range list {
		e, err := Testify(Statement{
			ID: k.NewID(), Signer: TheGateway, At: now, Event: r.Event, Message: r.Message,
			Delivery: r.Delivery, Pair: r.Pair, Due: r.Due,
		}, k.Notary)
		if err != nil {
			return i, err
		}
		done, err := k.Duties.Remind(ctx, r, e)
		if err != nil {
			return i, err
		}
		if done {
			k.Log.Info("signed a step of a duty", "event", string(r.Event), "message", r.Message.ID, "country", string(r.Audience.Country()))
		}
	}
	return len(list), nil
}
