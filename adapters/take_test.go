package adapters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/incoming"
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

func TestGapIsNoticedAndClosesWhenItsNumberComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	offer := func(id string, n int64) {
		t.Helper()
		if err, _ := w.offer(a, w.arrive(id, n, nil)); err != nil {
			t.Fatal(err)
		}
	}
	missing := func() (out []int64) {
		t.Helper()
		gaps, err := a.Store.Gaps(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range gaps {
			out = append(out, g.Pair.N)
		}
		return out
	}
	offer(deliveryID, 1)
	if got := missing(); len(got) != 0 {
		t.Fatalf("got gaps %v before there was one", got)
	}
	offer(otherID, 4)
	if diff := cmp.Diff([]int64{2, 3}, missing()); diff != "" {
		t.Fatal(diff)
	}
	offer("019ab3c4-0000-7000-8000-000000000010", 2)
	if diff := cmp.Diff([]int64{3}, missing()); diff != "" {
		t.Fatal(diff)
	}
}

func TestDeliveryThatDoesNotProveEndsWithSignedFailureAndAnAlarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	it := w.arrive(deliveryID, 1, nil)
	w.refusals[it.Wrapped] = gateway.Refuse(gateway.CodeBinding, "", "")
	if err, _ := w.offer(a, it); err != nil {
		t.Fatal(err)
	}
	s := final(t, a, deliveryID)
	if s.Event != gateway.ContentConsignmentFailure || s.Code != gateway.CodeBinding || len(w.effects) != 0 {
		t.Errorf("got %s %s with effects %v", s.Event, s.Code, w.effects)
	}
	if alarms(t, a)[AlarmRefused] != deliveryID {
		t.Errorf("got alarms %v", alarms(t, a))
	}
}

func TestDeliveryThatCannotBeOpenedYetIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	it := w.arrive(deliveryID, 1, nil)
	w.refusals[it.Wrapped] = gateway.Unavailable(gateway.CodeDirectoryStale, 0, nil)
	if err, _ := w.offer(a, it); err == nil {
		t.Fatal("a stale directory ended a delivery")
	}
	delete(w.refusals, it.Wrapped)
	if err, _ := w.offer(a, it); err != nil || final(t, a, deliveryID).Event != gateway.ContentConsignment {
		t.Errorf("got %v", err)
	}
}

func TestNewerDirectoryIsLookedForBeforeAKeyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	it := w.arrive(deliveryID, 1, nil)
	w.refusals[it.Wrapped] = gateway.Refuse(gateway.CodeKeyUnknown, "", "")
	a, _ := w.live(func(c *Config) {
		c.Refresh = func(context.Context) error { delete(w.refusals, it.Wrapped); return nil }
	})
	if err, _ := w.offer(a, it); err != nil || final(t, a, deliveryID).Event != gateway.ContentConsignment {
		t.Errorf("got %v, want the delivery in the national system", err)
	}
}

func TestEntryThatIsNotWhatItSaysIsSetAsideWithoutEvidence(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Item, *incoming.Opened){
		"under another delivery's name": func(it *Item, _ *incoming.Opened) { it.Delivery = otherID },
		"for another country":           func(_ *Item, o *incoming.Opened) { o.Head.Audience = "mk/coordinator" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a, _ := w.live(nil)
			var it Item
			w.arrive(deliveryID, 1, func(o *incoming.Opened) {
				it = Item{Delivery: deliveryID, Wrapped: "wrapped-" + deliveryID}
				spoil(&it, o)
			})
			if err, _ := w.offer(a, it); err != nil {
				t.Fatal(err)
			}
			if len(w.told) != 0 || len(w.effects) != 0 || alarms(t, a)[AlarmNotOurs] != it.Delivery {
				t.Errorf("told %v, effects %v, alarms %v", w.told, w.effects, alarms(t, a))
			}
		})
	}
}

func TestSecondDeliveryOfAMessageTakesNoEffect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	if err, _ := w.offer(a, w.arrive(deliveryID, 1, nil)); err != nil {
		t.Fatal(err)
	}
	again := w.arrive(otherID, 2, func(o *incoming.Opened) { o.Head.ID = "m-" + deliveryID })
	if err, _ := w.offer(a, again); err != nil {
		t.Fatal(err)
	}
	if s := final(t, a, otherID); s.Event != gateway.ContentConsignmentFailure || s.Code != gateway.CodeIDReused {
		t.Errorf("got %s %s", s.Event, s.Code)
	}
	if len(w.effects) != 2 || alarms(t, a)[AlarmContradicts] != otherID {
		t.Errorf("got effects %v and alarms %v", w.effects, alarms(t, a))
	}
}

func TestDeliveryThatWasBoundAgainToOtherUnitsIsSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	it := w.arrive(deliveryID, 1, nil)
	w.faults = append(w.faults, func(func()) error { return errors.New("away") })
	if err, _ := w.offer(a, it); err == nil {
		t.Fatal("it ended")
	}
	w.arrive(deliveryID, 1, func(o *incoming.Opened) { o.Binding.SDHash = "other" })
	if err, _ := w.offer(a, it); err != nil {
		t.Fatal(err)
	}
	if len(w.told) != 0 || alarms(t, a)[AlarmContradicts] != deliveryID {
		t.Errorf("told %v, alarms %v", w.told, alarms(t, a))
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

func TestChangeThatOvertookItsMessageWaitsForIt(t *testing.T) {
	t.Parallel()
	recall := func(w *world, target string) Item {
		return w.arrive(otherID, 2, func(o *incoming.Opened) { o.Head.Type, o.Head.Target = "recall.change/1.0", target })
	}
	const jti = "019ab3c4-0000-7000-8000-0000000000aa"

	w := newWorld(t)
	a, _ := w.live(nil)
	it := recall(w, jti)
	if err, _ := w.offer(a, it); err == nil || len(w.effects) != 0 {
		t.Fatal("the recall is in the national system before what it recalls")
	}
	if err, _ := w.offer(a, w.arrive(deliveryID, 1, func(o *incoming.Opened) { o.Head.ID = jti })); err != nil {
		t.Fatal(err)
	}
	if err, _ := w.offer(a, it); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{deliveryID, otherID}, []string{w.order[0][:36], w.order[2][:36]}); diff != "" {
		t.Error(diff)
	}

	// What never comes is not waited for for ever.
	w = newWorld(t)
	a, _ = w.live(nil)
	it = recall(w, jti)
	if err, _ := w.offer(a, it); err == nil {
		t.Fatal("it did not wait")
	}
	w.pass(attendance)
	if err, _ := w.offer(a, it); err != nil || len(w.order) != 2 {
		t.Errorf("got %v with %v", err, w.order)
	}

	// A change of the thread has nothing to wait for.
	w = newWorld(t)
	a, _ = w.live(nil)
	it = w.arrive(otherID, 2, func(o *incoming.Opened) {
		o.Head.Type, o.Head.Thread, o.Head.Target = "case.change/1.0", jti, jti
	})
	if err, _ := w.offer(a, it); err != nil {
		t.Error(err)
	}
}

func TestGapThatTheGatewayCannotExplainIsAnAlarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	if err, _ := w.offer(a, w.arrive(deliveryID, 10, nil)); err != nil {
		t.Fatal(err)
	}
	look := func() (gaps []int64, raised int) {
		t.Helper()
		if err := a.ask(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := a.Store.Gaps(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range list {
			gaps = append(gaps, g.Pair.N)
		}
		all, err := a.Store.Alarms(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		return gaps, len(all)
	}
	proof := func(n int64, e gateway.Event, change func(*gateway.Statement)) []string {
		return []string{w.ack("", e, func(s *gateway.Statement) {
			s.Pair = gateway.PairNumber{From: "ba", To: "rs", Origin: "o", N: n}
			if change != nil {
				change(s)
			}
		})}
	}
	failed := gateway.ContentConsignmentFailure
	w.fates = map[int64]Fate{
		1: {Known: true, State: gateway.StateExpired, Evidence: proof(1, failed, nil)},
		2: {Known: true, State: gateway.StateDelivered, Evidence: proof(2, gateway.ContentConsignment, func(s *gateway.Statement) { s.Signer, s.Delivery = "rs/coordinator", otherID })},
		3: {Known: true, State: gateway.StateQueued, Expires: noon.Add(time.Hour)},
		4: {Known: true, State: gateway.StateQueued, Expires: noon.Add(-time.Hour)},
		// 5 is not known; of the others the gateway says more than it proves.
		6: {Known: true, State: gateway.StateExpired, Expires: noon.Add(time.Hour)},
		7: {Known: true, State: gateway.StateExpired, Evidence: proof(1, failed, nil)},
		8: {Known: true, State: gateway.StateDelivered, Evidence: proof(8, gateway.ContentConsignment, func(s *gateway.Statement) { s.Signer = "ba/coordinator" })},
		9: {Known: true, State: gateway.StateExpired, Evidence: proof(9, failed, func(s *gateway.Statement) { s.ID = "forged" })},
	}
	if gaps, raised := look(); len(gaps) != 9 || raised != 0 {
		t.Errorf("at once: got gaps %v and %d alarms, want no question yet", gaps, raised)
	}
	w.pass(grace)
	if gaps, raised := look(); !slices.Equal(gaps, []int64{3, 4, 5, 6, 7, 8, 9}) || raised != 7 {
		t.Errorf("after a while: got gaps %v and %d alarms, want all from 3, an alarm for each but 3 and one for 2", gaps, raised)
	}
	// Number 2 ended with this country's signature, and not here.
	if ref := alarms(t, a)[AlarmAnother]; ref != "rs" {
		t.Errorf("got %q of another adapter, want one alarm for the country", ref)
	}
	w.fates = nil
	if gaps, raised := look(); len(gaps) != 7 || raised != 7 {
		t.Errorf("without the gateway: got gaps %v and %d alarms", gaps, raised)
	}
}
