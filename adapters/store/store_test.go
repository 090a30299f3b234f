package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func fresh(t *testing.T) *store.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "adapter.db"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func delivery(id string, n int64) store.Delivery {
	return store.Delivery{
		ID: id, Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "m-" + id}, Audience: "rs/coordinator",
		Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "o", N: n}, SDHash: "h", Expires: noon.Add(time.Hour), TakenAt: noon,
	}
}

// notary signs by numbering.
type notary struct{ n *int }

func (n notary) Testify(s gateway.Statement) (string, error) {
	*n.n++
	raw, err := json.Marshal(s)
	return fmt.Sprintf("%d:%s", *n.n, raw), err
}

func evidence(t *testing.T, n *int, e gateway.Event) gateway.Evidence {
	t.Helper()
	ev, err := gateway.Testify(gateway.Statement{Signer: "rs/coordinator", At: noon, Event: e}, notary{n})
	must(t, err)
	return ev
}

func TestFirstEndOfADeliveryStands(t *testing.T) {
	t.Parallel()
	s, n := fresh(t), new(int)
	_, err := s.Take(t.Context(), delivery("d", 1))
	must(t, err)
	first, err := s.Finish(t.Context(), "d", store.Outcome{State: store.Delivered, Evidence: evidence(t, n, gateway.ContentConsignment)})
	must(t, err)
	second, err := s.Finish(t.Context(), "d", store.Outcome{State: store.Failed, Code: gateway.CodeExpired, Evidence: evidence(t, n, gateway.ContentConsignmentFailure)})
	must(t, err)
	if first.JWS != second.JWS {
		t.Error("a second end was given")
	}
	d, err := s.Delivery(t.Context(), "d")
	must(t, err)
	all, err := s.Evidence(t.Context(), "d")
	must(t, err)
	if d.State != store.Delivered || len(all) != 1 {
		t.Errorf("got %s with %d pieces of evidence", d.State, len(all))
	}
}

func TestWhatWasWrittenIsThereAfterReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "adapter.db")
	s, n := open(t, path), new(int)
	want := delivery("d", 1)
	_, err := s.Take(t.Context(), want)
	must(t, err)
	a, err := s.Begin(t.Context(), "d", noon, "rs/coordinator")
	must(t, err)
	ev, err := s.Finish(t.Context(), "d", store.Outcome{State: store.Failed, Code: gateway.CodeExpired, Evidence: evidence(t, n, gateway.ContentConsignmentFailure)})
	must(t, err)
	must(t, s.Close())
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the journal has mode %v", info.Mode())
	}

	s = open(t, path)
	got, err := s.Delivery(t.Context(), "d")
	must(t, err)
	want.State, want.Code, want.FinishedAt = store.Failed, gateway.CodeExpired, noon
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
	at, err := s.Attempts(t.Context(), "d")
	must(t, err)
	if diff := cmp.Diff(map[gateway.Party][]store.Attempt{"rs/coordinator": a}, at); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	due, err := s.Untold(t.Context(), noon, 10)
	must(t, err)
	if diff := cmp.Diff([]store.Testimony{ev}, due); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
}

func TestNumbersOfAttemptsOnlyRise(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	_, err := s.Take(t.Context(), delivery("d", 1))
	must(t, err)
	var mu sync.Mutex
	seen := map[int]bool{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			a, err := s.Begin(t.Context(), "d", noon, "rs/coordinator")
			mu.Lock()
			defer mu.Unlock()
			if err != nil || len(a) != 1 || seen[a[0].N] || a[0].N < 1 || a[0].N > 16 {
				t.Errorf("got %v, %v", a, err)
				return
			}
			seen[a[0].N] = true
		})
	}
	wg.Wait()
	other, err := s.Begin(t.Context(), "d", noon, "rs/child-protection")
	must(t, err)
	if other[0].N != 1 {
		t.Errorf("another destination begins at %d", other[0].N)
	}
}

func TestHugeJumpOfANumberWritesBoundedRows(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	in, err := s.Take(t.Context(), delivery("d", 1<<60))
	must(t, err)
	if n := len(in.Missing); n != 1000 || in.Missing[n-1] != 1<<60-1 {
		t.Errorf("got %d missing numbers, want the newest thousand", n)
	}
}

func TestPairsAreCountedApart(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	for i, p := range []gateway.PairNumber{
		{From: "ba", To: "rs", Origin: "2026", N: 1}, {From: "me", To: "rs", Origin: "2026", N: 1},
		{From: "ba", To: "rs", Origin: "2027", N: 1}, {From: "ba", To: "rs", Origin: "2026", N: 2},
	} {
		d := delivery(fmt.Sprint(i), 0)
		d.Pair = p
		in, err := s.Take(t.Context(), d)
		must(t, err)
		if len(in.Missing) != 0 {
			t.Errorf("%+v shows %v to be missing", p, in.Missing)
		}
	}
}

func TestAlarmOfTheSameThingIsCounted(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	for i, want := range []bool{true, false, false} {
		fresh, err := s.Raise(t.Context(), store.Alarm{At: noon.Add(time.Duration(i) * time.Minute), Kind: "gap", Ref: "x"})
		must(t, err)
		if fresh != want {
			t.Errorf("at %d: got %v", i, fresh)
		}
	}
	got, err := s.Alarms(t.Context(), 10)
	must(t, err)
	if diff := cmp.Diff([]store.Alarm{{At: noon, Kind: "gap", Ref: "x", Count: 3}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPurgeForgetsWhatEndedAndKeepsWhatDidNot(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "adapter.db")
	s, n := open(t, path), new(int)
	body := bytes.Repeat([]byte("ENVELOPE-TO-FORGET "), 100)
	for _, id := range []string{"done", "unacknowledged", "waiting"} {
		_, err := s.Take(t.Context(), delivery(id, 0))
		must(t, err)
		_, err = s.Begin(t.Context(), id, noon, "rs/coordinator")
		must(t, err)
	}
	for _, id := range []string{"done", "unacknowledged"} {
		ev, err := s.Finish(t.Context(), id, store.Outcome{State: store.Delivered, Evidence: evidence(t, n, gateway.ContentConsignment)})
		must(t, err)
		if id == "done" {
			_, err := s.Acknowledged(t.Context(), ev.Digest, store.Recorded, "ack")
			must(t, err)
		}
	}
	for _, id := range []string{"answered", "unanswered"} {
		_, _, err := s.Put(t.Context(), store.Outgoing{
			ID: gateway.MessageID{Issuer: "rs/coordinator", ID: id}, Thread: id, Envelope: append([]byte(id), body...), Expires: noon.Add(time.Hour), StoredAt: noon,
		})
		must(t, err)
	}
	must(t, s.Answered(t.Context(), gateway.MessageID{Issuer: "rs/coordinator", ID: "answered"}, store.Received, "receipt", "", gateway.Head{Thread: "answered"}, noon))

	if got, err := s.Purge(t.Context(), noon); err != nil || got != 0 {
		t.Fatalf("before anything expired: got %d, %v", got, err)
	}
	got, err := s.Purge(t.Context(), noon.Add(2*time.Hour))
	must(t, err)
	if got != 2 {
		t.Errorf("forgot %d things, want a delivery and an envelope", got)
	}
	for id, want := range map[string]error{"done": store.ErrUnknown, "unacknowledged": nil, "waiting": nil} {
		if _, err := s.Delivery(t.Context(), id); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", id, err, want)
		}
	}
	for id, want := range map[string]int{"answered": 0, "unanswered": len("unanswered") + len(body)} {
		o, err := s.Outgoing(t.Context(), id)
		must(t, err)
		if len(o.Envelope) != want {
			t.Errorf("%s: %d bytes of the envelope are left, want %d", id, len(o.Envelope), want)
		}
	}
	// The forgotten one is in no page of the file or of its log, while the journal is open.
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(path + suffix)
		must(t, err)
		forgotten, kept := append([]byte("answered"), body[:40]...), append([]byte("unanswered"), body[:40]...)
		if bytes.Count(raw, forgotten) != bytes.Count(raw, kept) { // each kept one ends like a forgotten one
			t.Errorf("the file%s still holds the envelope that was forgotten", suffix)
		}
	}
}

func TestRepeatKeyNamesOneEnvelope(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]int{}
	for i := range 8 {
		wg.Go(func() {
			o, _, err := s.Put(t.Context(), store.Outgoing{
				ID: gateway.MessageID{Issuer: "rs/coordinator", ID: fmt.Sprint(i)}, Envelope: []byte("x"), Repeat: "k", StoredAt: noon,
			})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[o.ID.ID]++
		})
	}
	wg.Wait()
	if len(ids) != 1 {
		t.Errorf("got %v, want one message", ids)
	}
}

func TestWriteThatWasNotBegunIsNotMade(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Take(ctx, delivery("d", 1)); err != nil {
		if _, err := s.Delivery(t.Context(), "d"); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("it said no and did it: %v", err)
		}
		return
	}
	if _, err := s.Delivery(t.Context(), "d"); err != nil {
		t.Errorf("it said yes and did nothing: %v", err)
	}
}
