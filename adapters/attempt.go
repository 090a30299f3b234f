package adapters

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/metric"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// attempt is one try at one destination, and what came of it.
type attempt struct {
	store.Attempt
	consignment Consignment
	failure     error
	cut         bool // from our side, because the adapter stops
}

// try makes an attempt and says what is known of it.
func (a *Adapter) try(ctx context.Context, t *attempt) {
	ctx, span := a.span(ctx, "deliver", t.Delivery)
	defer func() { ended(span, t.failure) }()
	began := time.Now()
	once, cancel := context.WithTimeout(ctx, a.Attempt)
	t.failure = a.guard(once, t.consignment)
	cancel()
	took := time.Since(began)
	if t.cut = t.failure != nil && ctx.Err() != nil; t.cut {
		return
	}
	t.EndedAt = t.BeganAt.Add(took)
	switch {
	case t.failure == nil:
		t.Mark, t.Done = store.Answered, true
	case gateway.IsPermanent(t.failure):
		t.Mark, t.Code = store.Answered, codeOf(t.failure)
	default:
		t.Mark, t.Code = markOf(t.failure), codeOf(t.failure)
		t.NextAt = t.EndedAt.Add(max(a.Retry.after(t.N), min(WaitOf(t.failure), a.Retry.Last)))
	}
	a.watch.latency.Record(ctx, took.Seconds(), metric.WithAttributes(a.label()))
	a.counted(ctx, a.watch.attempts, "mark", string(t.Mark))
	if t.failure == nil {
		return
	}
	a.Log.Warn("attempt failed", "country", string(a.Country), "delivery", t.Delivery, "party", string(t.Destination), "attempt", t.N,
		"mark", string(t.Mark), "final", t.NextAt.IsZero(), "problem", string(t.Code), "err", t.failure)
}

// guard keeps a transport's panic from taking the country with it. Its value is not kept:
// it could hold what was being delivered.
func (a *Adapter) guard(ctx context.Context, c Consignment) (err error) {
	defer func() {
		if recover() != nil {
			a.Log.Error("transport panicked", "country", string(a.Country), "delivery", c.Delivery, "stack", string(debug.Stack()))
			err = errors.New("transport panicked")
		}
	}()
	return a.Transport.Deliver(ctx, c)
}

func codeOf(err error) gateway.Code {
	var p *gateway.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return gateway.CodeDestinationRefused
}

// markOf says what is known of an attempt that may be made again.
func markOf(err error) store.Mark {
	var p *gateway.Problem
	switch {
	case IsUnsent(err):
		return store.NotSent
	case errors.As(err, &p):
		return store.Answered
	}
	return store.Ambiguous
}
