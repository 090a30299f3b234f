package codelists_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"example.org/trm/certs"
	"example.org/trm/cmd/internal/codelists"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

var (
	noon      = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	activates = noon.AddDate(0, 1, 0)
)

// world is a directory of test keys, and a second release that its coordinators signed.
type world struct {
	directory     *trust.Directory
	raw, manifest []byte
	sign          func(r schemas.Release, by ...gateway.Country) []byte
}

func newWorld(t *testing.T) world {
	t.Helper()
	dir := t.TempDir()
	if _, err := certs.Develop(dir, certs.Options{Now: noon}); err != nil {
		t.Fatal(err)
	}
	d, err := trust.OpenFolder(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	w := world{directory: d}
	w.sign = func(r schemas.Release, by ...gateway.Country) []byte {
		var hands []*envelope.Private
		for _, c := range by {
			k, err := certs.Coordinator(dir, c)
			if err != nil {
				t.Fatal(err)
			}
			hands = append(hands, k)
		}
		m, err := trust.SignCodes(trust.Codes{
			Release: r.Name, Supersedes: "2026-11", Published: noon, Activates: activates, Overlaps: noon.AddDate(2, 0, 0), Digests: r.Digests(),
		}, hands...)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	r := second(t)
	if w.raw, err = r.Marshal(); err != nil {
		t.Fatal(err)
	}
	w.manifest = w.sign(r, "al", "ba", "md", "rs")
	return w
}

// second is the built-in release with one indicator more.
func second(t *testing.T) schemas.Release {
	t.Helper()
	r, ok := set(t).Published("2026-11")
	if !ok {
		t.Fatal("there is no first release")
	}
	r.Name, r.Lists = "2027-03", slices.Clone(r.Lists)
	i := slices.IndexFunc(r.Lists, func(l schemas.List) bool { return l.Name == "indicator" })
	r.Lists[i].Codes = append(slices.Clone(r.Lists[i].Codes), schemas.CodeText{ID: "g16", En: "Is made to defraud others online"})
	return r
}

func set(t *testing.T) *schemas.Set {
	t.Helper()
	s, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	return s.Under(func() time.Time { return activates })
}

func (w world) folder(t *testing.T, dir string) *codelists.Folder {
	return &codelists.Folder{Dir: dir, Set: set(t), Prove: w.directory.Codes}
}

func TestWhatWasTakenIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "codes")
	f := w.folder(t, dir)
	if err := f.Load(); err != nil {
		t.Fatalf("a folder that is not there: %v", err)
	}
	for range 2 { // the same again is no error
		if name, err := f.Add(w.raw, w.manifest); err != nil || name != "2027-03" {
			t.Fatalf("%s, %v", name, err)
		}
	}
	if !f.Has("2027-03") || f.Set.Release() != "2027-03" {
		t.Errorf("release %s", f.Set.Release())
	}
	again := w.folder(t, dir)
	if err := again.Load(); err != nil {
		t.Fatal(err)
	}
	if !again.Has("2027-03") || again.Set.Digest() != f.Set.Digest() {
		t.Error("it is not there after a restart")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".release-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWhatTheCoordinatorsDidNotSignIsNotTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := second(t)
	r.Lists[0].About += "."
	other, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ raw, manifest []byte }{
		"three hands":       {w.raw, w.sign(second(t), "al", "ba", "md")},
		"other lists":       {other, w.manifest},
		"no manifest":       {w.raw, []byte("{}")},
		"another manifest":  {w.raw, w.directory.Signed()},
		"a changed one":     {w.raw, bytes.Replace(w.manifest, []byte(`"payload":"e`), []byte(`"payload":"f`), 1)},
		"a list of nothing": {[]byte("{}"), w.manifest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			f := w.folder(t, dir)
			if _, err := f.Add(c.raw, c.manifest); err == nil {
				t.Fatal("it was taken")
			}
			if files, _ := os.ReadDir(dir); len(files) > 0 || f.Has("2027-03") || len(f.Set.Issues()) != 1 {
				t.Error("it was refused, and something of it is there")
			}
			// The same by hand.
			for name, data := range map[string][]byte{"2027-03.json": c.raw, "2027-03.signed.json": c.manifest} {
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.Load(); err == nil || f.Has("2027-03") {
				t.Errorf("by hand it was taken: %v", err)
			}
		})
	}
}

func TestARefusedReleaseKeepsNoOtherFromBeingTaken(t *testing.T) {
	t.Parallel()
	w, dir := newWorld(t), t.TempDir()
	for name, data := range map[string][]byte{
		"2027-01.signed.json": []byte("{}"), "2027-03.json": w.raw, "2027-03.signed.json": w.manifest, "notes.txt": []byte("x"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := w.folder(t, dir)
	if err := f.Load(); err == nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the refusal: %v", err)
	}
	if !f.Has("2027-03") {
		t.Error("the good one was not taken")
	}
}
