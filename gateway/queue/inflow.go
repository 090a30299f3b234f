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

// Inflow is the gateway's end of the evidence streams. Client and Log must be set. Safe
// for concurrent use.
type Inflow struct {
	Client  redis.UniversalClient
	Name    string // of this process among those that collect; default "gateway"
	Log     *slog.Logger
	Tracer  trace.TracerProvider // default: the global one
	Meter   metric.MeterProvider // default: the global one
	Lease   time.Duration        // default 30 seconds
	Workers int                  // pieces of evidence taken at once from one country; default 8
	Grace   time.Duration        // default 5 seconds
}

// Run gives each piece of a country's evidence to take, at least once, until ctx ends.
// The acknowledgement that take returns is in the country's acks before the evidence is
// removed. An error leaves the evidence waiting for another attempt, with back-off, and
// holds up no other. A country that appends without measure loses its oldest evidence.
// Redis may be away for any time.
func (f *Inflow) Run(ctx context.Context, c gateway.Country, take func(ctx context.Context, jws string) (ack string, err error)) error {
	if !c.Valid() {
		return errors.New("collecting evidence: not a country of the mechanism")
	}
	log := f.Log.With("country", string(c))
	l := &lane{
		rdb: f.Client, key: evidence(c), group: gateways, name: cmp.Or(f.Name, "gateway"),
		log: log, link: &link{log: log},
		lease: cmp.Or(f.Lease, 30*time.Second), grace: cmp.Or(f.Grace, 5*time.Second),
		parse:  func(values map[string]any) (string, bool) { return field(values, "jws", maxEvidence) },
		spoilt: counter(f.Meter, c),
		attempt: func(ctx context.Context, values map[string]any) error {
			return f.attempt(ctx, c, values, take)
		},
		settle: func(ctx context.Context, ids []string) error { return f.settle(ctx, c, ids) },
	}
	var trimming sync.WaitGroup
	trimming.Go(func() {
		l.every(ctx, l.lease, func() error { return f.Client.XTrimMaxLenApprox(ctx, evidence(c), evidenceKept, 0).Err() })
	})
	l.run(ctx, cmp.Or(f.Workers, 8))
	trimming.Wait()
	return nil
}

func (f *Inflow) attempt(ctx context.Context, c gateway.Country, values map[string]any, take func(context.Context, string) (string, error)) (err error) {
	jws, _ := field(values, "jws", maxEvidence)
	ctx, end := begin(resume(ctx, traceOf(values)), f.Tracer, trace.SpanKindConsumer, "collect", c, "")
	defer func() { end(err) }()
	ack, err := take(ctx, jws)
	if err != nil {
		return err
	}
	err = f.Client.XAdd(ctx, &redis.XAddArgs{
		Stream: acks(c), MaxLen: acksKept, Approx: true, Values: []any{"ack", ack, "tp", parentOf(ctx)},
	}).Err()
	if err != nil {
		return fmt.Errorf("appending acknowledgement: %w", err)
	}
	return nil
}

// settle acknowledges and removes together: evidence is nobody's once it is recorded.
func (f *Inflow) settle(ctx context.Context, c gateway.Country, ids []string) error {
	pipe := f.Client.TxPipeline()
	pipe.XAck(ctx, evidence(c), gateways, ids...)
	pipe.XDel(ctx, evidence(c), ids...)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("removing evidence: %w", err)
	}
	return nil
}
