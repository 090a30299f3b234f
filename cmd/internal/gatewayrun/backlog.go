package gatewayrun

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
)

// watchBacklogs shows what is unfinished for each country, whenever somebody collects
// metrics, until stop is called. Both streams are one number: two would tell the lane.
func watchBacklogs(p metric.MeterProvider, j *journal.Journal, now func() time.Time) (stop func() error, err error) {
	m := p.Meter("example.org/trm/cmd/internal/gatewayrun")
	count, err := m.Int64ObservableGauge("trm.gateway.backlog", metric.WithDescription("Deliveries without final evidence, by destination: waiting in the journal, or placed in Redis."))
	if err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	age, err := m.Float64ObservableGauge("trm.gateway.backlog.age", metric.WithUnit("s"), metric.WithDescription("How long ago the oldest of them was received."))
	if err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	registered, err := m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		list, err := j.Backlogs(ctx)
		if err != nil {
			return err
		}
		of := make(map[gateway.Country]journal.Backlog, len(list))
		for _, b := range list {
			of[b.Country] = b
		}
		for _, c := range gateway.Countries {
			country, b, old := attribute.String("country", string(c)), of[c], 0.0
			if !b.Oldest.IsZero() {
				old = max(0, now().Sub(b.Oldest).Seconds())
			}
			o.ObserveInt64(count, int64(b.Waiting), metric.WithAttributes(country, attribute.String("state", "waiting")))
			o.ObserveInt64(count, int64(b.Placed), metric.WithAttributes(country, attribute.String("state", "placed")))
			o.ObserveFloat64(age, old, metric.WithAttributes(country))
		}
		return nil
	}, count, age)
	if err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	return registered.Unregister, nil
}
