package filedrop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/trm/adapters"
	"example.org/trm/adapters/adaptertest"
	"example.org/trm/adapters/filedrop"
	"example.org/trm/gateway"
)

func path(dir string, c adapters.Consignment) string {
	return filepath.Join(dir, c.Reader.Role(), c.Delivery+".json")
}

func TestFiledropPassesTheSuiteOfTransports(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
		dir := t.TempDir()
		// A file where the role's folder should be: no file system takes that.
		block := filepath.Join(dir, "coordinator")
		return adaptertest.Harness{
			Transport: filedrop.Drop{Dir: dir},
			Effects: func(c adapters.Consignment) int {
				list, err := filepath.Glob(filepath.Join(dir, c.Reader.Role(), c.Delivery+"*"))
				if err != nil {
					t.Error(err)
				}
				return len(list)
			},
			Content: func(c adapters.Consignment) []byte {
				raw, err := os.ReadFile(path(dir, c))
				if err != nil {
					t.Error(err)
				}
				return raw
			},
			Trouble: func() { must(t, os.WriteFile(block, nil, 0o600)) },
			Recover: func() { must(t, os.Remove(block)) },
			// A file system refuses nothing for ever, and loses no answer: what happened
			// is looked up. Hanging, it cannot be told to stop.
		}
	})
}

func TestFilesAreReadableByTheirOwnerOnlyAndNothingElseIsLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := adaptertest.Sample(1)
	must(t, filedrop.Drop{Dir: dir}.Deliver(t.Context(), c))
	info, err := os.Stat(path(dir, c))
	must(t, err)
	folder, err := os.Stat(filepath.Dir(path(dir, c)))
	must(t, err)
	if info.Mode().Perm() != 0o600 || folder.Mode().Perm() != 0o700 {
		t.Errorf("got modes %v and %v", info.Mode(), folder.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(path(dir, c)))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("got %d files, want one", len(entries))
	}
}

func TestFileThatTheNationalSystemTookDoesNotComeBack(t *testing.T) {
	t.Parallel()
	dir, taken := t.TempDir(), t.TempDir()
	d := filedrop.Drop{Dir: dir, Taken: taken}
	c := adaptertest.Sample(1)
	must(t, d.Deliver(t.Context(), c))
	must(t, os.Mkdir(filepath.Join(taken, "coordinator"), 0o700))
	must(t, os.Rename(path(dir, c), path(taken, c)))
	must(t, d.Deliver(t.Context(), c))
	if _, err := os.Stat(path(dir, c)); err == nil {
		t.Error("it came back")
	}
}

func TestFileThatIsThereIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := adaptertest.Sample(1)
	must(t, filedrop.Drop{Dir: dir}.Deliver(t.Context(), c))
	must(t, os.WriteFile(path(dir, c), []byte("seen by the national system"), 0o600))
	must(t, filedrop.Drop{Dir: dir}.Deliver(t.Context(), c))
	raw, err := os.ReadFile(path(dir, c))
	must(t, err)
	if string(raw) != "seen by the national system" {
		t.Error("it was written again")
	}
}

func TestUnfinishedFilesOfACrashAreSweptAndFinishedOnesStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := filedrop.Drop{Dir: dir}
	c := adaptertest.Sample(1)
	must(t, d.Deliver(t.Context(), c))
	left := filepath.Join(dir, "coordinator", ".123.part")
	must(t, os.WriteFile(left, []byte("{"), 0o600))
	must(t, d.Sweep())
	if _, err := os.Stat(left); err == nil {
		t.Error("the unfinished file stays")
	}
	if _, err := os.Stat(path(dir, c)); err != nil {
		t.Error("the finished file is gone")
	}
}

func TestNameThatLeadsElsewhereIsRefusedForEver(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "drop")
	must(t, os.Mkdir(dir, 0o700))
	for name, spoil := range map[string]func(*adapters.Consignment){
		"delivery up":       func(c *adapters.Consignment) { c.Delivery = "../../x" },
		"delivery hidden":   func(c *adapters.Consignment) { c.Delivery = ".x" },
		"delivery with nul": func(c *adapters.Consignment) { c.Delivery += "\x00" },
		"role up":           func(c *adapters.Consignment) { c.Reader = "rs/.." },
		"role of two parts": func(c *adapters.Consignment) { c.Reader = "rs/a/b" },
		"no role":           func(c *adapters.Consignment) { c.Reader = "rs" },
	} {
		c := adaptertest.Sample(1)
		spoil(&c)
		if err := (filedrop.Drop{Dir: dir}).Deliver(t.Context(), c); !gateway.IsPermanent(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	entries, err := os.ReadDir(root)
	must(t, err)
	inside, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 || len(inside) != 0 {
		t.Errorf("something was written: %v %v", entries, inside)
	}
}

func TestErrorNamesNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "coordinator"), nil, 0o600))
	err := filedrop.Drop{Dir: dir}.Deliver(t.Context(), adaptertest.Sample(1))
	if err == nil || strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "019ab3c4") {
		t.Errorf("got %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
