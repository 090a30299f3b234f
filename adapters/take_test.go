package adapters

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

const otherID = "019ab3c4-0000-7000-8000-00000000000f"

func TestEachRoleIsServedOnItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var away atomic.Bool
	away.Store(true)
	a, _ := w.live(func(c *Config) {
		c.Transport = deliverFunc(func(ctx context.Context, c Consignment) error {
			if c.Reader == c.Audience && away.Load() {
				return errors.New("away")
			}
			return (*stubTransport)(w).Deliver(ctx, c)
		})
	})
	it := w.arrive(deliveryID, 1, nil)
	if err, _ := w.offer(a, it); err == nil {
		t.Fatal("the delivery ended although the addressee's system was away")
	}
	// Child protection did not wait for the coordinator's system.
	if diff := cmp.Diff([]string{deliveryID + ".child-protection"}, w.order); diff != "" {
		t.Error(diff)
	}
	away.Store(false)
	w.pass(2 * time.Second)
	if err, _ := w.offer(a, it); err != nil {
		t.Fatal(err)
	}
	at, err := a.Store.Attempts(t.Context(), deliveryID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range append(at["rs/coordinator"], at["rs/child-protection"]...) {
		got = append(got, fmt.Sprint(x.Destination, x.N, x.Mark, x.Done))
	}
	want := []string{"rs/coordinator1ambiguousfalse", "rs/coordinator2answeredtrue", "rs/child-protection1answeredtrue"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

func TestMarksSayWhatIsKnownOfAnAttempt(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		mark store.Mark
	}{
		"nothing left":        {Unsent(errors.New("no route")), store.NotSent},
		"the answer was lost": {errors.New("cut off"), store.Ambiguous},
		"it said not now":     {gateway.Unavailable(gateway.CodeBusy, 0, nil), store.Answered},
		"it said never":       {gateway.Refuse(gateway.CodeDestinationRefused, "", ""), store.Answered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a, _ := w.live(func(c *Config) {
				c.Transport = deliverFunc(func(context.Context, Consignment) error { return row.err })
			})
			_, _ = w.offer(a, w.arrive(deliveryID, 1, nil))
			at, err := a.Store.Attempts(t.Context(), deliveryID)
			if err != nil {
				t.Fatal(err)
			}
			if got := at["rs/coordinator"][0].Mark; got != row.mark {
				t.Errorf("got %s, want %s", got, row.mark)
			}
		})
	}
}

func TestRepeatIsMarkedAfterAnAttemptWhoseOutcomeIsNotKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var repeats []bool
	a, _ := w.live(func(c *Config) {
		c.Transport = deliverFunc(func(_ context.Context, c Consignment) error {
			if c.Reader != c.Audience {
				return nil
			}
			repeats = append(repeats, c.Repeat)
			return []error{Unsent(errors.New("no route")), errors.New("cut off"), nil}[len(repeats)-1]
		})
	})
	it := w.arrive(deliveryID, 1, nil)
	for range 3 {
		_, _ = w.offer(a, it)
		w.pass(2 * time.Second)
	}
	if diff := cmp.Diff([]bool{false, false, true}, repeats); diff != "" {
		t.Error(diff)
	}
}

type deliverFunc func(context.Context, Consignment) error

func (f deliverFunc) Deliver(ctx context.Context, c Consignment) error { return f(ctx, c) }

func TestRoleThatIsNotDueIsLeftAloneWhileAnotherIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	tries := map[gateway.Party]int{}
	a, _ := w.live(func(c *Config) {
		c.Retry = Pace{time.Second, 10 * time.Minute}
		c.Transport = deliverFunc(func(_ context.Context, c Consignment) error {
			mu.Lock()
			defer mu.Unlock()
			tries[c.Reader]++
			switch {
			case tries[c.Reader] > 1:
				return nil
			case c.Reader == c.Audience:
				return Later(errors.New("503"), 5*time.Minute) // it asks for a wait
			}
			return errors.New("away")
		})
	})
	it := w.arrive(deliveryID, 1, nil)
	for i, want := range []map[gateway.Party]int{
		{"rs/coordinator": 1, "rs/child-protection": 1},
		{"rs/coordinator": 1, "rs/child-protection": 2}, // two seconds later
		{"rs/coordinator": 2, "rs/child-protection": 2}, // when the wait is over
	} {
		err, _ := w.offer(a, it)
		if (err == nil) != (i == 2) {
			t.Errorf("offer %d: got %v", i, err)
		}
		if diff := cmp.Diff(want, tries); diff != "" {
			t.Errorf("tries after offer %d (-want +got):\n%s", i, diff)
		}
		w.pass([]time.Duration{2 * time.Second, 5 * time.Minute, 0}[i])
	}
}

func TestRefusalByTheNationalSystemEndsWithSignedFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(func(c *Config) {
		c.Transport = deliverFunc(func(ctx context.Context, c Consignment) error {
			if c.Reader == c.Audience {
				return gateway.Permanent(errors.New("unknown office"))
			}
			return (*stubTransport)(w).Deliver(ctx, c)
		})
	})
	it := w.arrive(deliveryID, 1, nil)
	if err, _ := w.offer(a, it); err != nil {
		t.Fatal(err)
	}
	s := final(t, a, deliveryID)
	if s.Event != gateway.ContentConsignmentFailure || s.Code != gateway.CodeDestinationRefused || s.Signer != "rs/coordinator" || s.Message.ID != "m-"+deliveryID {
		t.Errorf("got %+v", s)
	}
	// The other role has what is for it; a person is told that the whole did not arrive.
	if w.effects[deliveryID+".child-protection"] != 1 || alarms(t, a)[AlarmFailed] != deliveryID {
		t.Errorf("got effects %v and alarms %v", w.effects, alarms(t, a))
	}
	if err := a.Report(t.Context(), deliveryID, gateway.ContentHandover, "child-protection"); !gateway.IsPermanent(err) {
		t.Errorf("reading of a delivery that failed: got %v, want it refused", err)
	}
	requests := len(w.order)
	if err, _ := w.offer(a, it); err != nil || len(w.order) != requests {
		t.Errorf("a delivery that ended was attempted again: %v", err)
	}
}

func TestTemporaryTroubleIsTriedAgainUntilOneAttemptBeforeExp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(func(c *Config) { c.Retry = Pace{10 * time.Minute, 10 * time.Minute} })
	for range 1000 {
		w.faults = append(w.faults, func(func()) error { return errors.New("away") })
	}
	it := w.arrive(deliveryID, 1, nil) // lives for an hour; an attempt takes a minute
	var last time.Time
	for {
		err, _ := w.offer(a, it)
		if err == nil {
			break
		}
		last = w.clock()
		w.pass(time.Minute)
		if last.After(noon.Add(2 * time.Hour)) {
			t.Fatal("it is tried for ever")
		}
	}
	s := final(t, a, deliveryID)
	if s.Event != gateway.ContentConsignmentFailure || s.Code != gateway.CodeAttemptsExhausted {
		t.Errorf("got %s %s, want a failure for want of time", s.Event, s.Code)
	}
	at, err := a.Store.Attempts(t.Context(), deliveryID)
	if err != nil {
		t.Fatal(err)
	}
	list := at["rs/coordinator"]
	if len(list) < 4 || len(list) > 6 {
		t.Errorf("got %d attempts in an hour, want one every ten minutes or a little more", len(list))
	}
	for i, x := range list {
		if x.N != i+1 || !x.BeganAt.Before(noon.Add(59*time.Minute)) {
			t.Errorf("attempt %d has number %d and began at %s", i+1, x.N, x.BeganAt)
		}
	}
}

func TestDeliveryThatComesTooLateIsNotAttempted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	it := w.arrive(deliveryID, 1, nil)
	w.pass(59*time.Minute + 30*time.Second)
	if err, _ := w.offer(a, it); err != nil {
		t.Fatal(err)
	}
	if s := final(t, a, deliveryID); s.Code != gateway.CodeExpired || len(w.effects) != 0 {
		t.Errorf("got %s with effects %v, want it expired without any", s.Code, w.effects)
	}
}

func TestStoppingDoesNotCountAsAFailedAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	a, _ := w.live(func(c *Config) {
		c.Transport = deliverFunc(func(ctx context.Context, _ Consignment) error { stop(); <-ctx.Done(); return ctx.Err() })
	})
	if err := a.take(ctx, w.arrive(deliveryID, 1, nil)); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	at, err := a.Store.Attempts(t.Context(), deliveryID)
	if err != nil {
		t.Fatal(err)
	}
	if x := at["rs/coordinator"][0]; x.Mark != store.Ambiguous || x.Code != "" || !x.EndedAt.IsZero() {
		t.Errorf("got %+v, want it ambiguous and without an end", x)
	}
}
