// Package telemetry sets up what a process tells its operator: traces, metrics and logs.
// None of the three ever holds a value of a message; what they may hold is decided where
// they are written, and checked by tests that plant canaries.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// Options say where a process's telemetry goes. The zero value keeps all of it inside.
type Options struct {
	OTLP      string                 // URL of an OTLP/HTTP collector for spans, "http://collector:4318"; empty: none
	Stdout    io.Writer              // spans as JSON lines, for a demo or a test; nil: none
	Processor sdktrace.SpanProcessor // sees every span as well, for a demo or a test; nil: none
	Registry  prometheus.Registerer  // metrics are collected here; nil: none
	Labels    []attribute.KeyValue   // of the service, beside its name: a country, never more
}

// Telemetry is one service's tracer and meter. Several may live in one process: nothing
// is made OpenTelemetry's global.
type Telemetry struct {
	Tracer   trace.TracerProvider
	Meter    metric.MeterProvider
	Metrics  http.Handler // what [Process] collected, for Prometheus; nil of anything else
	shutdown []func(context.Context) error
}

// Setup makes the telemetry of a service. An exporter that cannot reach its collector is
// no error, now or later: what it could not send is lost, and nothing waits for it.
func Setup(ctx context.Context, service string, o Options) (*Telemetry, error) {
	t := &Telemetry{Tracer: tracenoop.NewTracerProvider(), Meter: metricnoop.NewMeterProvider()}
	// Only the name: a resource that detects would add the host's, its user's and the
	// command line.
	res := resource.NewSchemaless(append([]attribute.KeyValue{attribute.String("service.name", service)}, o.Labels...)...)
	if err := t.spans(ctx, res, o); err != nil {
		return nil, errors.Join(fmt.Errorf("setting up spans: %w", err), t.Shutdown(ctx))
	}
	if err := t.metrics(res, o); err != nil {
		return nil, errors.Join(fmt.Errorf("setting up metrics: %w", err), t.Shutdown(ctx))
	}
	return t, nil
}

func (t *Telemetry) spans(ctx context.Context, res *resource.Resource, o Options) error {
	// Every span, also where a caller's trace says that it is not sampled: the trace of a
	// message has all its steps, and there are few messages.
	opts := []sdktrace.TracerProviderOption{sdktrace.WithResource(res), sdktrace.WithSampler(sdktrace.AlwaysSample())}
	none := len(opts)
	if o.OTLP != "" {
		e, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.OTLP))
		if err != nil {
			return err
		}
		opts = append(opts, sdktrace.WithBatcher(e))
	}
	if o.Stdout != nil {
		e, err := stdouttrace.New(stdouttrace.WithWriter(o.Stdout))
		if err != nil {
			return err
		}
		opts = append(opts, sdktrace.WithSyncer(e))
	}
	if o.Processor != nil {
		opts = append(opts, sdktrace.WithSpanProcessor(o.Processor))
	}
	if len(opts) == none {
		return nil
	}
	p := sdktrace.NewTracerProvider(opts...)
	t.Tracer, t.shutdown = p, append(t.shutdown, p.Shutdown)
	return nil
}

func (t *Telemetry) metrics(res *resource.Resource, o Options) error {
	if o.Registry == nil {
		return nil
	}
	e, err := promexporter.New(promexporter.WithRegisterer(o.Registry), promexporter.WithoutScopeInfo(), promexporter.WithoutTargetInfo())
	if err != nil {
		return err
	}
	p := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(e))
	t.Meter, t.shutdown = p, append(t.shutdown, p.Shutdown)
	return nil
}

// Shutdown sends what is left and ends everything, within ctx. Call it once.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	for _, f := range t.shutdown {
		errs = append(errs, f(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("ending telemetry: %w", err)
	}
	return nil
}
