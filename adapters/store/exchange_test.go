package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// outgoingIn is an own message of a thread, with what the conversation rules need of it.
func outgoingIn(thread, id string, change func(*store.Outgoing)) store.Outgoing {
	h := gateway.Head{
		ID: id, Issuer: "rs/coordinator", Audience: "ba/coordinator", Thread: thread, Type: "referral.request/1.0", Lane: gateway.Child,
		Purpose: "protection", Basis: "cets197-32", Agreement: gateway.Agreement{State: "given", By: "authority", Heard: true},
		Act: []string{"accept-referral", "name-contact"}, AnswerBy: noon.Add(time.Hour),
	}
	o := store.Outgoing{
		ID: h.MessageID(), Audience: h.Audience, Thread: thread, Lane: h.Lane, Envelope: []byte("sealed"), Expires: noon.Add(time.Hour), StoredAt: noon,
		Exchange: &store.Exchange{Head: h, Own: true, Said: []string{"health@child-protection", "needs"}, KeepUntil: noon.AddDate(3, 0, 0)},
	}
	if change != nil {
		change(&o)
	}
	return o
}

func putOne(t *testing.T, s *store.Store, o store.Outgoing) {
	t.Helper()
	_, _, err := s.Put(t.Context(), o)
	must(t, err)
}

func receive(t *testing.T, s *store.Store, o store.Outgoing, at time.Time) {
	t.Helper()
	must(t, s.Answered(t.Context(), o.ID, store.Received, "receipt", "", o.Exchange.Head, at))
}

func TestWhatAConversationNeedsIsKeptAndComesBackAsItWas(t *testing.T) {
	t.Parallel()
	s, n := fresh(t), new(int)
	o := outgoingIn("t", "m-1", nil)
	putOne(t, s, o)
	receive(t, s, o, noon)
	say := func(e gateway.Event, role string, at time.Time) gateway.Evidence {
		*n++
		ev, err := gateway.Testify(gateway.Statement{Signer: "ba/coordinator", At: at, Event: e, Role: role, Message: o.ID}, notary{n})
		must(t, err)
		return ev
	}
	list := []gateway.Evidence{
		say(gateway.ContentConsignment, "", noon.Add(time.Second)),
		say(gateway.ContentHandover, "coordinator", noon.Add(time.Minute)),
		say(gateway.TakenOn, "child-protection", noon.Add(time.Hour)),
		say(gateway.ContentHandover, "coordinator", noon.Add(2*time.Minute)),
	}
	for range 2 { // hearing again changes nothing
		_, err := s.Hear(t.Context(), "rs/coordinator", 4, list, func(gateway.Evidence) gateway.MessageID { return o.ID })
		must(t, err)
	}
	got, err := s.Message(t.Context(), o.ID)
	must(t, err)
	want := *o.Exchange
	want.Received, want.Delivered, want.Progress = noon, noon.Add(time.Second), store.Received
	want.Readings = []store.Reading{
		{Event: gateway.ContentHandover, Role: "coordinator", At: noon.Add(time.Minute)},
		{Event: gateway.TakenOn, Role: "child-protection", At: noon.Add(time.Hour)},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got, want: %s", diff)
	}
	if !slices.Equal(got.Readers(), []string{"child-protection", "coordinator"}) || !got.Read() {
		t.Errorf("read by %v", got.Readers())
	}
}

func TestWhatTheGatewayRefusedWasNeverSaid(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	o := outgoingIn("t", "m-1", nil)
	putOne(t, s, o)
	must(t, s.Answered(t.Context(), o.ID, store.Rejected, "", "{}", o.Exchange.Head, time.Time{}))
	if _, err := s.Message(t.Context(), o.ID); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("got %v, want unknown", err)
	}
	list, err := s.Thread(t.Context(), "t")
	if err != nil || len(list) != 0 {
		t.Errorf("got %d messages, %v", len(list), err)
	}
}

func TestAnEarlierMessageIsKnownOrWasBeforeThisJournalOrNeverWas(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	o := outgoingIn("t", uuid.Must(uuid.NewV7()).String(), nil)
	putOne(t, s, o)
	for name, tt := range map[string]struct {
		id    gateway.MessageID
		known bool
		found bool
	}{
		"ours":                          {o.ID, true, true},
		"of another with the same id":   {gateway.MessageID{Issuer: "ba/coordinator", ID: o.ID.ID}, true, false},
		"made now and never said":       {gateway.MessageID{Issuer: "ba/coordinator", ID: uuid.Must(uuid.NewV7()).String()}, true, false},
		"made before this journal":      {gateway.MessageID{Issuer: "ba/coordinator", ID: "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f7051"}, false, false},
		"no UUIDv7, so that nobody can": {gateway.MessageID{Issuer: "ba/coordinator", ID: uuid.NewString()}, true, false},
	} {
		e, known, err := s.Earlier(t.Context(), tt.id)
		if err != nil || known != tt.known || e.Known() != tt.found {
			t.Errorf("%s: got %+v, known %t, %v", name, e, known, err)
		}
	}
}

func TestConversationsAreForgottenWholeAtRetention(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "adapter.db")
	s := open(t, path)
	file := func(o *store.Outgoing) { o.Case = "Canary Case Name" }
	short := func(o *store.Outgoing) { o.Exchange.KeepUntil = noon.AddDate(1, 0, 0) }
	all := []store.Outgoing{
		outgoingIn("thread-over", "m-1", func(o *store.Outgoing) { file(o); short(o) }),
		outgoingIn("thread-over", "m-2", short),
		outgoingIn("thread-lives", "m-3", func(o *store.Outgoing) { file(o); short(o) }),
		outgoingIn("thread-lives", "m-4", nil),
	}
	for _, o := range all {
		putOne(t, s, o)
		receive(t, s, o, noon)
	}
	mark, err := s.Mark(t.Context())
	must(t, err)
	change := outgoingIn("thread-over", "m-5", func(o *store.Outgoing) { short(o); o.Exchange.Head.Type = "recall.change/1.0" })
	_, _, err = s.PutChange(t.Context(), store.Change{ID: "c", Repeat: "r", MadeAt: noon, Parts: []store.Part{{
		Message: change.ID, Audience: change.Audience, Thread: change.Thread, Type: "recall.change/1.0", Act: []string{"recall"}, Target: "m-1",
	}}}, []store.Outgoing{change}, mark)
	must(t, err)

	for ref, id := range map[string]gateway.MessageID{"AAAAAA": all[0].ID, "BBBBBB": all[2].ID} {
		_, err := s.Announce(t.Context(), store.Notice{Side: store.Outbound, Message: id, Party: id.Issuer, Other: "ba/coordinator"}, []string{ref})
		must(t, err)
	}

	must(t, s.Forget(t.Context(), noon.AddDate(1, 0, 0)))
	if got, err := s.Conversations(t.Context()); err != nil || len(got) != 2 {
		t.Fatalf("at the last moment: got %d, %v", len(got), err)
	}
	must(t, s.Forget(t.Context(), noon.AddDate(1, 0, 1)))
	got, err := s.Conversations(t.Context())
	if err != nil || len(got) != 1 || got[0][0].Head.Thread != "thread-lives" {
		t.Errorf("got %d, %v", len(got), err)
	}
	list, err := s.Thread(t.Context(), "thread-lives")
	if err != nil || len(list) != 2 {
		t.Errorf("of the conversation that lives %d messages are there, %v", len(list), err)
	}
	changes, err := s.Changes(t.Context())
	if err != nil || len(changes) != 0 {
		t.Errorf("got %d changes, %v", len(changes), err)
	}
	dossiers, err := s.Dossiers(t.Context(), "Canary Case Name")
	if err != nil || len(dossiers) != 1 || dossiers[0].Thread != "thread-lives" {
		t.Errorf("got %v, %v", dossiers, err)
	}
	if _, err := s.Outgoing(t.Context(), "m-1"); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("the receipt of a forgotten message: %v", err)
	}
	if _, err := s.Outgoing(t.Context(), "m-3"); err != nil {
		t.Errorf("the receipt of one that is kept: %v", err)
	}
	if f, err := s.Facts(t.Context(), "thread-over"); err != nil || f.Known() {
		t.Errorf("facts of a forgotten conversation: %+v, %v", f, err)
	}
	if left, err := s.Notices(t.Context(), false, 10); err != nil || len(left) != 1 || left[0].Ref != "BBBBBB" {
		t.Errorf("of what was escalated %+v is left, %v, want what is of the conversation that lives", left, err)
	}
	// The file, its write-ahead log included, holds no reference in any form.
	must(t, s.Close())
	for _, name := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("Canary Case")) {
			t.Errorf("%s holds an office's own reference", filepath.Base(name))
		}
	}
}

func TestAReferenceIsFoundByItsOwnJournalAlone(t *testing.T) {
	t.Parallel()
	one, two := fresh(t), fresh(t)
	d := store.Dossier{Thread: "t", Party: "rs/coordinator"}
	for range 2 {
		must(t, one.File(t.Context(), "114", d))
	}
	got, err := one.Dossiers(t.Context(), "114")
	if err != nil || !slices.Equal(got, []store.Dossier{d}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, ref := range []string{"11", "1140", " 114", ""} {
		if got, err := one.Dossiers(t.Context(), ref); err != nil || len(got) != 0 {
			t.Errorf("%q: got %v, %v", ref, got, err)
		}
	}
	if got, err := two.Dossiers(t.Context(), "114"); err != nil || len(got) != 0 {
		t.Errorf("another journal: got %v, %v", got, err)
	}
}

// TestAChangeThatWasOvertakenIsChosenAgain: whoever was written to meanwhile is a past
// recipient too.
func TestAChangeThatWasOvertakenIsChosenAgain(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	putOne(t, s, outgoingIn("t-1", "m-1", nil))
	mark, err := s.Mark(t.Context())
	must(t, err)
	putOne(t, s, outgoingIn("t-2", "m-2", nil))
	c := store.Change{ID: "c", Repeat: "r", MadeAt: noon, Parts: []store.Part{{Message: gateway.MessageID{Issuer: "rs/coordinator", ID: "m-3"}, Thread: "t-1"}}}
	part := outgoingIn("t-1", "m-3", nil)
	if _, _, err := s.PutChange(t.Context(), c, []store.Outgoing{part}, mark); !errors.Is(err, store.ErrOvertaken) {
		t.Fatalf("got %v, want overtaken", err)
	}
	if _, err := s.Outgoing(t.Context(), "m-3"); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("a part was stored all the same: %v", err)
	}
	mark, err = s.Mark(t.Context())
	must(t, err)
	if _, again, err := s.PutChange(t.Context(), c, []store.Outgoing{part}, mark); err != nil || again {
		t.Fatalf("got again %t, %v", again, err)
	}
	got, again, err := s.PutChange(t.Context(), store.Change{ID: "other", Repeat: "r"}, nil, mark)
	if err != nil || !again || got.ID != "c" || len(got.Parts) != 1 {
		t.Errorf("the same request: got %+v, again %t, %v", got, again, err)
	}
}

func TestAboutFindsTheChangesOfAMessageItsPartsAndItsConversation(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	put := func(id, typ, target string) {
		o := outgoingIn("t", id, func(o *store.Outgoing) { o.Exchange.Head.Type, o.Exchange.Head.Target = typ, target })
		putOne(t, s, o)
		receive(t, s, o, noon)
	}
	put("m-1", "referral.request/1.0", "")
	put("m-1x", "referral.request/1.0", "")
	put("c-1", "recall.change/1.0", "m-1")
	put("c-2", "correction.change/1.0", "m-1#health@child-protection")
	put("c-3", "consent.change/1.0", "t")
	put("c-4", "recall.change/1.0", "m-1x")
	list, err := s.About(t.Context(), gateway.MessageID{Issuer: "rs/coordinator", ID: "m-1"}, "t")
	must(t, err)
	var got []string
	for _, x := range list {
		got = append(got, x.Head.ID)
	}
	if strings.Join(got, " ") != "c-1 c-2 c-3" {
		t.Errorf("got %v", got)
	}
}
