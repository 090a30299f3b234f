package adapters

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// TestAnOperatorSeesWhatTheAdapterOwesAndSinceWhen lets an adapter deliver while nobody
// acknowledges its evidence.
func TestAnOperatorSeesWhatTheAdapterOwesAndSinceWhen(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), sdk.NewManualReader()
	w.faults = []func(func()) error{func(func()) error { return Unsent(errors.New("the national system is away")) }}
	a, _ := w.live(func(c *Config) { c.Meter = sdk.NewMeterProvider(sdk.WithReader(r)) })
	it := w.arrive(deliveryID, 1, nil)
	if err, died := w.offer(a, it); err == nil || died {
		t.Fatalf("with the national system away, got %v", err)
	}
	w.pass(2 * time.Second)
	if err, died := w.offer(a, it); err != nil || died {
		t.Fatal(err)
	}
	w.pass(time.Minute)

	stop, err := a.backlog()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"trm.adapter.outbox.depth": 0, "trm.adapter.outbox.age": 0, "trm.adapter.taken.depth": 0, "trm.adapter.taken.age": 0,
		"trm.adapter.evidence.depth": 1, "trm.adapter.evidence.age": 60, "trm.adapter.notices.depth": 0, "trm.adapter.notices.age": 0,
		"trm.adapter.attempts mark=not-sent": 1, "trm.adapter.attempts mark=answered": 2, "trm.adapter.deliveries outcome=delivered": 1,
	}
	if d := cmp.Diff(want, seen(t, r)); d != "" {
		t.Errorf("the numbers differ (-want +got):\n%s", d)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := seen(t, r); got["trm.adapter.evidence.depth"] != 0 {
		t.Error("an adapter that was stopped still shows what it owes")
	}
}

// TestTheFirstOfEveryCountIsAnIncrease runs an adapter that has nothing to do.
func TestTheFirstOfEveryCountIsAnIncrease(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), sdk.NewManualReader()
	a, _ := w.live(func(c *Config) { c.Meter = sdk.NewMeterProvider(sdk.WithReader(r)) })
	ctx, stop := context.WithCancel(t.Context())
	stop() // before it begins: what it shows at its start is shown all the same
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	got := seen(t, r)
	for _, name := range []string{
		"trm.adapter.alarms kind=delivery-refused", "trm.adapter.alarms kind=gap", "trm.adapter.attempts mark=ambiguous",
		"trm.adapter.deliveries outcome=failed", "trm.adapter.submissions outcome=refused", "trm.adapter.gaps",
		"trm.adapter.notices outcome=told", "trm.adapter.notices outcome=failed", "trm.adapter.alarms kind=notice-failed",
	} {
		if v, ok := got[name]; !ok || v != 0 {
			t.Errorf("%s is %v, shown %v", name, v, ok)
		}
	}
}

// seen reads all counters and gauges, and fails where one has no country or names more
// than what became of something.
func seen(t *testing.T, r sdk.Reader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	note := func(name string, labels attribute.Set, v float64) {
		for _, l := range labels.ToSlice() {
			switch l.Key {
			case "country":
			case "mark", "outcome", "kind":
				name += " " + string(l.Key) + "=" + l.Value.AsString()
			default:
				t.Errorf("%s has the label %s", name, l.Key)
			}
		}
		out[name] = v
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
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					note(m.Name, p.Attributes, float64(p.Value))
				}
			}
		}
	}
	return out
}
