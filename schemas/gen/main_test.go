package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGeneratingWritesWhatIsMissingAndRemovesWhatIsOld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, source := range []string{"types.csv", "codes", "frames", "blocks", "examples"} {
		from := filepath.Join("..", source)
		if info, err := os.Stat(from); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			if err := os.CopyFS(filepath.Join(dir, source), os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, source), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := filepath.Join(dir, "generated", "2020-01", "types", "old.json")
	if err := os.MkdirAll(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the old file is still there: %v", err)
	}
	for _, made := range []string{"generated/2026-11/types/capacity.request-1.0.json", "generated/2026-11/skeletons/ack.answer-1.0.json", "reference/codes.md"} {
		got, err := os.ReadFile(filepath.Join(dir, made))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("..", made))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs from the one in the tree", made)
		}
	}
}
