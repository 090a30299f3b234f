package queue

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"example.org/trm/gateway"
)

const scope = "example.org/trm/gateway/queue"

// begin starts a span. Its attributes say which country and which delivery, never the
// stream: that would tell the lane. An error is counted, not quoted.
func begin(ctx context.Context, p trace.TracerProvider, kind trace.SpanKind, name string, c gateway.Country, delivery string) (context.Context, func(error)) {
	if p == nil {
		p = otel.GetTracerProvider()
	}
	attributes := []attribute.KeyValue{attribute.String("messaging.system", "redis"), attribute.String("trm.country", string(c))}
	if delivery != "" {
		attributes = append(attributes, attribute.String("trm.delivery", delivery))
	}
	ctx, span := p.Tracer(scope).Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "will be tried again")
		}
		span.End()
	}
}

// resume continues the trace that a traceparent names; an empty or broken one changes
// nothing.
func resume(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// parentOf is the traceparent under which the next process continues.
func parentOf(ctx context.Context) string {
	m := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, m)
	return m["traceparent"]
}
