package adapters

import (
	"context"
	"sync"
	"testing"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// ack is the gateway's answer to evidence.
func (w *world) ack(jws string, e gateway.Event, change func(*gateway.Statement)) string {
	w.t.Helper()
	s := gateway.Statement{Signer: gateway.TheGateway, At: noon, Event: e, Delivery: deliveryID, Of: gateway.DigestString(jws)}
	if change != nil {
		change(&s)
	}
	out, err := (*stubNotary)(w).Testify(s)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) tellings() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.told)
}

// running runs a loop of an adapter until the test or stop ends it.
func running(t *testing.T, loop func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := loop(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("the loop ended: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

// eventually waits for another goroutine.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestEvidenceIsSentAgainUntilTheGatewayAcknowledgesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	if err, _ := w.offer(a, w.arrive(deliveryID, 1, nil)); err != nil {
		t.Fatal(err)
	}
	stop := running(t, a.retell)
	eventually(t, "evidence sent again", func() bool { w.pass(time.Second); return w.tellings() >= 3 })
	stop()
	jws := w.told[0]
	if err := a.acknowledged(t.Context(), w.ack(jws, gateway.EvidenceRecorded, nil)); err != nil {
		t.Fatal(err)
	}
	due, err := a.Store.Untold(t.Context(), noon.AddDate(1, 0, 0), 10)
	if err != nil || len(due) != 0 {
		t.Errorf("got %d due, %v: acknowledged evidence is sent for ever", len(due), err)
	}
	if f, err := a.Store.Final(t.Context(), deliveryID); err != nil || f.State != store.Recorded || f.Ack == "" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestOnlyTheGatewaysSignedAnswerEndsTheSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	if err, _ := w.offer(a, w.arrive(deliveryID, 1, nil)); err != nil {
		t.Fatal(err)
	}
	jws := w.told[0]
	for name, ack := range map[string]string{
		"garbage":              "{",
		"of another party":     w.ack(jws, gateway.EvidenceRecorded, func(s *gateway.Statement) { s.Signer = "rs/coordinator" }),
		"of other evidence":    w.ack("other", gateway.EvidenceRecorded, nil),
		"another event":        w.ack(jws, gateway.SubmissionAcceptance, nil),
		"of nothing":           w.ack(jws, gateway.EvidenceRecorded, func(s *gateway.Statement) { s.Of = "" }),
		"with a bad signature": w.ack(jws, gateway.EvidenceRecorded, func(s *gateway.Statement) { s.ID = "forged" }),
	} {
		if err := a.acknowledged(t.Context(), ack); err != nil {
			t.Errorf("%s: got %v, want it ignored", name, err)
		}
		due, err := a.Store.Untold(t.Context(), noon.AddDate(1, 0, 0), 10)
		if err != nil || len(due) != 1 {
			t.Errorf("%s: it ended the sending", name)
		}
	}
}

func TestEvidenceThatTheGatewayRefusesIsAnAlarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	if err, _ := w.offer(a, w.arrive(deliveryID, 1, nil)); err != nil {
		t.Fatal(err)
	}
	if err := a.acknowledged(t.Context(), w.ack(w.told[0], gateway.EvidenceRefused, nil)); err != nil {
		t.Fatal(err)
	}
	if f, _ := a.Store.Final(t.Context(), deliveryID); f.State != store.Refused || alarms(t, a)[AlarmEvidence] != deliveryID {
		t.Errorf("got %s and alarms %v", f.State, alarms(t, a))
	}
}
