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

// watchDuties shows what the offices of each country owe, whenever somebody collects
// metrics, until stop is called. All lanes and types are one number: where little is owed,
// more would tell about a person.
func watchDuties(p metric.MeterProvider, j *journal.Journal, now func() time.Time) (stop func() error, err error) {
	m := p.Meter("example.org/trm/cmd/internal/gatewayrun")
	count, err := m.Int64ObservableGauge("trm.gateway.duties", metric.WithDescription("Answers that are owed, by the country that owes them, and how they stand."))
	if err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	age, err := m.Float64ObservableGauge("trm.gateway.overdue.age", metric.WithUnit("s"), metric.WithDescription("How long ago the date of the oldest answer passed that is still owed."))
	if err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	registered, err := m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		t := now()
		all, err := j.Standings(ctx, t)
		if err != nil {
			return err
		}
		for _, c := range gateway.Countries {
			country, s, old := attribute.String("country", string(c)), all[c], 0.0
			for _, standing := range []gateway.Standing{gateway.StandingDue, gateway.StandingSoon, gateway.StandingOverdue, gateway.StandingEscalated} {
				o.ObserveInt64(count, int64(s.Count[standing]), metric.WithAttributes(country, attribute.String("standing", string(standing))))
			}
			if !s.Overdue.IsZero() {
				old = t.Sub(s.Overdue).Seconds()
			}
			o.ObserveFloat64(age, old, metric.WithAttributes(country))
		}
		return nil
	}, count, age)
	if err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	return registered.Unregister, nil
}
