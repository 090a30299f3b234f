package journal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
)

const day = 24 * time.Hour

// month keeps everything for thirty days.
func month(string) time.Duration { return 30 * day }

// shelf is a journal with messages in it, and a clock.
type shelf struct {
	*testing.T
	*journal.Journal
	path string
	now  time.Time
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{T: t, path: filepath.Join(t.TempDir(), "journal.db"), now: noon}
	s.open()
	return s
}

func (s *shelf) open() {
	s.Helper()
	j, err := journal.Open(s.path, journal.Options{Origin: "o", Now: func() time.Time { return s.now }})
	if err != nil {
		s.Fatal(err)
	}
	s.Journal = j
	s.Cleanup(func() { _ = j.Close() })
}

func (s *shelf) shut() {
	s.Helper()
	if err := s.Close(); err != nil {
		s.Fatal(err)
	}
}

// canary is what a purge must leave nowhere: every part of the message holds it.
func canary(id string) string { return "canary-of-" + id + "-" + string(bytes.Repeat([]byte("k"), 40)) }

func (s *shelf) receive(id string) {
	s.Helper()
	record := usual(id)
	_, err := s.Receive(s.Context(), nameOf(id), "thread "+id, "ba", "rs", func(slot gateway.Slot) (gateway.Record, error) {
		r, err := record(slot)
		r.Head.Type = "referral.request/1.0"
		r.Core.Payload, r.Bound.Wrapped = canary(id), canary(id)
		r.Sender, r.Auditor, r.Bound.KeyID = canary(id), canary(id), canary(id)
		r.At = s.now
		return r, err
	})
	if err != nil {
		s.Fatal(err)
	}
}

// end records that a delivery arrived, and that its entry left the stream.
func (s *shelf) end(id string) {
	s.Helper()
	c, ok, err := s.Case(s.Context(), "delivery of "+id)
	if err != nil || !ok {
		s.Fatal(ok, err)
	}
	e, err := gateway.Testify(gateway.Statement{ID: "evidence of " + id, Signer: "rs/coordinator", At: s.now, Event: gateway.ContentConsignment, Message: c.Message, Delivery: c.Delivery}, jsonNotary{})
	if err == nil {
		err = s.Testimony(s.Context(), c, e)
	}
	if err != nil {
		s.Fatal(err)
	}
}

func (s *shelf) purge() journal.Purged {
	s.Helper()
	p, err := s.Purge(s.Context(), s.now, month, 100)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// find says in which files of the journal something is, plain or in another form.
func (s *shelf) find(what string) []string {
	s.Helper()
	files, err := filepath.Glob(s.path + "*")
	if err != nil {
		s.Fatal(err)
	}
	var in []string
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			s.Fatal(err)
		}
		for _, form := range []string{what, hex.EncodeToString([]byte(what)), base64.RawURLEncoding.EncodeToString([]byte(what)[:len(what)/3*3])} {
			if bytes.Contains(raw, []byte(form)) {
				in = append(in, filepath.Base(f))
			}
		}
	}
	return in
}

func (s *shelf) known(id string) bool {
	s.Helper()
	_, ok, err := s.Status(s.Context(), nameOf(id))
	if err != nil {
		s.Fatal(err)
	}
	return ok
}

// Of a purged message nothing is in any file: database, free pages, write-ahead log. Its
// entries stay in the log, and say that nothing opens them any more.
func TestAPurgeLeavesNothingButTheEntries(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.receive("old")
	s.end("old")
	s.now = s.now.Add(31 * day)
	s.receive("young")
	s.end("young")
	before := s.places()
	if d, err := s.Due(t.Context(), s.now, month); err != nil || d != (journal.Due{Messages: 1}) {
		t.Fatalf("due %+v, %v, want one message", d, err)
	}
	if p := s.purge(); p.Number != 1 || p.Messages != 1 || p.Lasting {
		t.Errorf("purged %+v", p)
	}
	if s.known("old") || !s.known("young") {
		t.Errorf("known: old %t, young %t", s.known("old"), s.known("young"))
	}
	for _, trace := range []string{canary("old"), "thread old", "delivery of old", "evidence of old"} {
		if in := s.find(trace); len(in) > 0 {
			t.Errorf("%q is still in %q", trace, in)
		}
	}
	if in := s.find("delivery of young"); len(in) == 0 {
		t.Error("the search does not find what is there either")
	}
	if after := s.places(); after != before+1 {
		t.Errorf("%d entries, had %d: want one more, of the purge", after, before)
	}
	if got, err := s.Entries(t.Context(), nameOf("old")); err != nil || len(got) != 0 {
		t.Errorf("entries of a purged message: %d, %v", len(got), err)
	}
	if p := s.purge(); p != (journal.Purged{}) {
		t.Errorf("purged again: %+v", p)
	}
}

// places counts the entries that the log has or will have.
func (s *shelf) places() int {
	s.Helper()
	n, err := s.Places()
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// Its bytes, from whatever copy, open to nobody: the key is gone.
func TestACopyOfThePurgedBytesCannotBeOpened(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.receive("old")
	s.end("old")
	s.shut()
	backup, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(backup, []byte(canary("old"))) {
		t.Error("a body lies under no key")
	}
	s.open()
	s.now = s.now.Add(31 * day)
	s.purge()
	s.shut()
	// The whole database of before, with the keys of now.
	if err := os.WriteFile(s.path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.path + ".purges"); err != nil {
		t.Fatal(err)
	}
	s.open()
	if _, _, err := s.Status(t.Context(), nameOf("old")); err == nil {
		t.Error("what was withheld could be opened")
	}
}

// A backup brings back what was destroyed; the list of purges destroys it again before
// anybody can ask, and the keys that came back with it.
func TestARestoredBackupIsPurgedBeforeItOpens(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.receive("old")
	s.end("old")
	s.shut()
	saved := map[string][]byte{}
	for _, f := range []string{s.path, s.path + ".keys"} {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		saved[f] = raw
	}
	s.open()
	s.receive("later") // after the backup: the restored journal never heard of it
	s.end("later")
	s.now = s.now.Add(31 * day)
	if p := s.purge(); p.Messages != 2 {
		t.Fatalf("purged %+v", p)
	}
	s.shut()
	for f, raw := range saved {
		if err := os.WriteFile(f, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.open()
	if s.known("old") {
		t.Error("a restored backup knows a purged message")
	}
	if in := s.find("delivery of old"); len(in) > 0 {
		t.Errorf("still in %q", in)
	}
	// Another message gets the number that the lost one had, and has a key of its own.
	s.receive("new")
	if !s.known("new") {
		t.Error("a new message is not known")
	}
	for _, id := range []string{"old", "later"} {
		if _, _, err := s.Find(t.Context(), nameOf(id)); gateway.AsProblem(err).Code != gateway.CodePurged {
			t.Errorf("%s: %v, want %s", id, err, gateway.CodePurged)
		}
	}
}

// A crash between the steps of a purge leaves nothing undone: not after the list was
// written, and not before the keys were destroyed.
func TestAnInterruptedPurgeIsCompleted(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"after the list", "before the keys"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			s.receive("old")
			s.end("old")
			s.now = s.now.Add(31 * day)
			s.shut()
			before := map[string][]byte{}
			for _, f := range []string{s.path, s.path + ".keys"} {
				raw, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				before[f] = raw
			}
			s.open()
			s.purge()
			s.shut()
			if when == "after the list" {
				if err := os.WriteFile(s.path, before[s.path], 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(s.path+".keys", before[s.path+".keys"], 0o600); err != nil {
				t.Fatal(err)
			}
			s.open()
			if s.known("old") {
				t.Error("the message is still known")
			}
			s.shut()
			keys, err := os.ReadFile(s.path + ".keys")
			if err != nil {
				t.Fatal(err)
			}
			const first = 16 + 32 // the slot of message 1
			if !bytes.Equal(keys[first:first+32], make([]byte, 32)) {
				t.Error("its key is still there")
			}
			if bytes.Equal(keys[first+32:first+64], make([]byte, 32)) {
				t.Error("the key of a message to come was destroyed")
			}
		})
	}
}

// What is held, or has not ended, is not purged.
func TestAHoldAndAnOpenDeliveryKeepAMessage(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for _, id := range []string{"held", "waiting", "free"} {
		s.receive(id)
	}
	s.end("held")
	s.end("free")
	if err := s.Hold(t.Context(), nameOf("held"), "litigation", "ba/auditor"); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(31 * day)
	if d, err := s.Due(t.Context(), s.now, month); err != nil || d != (journal.Due{Messages: 1, Held: 1, Unfinished: 1}) {
		t.Errorf("due %+v, %v", d, err)
	}
	if p := s.purge(); p.Messages != 1 || !s.known("held") || !s.known("waiting") || s.known("free") {
		t.Errorf("purged %+v; known: held %t, waiting %t, free %t", p, s.known("held"), s.known("waiting"), s.known("free"))
	}
	if err := s.Release(t.Context(), nameOf("held"), "complaint", "ba/auditor"); !errors.Is(err, journal.ErrNotHeld) {
		t.Errorf("released of another reason: %v", err)
	}
	if err := s.Release(t.Context(), nameOf("held"), "litigation", "ba/auditor"); err != nil {
		t.Fatal(err)
	}
	if p := s.purge(); p.Number != 2 || p.Messages != 1 || s.known("held") {
		t.Errorf("after the release: %+v", p)
	}
	if err := s.Hold(t.Context(), nameOf("held"), "litigation", "ba/auditor"); !errors.Is(err, journal.ErrHoldUnknown) {
		t.Errorf("holding what was purged: %v", err)
	}
	if err := s.Hold(t.Context(), nameOf("waiting"), "because", "ba/auditor"); !errors.Is(err, journal.ErrHoldReason) {
		t.Errorf("holding without a reason: %v", err)
	}
}

// The id of a purged message is never received again, whatever comes under it.
func TestAPurgedIDIsNotReceivedAgain(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.receive("old")
	s.end("old")
	s.now = s.now.Add(31 * day)
	s.purge()
	record := usual("old")
	called := false
	_, err := s.Receive(t.Context(), nameOf("old"), "thread", "ba", "rs", func(slot gateway.Slot) (gateway.Record, error) {
		called = true
		return record(slot)
	})
	if gateway.AsProblem(err).Code != gateway.CodePurged || called {
		t.Errorf("received: %v, recorded: %t", err, called)
	}
}

// Many messages are purged in the order of receipt, n at a time.
func TestAPurgeIsBounded(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for i := range 5 {
		s.receive(fmt.Sprint("m-", i))
		s.end(fmt.Sprint("m-", i))
	}
	s.now = s.now.Add(31 * day)
	for want, n := range []int{2, 2, 1, 0} {
		p, err := s.Purge(t.Context(), s.now, month, 2)
		if err != nil || p.Messages != n || n > 0 && p.Number != int64(want)+1 {
			t.Errorf("purge %d: %+v, %v", want+1, p, err)
		}
	}
}

// append writes to the list of purges as a process does that dies in the middle of it, or
// whose disk is full.
func (s *shelf) append(text string) {
	s.Helper()
	f, err := os.OpenFile(s.path+".purges", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.Fatal(err)
	}
}

// spentLine is a line of the list as another process would write it.
func spentLine(number int, id string) string {
	d := sha256.Sum256([]byte(string(nameOf(id).Issuer) + " " + nameOf(id).ID))
	return fmt.Sprintf("purge %d 2029-11-21T03:00:00Z 1 %x end\n", number, d)
}

// A line that was cut off spoils none that comes after it: the journal opens, and what was
// purged later is purged again from a backup.
func TestALineThatWasCutOffSpoilsNoOther(t *testing.T) {
	t.Parallel()
	for _, cut := range []string{"p", "purge 1 2029-11-21T03:00:00Z 2 9c1d", "void", "void 1"} {
		t.Run(cut, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			s.receive("old")
			s.end("old")
			s.shut()
			backup, err := os.ReadFile(s.path)
			if err != nil {
				t.Fatal(err)
			}
			s.open()
			s.append(cut) // the disk was full; this process went on
			s.now = s.now.Add(31 * day)
			s.purge()
			s.shut()
			if err := os.WriteFile(s.path, backup, 0o600); err != nil {
				t.Fatal(err)
			}
			s.open()
			if s.known("old") {
				t.Error("the backup's copy was not purged again")
			}
		})
	}
}

// A process that died between list and database leaves a number that the running one gives
// again. A backup of before is purged of both, and opens.
func TestTwoPurgesOfOneNumberAreBothReplayed(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for _, id := range []string{"first", "second"} {
		s.receive(id)
		s.end(id)
	}
	s.shut()
	backup, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.open()
	s.append(spentLine(1, "first"))
	s.now = s.now.Add(31 * day)
	if p, err := s.Purge(t.Context(), s.now, month, 1); err != nil || p.Number != 1 {
		t.Fatalf("purged %+v, %v", p, err)
	}
	s.append(spentLine(1, "second"))
	s.shut()
	if err := os.WriteFile(s.path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	s.open()
	if s.known("first") || s.known("second") {
		t.Errorf("known: first %t, second %t", s.known("first"), s.known("second"))
	}
}

// A purge that failed is taken back, and nothing of it is done when the journal opens
// again; a purge that comes after it keeps its own number and stays.
func TestAPurgeThatFailedIsTakenBack(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.receive("old")
	s.end("old")
	s.now = s.now.Add(31 * day)
	if err := s.Spoil(`CREATE TRIGGER spoiled BEFORE INSERT ON spent BEGIN SELECT raise(ABORT, 'no'); END`); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Purge(t.Context(), s.now, month, 100); err == nil {
		t.Fatalf("purged %+v", p)
	}
	if err := s.Spoil(`DROP TRIGGER spoiled`); err != nil {
		t.Fatal(err)
	}
	s.shut()
	s.open()
	if !s.known("old") {
		t.Fatal("what failed was done at the next start")
	}
	if p := s.purge(); p.Number != 1 || s.known("old") {
		t.Errorf("purged %+v", p)
	}
	s.shut()
	s.open()
}

// What another process has in hand when the list is read is not done twice: the journal
// opens when that process has committed.
func TestAPurgeInHandElsewhereIsNotDoneTwice(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.receive("old")
	s.end("old")
	s.now = s.now.Add(31 * day)
	p := s.purge()
	before := s.places()
	if err := s.Replay(t.Context(), p.Number); err != nil {
		t.Errorf("replayed: %v", err)
	}
	if after := s.places(); after != before {
		t.Errorf("%d entries, had %d", after, before)
	}
}

// A process that opened the journal long ago destroys the keys also of slots that another
// has made since.
func TestKeysThatAnotherProcessMadeAreDestroyed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	if err := journal.DestroyBeside(path, 5000); err != nil {
		t.Error(err)
	}
}

// A journal whose keys are gone does not open, and does not make others in their place; one
// that never had any does.
func TestAJournalDoesNotOpenWithoutItsKeys(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.receive("one")
	s.shut()
	if err := os.Rename(s.path+".keys", s.path+".elsewhere"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := journal.Open(s.path, journal.Options{Origin: "o"}); !errors.Is(err, journal.ErrNoKeys) {
			t.Fatalf("opened: %v", err)
		}
	}
	if err := os.Rename(s.path+".elsewhere", s.path+".keys"); err != nil {
		t.Fatal(err)
	}
	s.open()
	if !s.known("one") {
		t.Error("with its keys again it does not know its message")
	}
	empty := newShelf(t)
	empty.shut()
	if err := os.Remove(empty.path + ".keys"); err != nil {
		t.Fatal(err)
	}
	empty.open()
}

// What was received before types were recorded is no refusal: it is kept as long as any.
func TestAMessageWithoutATypeIsNotPurgedAsARefusal(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for _, id := range []string{"early", "refused"} {
		record := usual(id)
		_, err := s.Receive(t.Context(), nameOf(id), "thread "+id, "ba", "rs", func(slot gateway.Slot) (gateway.Record, error) {
			r, err := record(slot)
			if id == "refused" {
				r.Answer = gateway.Answer{Refusal: gateway.Refuse(gateway.CodePolicy, "", ""), Signed: "signed"}
				r.Evidence.Event, r.Sender, r.Auditor = gateway.SubmissionRejection, "", ""
			}
			return r, err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.end("early")
	keep := func(typ string) time.Duration {
		return map[string]time.Duration{"": day, journal.Untyped: 30 * day}[typ]
	}
	for i, left := range []map[string]bool{{"early": true, "refused": true}, {"early": true}, {}} {
		s.now = noon.Add([]time.Duration{time.Hour, 2 * day, 31 * day}[i])
		if _, err := s.Purge(t.Context(), s.now, keep, 100); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"early", "refused"} {
			if s.known(id) != left[id] {
				t.Errorf("after %s: %s is known: %t", s.now.Sub(noon), id, s.known(id))
			}
		}
	}
}

// A process that purges beside the one that receives disturbs it nowhere: every message is
// known or purged, and none is neither.
func TestASecondProcessPurgesBesideTheFirst(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	const messages = 100
	received := make(chan struct{})
	go func() {
		defer close(received)
		for i := range messages {
			id := fmt.Sprint("m-", i)
			if _, err := s.Receive(t.Context(), nameOf(id), "thread "+id, "ba", "rs", usual(id)); err != nil {
				t.Error(err)
				return
			}
			c, ok, err := s.Case(t.Context(), "delivery of "+id)
			e, fault := gateway.Testify(gateway.Statement{ID: "e " + id, Signer: "rs/coordinator", At: noon, Event: gateway.ContentConsignment, Message: c.Message, Delivery: c.Delivery}, jsonNotary{})
			if err = errors.Join(err, fault, s.Testimony(t.Context(), c, e)); err != nil || !ok {
				t.Error(ok, err)
				return
			}
			_, err = s.EntriesAt(t.Context(), "o", 0, messages)
			_, fault = s.Cores(t.Context(), "o", 0, messages)
			if err = errors.Join(err, fault); err != nil {
				t.Errorf("an auditor reads: %v", err)
			}
		}
	}()
	later, purged := noon.Add(2*day), 0
	for last := false; !last; {
		select {
		case <-received:
			last = true
		default:
		}
		j, err := journal.Open(s.path, journal.Options{Origin: "o", Now: func() time.Time { return later }})
		if err != nil {
			t.Fatal(err)
		}
		for {
			p, err := j.Purge(t.Context(), later, func(string) time.Duration { return day }, 7)
			if err != nil {
				t.Error(err)
			}
			if p.Messages == 0 {
				break
			}
			purged += p.Messages
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
	if purged != messages {
		t.Errorf("%d of %d messages were purged", purged, messages)
	}
	s.shut()
	s.open()
	for i := range messages {
		if _, _, err := s.Find(t.Context(), nameOf(fmt.Sprint("m-", i))); gateway.AsProblem(err).Code != gateway.CodePurged {
			t.Errorf("message %d: %v", i, err)
		}
	}
}
