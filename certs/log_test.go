package certs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway/ledger/quorum"
)

func TestTheDirectoryListsTheLogsKeyAndItsWitnesses(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	l, ok := open(t, dir, noon).Log()
	if !ok || l.Name != LogName {
		t.Fatalf("the directory has no log: %+v", l)
	}
	p, err := quorum.Parse(l.Policy)
	if err != nil || len(p.Witnesses) != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, c := range []struct {
		cosigned []string
		want     bool
	}{{nil, false}, {[]string{"al"}, false}, {[]string{"al", "me"}, true}, {[]string{"md", "me"}, true}} {
		if got := p.Satisfied(func(n string) bool { return slices.Contains(c.cosigned, n) }); got != c.want {
			t.Errorf("%v: satisfied is %v", c.cosigned, got)
		}
	}
	holds(t, dir, LogKeyFile(), l.Key)
	for _, w := range p.Witnesses {
		holds(t, dir, WitnessKeyFile(w.Name), w.Key.String())
	}
}

func TestAForeignKeyOfTheLogIsFound(t *testing.T) {
	t.Parallel()
	dir := develop(t)
	if found, err := Check(dir, noon); err != nil || len(found) != 0 {
		t.Fatalf("a new region has findings: %v, %v", found, err)
	}
	other := t.TempDir()
	if _, err := NewLog(other, LogName); err != nil {
		t.Fatal(err)
	}
	if _, err := NewLog(other, LogName); err == nil {
		t.Error("a key was written over")
	}
	witness, _, err := quorum.Generate("other.example.org", quorum.Witness)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(other, LogKeyFile()))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{LogKeyFile(): log, WitnessKeyFile("al"): []byte(witness), WitnessKeyFile("md"): []byte("no key")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := Check(dir, noon)
	if err != nil || len(found) != 3 {
		t.Fatalf("%v, %v", found, err)
	}
	for i, want := range []string{LogKeyFile(), WitnessKeyFile("al"), WitnessKeyFile("md")} {
		if found[i].Where != want || strings.Contains(found[i].String(), witness[len(witness)-20:]) {
			t.Errorf("finding %d is %v", i, found[i])
		}
	}
}

// holds asks whether a file holds the private half of a key.
func holds(t *testing.T, dir, name, vkey string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Error(err)
		return
	}
	if _, k, err := quorum.ParsePrivate(string(raw)); err != nil || k.String() != vkey {
		t.Errorf("%s is not the key of %s: %v", name, vkey, err)
	}
}
