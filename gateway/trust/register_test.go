package trust

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
)

func take(t testing.TB, reg *Register, raw []byte, now time.Time) {
	t.Helper()
	if err := reg.Take(raw, now); err != nil {
		t.Fatal(err)
	}
}

func TestTheNextDirectoryWaitsForItsTime(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, folder := r.register(t)
	two := r.force(t, r.next())
	take(t, reg, two, noon)
	if n := reg.Live().Current().Number(); n != 1 {
		t.Errorf("number %d in force during the delay", n)
	}
	if reg.Seen() != 2 || len(reg.Waiting()) != 1 {
		t.Errorf("seen %d, waiting %d", reg.Seen(), len(reg.Waiting()))
	}
	if next := reg.Turn(noon.Add(Delay - time.Second)); !next.Equal(noon.Add(Delay)) {
		t.Errorf("next at %v", next)
	}
	if n := reg.Live().Current().Number(); n != 1 {
		t.Errorf("number %d in force one second early", n)
	}
	if next := reg.Turn(noon.Add(Delay)); !next.IsZero() {
		t.Errorf("next at %v, want none", next)
	}
	if n := reg.Live().Current().Number(); n != 2 {
		t.Errorf("number %d in force after the delay", n)
	}

	again, err := OpenRegister(folder, r.pins, r.force(t, r.doc), noon.Add(Delay))
	if err != nil {
		t.Fatal(err)
	}
	if n := again.Live().Current().Number(); n != 2 {
		t.Errorf("number %d in force after a restart", n)
	}
}

func TestRunBringsADirectoryIntoForceByItself(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		r.doc.Issued, r.doc.Activates, r.doc.Expires = now, now, now.Add(100*day)
		for i := range r.doc.Parties {
			for j := range r.doc.Parties[i].Keys {
				k := &r.doc.Parties[i].Keys[j]
				k.NotBefore, k.NotAfter = now, now.Add(90*day)
			}
		}
		reg, err := OpenRegister(t.TempDir(), r.pins, r.force(t, r.doc), now)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- reg.Run(ctx) }()
		synctest.Wait()
		doc := r.doc.Clone()
		doc.Number, doc.Issued, doc.Activates = 2, now, now.Add(Delay)
		take(t, reg, r.force(t, doc), now)
		time.Sleep(Delay - time.Second)
		synctest.Wait()
		if n := reg.Live().Current().Number(); n != 1 {
			t.Errorf("number %d in force one second early", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := reg.Live().Current().Number(); n != 2 {
			t.Errorf("number %d in force after the delay", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestARollBackOfFilesIsNoticedAtTheStart(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, folder := r.register(t)
	take(t, reg, r.force(t, r.next()), noon)
	other := r.doc.Clone()
	other.Notice = "another number one"
	_, err := OpenRegister(folder, r.pins, r.force(t, other), noon)
	wantReason(t, err, NumberReused)

	skipped := r.next()
	skipped.Number = 5
	take(t, reg, r.force(t, skipped), noon)
	between := r.next()
	between.Number = 3
	_, err = OpenRegister(folder, r.pins, r.force(t, between), noon.Add(Delay))
	wantReason(t, err, RolledBack)

	// A file of the folder that somebody edited ends the start, whatever it says.
	path := filepath.Join(folder, "directories", "2.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(raw, []byte(`"payload":"e`), []byte(`"payload":"f`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRegister(folder, r.pins, r.force(t, r.doc), noon); err == nil {
		t.Error("an edited directory was believed")
	}
}

func TestANewerInstalledDirectoryIsTaken(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	_, folder := r.register(t)
	reg, err := OpenRegister(folder, r.pins, r.force(t, r.next()), noon)
	if err != nil {
		t.Fatal(err)
	}
	if reg.Seen() != 2 || reg.Live().Current().Number() != 1 {
		t.Errorf("seen %d, in force %d", reg.Seen(), reg.Live().Current().Number())
	}
}

func TestStatementsHoldAtOnceAfterARestartAndOverTheNextDirectory(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, folder := r.register(t)
	id := r.keys["rs/coordinator"][gateway.UseMessage].ID()
	revocation := r.revoke(t, "rs/coordinator", gateway.UseMessage, noon)
	if err := reg.Tell(revocation, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := reg.Tell(revocation, noon.Add(time.Minute)); err != nil {
		t.Errorf("the same again: %v", err)
	}
	revoked := func(d gateway.Directory) bool { k, _ := d.Key(id); return k.Revoked.Equal(noon) }
	if !revoked(reg.Live()) {
		t.Error("not revoked at once")
	}
	// The next directory drops the approval key that signed the statement, and lists a
	// message key that the coordinator needs instead.
	doc := r.next()
	e := doc.Entry("rs/coordinator")
	_, k := fresh(t, gateway.UseMessage, noon.Add(Delay))
	e.Keys = append(keep(e.Keys, gateway.UseMessage), append(keep(e.Keys, gateway.UseEncryption), append(keep(e.Keys, gateway.UseEvidence), k)...)...)
	doc.Sort()
	take(t, reg, r.force(t, doc, "al", "ba", "md", "rs"), noon)
	reg.Turn(noon.Add(Delay))
	if reg.Live().Current().Number() != 2 || !revoked(reg.Live()) {
		t.Error("not revoked in the next directory")
	}
	again, err := OpenRegister(folder, r.pins, r.force(t, r.doc), noon.Add(Delay))
	if err != nil {
		t.Fatal(err)
	}
	if !revoked(again.Live()) {
		t.Error("not revoked after a restart")
	}
	if diff := cmp.Diff([]string{revocation}, again.Live().Current().Statements()); diff != "" {
		t.Error(diff)
	}
}

func TestARevokedKeyIsNotMadeGoodByTheNextDirectory(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	r.key("rs/child-protection", gateway.UseEvidence).Revoked = noon.Add(-time.Minute)
	reg, _ := r.register(t)
	doc := r.next()
	for i := range doc.Entry("rs/child-protection").Keys {
		doc.Entry("rs/child-protection").Keys[i].Revoked = time.Time{}
	}
	wantReason(t, reg.Take(r.force(t, doc, "al", "ba", "md", "rs"), noon), Unrevoked)
}

func TestAKeyThatWasReplacedSaysNothingMore(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, _ := r.register(t)
	doc := r.next()
	_, k := fresh(t, gateway.UseApproval, noon.Add(Delay))
	e := doc.Entry("rs/child-protection")
	e.Keys = append(append(keep(e.Keys, gateway.UseEncryption), keep(e.Keys, gateway.UseEvidence)...), k)
	doc.Sort()
	take(t, reg, r.force(t, doc, "al", "ba", "md", "rs"), noon)
	reg.Turn(noon.Add(Delay))
	late := noon.Add(Delay + time.Hour)
	wantReason(t, reg.Tell(r.revoke(t, "rs/child-protection", gateway.UseEvidence, late), late), NotTheirs)
}

func TestASwitchDuringTheDelayOfTheNextHolds(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, _ := r.register(t)
	take(t, reg, r.force(t, r.next()), noon)
	if err := reg.Tell(r.switched(t, "rs", "ba", true, noon.Add(time.Hour)), noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if p, _ := reg.Live().Pair("ba", "rs"); p.On {
		t.Error("the pair is on at once")
	}
	reg.Turn(noon.Add(Delay))
	if p, _ := reg.Live().Pair("ba", "rs"); p.On || reg.Live().Current().Number() != 2 {
		t.Error("the pair is on in the next directory")
	}
}

func TestAStatementThatIsDatedBackIsNotPublished(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, _ := r.register(t)
	s := r.revoke(t, "rs/coordinator", gateway.UseMessage, noon)
	wantReason(t, reg.Tell(s, noon.Add(Prompt+time.Second)), TooOld)
	if err := reg.Tell(r.revoke(t, "ba/coordinator", gateway.UseMessage, noon), noon.Add(Prompt)); err != nil {
		t.Errorf("in the last second: %v", err)
	}
	wantReason(t, reg.Heard(s, noon.Add(-gateway.Skew-time.Second)), FromTheFuture)
	if err := reg.Heard(s, noon.Add(30*day)); err != nil {
		t.Errorf("one that the gateway has published: %v", err)
	}
}

func TestAFullDiskLeavesEverythingAsItWas(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, folder := r.register(t)
	// A file where the folder should be: nothing can be kept, also by root.
	if err := os.RemoveAll(filepath.Join(folder, "directories")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"directories", "statements"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := reg.Take(r.force(t, r.next()), noon); err == nil || reg.Seen() != 1 {
		t.Errorf("taken without being kept: %v", err)
	}
	if err := reg.Tell(r.revoke(t, "rs/coordinator", gateway.UseMessage, noon), noon); err == nil {
		t.Error("told without being kept")
	}
	if k, _ := reg.Live().Key(r.keys["rs/coordinator"][gateway.UseMessage].ID()); !k.Revoked.IsZero() {
		t.Error("revoked, and forgotten by the next start")
	}
}

func TestAFolderThatACrashLeftIsRead(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	_, folder := r.register(t)
	if err := os.WriteFile(filepath.Join(folder, "directories", ".taking-123"), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRegister(folder, r.pins, r.force(t, r.doc), noon); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(folder, "*", "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v", left)
	}
}

func TestReadersWritersAndTheClockGetAlong(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	reg, _ := r.register(t)
	two := r.force(t, r.next())
	statements := []string{
		r.revoke(t, "rs/coordinator", gateway.UseMessage, noon), r.switched(t, "rs", "ba", true, noon),
		r.revoke(t, "ba/coordinator", gateway.UseMessage, noon),
	}
	var all sync.WaitGroup
	for _, s := range statements {
		all.Go(func() {
			if err := reg.Tell(s, noon); err != nil {
				t.Error(err)
			}
		})
	}
	all.Go(func() {
		if err := reg.Take(two, noon); err != nil {
			t.Error(err)
		}
	})
	all.Go(func() { reg.Turn(noon.Add(Delay)) })
	all.Go(func() {
		for range 100 {
			reg.Live().Keys("rs/coordinator", gateway.UseMessage, noon)
			reg.Standing(noon)
		}
	})
	all.Wait()
	reg.Turn(noon.Add(Delay))
	d := reg.Live().Current()
	if d.Number() != 2 || len(d.Statements()) != 3 {
		t.Errorf("number %d with %d statements", d.Number(), len(d.Statements()))
	}
}
