package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

// line is a queue in which deliveries wait until they are put, taken or given back.
type line struct {
	mu       sync.Mutex
	waiting  map[gateway.Country][]api.Delivery
	released []gateway.Country
	changed  chan struct{}         // closed and replaced by put
	entered  chan gateway.Country  // if it is there, told of every call
	last     func() []api.Delivery // if it is there, what a call gets when its caller goes
	err      error
}

func newLine() *line {
	return &line{waiting: map[gateway.Country][]api.Delivery{}, changed: make(chan struct{})}
}

func (l *line) put(c gateway.Country, ids ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.waiting[c] = append(l.waiting[c], api.Delivery{ID: id, Wrapped: "wrapped." + id, Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *line) Take(ctx context.Context, c gateway.Country, n int, wait time.Duration) ([]api.Delivery, func(context.Context) error, error) {
	if l.entered != nil {
		l.entered <- c
	}
	over := time.After(wait)
	for {
		l.mu.Lock()
		list, err, changed := slices.Clone(l.waiting[c][:min(n, len(l.waiting[c]))]), l.err, l.changed
		l.waiting[c] = l.waiting[c][len(list):]
		l.mu.Unlock()
		if err != nil {
			return nil, nil, err
		}
		if len(list) > 0 {
			return list, l.giveBack(c, list), nil
		}
		select {
		case <-changed:
		case <-over:
			return nil, nil, nil
		case <-ctx.Done():
			if l.last != nil {
				return l.last(), l.giveBack(c, l.last()), nil
			}
			return nil, nil, ctx.Err()
		}
	}
}

func (l *line) giveBack(c gateway.Country, list []api.Delivery) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, d := range list {
			l.put(c, d.ID)
		}
		return ctx.Err()
	}
}

func (l *line) Release(_ context.Context, c gateway.Country) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.released = append(l.released, c)
	return l.err
}

// handed are the ids in an answer.
func (a answer) handed(t *testing.T) []string {
	t.Helper()
	var body struct{ Deliveries []api.Delivery }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.StatusCode != 200 || body.Deliveries == nil {
		t.Fatalf("got %d %q, want deliveries", a.StatusCode, a.body)
	}
	ids := []string{}
	for _, d := range body.Deliveries {
		if d.Wrapped != "wrapped."+d.ID || d.Trace == "" {
			t.Errorf("handed out %+v", d)
		}
		ids = append(ids, d.ID)
	}
	return ids
}

func TestAnAdapterGetsWhatWaitsForItsCountryAFewAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(api.Limits{Hold: time.Millisecond}))
	var want []string
	for i := range 10 {
		want = append(want, fmt.Sprintf("d-%d", i))
	}
	w.queue.put("rs", want...)
	w.queue.put("ba", "another's")
	got := w.get("rs/coordinator", "/v1/deliveries").handed(t)
	if len(got) != 8 {
		t.Errorf("got %d at once", len(got))
	}
	got = append(got, w.get("rs/coordinator", "/v1/deliveries").handed(t)...)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if a := w.get("rs/coordinator", "/v1/deliveries"); a.body != `{"deliveries":[]}` {
		t.Errorf("of nothing, got %s", a.body)
	}
	if w.queue.released != nil {
		t.Errorf("let go of what %v has in hand", w.queue.released)
	}
}

// pull asks for deliveries on another goroutine.
func (w *world) pull(ctx context.Context, p gateway.Party) <-chan answer {
	w.t.Helper()
	return w.async(w.request(ctx, p, "GET", "/v1/deliveries", nil))
}

func TestACallForDeliveriesIsHeldOpenUntilThereIsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue.entered = make(chan gateway.Country, 1)
	got := w.pull(t.Context(), "rs/coordinator")
	<-w.queue.entered
	w.queue.put("rs", "d-1")
	a := <-got
	if ids := a.handed(t); !slices.Equal(ids, []string{"d-1"}) {
		t.Errorf("got %v", ids)
	}
}

// TestHoldingACallOpenIsLongerThanTheServersPatience with callers who send or read slowly.
func TestHoldingACallOpenIsLongerThanTheServersPatience(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("HTTP %d", version), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withLimits(api.Limits{Hold: 3 * time.Second}))
			h, err := w.server.Handler()
			if err != nil {
				t.Fatal(err)
			}
			s := httptest.NewUnstartedServer(nil)
			s.Config, s.EnableHTTP2 = api.HTTP(h, w.server.Log), version == 2
			s.Config.ReadTimeout, s.Config.WriteTimeout = time.Second, 1500*time.Millisecond
			s.StartTLS()
			t.Cleanup(s.Close)
			w.url = s.URL
			res, err := s.Client().Do(w.request(t.Context(), "rs/coordinator", "GET", "/v1/deliveries", nil))
			if err != nil {
				t.Fatal(err)
			}
			if ids := read(t, res).handed(t); len(ids) > 0 || res.ProtoMajor != version {
				t.Errorf("over HTTP %d got %v", res.ProtoMajor, ids)
			}
		})
	}
}

// TestWhatAnAbandonedCallTookIsGivenBackAtOnce takes a delivery in the moment in which its
// caller goes.
func TestWhatAnAbandonedCallTookIsGivenBackAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue.entered = make(chan gateway.Country, 2)
	w.queue.last = func() []api.Delivery { return []api.Delivery{{ID: "d-1"}} }
	ctx, leave := context.WithCancel(t.Context())
	gone := w.pull(ctx, "rs/coordinator")
	<-w.queue.entered
	leave()
	<-gone
	if ids := w.get("rs/coordinator", "/v1/deliveries").handed(t); !slices.Equal(ids, []string{"d-1"}) {
		t.Errorf("the next call got %v", ids)
	}
}

func TestAStoppingGatewayAnswersTheCallsThatItHoldsOpen(t *testing.T) {
	t.Parallel()
	stopping := make(chan struct{})
	w := newWorld(t, func(w *world) { w.server.Stopping = stopping })
	w.queue.entered = make(chan gateway.Country, 1)
	got := w.pull(t.Context(), "rs/coordinator")
	<-w.queue.entered
	close(stopping)
	a := <-got
	if ids := a.handed(t); len(ids) > 0 {
		t.Errorf("got %v", ids)
	}
}

func TestOneCountrysOpenCallsAreBoundedAndLeaveOthersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue.entered = make(chan gateway.Country, 4)
	ctx, leave := context.WithCancel(t.Context())
	var open []<-chan answer
	for range 4 {
		open = append(open, w.pull(ctx, "rs/coordinator"))
		<-w.queue.entered
	}
	a := w.get("rs/coordinator", "/v1/deliveries")
	w.wantProblem(a, gateway.CodeRateLimited)
	if a.Header.Get("Retry-After") == "" {
		t.Error("the caller is not told when to come again")
	}
	w.queue.put("ba", "d-1")
	if ids := w.get("ba/coordinator", "/v1/deliveries").handed(t); len(ids) != 1 {
		t.Errorf("another country got %v", ids)
	}
	leave()
	for _, c := range open {
		<-c
	}
	w.queue.put("rs", strings.Fields(strings.Repeat("d ", 64))...) // more than those that left can take
	for {                                                          // until the server has noticed one that left
		if a := w.get("rs/coordinator", "/v1/deliveries"); a.StatusCode == 200 {
			break
		}
	}
}

func TestAnAdapterThatStartsIsGivenAgainWhatItHadInHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue.put("rs", "d-1")
	w.get("rs/coordinator", "/v1/deliveries?fresh=true").handed(t)
	if !slices.Equal(w.queue.released, []gateway.Country{"rs"}) {
		t.Errorf("released for %v", w.queue.released)
	}
	for _, bad := range []string{"fresh=false", "fresh=", "fresh=true&fresh=true", "fresh=true&n=9", "n=9"} {
		w.wantProblem(w.get("rs/coordinator", "/v1/deliveries?"+bad), gateway.CodeRequest)
	}
	if len(w.queue.released) != 1 {
		t.Error("a call that was refused let go of deliveries")
	}
}

func TestAQueueThatFailsIsNotAQueueThatIsEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue.err = errors.New("connection refused")
	for _, path := range []string{"/v1/deliveries", "/v1/deliveries?fresh=true"} {
		a := w.get("rs/coordinator", path)
		w.wantProblem(a, gateway.CodeBusy)
		if strings.Contains(a.body, "refused") || !strings.Contains(w.logged.String(), "connection refused") {
			t.Errorf("the cause went to the caller or not to the operator: %q", a.body)
		}
	}
}
