package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.org/trm/gateway"
)

// Consumer is an adapter's end of its country's streams. Client, Country, Name and Log
// must be set. Safe for concurrent use, but Run once.
type Consumer struct {
	Client  redis.UniversalClient
	Country gateway.Country
	Name    string // of this process: the same after a restart, no other's
	Log     *slog.Logger
	Tracer  trace.TracerProvider // default: the global one
	Meter   metric.MeterProvider // default: the global one
	// Lease is how long after this process dies another takes over what it had taken.
	// It is renewed while an attempt runs or waits for the next. Default 30 seconds.
	Lease time.Duration
	// Workers is how many deliveries are attempted at once on each stream. Default 16.
	Workers int
	// Grace is how long attempts in hand may go on after Run is told to stop. Default 5
	// seconds.
	Grace time.Duration
}

// Item is one delivery as the adapter takes it.
type Item struct {
	Delivery string // id
	Wrapped  string // compact JWE
}

// Run gives each delivery to handle, at least once, until ctx ends. The urgent stream has
// workers of its own, so that nothing ordinary is in its way. A delivery is acknowledged
// once handle returns nil: by then its outcome and evidence are on disk here. An error or
// panic leaves it waiting for another attempt, with back-off, and holds up no other
// delivery. One delivery is attempted once at a time, by all consumers of the country, as
// long as leases hold.
//
// Redis may be away for any time.
func (c *Consumer) Run(ctx context.Context, handle func(ctx context.Context, it Item) error) error {
	if c.Name == "" || !c.Country.Valid() {
		return errors.New("consuming deliveries: without a name and a country there is no lease")
	}
	log := c.Log.With("country", string(c.Country))
	var lanes sync.WaitGroup
	for _, key := range []string{urgent(c.Country), deliveries(c.Country)} {
		l := &lane{
			rdb: c.Client, key: key, group: adapters, name: c.Name, log: log, link: &link{log: log},
			lease: cmp.Or(c.Lease, 30*time.Second), grace: cmp.Or(c.Grace, 5*time.Second),
			parse:  delivered,
			spoilt: counter(c.Meter, c.Country),
			attempt: func(ctx context.Context, values map[string]any) error {
				return c.attempt(ctx, values, handle)
			},
			settle: func(ctx context.Context, ids []string) error {
				return c.Client.XAck(ctx, key, adapters, ids...).Err()
			},
		}
		lanes.Go(func() { l.run(ctx, cmp.Or(c.Workers, 16)) })
	}
	lanes.Wait()
	return nil
}

func (c *Consumer) attempt(ctx context.Context, values map[string]any, handle func(context.Context, Item) error) (err error) {
	id, _ := field(values, "id", maxID)
	wrapped, _ := field(values, "d", maxWrapped)
	ctx, end := begin(resume(ctx, traceOf(values)), c.Tracer, trace.SpanKindConsumer, "deliver", c.Country, id)
	defer func() { end(err) }()
	return handle(ctx, Item{Delivery: id, Wrapped: wrapped})
}

// delivered checks a delivery's entry; its identity is the delivery's.
func delivered(values map[string]any) (string, bool) {
	id, ok := field(values, "id", maxID)
	_, closed := field(values, "d", maxWrapped)
	return id, ok && closed
}

// Testify appends signed evidence to the country's stream. Without error it has been
// given to Redis, which may lose it: only an acknowledgement ends the sending.
func (c *Consumer) Testify(ctx context.Context, jws string) (err error) {
	if len(jws) > maxEvidence {
		return gateway.Permanent(errors.New("appending evidence: it is too large"))
	}
	ctx, end := begin(ctx, c.Tracer, trace.SpanKindProducer, "testify", c.Country, "")
	defer func() { end(err) }()
	err = c.Client.XAdd(ctx, &redis.XAddArgs{
		Stream: evidence(c.Country), MaxLen: evidenceKept, Approx: true, Values: []any{"jws", jws, "tp", parentOf(ctx)},
	}).Err()
	if err != nil {
		return fmt.Errorf("appending evidence: %w", err)
	}
	return nil
}
