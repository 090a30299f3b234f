package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

// watched is a world whose spans and metrics are kept.
func watched(t *testing.T) (*world, *tracetest.SpanRecorder, *metric.ManualReader) {
	t.Helper()
	spans, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	w := newWorld(t, withTelemetry(trace.NewTracerProvider(trace.WithSpanProcessor(spans)), metric.NewMeterProvider(metric.WithReader(reader))))
	return w, spans, reader
}

func TestAMessageContinuesItsSendersTrace(t *testing.T) {
	t.Parallel()
	w, spans, _ := watched(t)
	const id = "0af7651916cd43dd8448eb211c80319c"
	w.submit("ba/coordinator", message(1).String(), "traceparent", "00-"+id+"-b7ad6b7169203331-01", "tracestate", "vendor=canary-7F3A", "baggage", "name=canary-7F3A")
	var names []string
	for _, s := range spans.Ended() {
		names = append(names, s.Name())
		if got := s.SpanContext().TraceID().String(); got != id {
			t.Errorf("%s is in the trace %s, want the sender's", s.Name(), got)
		}
		if s.SpanContext().TraceState().Len() > 0 {
			t.Errorf("%s took over the sender's tracestate, which can hold anything", s.Name())
		}
	}
	if want := []string{"accept", "POST /v1/messages"}; !slices.Equal(names, want) {
		t.Errorf("got the spans %v, want %v", names, want)
	}
	accept := spans.Ended()[0].SpanContext()
	if got, want := w.receiver.traces[0], fmt.Sprintf("00-%s-%s-01", id, accept.SpanID()); got != want {
		t.Errorf("the delivery will continue %q, want the span around accepting: %q", got, want)
	}
}

// TestTelemetryHoldsNothingOfARequest plants a value wherever a caller can put one and
// looks for it, and for ids and parties, in logs, spans, metrics and answers.
func TestTelemetryHoldsNothingOfARequest(t *testing.T) {
	t.Parallel()
	const canary = "canary-7F3A"
	w, spans, reader := watched(t)
	m := message(1)
	m.Text = canary
	var answers strings.Builder
	keep := func(a answer) {
		h, err := json.Marshal(a.Header)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&answers, "%d %s %s\n", a.StatusCode, h, a.body)
	}
	for _, fail := range []gateway.Code{"", gateway.CodeSchema, gateway.CodeInternal, gateway.CodeBusy, gateway.CodeMalformed, "panic"} {
		m.Fail = fail
		keep(w.submit("ba/coordinator", m.String()))
	}
	m.Fail = ""
	m.ID = message(2).ID
	m.Refuse = gateway.CodeAgreementMissing
	keep(w.submit("ba/coordinator", m.String(), api.LaneHeader, "urgent"))
	keep(w.submit("ba/coordinator", `{"canary-7F3A`))
	keep(w.submit("ba/coordinator", m.String(), api.LaneHeader, canary))
	keep(w.call("ba/coordinator", "POST", "/v1/messages", strings.NewReader(m.String()), "Content-Type", canary))
	keep(w.get("ba/coordinator", "/v1/messages/ba/coordinator/"+canary))
	keep(w.get("ba/coordinator", "/v1/messages/ba/"+canary+"/019a0000-0000-7000-8000-000000000001?"+canary+"=1"))
	keep(w.get("", "/v1/schemas/"+canary))
	keep(w.get("", "/"+canary))
	keep(w.call("", "GET", "/v1/codes", nil, "User-Agent", canary, "X-Forwarded-For", canary, "Referer", "https://x/"+canary))
	keep(w.ask("Bearer " + canary))
	keep(w.ask("Bearer a." + canary + ".c"))
	keep(w.call("", canary, "/v1/codes", nil))

	for name, text := range map[string]string{"answers": answers.String(), "log": w.logged.String(), "spans": spansText(spans), "metrics": metricsText(t, reader)} {
		if text == "" {
			t.Errorf("%s: nothing to look at", name)
		}
		if strings.Contains(text, canary) || strings.Contains(text, "7F3A") {
			t.Errorf("%s hold the canary:\n%s", name, text)
		}
		if name == "spans" || name == "metrics" {
			for _, never := range []string{m.ID, message(1).ID, "ba/coordinator", "urgent"} {
				if strings.Contains(text, never) {
					t.Errorf("%s name %q", name, never)
				}
			}
		}
		if name == "log" && (strings.Contains(text, m.ID) || strings.Contains(text, "urgent")) {
			t.Errorf("the log names a message beside the code that refused it, or a lane:\n%s", text)
		}
	}
	if !strings.Contains(w.logged.String(), message(1).ID) {
		t.Error("the log does not name the message that was accepted")
	}
}

func TestSubmissionsAreCountedByWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	w, _, reader := watched(t)
	w.submit("ba/coordinator", message(1).String())
	w.submit("ba/coordinator", message(1).String())
	m := message(2)
	m.Refuse = gateway.CodeSchema
	w.submit("ba/coordinator", m.String())
	w.submit("ba/coordinator", "{")
	w.call("ba/coordinator", "POST", "/v1/messages", nil, "Content-Type", "text/plain")
	text := metricsText(t, reader)
	for _, want := range []string{
		`trm.gateway.accepted{repeat=false} 1`, `trm.gateway.accepted{repeat=true} 1`,
		`trm.gateway.refused{problem=schema,recorded=true} 1`, `trm.gateway.refused{problem=malformed,recorded=false} 1`, `trm.gateway.refused{problem=media-type,recorded=false} 1`,
		`trm.gateway.receive.duration{} 3`, `trm.gateway.requests.active{} 0`,
		`http.server.request.duration{http.request.method=POST,http.response.status_code=202,http.route=/v1/messages} 2`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestARouteThatDoesNotExistMakesNoNewSeries(t *testing.T) {
	t.Parallel()
	w, spans, reader := watched(t)
	for i := range 20 {
		w.get("", fmt.Sprintf("/nowhere/%d", i))
		w.call("", fmt.Sprintf("METHOD%d", i), "/v1/codes", nil)
	}
	if text := metricsText(t, reader); strings.Count(text, "http.server.request.duration") != 2 {
		t.Errorf("got\n%s\nwant two series", text)
	}
	for _, s := range spans.Ended() {
		if s.Name() != "GET unmatched" && s.Name() != "other /v1/codes" {
			t.Errorf("got the span %q", s.Name())
		}
	}
}

func spansText(r *tracetest.SpanRecorder) string {
	var b strings.Builder
	for _, s := range r.Ended() {
		fmt.Fprintln(&b, s.Name(), s.Attributes(), s.Events(), s.Status(), s.Links())
	}
	return b.String()
}

func metricsText(t *testing.T, r *metric.ManualReader) string {
	t.Helper()
	var got metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	line := func(name string, set attribute.Set, v any) {
		var labels []string
		for _, kv := range set.ToSlice() {
			labels = append(labels, string(kv.Key)+"="+kv.Value.String())
		}
		fmt.Fprintf(&b, "%s{%s} %v\n", name, strings.Join(labels, ","), v)
	}
	for _, s := range got.ScopeMetrics {
		for _, m := range s.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					line(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					line(m.Name, p.Attributes, p.Count)
				}
			default:
				t.Fatalf("%s is of a kind that this test does not read: %T", m.Name, d)
			}
		}
	}
	return b.String()
}
