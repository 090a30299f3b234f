package certs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

func TestNothingIsRenewedBeforeItsTime(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	before := contents(t, dir)
	r, err := Renew(dir, Options{Now: noon.Add(30 * day)})
	if err != nil {
		t.Fatal(err)
	}
	if r.Keys != 0 || r.Number != 1 {
		t.Errorf("%d keys in directory %d", r.Keys, r.Number)
	}
	if len(contents(t, dir)) != len(before) {
		t.Error("files were written")
	}
}

func TestRenewedKeysOverlapAndWaitForTheirDirectory(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	now := noon.Add(70 * day)
	r, err := Renew(dir, Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if r.Number != 2 || r.Keys != 39 || r.Certificates != 0 {
		t.Errorf("made %+v", r)
	}
	const p = gateway.Party("rs/coordinator")
	old, err := LoadAt(dir, p, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(old.Encryption) != 2 {
		t.Fatalf("%d encryption keys", len(old.Encryption))
	}
	if got := open(t, dir, now).Keys(p, gateway.UseEncryption, now); len(got) != 1 || got[0].ID != old.Encryption[1].ID() {
		t.Error("senders see the new key before its directory is in force")
	}
	later := now.Add(trust.Delay)
	got := open(t, dir, later).Keys(p, gateway.UseEncryption, later)
	if len(got) != 2 || got[0].ID != old.Encryption[0].ID() || got[1].ID != old.Encryption[1].ID() {
		t.Error("the new key is not first, or the old one is gone")
	}
	if again, err := Renew(dir, Options{Now: now.Add(time.Hour)}); err != nil || again.Keys != 0 {
		t.Errorf("renewed twice: %+v %v", again, err)
	}
	for _, f := range findings(t, dir, later) {
		t.Error(f)
	}
}

func TestARenewedSigningKeyIsLoadedFromItsFirstDay(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	// Encryption keys in between, so that the coordinators are never mute.
	now := noon
	for range 4 {
		now = now.Add(80 * day)
		if _, err := Renew(dir, Options{Now: now}); err != nil {
			t.Fatal(err)
		}
	}
	const p = gateway.Party("rs/coordinator")
	before, err := LoadAt(dir, p, now.Add(trust.Delay-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	after, err := LoadAt(dir, p, now.Add(trust.Delay))
	if err != nil {
		t.Fatal(err)
	}
	if before.Message.ID() == after.Message.ID() {
		t.Error("the message key was not renewed")
	}
	d := open(t, dir, now.Add(trust.Delay))
	if d.Number() != 5 || d.Keys(p, gateway.UseMessage, now.Add(trust.Delay))[0].ID != after.Message.ID() {
		t.Error("what is loaded is not what is listed")
	}
	if Thumbprint(after.Chain[0]) != after.Thumbprint[after.Message.ID()] {
		t.Error("the chain is the old key's")
	}
	if all := after.All(gateway.UseMessage); len(all) != 2 || all[0].ID() != after.Message.ID() || all[1].ID() != before.Message.ID() {
		t.Errorf("of the keys that overlap, All has %v", all)
	}
	last := noon.Add(364 * day)
	if fresh, err := LoadAt(dir, p, last.Add(1000*day)); err != nil || fresh.Message.ID() != after.Message.ID() {
		t.Errorf("where none is valid, the newest: %v", err)
	}
}

func TestARealDirectoryIsNotRenewedByOneCommand(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	doc := open(t, dir, noon).Document()
	doc.Development = false
	hands, _, err := allHands(dir)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := trust.Sign(doc, hands...)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, directoryFile), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Renew(dir, Options{Now: noon.Add(80 * day)}); err == nil {
		t.Error("renewed")
	}
	var testKeys, authority bool
	for _, f := range findings(t, dir, noon) {
		testKeys = testKeys || f.What == "a TEST KEY among real ones"
		authority = authority || f.Where == "ca/rs.key"
	}
	if !testKeys || !authority {
		t.Error("test keys or an authority's key in a real region are not found")
	}
}

func TestEncryptionKeysAreDestroyedAfterTheLastMessage(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	if _, err := Renew(dir, Options{Now: noon.Add(70 * day)}); err != nil {
		t.Fatal(err)
	}
	end := noon.Add(-early).Add(trust.MaxEncryption)
	if gone, err := Destroy(dir, Options{Now: end.Add(MaxWait - time.Second)}); err != nil || len(gone) > 0 {
		t.Errorf("one second early: %v %v", gone, err)
	}
	gone, err := Destroy(dir, Options{Now: end.Add(MaxWait)})
	if err != nil || len(gone) != 39 {
		t.Fatalf("%d destroyed: %v", len(gone), err)
	}
	k, err := LoadAt(dir, "rs/coordinator", end.Add(MaxWait))
	if err != nil || len(k.Encryption) != 1 {
		t.Fatalf("%v", err)
	}
	if got := open(t, dir, noon.Add(80*day)).Keys("rs/coordinator", gateway.UseEncryption, noon.Add(80*day)); got[0].ID != k.Encryption[0].ID() {
		t.Error("the newer key was destroyed")
	}
}

func TestAnOfficeMakesItsOwnKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const p = gateway.Party("rs/prosecution")
	first, err := New(dir, p, gateway.UseMessage)
	if err != nil {
		t.Fatal(err)
	}
	second, err := New(dir, p, gateway.UseMessage)
	if err != nil || first == second {
		t.Errorf("a second key went over the first: %s %s %v", first, second, err)
	}
	if info, err := os.Stat(filepath.Join(dir, first)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v", err)
	}
	// Without certificates they are not used.
	if _, err := Load(dir, p); err == nil {
		t.Error("loaded a key that nobody certified")
	}
	if _, err := New(dir, p, gateway.UseEncryption); err != nil {
		t.Fatal(err)
	}
	k, err := Load(dir, p)
	if err != nil || k.Message != nil || len(k.Encryption) != 1 {
		t.Fatalf("%v", err)
	}
	proposed, err := Propose(dir, p, nil, noon)
	if err != nil || len(proposed) != 1 || proposed[0].ID != k.Encryption[0].ID() || proposed[0].NotAfter.Sub(noon) != trust.MaxEncryption {
		t.Errorf("proposed %v %v", proposed, err)
	}
	if _, err := New(dir, p, gateway.UseDirectory); err == nil {
		t.Error("made a directory key for a prosecution")
	}
	pin, err := NewCoordinator(dir, "rs")
	if err != nil {
		t.Fatal(err)
	}
	if k, err := Coordinator(dir, "rs"); err != nil || k.ID() != pin.ID {
		t.Errorf("the directory key: %v", err)
	}
	if _, err := NewCoordinator(dir, "rs"); !errors.Is(err, os.ErrExist) {
		t.Errorf("over the first: %v", err)
	}
}

func TestAProposalLeavesOutWhatIsListed(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	d := open(t, dir, noon)
	if got, err := Propose(dir, "rs/coordinator", d, noon); err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
	if _, err := New(dir, "rs/coordinator", gateway.UseEncryption); err != nil {
		t.Fatal(err)
	}
	got, err := Propose(dir, "rs/coordinator", d, noon.Add(trust.Delay))
	if err != nil || len(got) != 1 {
		t.Fatalf("%v %v", got, err)
	}
	doc := d.Document()
	doc.Number, doc.Issued, doc.Activates = 2, noon, noon.Add(trust.Delay)
	e := doc.Entry("rs/coordinator")
	e.Keys = append(e.Keys, got...)
	doc.Sort()
	if err := doc.Check(); err != nil {
		t.Error(err)
	}
}
