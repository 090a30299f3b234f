package queue_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"example.org/trm/gateway/queue"
	"example.org/trm/test/redistest"
)

const request = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// recorder is a tracer that remembers. The SDK is no room's but cmd's.
type recorder struct {
	embedded.TracerProvider
	spans chan *span
	next  byte
}

type span struct {
	trace.Span // what is not overridden is not called
	p          *recorder
	name       string
	kind       trace.SpanKind
	self       trace.SpanContext
	parent     trace.SpanContext
	attributes []attribute.KeyValue
}

func (r *recorder) Tracer(string, ...trace.TracerOption) trace.Tracer { return tracer{r: r} }

type tracer struct {
	embedded.Tracer
	r *recorder
}

func (t tracer) Start(ctx context.Context, name string, o ...trace.SpanStartOption) (context.Context, trace.Span) {
	c := trace.NewSpanStartConfig(o...)
	parent := trace.SpanContextFromContext(ctx)
	t.r.next++
	s := &span{p: t.r, name: name, kind: c.SpanKind(), parent: parent, attributes: c.Attributes(), self: trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: parent.TraceID(), SpanID: trace.SpanID{t.r.next}, TraceFlags: parent.TraceFlags(),
	})}
	return trace.ContextWithSpan(ctx, s), s
}

func (s *span) SpanContext() trace.SpanContext       { return s.self }
func (s *span) End(...trace.SpanEndOption)           { s.p.spans <- s }
func (s *span) IsRecording() bool                    { return true }
func (s *span) TracerProvider() trace.TracerProvider { return s.p }

func TestOneTraceLeadsFromTheRequestThroughRedisAndBack(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	at := map[string]*recorder{"gateway": {spans: make(chan *span, 4)}, "adapter": {spans: make(chan *span, 4)}, "inflow": {spans: make(chan *span, 4)}}
	w := delivery("a", 1, 1)
	w.Trace, w.Urgent = request, true
	put(t, &queue.Streams{Client: rdb, Tracer: at["gateway"]}, w)
	c := consumer(rdb, "me")
	c.Tracer = at["adapter"]
	consume(t, c, func(ctx context.Context, _ queue.Item) error { return c.Testify(ctx, "evidence") })
	f := inflow(rdb)
	f.Tracer = at["inflow"]
	collect(t, f, func(context.Context, string) (string, error) { return "ack", nil })

	dispatch := receive(t, at["gateway"].spans)
	testify := receive(t, at["adapter"].spans)
	deliver := receive(t, at["adapter"].spans)
	collected := receive(t, at["inflow"].spans)
	parent := trace.SpanID{0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7}
	for _, step := range []struct {
		*span
		name string
		kind trace.SpanKind
	}{
		{dispatch, "dispatch", trace.SpanKindProducer}, {deliver, "deliver", trace.SpanKindConsumer},
		{testify, "testify", trace.SpanKindProducer}, {collected, "collect", trace.SpanKindConsumer},
	} {
		if step.span.name != step.name || step.span.kind != step.kind {
			t.Errorf("got the span %s (%s), want %s (%s)", step.span.name, step.span.kind, step.name, step.kind)
		}
		if step.parent.SpanID() != parent || step.self.TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" {
			t.Errorf("%s continues %s of %s", step.name, step.parent.SpanID(), step.self.TraceID())
		}
		parent = step.self.SpanID()
		// Which stream it was would tell the lane.
		for _, a := range step.attributes {
			if v := a.Value.AsString(); strings.Contains(v, "urgent") || strings.Contains(v, "trm:") || !slices.Contains([]string{"messaging.system", "trm.country", "trm.delivery"}, string(a.Key)) {
				t.Errorf("%s says %s = %s", step.name, a.Key, v)
			}
		}
	}
}
