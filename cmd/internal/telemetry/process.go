package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
)

// Process makes the telemetry of a service that has a process to itself: its metrics, with
// those of the process and of Go's runtime, are what Metrics shows. Its owner ends it with
// Close.
func Process(ctx context.Context, service, otlp string, labels ...attribute.KeyValue) (*Telemetry, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t, err := Setup(ctx, service, Options{OTLP: otlp, Registry: registry, Labels: labels})
	if err != nil {
		return nil, err
	}
	t.Metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return t, nil
}

// Close is Shutdown, within five seconds: a collector that is away keeps no process alive.
func (t *Telemetry) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return t.Shutdown(ctx)
}
