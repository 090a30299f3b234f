package witness_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/ledger/witness"
)

// FuzzRequest: whatever is asked, nothing is cosigned that the log has not signed, and what
// is refused is refused in the terms of the protocol.
func FuzzRequest(f *testing.F) {
	const origin, root = "log.example/2026", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
	line, stranger, err := quorum.Generate(origin, quorum.Log)
	if err != nil {
		f.Fatal(err)
	}
	_, log, err := quorum.Generate(origin, quorum.Log)
	if err != nil {
		f.Fatal(err)
	}
	s, err := note.NewSigner(strings.TrimSpace(line))
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{origin + "\n3\n" + root + "\n", origin + "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", "other\n3\n" + root + "\n", origin + "\n4611686018427387904\n" + root + "\nmore\n"} {
		signed, err := note.Sign(&note.Note{Text: text}, s)
		if err != nil {
			f.Fatal(err)
		}
		for _, top := range []string{"old 0\n", "old 3\n", "old 2\n" + root + "\n", "old 03\n", "old -1\n" + root, "new 3\n"} {
			f.Add([]byte(top + "\n" + string(signed)))
		}
	}
	dir := f.TempDir()
	o := witness.Options{Key: filepath.Join(dir, "key"), State: filepath.Join(dir, "state"), Logs: []witness.Log{{Origin: origin, Key: log}}}
	if _, err := witness.Create(o.Key, o.State, "audit.example/trm"); err != nil {
		f.Fatal(err)
	}
	w, err := witness.New(o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = w.Close() })
	f.Fuzz(func(t *testing.T, body []byte) {
		line, err := w.AddCheckpoint(t.Context(), body)
		var refused *witness.Refusal
		if line != nil || !errors.As(err, &refused) {
			t.Fatalf("answered %q, %v to what only %s can have signed", line, err, stranger)
		}
		if refused.Status < 400 || refused.Status > 499 || refused.Behind {
			t.Errorf("refused with %+v: a stranger learns how far the log has come", refused)
		}
		if len(w.Heads()) > 0 {
			t.Error("remembered")
		}
	})
}

// BenchmarkAddCheckpoint is a log that grows by one entry each time: one durable write.
func BenchmarkAddCheckpoint(b *testing.B) {
	x := newTree(b, "log.example/2026")
	w := newWorld(b, x.log())
	for b.Loop() {
		b.StopTimer()
		x.grow(1, "entry")
		request := []byte(x.request(x.size - 1))
		b.StartTimer()
		if _, err := w.AddCheckpoint(b.Context(), request); err != nil {
			b.Fatal(err)
		}
	}
}
