package gatewayrun

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// watchDirectory shows how long the directory in force is still good, whenever somebody
// collects metrics, until stop is called. Without one nothing is received, and the next
// needs four countries and 48 hours: whoever watches must know weeks before. It is never
// below zero.
func watchDirectory(p metric.MeterProvider, d *directory, now func() time.Time) (stop func() error, err error) {
	m := p.Meter("example.org/trm/cmd/internal/gatewayrun")
	left, err := m.Float64ObservableGauge("trm.gateway.directory.remaining", metric.WithUnit("s"), metric.WithDescription("How long the directory in force is still good."))
	if err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	registered, err := m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveFloat64(left, max(0, d.Current().Expires().Sub(now()).Seconds()))
		return nil
	}, left)
	if err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	return registered.Unregister, nil
}
