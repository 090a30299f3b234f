package journal_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
)

// TestAnOperatorSeesHowLongDeliveriesAndEvidenceTake follows two messages for Serbia: one
// arrives, the other expires.
func TestAnOperatorSeesHowLongDeliveriesAndEvidenceTake(t *testing.T) {
	t.Parallel()
	now, r := noon, sdk.NewManualReader()
	j, err := journal.Open(filepath.Join(t.TempDir(), "journal.db"), journal.Options{
		Origin: "o", Now: func() time.Time { return now }, Meter: sdk.NewMeterProvider(sdk.WithReader(r)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	ends := func(id string, s gateway.Statement) {
		t.Helper()
		c, ok, err := j.Case(t.Context(), "delivery of "+id)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		s.Message, s.Delivery = c.Message, c.Delivery
		e := testimony(t, s)
		for range 2 { // the same again is no second delivery
			if err := j.Testimony(t.Context(), c, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(at string, values map[string]float64) {
		t.Helper()
		if d := cmp.Diff(values, toRS(t, r)); d != "" {
			t.Errorf("%s: the sums differ (-want +got):\n%s", at, d)
		}
	}
	for _, id := range []string{"m-1", "m-2"} {
		if _, err := j.Receive(t.Context(), nameOf(id), "thread "+id, "ba", "rs", usual(id)); err != nil {
			t.Fatal(err)
		}
	}
	want("while both wait", map[string]float64{})
	now = noon.Add(90 * time.Second)
	ends("m-1", gateway.Statement{ID: "e-1", Signer: "rs/coordinator", At: now.Add(-20 * time.Second), Event: gateway.ContentConsignment})
	want("after one has arrived", map[string]float64{"trm.gateway.delivery.duration": 90, "trm.gateway.evidence.lag": 20})
	ends("m-2", gateway.Statement{ID: "e-2", Signer: gateway.TheGateway, At: noon, Event: gateway.ContentConsignmentFailure, Code: gateway.CodeExpired})
	// The gateway's own word travels nowhere: it has no lag.
	want("after the other has expired", map[string]float64{"trm.gateway.delivery.duration": 180, "trm.gateway.evidence.lag": 20})
}

// toRS reads the sums of one destination, and fails where a number has another label.
func toRS(t *testing.T, r sdk.Reader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			h, ok := m.Data.(metricdata.Histogram[float64])
			if !ok {
				t.Fatalf("%s is of a kind that this test does not read", m.Name)
			}
			for _, p := range h.DataPoints {
				if to, ok := p.Attributes.Value("country"); !ok || p.Attributes.Len() != 1 || to.AsString() != "rs" {
					t.Errorf("%s has the labels %v", m.Name, p.Attributes.ToSlice())
				}
				out[m.Name] = p.Sum
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
