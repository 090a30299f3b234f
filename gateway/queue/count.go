package queue

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"example.org/trm/gateway"
)

// counter counts entries that were dropped because they were malformed.
func counter(p metric.MeterProvider, c gateway.Country) func(context.Context) {
	if p == nil {
		p = otel.GetMeterProvider()
	}
	n, err := p.Meter(scope).Int64Counter("trm.queue.malformed", metric.WithDescription("Stream entries dropped because they were malformed."))
	if err != nil {
		n = noop.Int64Counter{} // the name is constant: this is a meter that refuses all
	}
	country := metric.WithAttributes(attribute.String("country", string(c)))
	n.Add(context.Background(), 0, country) // so that the first is an increase
	return func(ctx context.Context) { n.Add(ctx, 1, country) }
}
