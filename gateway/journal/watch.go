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

// watch is what an operator sees of the journal in numbers. The only label is the
// destination: where messages are few, a pair, a party, a type or a lane beside it would
// tell about a person.
type watch struct {
	delivery metric.Float64Histogram
	lag      metric.Float64Histogram
	end      func() error
}

// newWatch measures j, whose reader is open.
func newWatch(p metric.MeterProvider, j *Journal) (watch, error) {
	if p == nil {
		p = noop.NewMeterProvider()
	}
	var (
		m    = p.Meter(scope)
		w    watch
		errs [6]error
	)
	depth, err := m.Int64ObservableGauge("trm.gateway.queue.depth", metric.WithDescription("Deliveries without final evidence."))
	errs[0] = err
	unplaced, err := m.Int64ObservableGauge("trm.gateway.queue.unplaced", metric.WithDescription("Of these, deliveries that are not in Redis: held by their thread, beyond the window, or Redis is away."))
	errs[1] = err
	age, err := m.Float64ObservableGauge("trm.gateway.queue.age", metric.WithUnit("s"), metric.WithDescription("How long ago the oldest delivery without final evidence was received."))
	errs[2] = err
	w.delivery, errs[3] = m.Float64Histogram("trm.gateway.delivery.duration", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400, 604800),
		metric.WithDescription("From the receipt of a message to its final evidence."))
	w.lag, errs[4] = m.Float64Histogram("trm.gateway.evidence.lag", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400, 604800),
		metric.WithDescription("From the signing of a country's evidence, by its clock and in whole seconds, to its recording."))
	if err := errors.Join(errs[:]...); err != nil {
		return watch{}, fmt.Errorf("making meters: %w", err)
	}
	r, err := m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		list, err := j.Backlogs(ctx)
		if err != nil {
			return err
		}
		now, of := j.o.Now(), map[gateway.Country]Backlog{}
		for _, b := range list {
			of[b.Country] = b
		}
		for _, c := range gateway.Countries { // also where nothing waits: a line at zero, not a gap
			b, to := of[c], toward(c)
			o.ObserveInt64(depth, int64(b.Waiting+b.Placed), to)
			o.ObserveInt64(unplaced, int64(b.Waiting), to)
			oldest := 0.0
			if !b.Oldest.IsZero() {
				oldest = max(0, now.Sub(b.Oldest).Seconds())
			}
			o.ObserveFloat64(age, oldest, to)
		}
		return nil
	}, depth, unplaced, age)
	if err != nil {
		return watch{}, fmt.Errorf("making meters: %w", err)
	}
	w.end = r.Unregister
	return w, nil
}

// ended notes how long a delivery took. Times of receipt are whole seconds on disk, so
// that a delivery in the second of its receipt may seem to end before it.
func (w watch) ended(ctx context.Context, to gateway.Country, took time.Duration) {
	w.delivery.Record(ctx, max(0, took.Seconds()), toward(to))
}

// recorded notes how old evidence was. What a country's fast clock dates in the future is
// as good as new.
func (w watch) recorded(ctx context.Context, by gateway.Country, age time.Duration) {
	w.lag.Record(ctx, max(0, age.Seconds()), toward(by))
}

func toward(c gateway.Country) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String("destination", string(c))))
}
