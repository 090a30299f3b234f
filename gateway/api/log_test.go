package api_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

// book is a log of one checkpoint and two tiles, and of two entries about every message.
type book struct {
	empty bool
	err   error
}

func (b *book) give(origin, what string) ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	if b.empty || origin != "" && origin != "test/2026" {
		return nil, gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	return []byte(what), nil
}

func (b *book) Checkpoint(_ context.Context, origin string) ([]byte, error) {
	return b.give(origin, "the newest of "+origin)
}

func (b *book) Daily(_ context.Context, now time.Time) ([]byte, error) {
	return b.give("", "of before "+now.Format(time.DateOnly))
}

func (b *book) Tile(_ context.Context, origin, name string) ([]byte, error) {
	if strings.HasPrefix(name, "9/") {
		return nil, gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	return b.give(origin, "tile "+name)
}

func (b *book) Proofs(_ context.Context, id gateway.MessageID) ([]api.Proven, error) {
	if b.err != nil {
		return nil, b.err
	}
	return []api.Proven{
		{LogEntry: gateway.LogEntry{
			Event: gateway.SubmissionAcceptance, Origin: "test/2026", Leaf: []byte("the leaf"), Opening: []byte("of " + id.ID), Nonce: []byte("nonce"),
			Concealed: []byte("the secret"), ConcealedNonce: []byte("its nonce"),
		}, Proof: []byte("the proof")},
		{LogEntry: gateway.LogEntry{Event: gateway.ContentConsignment, Origin: "test/2026", Index: 3, Leaf: []byte("another leaf"), Opening: []byte("the other"), Nonce: []byte("nonce")}},
		{LogEntry: gateway.LogEntry{Event: gateway.TakenOn, Opening: []byte("the last"), Nonce: []byte("nonce")}},
	}, nil
}

func TestAnEntryIsWaitingThenPendingThenProven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, path := w.delivered(1)
	var got struct {
		Entries []struct {
			State, Origin, Entry, Opening, Nonce, Proof string
			Index                                       *int64
		}
	}
	a := w.get("ba/coordinator", path+"/proofs")
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || len(got.Entries) != 3 {
		t.Fatal(a.body, err)
	}
	first, second, third := got.Entries[0], got.Entries[1], got.Entries[2]
	if first.State != "proven" || first.Proof != "the proof" || first.Entry != "the leaf" || first.Index == nil || *first.Index != 0 || first.Nonce != "bm9uY2U" {
		t.Errorf("an entry with its proof: %+v", first)
	}
	if second.State != "pending" || second.Proof != "" || second.Index == nil || *second.Index != 3 || second.Opening != "the other" {
		t.Errorf("an entry without witnesses: %+v", second)
	}
	if third.State != "waiting" || third.Index != nil || third.Entry != "" || third.Opening != "the last" {
		t.Errorf("an entry without a place: %+v", third)
	}
}

// What was concealed, and even that an opening of it exists, is the sender's to see alone.
func TestWhatWasConcealedIsOpenedToTheSenderAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, path := w.delivered(1)
	if a := w.get("ba/coordinator", path+"/proofs"); !strings.Contains(a.body, "the secret") || !strings.Contains(a.body, "aXRzIG5vbmNl") {
		t.Errorf("the sender is shown %s", a.body)
	}
	a := w.get("rs/coordinator", path+"/proofs")
	if a.StatusCode != 200 || strings.Contains(a.body, "oncealed") || strings.Contains(a.body, "secret") || strings.Contains(a.body, "aXRzIG5vbmNl") {
		t.Errorf("the recipient is shown %s", a.body)
	}
	w.wantProblem(w.get("rs/child-protection", path+"/proofs"), gateway.CodeNotFound)
	s.Refused, s.State = gateway.Refuse(gateway.CodePolicy, "", ""), gateway.StateRefused
	w.messages.put(s)
	w.wantProblem(w.get("rs/coordinator", path+"/proofs"), gateway.CodeNotFound)
	if a := w.get("ba/coordinator", path+"/proofs"); a.StatusCode != 200 {
		t.Errorf("the sender of a refused message got %d", a.StatusCode)
	}
}

func TestEntriesAreForAuditorsAndHashesForEveryParty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, p := range parties {
		hashes, entries := w.get(p, "/v1/log/test/2026/tile/1/x001/002.p/7"), w.get(p, "/v1/log/test/2026/tile/entries/x001/002.p/7")
		if hashes.body != "tile 1/x001/002.p/7" {
			t.Errorf("%s got %d %q for a tile of hashes", p, hashes.StatusCode, hashes.body)
		}
		if p.Kind() == "auditor" {
			if entries.body != "tile entries/x001/002.p/7" {
				t.Errorf("%s got %d %q for entries", p, entries.StatusCode, entries.body)
			}
			continue
		}
		w.wantProblem(entries, gateway.CodeForbidden)
	}
	for _, path := range []string{"/v1/log/test/2026/tile/%65ntries/000", "/v1/log/test/2026/tile/entries%2f000", "/v1/log/test/2026/tile/./entries/000"} {
		if a := w.get("ba/coordinator", path); strings.HasPrefix(a.body, "tile entries") {
			t.Errorf("%s: an office read entries", path)
		}
	}
}

func TestACheckpointIsOfTheOriginThatIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{
		"/v1/log/checkpoint": "the newest of ", "/v1/log/test/2026/checkpoint": "the newest of test/2026", "/v1/log/checkpoint/daily": "of before 2026-11-21",
	} {
		if a := w.get("rs/coordinator", path); a.body != want {
			t.Errorf("%s: %d %q", path, a.StatusCode, a.body)
		}
	}
}

func TestReadinessTellsOfTheLogAndDoesNotFailForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) {
		w.server.Details = []api.Detail{{Name: "log", Say: func(context.Context) string { return "it is behind" }}}
	})
	if a := w.get("", "/readyz"); a.StatusCode != 200 || a.body != `{"log":"it is behind","ready":true}` {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
