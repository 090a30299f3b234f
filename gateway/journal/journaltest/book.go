package journaltest

import (
	"errors"
	"fmt"
	"time"

	"example.org/trm/gateway"
)

func cases(w *world) {
	w.receive(message{id: "m-1"})
	got, ok, err := w.Case(w.Context(), "delivery of m-1")
	if err != nil || !ok {
		w.Fatalf("found %v, %v", ok, err)
	}
	want := gateway.Case{
		Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "m-1"}, Audience: "rs/coordinator", Delivery: "delivery of m-1", SDHash: "hash of m-1",
		Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: origin, N: 1}, Expires: noon.Add(time.Hour),
	}
	if got != want {
		w.Errorf("got %+v, want %+v", got, want)
	}
	if _, ok, err := w.Case(w.Context(), "another"); ok || err != nil {
		w.Errorf("a delivery that was never made: found %v, %v", ok, err)
	}
}

func restated(w *world) {
	m := message{id: "m-1"}
	w.receive(m)
	for range 3 {
		if err := w.testimony(m, "e-1", gateway.ContentConsignment, nil); err != nil {
			w.Fatal(err)
		}
	}
	// Signed twice, as after a crash between signing and storing: other bytes.
	if err := w.testimony(m, "e-1", gateway.ContentConsignment, func(s *gateway.Statement) { s.Rule = "other bytes" }); err != nil {
		w.Errorf("the same statement, signed again: %v", err)
	}
	if s := w.status(m); len(s.Evidence) != 2 {
		w.Errorf("recorded %d statements, want the receipt and one more", len(s.Evidence))
	}
	if err := w.testimony(m, "e-1", gateway.TakenOn, nil); !errors.Is(err, gateway.ErrContradiction) {
		w.Errorf("one id for two statements: %v", err)
	}
	if err := w.testimony(m, "e-1", gateway.TakenOn, nil); err != nil {
		w.Errorf("the contradiction again: %v", err)
	}
	if s := w.status(m); len(s.Evidence) != 3 {
		w.Errorf("recorded %d statements, want the contradiction too", len(s.Evidence))
	}
}

func contradicted(w *world) {
	failed, delivered := message{id: "m-1"}, message{id: "m-2"}
	w.receive(failed)
	w.receive(delivered)
	if err := w.testimony(failed, "e-1", gateway.ContentConsignmentFailure, nil); err != nil {
		w.Fatal(err)
	}
	if err := w.testimony(failed, "e-2", gateway.ContentConsignment, nil); !errors.Is(err, gateway.ErrContradiction) {
		w.Errorf("delivered after failed: %v", err)
	}
	if err := w.testimony(failed, "e-3", gateway.ContentConsignmentFailure, nil); err != nil {
		w.Errorf("failed again: %v", err)
	}
	if s := w.status(failed); s.State != gateway.StateFailed || len(s.Evidence) != 4 {
		w.Errorf("the state is %s with %d statements", s.State, len(s.Evidence))
	}
	w.finish(delivered)
	if err := w.testimony(delivered, "e-4", gateway.ContentConsignmentFailure, nil); !errors.Is(err, gateway.ErrContradiction) {
		w.Errorf("failed after delivered: %v", err)
	}
	if s := w.status(delivered); s.State != gateway.StateDelivered || len(s.Evidence) != 3 {
		w.Errorf("the state is %s with %d statements", s.State, len(s.Evidence))
	}
}

func late(w *world) {
	expire := func(s *gateway.Statement) {
		s.Signer, s.Code, s.At = gateway.TheGateway, gateway.CodeExpired, noon.Add(2*time.Hour)
	}
	dated := func(at time.Time) func(*gateway.Statement) {
		return func(s *gateway.Statement) { s.At = at }
	}
	inTime, tooLate, refused := message{id: "m-1"}, message{id: "m-2"}, message{id: "m-3"}
	for _, m := range []message{inTime, tooLate, refused} {
		w.receive(m)
		if err := w.testimony(m, "lapse of "+m.id, gateway.ContentConsignmentFailure, expire); err != nil {
			w.Fatal(err)
		}
		if s := w.status(m); s.State != gateway.StateExpired || s.Late {
			w.Errorf("the state is %s", s.State)
		}
	}
	if err := w.testimony(inTime, "e-1", gateway.ContentConsignment, dated(noon.Add(time.Hour))); err != nil {
		w.Errorf("delivered in time, told late: %v", err)
	}
	if s := w.status(inTime); s.State != gateway.StateDelivered || !s.Late {
		w.Errorf("the state is %s, late %v", s.State, s.Late)
	}
	if err := w.testimony(tooLate, "e-2", gateway.ContentConsignment, dated(noon.Add(time.Hour+time.Second))); !errors.Is(err, gateway.ErrContradiction) {
		w.Errorf("delivered after it expired: %v", err)
	}
	if s := w.status(tooLate); s.State != gateway.StateExpired || s.Late {
		w.Errorf("the state is %s, late %v", s.State, s.Late)
	}
	if err := w.testimony(refused, "e-3", gateway.ContentConsignmentFailure, dated(noon)); err != nil {
		w.Errorf("failed, told late: %v", err)
	}
	if err := w.testimony(refused, "e-4", gateway.ContentConsignment, dated(noon)); !errors.Is(err, gateway.ErrContradiction) {
		w.Errorf("a recipient that says both: %v", err)
	}
}

func bounded(w *world) {
	m := message{id: "m-1"}
	w.receive(m)
	for i := range 2000 {
		err := w.testimony(m, fmt.Sprint(i), gateway.ContentHandover, nil)
		if err == nil {
			continue
		}
		w.wantCode(err, gateway.CodeEvidence)
		if s := w.status(m); len(s.Evidence) != i+1 {
			w.Errorf("recorded %d statements, refused after %d", len(s.Evidence), i)
		}
		if err := w.testimony(m, "ours", gateway.ContentConsignmentFailure, func(s *gateway.Statement) { s.Signer = gateway.TheGateway }); err != nil {
			w.Errorf("the gateway's own statement: %v", err)
		}
		return
	}
	w.Error("2000 statements of one delivery were kept")
}

func lapsed(w *world) {
	w.receive(message{id: "later", life: 2 * time.Hour})
	w.receive(message{id: "first", life: time.Minute})
	w.receive(message{id: "second", life: 2 * time.Minute})
	w.receive(message{id: "delivered", life: time.Minute})
	w.finish(message{id: "delivered"})
	at := noon.Add(time.Hour)
	got, err := w.Lapsed(w.Context(), at, 10)
	if err != nil || len(got) != 2 || got[0].Message.ID != "first" || got[1].Message.ID != "second" {
		w.Fatalf("got %v, %v", got, err)
	}
	if got, err := w.Lapsed(w.Context(), at, 1); err != nil || len(got) != 1 {
		w.Errorf("of one, got %v, %v", got, err)
	}
	if got, err := w.Lapsed(w.Context(), noon.Add(time.Minute), 10); err != nil || got != nil {
		w.Errorf("at the very time, got %v, %v", got, err)
	}
	for _, c := range got {
		if err := w.testimony(message{id: c.Message.ID}, "lapse of "+c.Message.ID, gateway.ContentConsignmentFailure, func(s *gateway.Statement) { s.Code = gateway.CodeExpired }); err != nil {
			w.Fatal(err)
		}
	}
	if got, err := w.Lapsed(w.Context(), at, 10); err != nil || got != nil {
		w.Errorf("again, got %v, %v", got, err)
	}
}

func states(w *world) {
	m := message{id: "m-1"}
	want := func(state gateway.State) {
		w.Helper()
		if s := w.status(m); s.State != state {
			w.Errorf("the state is %s, want %s", s.State, state)
		}
	}
	receipt := w.receive(m).Answer.Receipt
	want(gateway.StateReceived)
	s := w.status(m)
	if s.Message != told(m).name() || s.Audience != "rs/coordinator" || !s.ReceivedAt.Equal(noon) || !s.Expires.Equal(noon.Add(time.Hour)) || s.Pair.N != 1 ||
		s.Delivery != "delivery of m-1" || s.Sender != "decision for the sender" || s.Auditor != "decision for the auditor" || s.Refused != nil ||
		len(s.Evidence) != 1 || s.Evidence[0] != string(receipt) {
		w.Errorf("the status is %+v", s)
	}
	w.place("rs", false)
	want(gateway.StateQueued)
	for _, e := range []struct {
		event gateway.Event
		state gateway.State
	}{
		{gateway.ContentConsignment, gateway.StateDelivered},
		{gateway.ConsignmentNotification, gateway.StateDelivered}, // being told is not yet reading
		{gateway.ContentHandover, gateway.StateRead},
		{gateway.ConsignmentNotificationFailure, gateway.StateRead},
		{gateway.TakenOn, gateway.StateTakenOn},
		{gateway.ContentHandover, gateway.StateTakenOn}, // another person looks
	} {
		if err := w.testimony(m, fmt.Sprintf("e-%d", len(w.status(m).Evidence)), e.event, nil); err != nil {
			w.Fatal(err)
		}
		want(e.state)
	}
	if n := len(w.status(m).Evidence); n != 7 {
		w.Errorf("%d statements are kept, want 7", n)
	}
	if _, ok, err := w.Status(w.Context(), gateway.MessageID{Issuer: "rs/coordinator", ID: "m-1"}); ok || err != nil {
		w.Errorf("the id of another sender: found %v, %v", ok, err)
	}
}

func pairs(w *world) {
	w.receive(message{id: "m-1"})
	w.receive(message{id: "m-2"})
	n := gateway.PairNumber{From: "ba", To: "rs", Origin: origin, N: 2}
	s, ok, err := w.Pair(w.Context(), n)
	if err != nil || !ok || s.Message.ID != "m-2" || s.Pair != n {
		w.Errorf("found %v %+v, %v", ok, s, err)
	}
	for _, n := range []gateway.PairNumber{
		{From: "ba", To: "rs", Origin: origin, N: 3}, {From: "ba", To: "rs", Origin: origin}, {From: "rs", To: "ba", Origin: origin, N: 1}, {From: "ba", To: "rs", Origin: "trm.example/2027", N: 1},
	} {
		if _, ok, err := w.Pair(w.Context(), n); ok || err != nil {
			w.Errorf("%+v: found %v, %v", n, ok, err)
		}
	}
}
