package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"example.org/trm/gateway"
)

const scope = "example.org/trm/gateway/journal"

// watch is what an operator sees of the journal's times. The only label is the
// destination: where messages are few, a pair, a party, a type or a lane beside it would
// tell about a person.
type watch struct {
	delivery metric.Float64Histogram
	lag      metric.Float64Histogram
}

func newWatch(p metric.MeterProvider) (watch, error) {
	if p == nil {
		p = noop.NewMeterProvider()
	}
	var (
		m    = p.Meter(scope)
		w    watch
		errs [2]error
	)
	w.delivery, errs[0] = m.Float64Histogram("trm.gateway.delivery.duration", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400, 604800),
		metric.WithDescription("From the receipt of a message to its final evidence, by destination."))
	w.lag, errs[1] = m.Float64Histogram("trm.gateway.evidence.lag", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400, 604800),
		metric.WithDescription("From the signing of a country's evidence, by its clock and in whole seconds, to its recording."))
	if err := errors.Join(errs[:]...); err != nil {
		return watch{}, fmt.Errorf("making meters: %w", err)
	}
	return w, nil
}

// ended notes how long a delivery took. Times of receipt are whole seconds on disk, so
// that a delivery in the second of its receipt may seem to end before it.
func (w watch) ended(ctx context.Context, to gateway.Country, took time.Duration) {
	w.delivery.Record(ctx, max(0, took.Seconds()), of(to))
}

// recorded notes how old evidence was. What a country's fast clock dates in the future is
// as good as new.
func (w watch) recorded(ctx context.Context, by gateway.Country, age time.Duration) {
	w.lag.Record(ctx, max(0, age.Seconds()), of(by))
}

func of(c gateway.Country) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String("country", string(c))))
}
