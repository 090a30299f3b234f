package adapters

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/incoming"
	"example.org/trm/gateway"
)

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
