package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
)

// yesterday makes a log of 3 entries, keeps a copy of its database, adds 4 more, and puts
// the copy back.
func yesterday(t *testing.T, w *world) {
	t.Helper()
	copied := filepath.Join(w.dir, "yesterday")
	w.run()
	w.deeds(0, 3)
	w.witnessed(3)
	w.close()
	w.copyTree(copied, filepath.Dir(w.database()))
	w.run()
	w.deeds(3, 4)
	w.witnessed(7)
	w.close()
	w.copyTree(filepath.Dir(w.database()), copied)
}

func TestYesterdaysDatabaseIsNotSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	yesterday(t, w)
	signed, err := os.ReadFile(w.guardFile())
	w.must(err)
	w.open()
	s := w.standing()
	if !errors.Is(s.Refused, ledger.ErrRolledBack) {
		t.Fatalf("before it runs: %+v", s)
	}
	if got := w.numbered.Load(); got == nil || *got != "trm/2026.2" {
		t.Errorf("pairs are numbered in %v, where numbers may have been given already", got)
	}
	for _, want := range []string{w.guardFile(), "7 entries", "the database 3", "trm ledger succeed"} {
		if !strings.Contains(s.Refused.Error(), want) {
			t.Errorf("the refusal does not say %q: %v", want, s.Refused)
		}
	}
	w.close()
	w.run()
	w.deeds(100, 5) // more than the guard knows of
	w.refused(ledger.ErrRolledBack)
	w.await("the entries to wait", func() error {
		if s := w.standing(); s.Waiting != 5 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if again, err := os.ReadFile(w.guardFile()); err != nil || string(again) != string(signed) {
		t.Errorf("the guard was written: %v\n%s", err, again)
	}
	for name, o := range w.witnesses {
		if h := o.Heads(); len(h) != 1 || h[0].Size > 7 || h[0].Fork != "" {
			t.Errorf("witness %s was shown %+v", name, h)
		}
	}
}

// After a roll-back a new origin begins, whose first entry commits to what was signed last;
// what was received meanwhile stands in it, and the gateway goes on without a restart.
func TestASuccessionCommitsToTheOldHeadAndGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	yesterday(t, w)
	last, err := os.ReadFile(w.guardFile())
	w.must(err)
	w.run()
	w.refused(ledger.ErrRolledBack)
	w.deeds(100, 5)
	guard, err := ledger.OpenGuard(w.guardFile())
	w.must(err)
	next, err := ledger.Succeed(t.Context(), w.journal, w.signer.Key(), guard, nil, noon)
	if err != nil || next != "trm/2026.2" {
		t.Fatal(next, err)
	}
	if _, err := ledger.Succeed(t.Context(), w.journal, w.signer.Key(), guard, nil, noon); err == nil {
		t.Error("it was succeeded twice")
	}
	w.await("the new log to be witnessed", func() error {
		if s := w.standing(); s.Origin != next || s.Witnessed < 6 || s.Refused != nil {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if n := w.proven(next); n != 6 {
		t.Errorf("the new log has %d entries, not the succession and the five that waited", n)
	}
	d, err := ledger.Began(t.Context(), w.journal, next)
	if err != nil || d.Of != origin || d.Checkpoint != string(last) {
		t.Errorf("the first entry commits to %+v (%v), not to\n%s", d, err, last)
	}
	if got := w.digests(next)[1:]; got[0] != "deed 100" || got[4] != "deed 104" {
		t.Errorf("it goes on with %v", got)
	}
	if *w.numbered.Load() != next {
		t.Errorf("pairs are numbered in %s", *w.numbered.Load())
	}
	// The old log is still shown as far as the database has it.
	if c := w.checkpoint(origin); c.Size != 3 {
		t.Errorf("of the old log %+v is shown", c)
	}
	if w.proven(origin) != 3 {
		t.Error("what the old log still has is not proven")
	}
	w.close()
	w.origin = origin
	w.run()
	w.deed("after a restart")
	w.await("it to go on after a restart", func() error {
		if s := w.standing(); s.Origin != next || s.Witnessed != 7 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// A second disaster is noticed and succeeded like the first, also where the database does
// not know of the first succession.
func TestASuccessionIsSucceeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	yesterday(t, w)
	guard, err := ledger.OpenGuard(w.guardFile())
	w.must(err)
	w.open()
	_, err = ledger.Succeed(t.Context(), w.journal, w.signer.Key(), guard, nil, noon)
	w.must(err)
	w.close()
	w.run()
	w.deeds(100, 2)
	w.await("the successor", func() error {
		if s := w.standing(); s.Origin != "trm/2026.2" || s.Witnessed != 3 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	w.close()
	w.copyTree(filepath.Dir(w.database()), filepath.Join(w.dir, "yesterday"))
	w.open()
	if s := w.standing(); !errors.Is(s.Refused, ledger.ErrRolledBack) || *w.numbered.Load() != "trm/2026.3" {
		t.Fatalf("%+v, numbered in %s", s, *w.numbered.Load())
	}
	if _, err := guard.Read(); err != nil {
		t.Fatal(err)
	}
	next, err := ledger.Succeed(t.Context(), w.journal, w.signer.Key(), guard, nil, noon)
	if err != nil || next != "trm/2026.3" {
		t.Fatal(next, err)
	}
}

func TestThereIsNothingToSucceedWhileTheDatabaseHoldsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.run()
	w.deeds(0, 3)
	w.witnessed(3)
	guard, err := ledger.OpenGuard(w.guardFile())
	w.must(err)
	if next, err := ledger.Succeed(t.Context(), w.journal, w.signer.Key(), guard, nil, noon); err == nil {
		t.Errorf("%s began", next)
	}
	w.must(os.Remove(w.guardFile()))
	if next, err := ledger.Succeed(t.Context(), w.journal, w.signer.Key(), guard, nil, noon); err == nil {
		t.Errorf("%s began without any checkpoint", next)
	}
}

// A database of the same size with other entries is not yesterday's: somebody changed it.
func TestAnotherHistoryIsNotSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.run()
	w.deeds(0, 5)
	w.witnessed(5)
	w.close()
	kept, err := os.ReadFile(w.guardFile())
	w.must(err)
	w.must(os.RemoveAll(filepath.Dir(w.database())))
	w.must(os.Remove(w.guardFile()))
	w.policy, err = quorum.Parse("quorum none\n")
	w.must(err)
	w.run()
	w.deeds(50, 9)
	w.published(9)
	w.close()
	w.must(os.WriteFile(w.guardFile(), kept, 0o600))
	w.run()
	w.refused(ledger.ErrRewritten)
	if again, err := os.ReadFile(w.guardFile()); err != nil || string(again) != string(kept) {
		t.Errorf("the guard was written: %v", err)
	}
}

func TestWithoutGuardALogGoesOnOnceItsWitnessesAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.run()
	w.deeds(0, 5)
	w.witnessed(5)
	w.close()
	w.must(os.Remove(w.guardFile()))
	for _, o := range w.witnesses {
		o.off.Store(true)
	}
	w.run()
	w.deeds(5, 2)
	asked := w.witnesses["a"].told.Load()
	w.await("witnesses to be asked in vain", func() error {
		if w.witnesses["a"].told.Load() < asked+2 {
			return errors.New("not asked")
		}
		return nil
	})
	if s := w.standing(); s.Signed != 0 || s.Waiting != 2 {
		t.Errorf("nothing says how far the log had come, and it was signed: %+v", s)
	}
	if _, err := os.Stat(w.guardFile()); err == nil {
		t.Error("the guard was written")
	}
	for _, o := range w.witnesses {
		o.off.Store(false)
	}
	w.published(7)
	w.witnessed(7)
	w.proven(origin)
}

func TestWithoutGuardAndWitnessesNothingIsSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "quorum none\n")
	w.run()
	w.deeds(0, 5)
	w.witnessed(5)
	w.close()
	w.must(os.Remove(w.guardFile()))
	w.run()
	w.refused(ledger.ErrUnguarded)
	w.deed("more")
	if s := w.standing(); !strings.Contains(s.Refused.Error(), "--checkpoint") || !strings.Contains(s.Refused.Error(), w.guardFile()) {
		t.Errorf("the refusal does not say what to do: %v", s.Refused)
	}
	// An operator who has found the last checkpoint elsewhere goes on from it.
	guard, err := ledger.OpenGuard(w.guardFile())
	w.must(err)
	last, _, err := w.journal.Checkpoint(t.Context(), origin, 1<<40)
	w.must(err)
	if next, err := ledger.Succeed(t.Context(), w.journal, w.signer.Key(), guard, last, noon); err != nil || next != "trm/2026.2" {
		t.Fatal(next, err)
	}
	w.await("the successor", func() error {
		if s := w.standing(); s.Origin != "trm/2026.2" || s.Signed != 2 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// Where the guard was restored with the database, the witnesses still know.
func TestWitnessesKnowOfARollBackThatTheGuardDoesNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	copied := filepath.Join(w.dir, "yesterday")
	w.run()
	w.deeds(0, 3)
	w.witnessed(3)
	w.close()
	w.copyTree(copied, filepath.Dir(w.database()))
	guard, err := os.ReadFile(w.guardFile())
	w.must(err)
	w.run()
	w.deeds(3, 4)
	w.witnessed(7)
	last, _, err := w.journal.Checkpoint(t.Context(), origin, 1<<40)
	w.must(err)
	w.close()
	w.copyTree(filepath.Dir(w.database()), copied)
	w.must(os.WriteFile(w.guardFile(), guard, 0o600))
	w.run()
	w.deed("one more")
	w.refused(ledger.ErrContradicted)
	if got := *w.numbered.Load(); got != "trm/2026.2" {
		t.Errorf("pairs are numbered in %s", got)
	}
	g, err := ledger.OpenGuard(w.guardFile())
	w.must(err)
	if next, err := ledger.Succeed(t.Context(), w.journal, w.signer.Key(), g, nil, noon); err == nil {
		t.Errorf("%s succeeds what the guard knows, which is not all", next)
	}
	if next, err := ledger.Succeed(t.Context(), w.journal, w.signer.Key(), g, last, noon); err != nil || next != "trm/2026.2" {
		t.Fatal(next, err)
	}
	w.await("the successor", func() error {
		if s := w.standing(); s.Origin != "trm/2026.2" || s.Witnessed < 1 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

func TestASecondSignerIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "quorum none\n")
	w.run()
	w.deeds(0, 2)
	w.published(2)
	raw, err := os.ReadFile(w.guardFile())
	w.must(err)
	other := newWorld(t, "quorum none\n")
	other.signer = w.signer
	other.run()
	other.deeds(50, 9)
	other.published(9)
	stolen, err := os.ReadFile(other.guardFile())
	w.must(err)
	w.must(os.WriteFile(w.guardFile(), stolen, 0o600))
	w.deed("third")
	w.await("a refusal", func() error {
		if s := w.standing(); s.Refused == nil || s.Signed != 2 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if now, err := os.ReadFile(w.guardFile()); err != nil || string(now) != string(stolen) {
		t.Errorf("the other's checkpoint was written over with %s", raw)
	}
}

func TestAGuardOfAnotherKeyOrTamperedIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "quorum none\n")
	w.run()
	w.deeds(0, 2)
	w.published(2)
	w.close()
	raw, err := os.ReadFile(w.guardFile())
	w.must(err)
	for name, change := range map[string]func(string) string{
		"another size":   func(s string) string { return strings.Replace(s, "\n2\n", "\n1\n", 1) },
		"another origin": func(s string) string { return strings.Replace(s, "trm/2026", "trm/2025", 2) },
		"another region": func(s string) string { return strings.Replace(s, "trm/2026", "other/2026", 2) },
		"no signature":   func(s string) string { return s[:strings.Index(s, "\n\n")+2] },
		"a torn file":    func(s string) string { return s[:len(s)-9] },
		"empty":          func(string) string { return "" },
	} {
		w.must(os.WriteFile(w.guardFile(), []byte(change(string(raw))), 0o600))
		w.open()
		if s := w.standing(); !errors.Is(s.Refused, ledger.ErrKey) {
			t.Errorf("%s: %+v", name, s)
		}
		w.close()
	}
}

func TestAYearTurnsIntoALogThatCommitsToTheOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.run()
	w.deeds(0, 5)
	w.witnessed(5)
	w.close()
	// The last entries of the year have their witnesses only after its end.
	for _, o := range w.witnesses {
		o.off.Store(true)
	}
	w.run()
	w.deeds(5, 2)
	w.published(7)
	w.close()
	for _, o := range w.witnesses {
		o.off.Store(false)
	}
	w.origin = "trm/2027"
	w.run()
	w.deeds(7, 2)
	w.await("the new year's log", func() error {
		if s := w.standing(); s.Origin != "trm/2027" || s.Witnessed != 3 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	w.proven("trm/2027")
	d, err := ledger.Began(t.Context(), w.journal, "trm/2027")
	if err != nil || d.Of != origin || d.Event != gateway.OriginSucceeded {
		t.Errorf("%+v, %v", d, err)
	}
	c, err := ledger.ParseCheckpoint(d.Checkpoint)
	if err != nil || c.Size != 7 {
		t.Errorf("it commits to %+v, %v", c, err)
	}
	w.await("the old log's end to be witnessed", func() error {
		_, err := w.log.Prove(t.Context(), origin, 6)
		return err
	})
	if w.proven(origin) != 7 {
		t.Error("the old log is not whole")
	}
	for name, want := range map[string]string{"0/000.p/7": origin, "entries/000.p/3": "trm/2027"} {
		if _, err := w.log.Tile(t.Context(), want, name); err != nil {
			t.Errorf("%s of %s: %v", name, want, err)
		}
	}
}

// A new disk: neither database nor guard, and a quorum that knows better.
func TestANewDatabaseOfAnOldLogIsNotSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.run()
	w.deeds(0, 5)
	w.witnessed(5)
	last, _, err := w.journal.Checkpoint(t.Context(), origin, 1<<40)
	w.must(err)
	w.close()
	w.must(os.RemoveAll(filepath.Dir(w.database())))
	w.must(os.Remove(w.guardFile()))
	w.run()
	w.deeds(50, 9)
	w.refused(ledger.ErrContradicted)
	if _, err := os.Stat(w.guardFile()); err == nil {
		t.Error("a checkpoint was signed")
	}
	if s := w.standing(); s.Signed != 0 || s.Held != 0 || *w.numbered.Load() != "trm/2026.2" {
		t.Errorf("%+v, numbered in %s", s, *w.numbered.Load())
	}
	g, err := ledger.OpenGuard(w.guardFile())
	w.must(err)
	if next, err := ledger.Succeed(t.Context(), w.journal, w.signer.Key(), g, last, noon); err != nil || next != "trm/2026.2" {
		t.Fatal(next, err)
	}
	w.await("the successor", func() error {
		if s := w.standing(); s.Origin != "trm/2026.2" || s.Witnessed != 10 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// A new log does not wait long for witnesses that are away.
func TestANewLogBeginsWithoutItsWitnesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	for _, o := range w.witnesses {
		o.off.Store(true)
	}
	w.run()
	w.deeds(0, 3)
	w.published(3)
	for _, o := range w.witnesses {
		o.off.Store(false)
	}
	w.witnessed(3)
}

// A guard that was written and could not be flushed is not another signer's.
func TestAGuardThatWasHalfKeptIsStillOurs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "guard")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "log.guard")
	g, err := ledger.OpenGuard(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Keep([]byte("one")); err != nil {
		t.Fatal(err)
	}
	// The folder is away while the second is written: neither old nor new is there.
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := g.Keep([]byte("two")); err == nil {
		t.Fatal("it was kept in a folder that is not there")
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	// Not done: the old one is there.
	if err := g.Keep([]byte("two")); err != nil {
		t.Errorf("what it wrote itself is another signer's: %v", err)
	}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := g.Keep([]byte("three")); err == nil {
		t.Fatal("it was kept in a folder that is not there")
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	// Done, and the answer lost: the new one is there.
	if err := os.WriteFile(path, []byte("three"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Keep([]byte("four")); err != nil {
		t.Errorf("what it wrote itself is another signer's: %v", err)
	}
	if err := os.WriteFile(path, []byte("a stranger's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Keep([]byte("five")); !errors.Is(err, ledger.ErrTwoSigners) {
		t.Errorf("another signer is not noticed: %v", err)
	}
}
