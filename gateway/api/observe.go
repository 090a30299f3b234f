package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"example.org/trm/gateway"
)

// scope is the name under which the door's spans and metrics appear.
const scope = "example.org/trm/gateway/api"

// Keys of what the middleware and the handlers tell each other about one request.
const (
	keyRequest = "trm.request"
	keyProblem = "trm.problem"
)

// watch is all that happens around a request: its number, its span, its place among the
// requests in progress, the headers of every answer, and the only recover. It answers
// errors itself, so that what is measured is what the caller got. A span and a metric name
// the route's template, never the path: a path names a party and a message.
func (d *door) watch(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (none error) {
		r := c.Request()
		began := time.Now()
		c.Set(keyRequest, newRequestID())
		route := "unmatched"
		if d.known[c.Path()] {
			route = c.Path()
		}
		method := "other"
		switch r.Method {
		case http.MethodGet, http.MethodPost, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodPatch:
			method = r.Method
		}
		ctx, span := d.tracer.Start(remote(r), method+" "+route, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route)))
		defer func() { span.End() }() // see accept
		c.SetRequest(r.WithContext(ctx))
		harden(c.Response().Header(), r.TLS != nil)
		d.meters.active.Add(ctx, 1)
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v) // net/http's own word for giving up a connection
				}
				d.fail(fmt.Errorf("recovering: %s", describe(v)), c)
				d.Log.ErrorContext(ctx, "recovered", "request", requestID(c), "stack", string(debug.Stack()))
			}
			status := c.Response().Status
			attrs := []attribute.KeyValue{attribute.Int("http.response.status_code", status)}
			if code, ok := c.Get(keyProblem).(gateway.Code); ok {
				span.SetAttributes(attribute.String("trm.problem", string(code)))
			}
			span.SetAttributes(attrs...)
			if status >= 500 {
				span.SetStatus(codes.Error, "")
			}
			d.meters.active.Add(ctx, -1)
			d.meters.requests.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(append(attrs,
				attribute.String("http.request.method", method), attribute.String("http.route", route))...))
		}()
		release, err := d.slots.request()
		if err != nil {
			d.fail(err, c)
			return nil
		}
		defer release()
		if err := next(c); err != nil {
			d.fail(err, c)
		}
		return nil
	}
}

// harden sets what every answer says to a browser, which should never see one.
func harden(h http.Header, secure bool) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=63072000")
	}
}

// describe names what a handler panicked with. Only the runtime's own words are safe to
// write down; anything else may hold a value.
func describe(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", v)
}

// newRequestID is a random UUID (RFC 9562, Section 5.4): it says nothing of the request.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func requestID(c echo.Context) string {
	id, _ := c.Get(keyRequest).(string)
	return id
}

// remote continues the caller's trace (W3C Trace Context). Its tracestate is dropped: it
// could carry anything, and would travel on to the destination.
func remote(r *http.Request) context.Context {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return r.Context()
	}
	return trace.ContextWithRemoteSpanContext(r.Context(), sc.WithTraceState(trace.TraceState{}))
}

// traceparent is the current span as the header that names it, empty where there is none.
func traceparent(ctx context.Context) string {
	h := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, h)
	return h["traceparent"]
}

func tracer(p trace.TracerProvider) trace.Tracer {
	if p == nil {
		p = noop.NewTracerProvider()
	}
	return p.Tracer(scope)
}
