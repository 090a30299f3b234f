package journal_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
)

// TestAnOperatorSeesHowMuchWaitsAndHowLong follows two messages for Serbia: while both
// wait, after one has arrived, and after a restart.
func TestAnOperatorSeesHowMuchWaitsAndHowLong(t *testing.T) {
	t.Parallel()
	now, path := noon, filepath.Join(t.TempDir(), "journal.db")
	open := func() (*journal.Journal, *sdk.ManualReader) {
		t.Helper()
		r := sdk.NewManualReader()
		j, err := journal.Open(path, journal.Options{Origin: "o", Now: func() time.Time { return now }, Meter: sdk.NewMeterProvider(sdk.WithReader(r))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = j.Close() })
		return j, r
	}
	j, r := open()
	want := func(at string, values map[string]float64) {
		t.Helper()
		got := toRS(t, r)
		if d := cmp.Diff(values, got); d != "" {
			t.Errorf("%s: the numbers differ (-want +got):\n%s", at, d)
		}
	}
	want("while nothing waits", map[string]float64{"trm.gateway.queue.depth": 0, "trm.gateway.queue.unplaced": 0, "trm.gateway.queue.age": 0})

	for _, id := range []string{"m-1", "m-2"} {
		if _, err := j.Receive(t.Context(), nameOf(id), "thread "+id, "ba", "rs", usual(id)); err != nil {
			t.Fatal(err)
		}
	}
	ws, err := j.Next(t.Context(), "rs", noon, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Place(t.Context(), ws, false); err != nil {
		t.Fatal(err)
	}
	now = noon.Add(90 * time.Second)
	want("while both wait", map[string]float64{"trm.gateway.queue.depth": 2, "trm.gateway.queue.unplaced": 1, "trm.gateway.queue.age": 90})

	c, ok, err := j.Case(t.Context(), "delivery of m-1")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	arrived := testimony(t, gateway.Statement{ID: "e-1", Signer: "rs/coordinator", At: now.Add(-20 * time.Second), Event: gateway.ContentConsignment, Message: c.Message, Delivery: c.Delivery})
	for range 2 { // the same again is no second delivery
		if err := j.Testimony(t.Context(), c, arrived); err != nil {
			t.Fatal(err)
		}
	}
	after := map[string]float64{
		"trm.gateway.queue.depth": 1, "trm.gateway.queue.unplaced": 1, "trm.gateway.queue.age": 90,
		"trm.gateway.delivery.duration": 90, "trm.gateway.evidence.lag": 20,
	}
	want("after one has arrived", after)

	lapsed, _, err := j.Case(t.Context(), "delivery of m-2")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Testimony(t.Context(), lapsed, testimony(t, gateway.Statement{
		ID: "e-2", Signer: gateway.TheGateway, At: noon, Event: gateway.ContentConsignmentFailure, Code: gateway.CodeExpired, Message: lapsed.Message, Delivery: lapsed.Delivery,
	})); err != nil {
		t.Fatal(err)
	}
	after["trm.gateway.queue.depth"], after["trm.gateway.queue.unplaced"], after["trm.gateway.queue.age"] = 0, 0, 0
	after["trm.gateway.delivery.duration"] += 90 // and no lag: the gateway's own word travels nowhere
	want("after the other has expired", after)

	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if got := toRS(t, r); got["trm.gateway.queue.depth"] != 0 || len(got) != 2 {
		t.Errorf("a closed journal still shows %v", got)
	}
	_, r = open()
	want("after a restart", map[string]float64{"trm.gateway.queue.depth": 0, "trm.gateway.queue.unplaced": 0, "trm.gateway.queue.age": 0})
}

// toRS reads the numbers of one destination, of histograms the sum, and fails where a
// number has another label.
func toRS(t *testing.T, r sdk.Reader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	note := func(name string, labels attribute.Set, v float64) {
		to, ok := labels.Value("destination")
		if !ok || labels.Len() != 1 {
			t.Errorf("%s has the labels %v", name, labels.ToSlice())
		}
		if to.AsString() == "rs" {
			out[name] = v
		}
	}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					note(m.Name, p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[float64]:
				for _, p := range d.DataPoints {
					note(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					note(m.Name, p.Attributes, p.Sum)
				}
			default:
				t.Errorf("%s is of a kind that this test does not read", m.Name)
			}
		}
	}
	return out
}

// standIn signs with nothing.
type standIn struct{}

func (standIn) Testify(s gateway.Statement) (string, error) {
	raw, err := json.Marshal(s)
	return string(raw), err
}

func testimony(t *testing.T, s gateway.Statement) gateway.Evidence {
	t.Helper()
	e, err := gateway.Testify(s, standIn{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
