package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"example.org/trm/gateway"
)

// door is a gateway that hands out what has no evidence yet, every time it is asked.
type door struct {
	mu      sync.Mutex
	waiting map[string]string // delivery -> wrapped
	heard   []string
	broken  int // answers that fail
	asked   int
	fresh   []bool // of the calls that did not fail
}

func (d *door) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.broken > 0 {
		d.broken--
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if r.Method == http.MethodPost {
		raw, _ := io.ReadAll(r.Body)
		d.heard = append(d.heard, string(raw))
		delete(d.waiting, string(raw))
		w.Header().Set("Content-Type", "application/jwt")
		_, _ = w.Write([]byte("ack of " + string(raw)))
		return
	}
	d.fresh = append(d.fresh, r.URL.Query().Get("fresh") == "true")
	var list []waiting
	for id, wrapped := range d.waiting {
		list = append(list, waiting{Delivery: id, Wrapped: wrapped, Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"deliveries": list})
}

func pulling(t *testing.T, d *door) *Pull {
	t.Helper()
	c, _ := calling(t, d.serve)
	return &Pull{
		Client: c, As: "rs/coordinator", Log: slog.New(slog.DiscardHandler), Workers: 2, Retry: Pace{time.Millisecond, 5 * time.Millisecond},
	}
}

func TestPulledDeliveryIsOfferedUntilItIsTakenAndNeverTwiceAtOnce(t *testing.T) {
	t.Parallel()
	d := &door{waiting: map[string]string{"d-1": "w-1", "d-2": "w-2", "d-3": "w-3"}, broken: 2}
	p := pulling(t, d)
	var mu sync.Mutex
	inHand, offers, traced := map[string]bool{}, map[string]int{}, true
	stop := running(t, func(ctx context.Context) error {
		return p.Run(ctx, func(ctx context.Context, it Item) error {
			mu.Lock()
			if inHand[it.Delivery] || it.Wrapped != "w"+it.Delivery[1:] {
				t.Errorf("got %+v while it was in hand: %v", it, inHand[it.Delivery])
			}
			inHand[it.Delivery] = true
			offers[it.Delivery]++
			n := offers[it.Delivery]
			traced = traced && trace.SpanContextFromContext(ctx).TraceID().String() == "4bf92f3577b34da6a3ce929d0e0e4736"
			mu.Unlock()
			defer func() { mu.Lock(); inHand[it.Delivery] = false; mu.Unlock() }()
			switch {
			case n == 1:
				return errors.New("not yet")
			case n == 2:
				panic("of it")
			}
			return p.Testify(ctx, it.Delivery)
		})
	})
	eventually(t, "all evidence", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.waiting) == 0 })
	stop()
	for id, n := range offers {
		if n < 3 {
			t.Errorf("%s was offered %d times", id, n)
		}
	}
	if !traced {
		t.Error("the trace was lost on the way")
	}
	// What an earlier life had in hand is asked for until a call has got its answer, and
	// never again.
	if d.fresh[0] != true || slices.Contains(d.fresh[1:], true) {
		t.Errorf("the calls said that the process is fresh: %v", d.fresh)
	}
}

func TestAcknowledgementOfPostedEvidenceComesBack(t *testing.T) {
	t.Parallel()
	p := pulling(t, &door{waiting: map[string]string{}})
	if err := p.Testify(t.Context(), "jws"); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	running(t, func(ctx context.Context) error {
		return p.Acks(ctx, func(_ context.Context, ack string) error { got <- ack; return nil })
	})
	select {
	case ack := <-got:
		if ack != "ack of jws" {
			t.Errorf("got %q", ack)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came back")
	}
}

func TestEvidenceThatTheDoorDoesNotTakeIsAnError(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"refused":        refusing(422, gateway.CodeEvidence),
		"busy":           refusing(503, gateway.CodeBusy),
		"somebody else":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("welcome")) },
		"cut":            func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"not found here": func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
	} {
		c, _ := calling(t, h)
		if err := (&Pull{Client: c, As: "rs/coordinator"}).Testify(t.Context(), "jws"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestGatewayThatDoesNotWaitIsNotHammered(t *testing.T) {
	t.Parallel()
	d := &door{waiting: map[string]string{"d-1": "w-1"}}
	p := pulling(t, d)
	p.Retry = Pace{20 * time.Millisecond, 20 * time.Millisecond}
	release := make(chan struct{})
	stop := running(t, func(ctx context.Context) error {
		return p.Run(ctx, func(context.Context, Item) error { <-release; return nil })
	})
	began := time.Now()
	eventually(t, "some calls", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.asked >= 4 })
	if took := time.Since(began); took < 40*time.Millisecond {
		t.Errorf("four calls in %s", took)
	}
	close(release)
	stop()
}

func TestPulledAttemptInHandIsFinishedWhenItIsToldToStop(t *testing.T) {
	t.Parallel()
	p := pulling(t, &door{waiting: map[string]string{"d-1": "w-1"}})
	ctx, stop := context.WithCancel(t.Context())
	finished := false
	err := p.Run(ctx, func(ctx context.Context, _ Item) error {
		stop()
		finished = ctx.Err() == nil
		return nil
	})
	if err != nil || !finished {
		t.Errorf("got %v, finished %v", err, finished)
	}
	// One that does not end is cut short after the grace.
	p = pulling(t, &door{waiting: map[string]string{"d-1": "w-1"}})
	p.Grace = time.Millisecond
	ctx, stop = context.WithCancel(t.Context())
	if err := p.Run(ctx, func(ctx context.Context, _ Item) error { stop(); <-ctx.Done(); return ctx.Err() }); err != nil {
		t.Error(err)
	}
}
