package store_test

import (
	"testing"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

func TestABacklogIsWhatIsOwedAndSinceWhen(t *testing.T) {
	t.Parallel()
	s, n := fresh(t), new(int)
	want := func(at string, w store.Backlog) {
		t.Helper()
		got, err := s.Backlog(t.Context())
		must(t, err)
		if got != w {
			t.Errorf("%s: got %+v, want %+v", at, got, w)
		}
	}
	want("of an empty journal", store.Backlog{})

	for i, id := range []string{"d", "e"} {
		d := delivery(id, int64(i+1))
		d.TakenAt = noon.Add(time.Duration(i) * time.Minute)
		_, err := s.Take(t.Context(), d)
		must(t, err)
	}
	out := store.Outgoing{ID: gateway.MessageID{Issuer: "rs/coordinator", ID: "m"}, Envelope: []byte("e"), Expires: noon.Add(time.Hour), StoredAt: noon.Add(time.Second)}
	_, _, err := s.Put(t.Context(), out)
	must(t, err)
	want("before anything is finished", store.Backlog{Outbox: store.Owed{Count: 1, Oldest: noon.Add(time.Second)}, Taken: store.Owed{Count: 2, Oldest: noon}})

	told, err := s.Finish(t.Context(), "d", store.Outcome{State: store.Delivered, Evidence: evidence(t, n, gateway.ContentConsignment)})
	must(t, err)
	must(t, s.Answered(t.Context(), out.ID, store.Received, "receipt", "", gateway.Head{Thread: "t"}, noon))
	want("once one was delivered and the other way received", store.Backlog{Taken: store.Owed{Count: 1, Oldest: noon.Add(time.Minute)}, Evidence: store.Owed{Count: 1, Oldest: noon}})

	_, err = s.Acknowledged(t.Context(), told.Digest, store.Recorded, "ack")
	must(t, err)
	want("once the evidence is acknowledged", store.Backlog{Taken: store.Owed{Count: 1, Oldest: noon.Add(time.Minute)}})
}
