package adapters

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

const scope = "example.org/trm/adapters"

// watch is what an operator sees of an adapter in numbers. No label says a type, a lane
// or a code of a message.
type watch struct {
	meter       metric.Meter
	tracer      trace.Tracer
	deliveries  metric.Int64Counter
	attempts    metric.Int64Counter
	gaps        metric.Int64Counter
	alarms      metric.Int64Counter
	submissions metric.Int64Counter
	notices     metric.Int64Counter
	latency     metric.Float64Histogram
}

func newWatch(c Config) (watch, error) {
	m := c.Meter.Meter(scope)
	w := watch{meter: m, tracer: c.Tracer.Tracer(scope)}
	var errs [7]error
	w.deliveries, errs[0] = m.Int64Counter("trm.adapter.deliveries", metric.WithDescription("deliveries that ended, by how"))
	w.attempts, errs[1] = m.Int64Counter("trm.adapter.attempts", metric.WithDescription("attempts at the national system, by what is known of them"))
	w.gaps, errs[2] = m.Int64Counter("trm.adapter.gaps", metric.WithDescription("pair numbers that were passed"))
	w.alarms, errs[3] = m.Int64Counter("trm.adapter.alarms", metric.WithDescription("things that a person must look at, by kind"))
	w.submissions, errs[4] = m.Int64Counter("trm.adapter.submissions", metric.WithDescription("envelopes that the gateway answered, by how"))
	w.latency, errs[5] = m.Float64Histogram("trm.adapter.attempt.duration", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30), metric.WithDescription("time of one attempt"))
	w.notices, errs[6] = m.Int64Counter("trm.adapter.notices", metric.WithDescription("people to be told that a message waits, by what came of it"))
	return w, errors.Join(errs[:]...)
}

// backlog shows what the journal still owes somebody, until stop is called.
func (a *Adapter) backlog() (stop func() error, err error) {
	type kind struct {
		of    func(store.Backlog) store.Owed
		depth metric.Int64ObservableGauge
		age   metric.Float64ObservableGauge
	}
	var kinds []kind
	var all []metric.Observable
	for _, k := range []struct {
		name, what string
		of         func(store.Backlog) store.Owed
	}{
		{"outbox", "envelopes to which the gateway has given no answer", func(b store.Backlog) store.Owed { return b.Outbox }},
		{"taken", "deliveries that were taken and have not ended", func(b store.Backlog) store.Owed { return b.Taken }},
		{"evidence", "signed evidence that the gateway has not acknowledged", func(b store.Backlog) store.Owed { return b.Evidence }},
		{"notices", "people who are still to be told that a message waits", func(b store.Backlog) store.Owed { return b.Notices }},
	} {
		depth, err := a.watch.meter.Int64ObservableGauge("trm.adapter."+k.name+".depth", metric.WithDescription(k.what))
		if err != nil {
			return nil, err
		}
		age, err := a.watch.meter.Float64ObservableGauge("trm.adapter."+k.name+".age", metric.WithUnit("s"), metric.WithDescription("age of the oldest of the "+k.what))
		if err != nil {
			return nil, err
		}
		kinds, all = append(kinds, kind{k.of, depth, age}), append(all, depth, age)
	}
	country := metric.WithAttributes(attribute.String("country", string(a.Country)))
	r, err := a.watch.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		b, err := a.Store.Backlog(ctx)
		if err != nil {
			return err
		}
		now := a.Now()
		for _, k := range kinds {
			owed, age := k.of(b), 0.0
			if !owed.Oldest.IsZero() {
				age = max(0, now.Sub(owed.Oldest).Seconds())
			}
			o.ObserveInt64(k.depth, int64(owed.Count), country)
			o.ObserveFloat64(k.age, age, country)
		}
		return nil
	}, all...)
	if err != nil {
		return nil, err
	}
	return r.Unregister, nil
}

// zero shows every counter before it first counts: what appears at one looks like no
// increase, and nobody would be told of the first alarm.
func (a *Adapter) zero(ctx context.Context) {
	w := a.watch
	for _, c := range []struct {
		of     metric.Int64Counter
		key    string
		values []string
	}{
		{w.deliveries, "outcome", []string{string(store.Delivered), string(store.Failed)}},
		{w.submissions, "outcome", []string{"received", "refused"}},
		{w.attempts, "mark", []string{string(store.NotSent), string(store.Ambiguous), string(store.Answered)}},
		{w.alarms, "kind", []string{AlarmRefused, AlarmNotOurs, AlarmContradicts, AlarmGap, AlarmEvidence, AlarmFailed, AlarmHeard, AlarmUndelivered, AlarmLost, AlarmAnother, AlarmReceipt,
			AlarmChannel, AlarmUntold, AlarmUnreachable, AlarmUnaware, AlarmAck, AlarmCodes}},
		{w.notices, "outcome", []string{string(store.RingTold), string(store.RingFailed), string(store.RingPassed)}},
	} {
		for _, v := range c.values {
			c.of.Add(ctx, 0, metric.WithAttributes(a.label(), attribute.String(c.key, v)))
		}
	}
	w.gaps.Add(ctx, 0)
}

// span begins a step of a delivery's trace. It carries ids, never a value.
func (a *Adapter) span(ctx context.Context, name, delivery string) (context.Context, trace.Span) {
	return a.watch.tracer.Start(ctx, name, trace.WithAttributes(
		attribute.String("trm.country", string(a.Country)), attribute.String("trm.delivery", delivery)))
}

// ended ends a span. The text of an error stays out of it: the code is enough to find the
// log line.
func ended(s trace.Span, err error) {
	if err != nil {
		s.SetStatus(codes.Error, string(gateway.AsProblem(err).Code))
	}
	s.End()
}

func (a *Adapter) counted(ctx context.Context, c metric.Int64Counter, key, value string) {
	c.Add(ctx, 1, metric.WithAttributes(a.label(), attribute.String(key, value)))
}

// label tells countries apart where several adapters are in one process.
func (a *Adapter) label() attribute.KeyValue { return attribute.String("country", string(a.Country)) }

// The kinds of alarm.
const (
	AlarmRefused     = "delivery-refused"    // what came does not prove
	AlarmNotOurs     = "delivery-not-ours"   // an entry that names nothing of this country
	AlarmContradicts = "gateway-contradicts" // the gateway says two things
	AlarmGap         = "gap"                 // a number that the gateway cannot explain
	AlarmEvidence    = "evidence-refused"    // the gateway refused our evidence
	AlarmFailed      = "delivery-failed"     // the national system could not take it
	AlarmHeard       = "evidence-invalid"    // what the gateway tells us of our message does not prove
	AlarmUndelivered = "message-undelivered" // what we sent did not reach its national system
	AlarmLost        = "message-lost"        // the gateway lost what it had received, and does not take it again
	AlarmAnother     = "another-adapter"     // a second adapter of this country takes deliveries, or this journal was lost
	AlarmReceipt     = "receipt-invalid"     // the gateway's answer does not prove
	AlarmChannel     = "channel-failed"      // a channel did not accept a notice
	AlarmUntold      = "notice-failed"       // nobody could be told that a message waits
	AlarmUnreachable = "no-channel"          // a role has no channel at all
	AlarmUnaware     = "recipient-untold"    // nobody at the other end could be told of what we sent
	AlarmAck         = "acknowledgement"     // the answer that closes a notice could not be made
	AlarmCodes       = "codes-missing"       // a message is in a release of the code lists that is not here
)

// alarm tells a person: in the log, in a counter, in the journal's list.
func (a *Adapter) alarm(ctx context.Context, kind, ref string, code gateway.Code) {
	a.counted(ctx, a.watch.alarms, "kind", kind)
	fresh, err := a.Store.Raise(ctx, store.Alarm{At: a.Now(), Kind: kind, Ref: ref, Code: code})
	if err != nil {
		a.Log.Error("raised an alarm that could not be recorded", "country", string(a.Country), "kind", kind, "ref", ref, "err", err)
		return
	}
	if fresh {
		a.Log.Error("raised an alarm", "country", string(a.Country), "kind", kind, "ref", ref, "problem", string(code))
	}
}
