package audit_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway/audit"
)

// TestTheShelfKeepsWhatWasInForce: once, whole, under its digest and nowhere else.
func TestTheShelfKeepsWhatWasInForce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "editions")
	s := audit.Shelf(dir)
	if _, err := s.Policy("one"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was not kept: %v", err)
	}
	if _, err := s.Schemas("one"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was not kept: %v", err)
	}
	files := map[string][]byte{"types.csv": []byte("a,b\n"), "codes/2026-11/x.csv": []byte("c\n"), "empty": {}}
	for range 2 {
		if err := errors.Join(s.KeepPolicy("one", []byte("rules")), s.KeepSchemas("one", files)); err != nil {
			t.Fatal(err)
		}
	}
	// A digest names one thing for ever.
	if err := s.KeepPolicy("one", []byte("other rules")); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Policy("one"); err != nil || string(p) != "rules" {
		t.Errorf("got %q, %v", p, err)
	}
	got, err := s.Schemas("one")
	if err != nil {
		t.Fatal(err)
	}
	got["empty"] = []byte{} // of no bytes, not nil
	if diff := cmp.Diff(files, got); diff != "" {
		t.Error(diff)
	}
	if err := s.KeepPolicy("../../escaped", []byte("rules")); err != nil {
		t.Fatal(err)
	}
	var kept []string
	_ = filepath.WalkDir(filepath.Dir(dir), func(path string, d fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, path); err == nil && !d.IsDir() {
			kept = append(kept, filepath.ToSlash(rel))
		}
		return nil
	})
	if diff := cmp.Diff([]string{"policies/escaped.yaml", "policies/one.yaml", "schemas/one.tar"}, kept); diff != "" {
		t.Error(diff)
	}
	if err := os.Truncate(filepath.Join(dir, "schemas", "one.tar"), 700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Schemas("one"); !errors.Is(err, audit.ErrArchive) {
		t.Errorf("half of it was read: %v", err)
	}
}
