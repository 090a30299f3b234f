package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"

	"example.org/trm/cmd/internal/telemetry"
)

func TestALogLineLeadsToItsTrace(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.Setup(t.Context(), "gateway", telemetry.Options{Stdout: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Shutdown(t.Context())
	ctx, span := tel.Tracer.Tracer("test").Start(t.Context(), "work")
	defer span.End()
	var out bytes.Buffer
	log := telemetry.Logger(&out, slog.LevelInfo).With("country", "rs")
	log.InfoContext(ctx, "accepted message")
	log.Info("started")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var with, without map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &with); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(lines[1]), &without); err != nil {
		t.Fatal(err)
	}
	if got, want := with["trace_id"], span.SpanContext().TraceID().String(); got != want {
		t.Errorf("trace_id is %v, want %s", got, want)
	}
	if _, ok := without["trace_id"]; ok {
		t.Error("a line outside every trace names one")
	}
	if with["country"] != "rs" {
		t.Error("an attribute of the logger is lost")
	}
}

func TestSpansSayWhichServiceAndNothingOfTheHost(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tel, err := telemetry.Setup(t.Context(), "adapter", telemetry.Options{Stdout: &out, Labels: []attribute.KeyValue{attribute.String("trm.country", "rs")}})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.Tracer.Tracer("test").Start(t.Context(), "deliver")
	span.End()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Name     string
		Resource []struct {
			Key   string
			Value struct{ Value string }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "deliver" || len(got.Resource) != 2 || got.Resource[0].Value.Value != "adapter" || got.Resource[1].Value.Value != "rs" {
		t.Errorf("got %+v, want the span with the service's name and country alone", got)
	}
}

func TestASpanIsKeptEvenWhenItsCallerDoesNotSample(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.Setup(t.Context(), "gateway", telemetry.Options{Stdout: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Shutdown(t.Context())
	ctx := propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"})
	_, span := tel.Tracer.Tracer("test").Start(ctx, "work")
	defer span.End()
	if got := span.SpanContext(); !got.IsSampled() || got.TraceID().String() != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("got %v sampled %t, want the caller's trace, sampled", got.TraceID(), got.IsSampled())
	}
}

func TestMetricsReachTheRegistry(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	tel, err := telemetry.Setup(t.Context(), "gateway", telemetry.Options{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Shutdown(t.Context())
	c, err := tel.Meter.Meter("test").Int64Counter("trm.gateway.accepted")
	if err != nil {
		t.Fatal(err)
	}
	c.Add(t.Context(), 3)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != 1 || families[0].GetName() != "trm_gateway_accepted_total" || families[0].Metric[0].Counter.GetValue() != 3 {
		t.Errorf("got %v, want trm_gateway_accepted_total 3 alone", families)
	}
}

func TestACollectorThatIsAwayStopsNobody(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	tel, err := telemetry.Setup(t.Context(), "gateway", telemetry.Options{OTLP: gone.URL})
	if err != nil {
		t.Fatalf("got %v, want a start without the collector", err)
	}
	_, span := tel.Tracer.Tracer("test").Start(t.Context(), "work")
	if !span.SpanContext().IsSampled() {
		t.Error("a collector is configured and the span is not kept")
	}
	span.End()
}
