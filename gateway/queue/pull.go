package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.org/trm/gateway"
)

// Pull takes deliveries for an adapter that cannot reach Redis and asks over HTTPS: from
// the same streams and the same group as a [Consumer], with the same guarantees. Client
// and Log must be set. Safe for concurrent use.
type Pull struct {
	Client redis.UniversalClient
	Log    *slog.Logger
	Tracer trace.TracerProvider // default: the global one
	Meter  metric.MeterProvider // default: the global one
	// Lease is how long a delivery that was taken is not given again. It is not renewed:
	// it must be longer than an attempt. Default 2 minutes.
	Lease time.Duration
}

// puller is the name under which the gateway takes deliveries for others.
const puller = "https"

// Taken is a delivery that was taken for an adapter.
type Taken struct {
	Item
	Trace string // W3C traceparent under which the adapter goes on; may be empty

	stream, entry string
}

// Take returns up to n deliveries, those of the urgent stream first, and waits for the
// first at most for wait. What was taken comes again after the lease, or once [Pull.Return]
// or [Pull.Release] let go of it, until its final evidence has been recorded and the
// dispatcher removes it.
func (p *Pull) Take(ctx context.Context, c gateway.Country, n int, wait time.Duration) ([]Taken, error) {
	if !c.Valid() || n < 1 {
		return nil, errors.New("taking deliveries: for no country, or none")
	}
	until := time.Now().Add(wait)
	for {
		var items []Taken
		for _, key := range []string{urgent(c), deliveries(c)} {
			got, err := p.take(ctx, c, key, n-len(items))
			items = append(items, got...)
			if err != nil && len(items) == 0 { // what was taken is given; a fault shows the next time
				return nil, fmt.Errorf("taking deliveries: %w", err)
			}
		}
		left := time.Until(until)
		if len(items) > 0 || left <= 0 {
			return items, nil
		}
		if err := sleep(ctx, min(left, look)); err != nil {
			return nil, err
		}
	}
}

// look is how often a stream is looked at while somebody waits. A read that blocks would
// take what nobody waits for any more.
const look = 200 * time.Millisecond

// take takes up to n entries of one stream: what was abandoned, then what is new.
func (p *Pull) take(ctx context.Context, c gateway.Country, key string, n int) ([]Taken, error) {
	var items []Taken
	for cursor := "0-0"; len(items) < n; {
		entries, next, err := p.Client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: key, Group: adapters, Consumer: puller, MinIdle: cmp.Or(p.Lease, 2*time.Minute), Start: cursor, Count: int64(n - len(items)),
		}).Result()
		if err != nil && lost(err) {
			err = group(ctx, p.Client, key, adapters)
			next = "0-0" // in a new group nothing is abandoned
		}
		if err != nil {
			return items, err
		}
		items = append(items, p.items(ctx, c, key, entries)...)
		if cursor = next; cursor == "0-0" {
			break
		}
	}
	if len(items) >= n {
		return items, nil
	}
	answer, err := p.Client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: adapters, Consumer: puller, Streams: []string{key, ">"}, Count: int64(n - len(items)), Block: -1,
	}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return items, err
	}
	for _, s := range answer {
		items = append(items, p.items(ctx, c, key, s.Messages)...)
	}
	return items, nil
}

// items reads entries; those that are not well formed are acknowledged, so that they do
// not come again.
func (p *Pull) items(ctx context.Context, c gateway.Country, key string, entries []redis.XMessage) []Taken {
	var out []Taken
	for _, e := range entries {
		id, ok := delivered(e.Values)
		if !ok || len(e.Values) > maxFields {
			p.Log.Error("dropped a malformed entry", "country", string(c), "entry", e.ID)
			counter(p.Meter, c)(ctx)
			if err := p.Client.XAck(ctx, key, adapters, e.ID).Err(); err != nil {
				p.Log.Warn("acknowledging a malformed entry", "country", string(c), "err", err)
			}
			continue
		}
		wrapped, _ := field(e.Values, "d", maxWrapped)
		handing, end := begin(resume(ctx, traceOf(e.Values)), p.Tracer, trace.SpanKindConsumer, "hand over", c, id)
		out = append(out, Taken{Item: Item{Delivery: id, Wrapped: wrapped}, Trace: parentOf(handing), stream: key, entry: e.ID})
		end(nil)
	}
	return out
}
