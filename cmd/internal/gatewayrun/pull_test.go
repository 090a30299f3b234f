package gatewayrun_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/cmd/internal/adapterrun"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// adapter runs the whole adapter of Serbia over HTTPS alone, with nothing that could reach
// Redis, and returns the folder of its office and how to end it.
func (w *world) adapter() (office string, stop func()) {
	w.t.Helper()
	dir := filepath.Join(w.dir, "adapters", "rs")
	office = filepath.Join(dir, "office")
	a, err := adapterrun.New(w.t.Context(), adapterrun.Config{
		Country: "rs", Certs: w.dir, Data: dir, Development: true, Source: "https",
		Gateway: adapterrun.Gateway{URL: w.url}, Deliver: adapterrun.Deliver{Filedrop: &adapterrun.Filedrop{Dir: office}},
		Retry: adapterrun.Pace{First: 10 * time.Millisecond, Last: 50 * time.Millisecond},
	}, adapterrun.Environment{Schemas: w.set, Now: w.now.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the adapter ended with %v", err)
		}
	})
	w.t.Cleanup(stop)
	return office, stop
}

// arrived counts the files in an office's folder that hold a message.
func (w *world) arrived(office string) int {
	w.t.Helper()
	n := 0
	err := filepath.WalkDir(office, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".json") {
			n++
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// sent submits a new message and returns where its state is shown.
func (w *world) sent() (from gateway.Party, path string) {
	w.t.Helper()
	m := w.signed(capacity, outgoing.Options{}, nil)
	a := w.submit(m.Head.Issuer, m.Raw)
	if a.StatusCode != 202 {
		w.t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	return m.Head.Issuer, a.Header.Get("Location")
}

// TestAnAdapterThatReachesNothingButTheDoorDeliversOnce: what an earlier life of it took and
// did not finish comes again at once, what it finished takes no second effect, and between
// the two ways a country may change.
func TestAnAdapterThatReachesNothingButTheDoorDeliversOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	office, stop := w.adapter()
	from, path := w.sent()
	got := w.state(from, path, gateway.StateDelivered)
	if evidence, _ := got["evidence"].([]any); len(evidence) != 2 {
		t.Errorf("the sender is shown %v, want its receipt and the recipient's evidence", got["evidence"])
	}
	if n := w.arrived(office); n != 1 {
		t.Errorf("%d files arrived, want one", n)
	}

	// A life that dies with a delivery in its hand: all that the gateway sees of it is a
	// call for deliveries.
	stop()
	from, path = w.sent()
	var hand struct {
		Deliveries []struct{ Delivery, Wrapped string }
	}
	a := w.call("rs/coordinator", "GET", "/v1/deliveries", nil)
	if err := json.Unmarshal([]byte(a.body), &hand); err != nil || len(hand.Deliveries) != 1 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	office, stop = w.adapter()
	w.state(from, path, gateway.StateDelivered)
	if n := w.arrived(office); n != 2 {
		t.Errorf("after a death %d files arrived, want two", n)
	}

	// Evidence again, as of a life that did not hear the answer: nothing changes, and it is
	// acknowledged anew.
	shown := w.state("rs/coordinator", path, gateway.StateDelivered)
	jws, _ := shown["evidence"].([]any)[0].(string)
	for range 2 {
		a := w.call("rs/coordinator", "POST", "/v1/evidence", []byte(jws), "Content-Type", "application/jwt")
		s, _, err := envelope.Codec{}.Examine(a.body)
		if err != nil || s.Event != gateway.EvidenceRecorded || s.Of != gateway.DigestString(jws) {
			t.Errorf("evidence again got %d %+v, %v", a.StatusCode, s, err)
		}
	}
	if again := w.state(from, path, gateway.StateDelivered); len(again["evidence"].([]any)) != 2 {
		t.Error("evidence that came again was recorded twice")
	}

	// Another country's, and by nobody's key: refused for ever, with a signature.
	for name, tt := range map[string]struct {
		as  gateway.Party
		jws string
	}{"another country": {"ba/coordinator", jws}, "a changed signature": {"rs/coordinator", jws[:len(jws)-4] + "AAAA"}} {
		a := w.call(tt.as, "POST", "/v1/evidence", []byte(tt.jws), "Content-Type", "application/jwt")
		if s, _, err := (envelope.Codec{}).Examine(a.body); err != nil || s.Event != gateway.EvidenceRefused {
			t.Errorf("%s: got %d %+v, %v", name, a.StatusCode, s, err)
		}
	}

	// The other way.
	stop()
	from, path = w.sent()
	w.deliver("rs")
	w.state(from, path, gateway.StateDelivered)
	_, stop = w.adapter()
	from, path = w.sent()
	w.state(from, path, gateway.StateDelivered)
	stop()
	if n := w.arrived(office); n != 3 {
		t.Errorf("%d files arrived over HTTPS, want three", n)
	}
	if strings.Contains(w.logged.String(), hand.Deliveries[0].Wrapped) || strings.Contains(w.logged.String(), jws) {
		t.Error("the log quotes a delivery or evidence")
	}
}

// TestAGatewayThatStopsLetsGoOfTheCallsThatItHolds: an adapter's open call does not hold up
// the end of the process.
func TestAGatewayThatStopsLetsGoOfTheCallsThatItHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	_, stop := w.adapter()
	defer stop()
	from, path := w.sent()
	w.state(from, path, gateway.StateDelivered) // so that the adapter waits for the next
	began := time.Now()
	w.stop()
	if took := time.Since(began); took > 8*time.Second { // a call is held for 20 seconds, and Grace is 10
		t.Errorf("stopping took %s", took)
	}
}

// TestCursorsTellNothingOfWhatOthersExchange: only how much the party itself has sent.
func TestCursorsTellNothingOfWhatOthersExchange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	for range 3 {
		m := w.signed(capacity, outgoing.Options{}, func(d map[string]any) { d["from"] = "ba/coordinator" })
		if a := w.submit("ba/coordinator", m.Raw); a.StatusCode != 202 {
			t.Fatalf("got %d %q", a.StatusCode, a.body)
		}
	}
	from, _ := w.sent()
	var feed struct {
		Events []struct{ Cursor int64 }
		Next   int64
	}
	if err := json.Unmarshal([]byte(w.call(from, "GET", "/v1/events", nil).body), &feed); err != nil {
		t.Fatal(err)
	}
	if len(feed.Events) != 1 || feed.Events[0].Cursor != 1 || feed.Next != 1 {
		t.Errorf("after others' messages, a party's first event has the cursor %+v", feed)
	}
}
