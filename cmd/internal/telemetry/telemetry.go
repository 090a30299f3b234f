// Package telemetry sets up what a process tells its operator: traces, metrics and logs.
// None of the three ever holds a value of a message; what they may hold is decided where
// they are written, and checked by tests that plant canaries.
package telemetry

import (
	"context"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Options say where a process's telemetry goes. The zero value keeps all of it inside.
type Options struct {
	OTLP     string               // URL of an OTLP/HTTP collector for spans; empty: none
	Stdout   io.Writer            // spans as JSON lines, for a demo or a test; nil: none
	Registry *prometheus.Registry // metrics are collected here; nil: none
}

// Telemetry is one service's tracer, meter and propagator. Several may live in one
// process.
type Telemetry struct {
	Tracer     trace.TracerProvider
	Meter      metric.MeterProvider
	Propagator propagation.TextMapPropagator // W3C Trace Context; no baggage, which could carry anything
	Shutdown   func(context.Context) error   // flushes; call once, with a deadline
}

// Setup makes the telemetry of a service.
func Setup(ctx context.Context, service string, o Options) (*Telemetry, error) {
	return nil, nil
}

// Global makes t the process's default, for libraries that ask OpenTelemetry's globals.
// Only a main calls it, once.
func (t *Telemetry) Global() {}

// Logger writes JSON lines with the trace id of the context that a line is logged with.
func Logger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}
