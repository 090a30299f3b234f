package api

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"example.org/trm/gateway"
)

// meters are what the door counts. Their labels are routes, methods, status and problem
// codes: never a party, a lane or a type.
type meters struct {
	active   metric.Int64UpDownCounter
	requests metric.Float64Histogram
	accepted metric.Int64Counter
	refused  metric.Int64Counter
	receive  metric.Float64Histogram
	pulled   metric.Int64Counter
}

// buckets are seconds, close together where a receipt usually is.
var buckets = []float64{.001, .0025, .005, .01, .02, .03, .05, .075, .1, .25, .5, 1, 2.5, 5, 15}

func newMeters(p metric.MeterProvider) (meters, error) {
	if p == nil {
		p = noop.NewMeterProvider()
	}
	var (
		m    meters
		errs [6]error
		mt   = p.Meter(scope)
	)
	m.active, errs[0] = mt.Int64UpDownCounter("trm.gateway.requests.active", metric.WithDescription("Requests in progress."))
	m.requests, errs[1] = mt.Float64Histogram("http.server.request.duration", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(buckets...), metric.WithDescription("How long requests took, by route."))
	m.accepted, errs[2] = mt.Int64Counter("trm.gateway.accepted", metric.WithDescription("Submissions answered with a receipt."))
	m.refused, errs[3] = mt.Int64Counter("trm.gateway.refused", metric.WithDescription("Submissions answered with a problem, by its code."))
	m.receive, errs[4] = mt.Float64Histogram("trm.gateway.receive.duration", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(buckets...), metric.WithDescription("From the last byte of a submission to its answer."))
	m.pulled, errs[5] = mt.Int64Counter("trm.gateway.pulled", metric.WithDescription("Deliveries handed to adapters over HTTPS, again where one was not finished in time."))
	if errors.Join(errs[:]...) == nil { // so that the first is an increase
		m.accepted.Add(context.Background(), 0, metric.WithAttributes(attribute.Bool("repeat", false)))
		m.refused.Add(context.Background(), 0, metric.WithAttributes(attribute.String("problem", string(gateway.CodeInternal)), attribute.Bool("recorded", false)))
		for _, c := range gateway.Countries {
			m.handed(context.Background(), c, 0)
		}
	}
	return m, errors.Join(errs[:]...)
}

// answered counts a submission that has its answer for ever.
func (m meters) answered(ctx context.Context, a gateway.Answer, took time.Duration) {
	m.receive.Record(ctx, took.Seconds())
	if a.Refusal != nil {
		m.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("problem", string(a.Refusal.Code)), attribute.Bool("recorded", true)))
		return
	}
	m.accepted.Add(ctx, 1, metric.WithAttributes(attribute.Bool("repeat", a.Repeat)))
}

// handed counts deliveries that an adapter fetched.
func (m meters) handed(ctx context.Context, c gateway.Country, n int) {
	m.pulled.Add(ctx, int64(n), metric.WithAttributes(attribute.String("country", string(c))))
}

// turnedAway counts a submission whose id is still free.
func (m meters) turnedAway(ctx context.Context, code gateway.Code) {
	m.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("problem", string(code)), attribute.Bool("recorded", false)))
}
