package audit_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/trust"
)

// grow brings the tree up to the entries.
func (w *world) grow() {
	w.t.Helper()
	for n := w.stored; n < int64(len(w.entries)); n++ {
		hashes, err := tlog.StoredHashes(n, w.entries[n].Leaf, tlog.HashReaderFunc(w.read))
		w.ok(err)
		for i, h := range hashes {
			w.hash[tlog.StoredHashCount(n)+int64(i)] = h
		}
		w.stored = n + 1
	}
}

func (w *world) read(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		h, ok := w.hash[at]
		if !ok {
			return nil, fmt.Errorf("no hash %d", at)
		}
		out[i] = h
	}
	return out, nil
}

// Checkpoint signs one of all entries, whenever it is asked for today or later.
func (w *world) checkpoint(size int64) []byte {
	w.t.Helper()
	w.grow()
	root, err := tlog.TreeHash(size, tlog.HashReaderFunc(w.read))
	w.ok(err)
	signers := []note.Signer{w.signer(certs.LogKeyFile()).Named(w.origin)}
	if !w.unsigned {
		signers = append(signers, w.signer(certs.WitnessKeyFile("al")), w.signer(certs.WitnessKeyFile("md")))
	}
	signed, err := note.Sign(&note.Note{Text: ledger.Checkpoint{Origin: w.origin, Size: size, Root: root}.Text()}, signers...)
	w.ok(err)
	return signed
}

func (w *world) signer(path string) *ledger.Signer {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.folder, path))
	w.ok(err)
	s, err := ledger.ParseSigner(string(raw), func() time.Time { return w.now })
	w.ok(err)
	return s
}

// log is the world as an exporter reads it.
type log struct{ *world }

func (l log) Checkpoint(_ context.Context, _ string, day int64) ([]byte, int64, error) {
	if today := l.now.Unix() / 86400; day >= today {
		return l.world.checkpoint(int64(len(l.entries))), today, nil
	}
	return nil, 0, nil
}

func (l log) Hashes(_ context.Context, _ string, indexes []int64) ([][32]byte, error) {
	list, err := l.read(indexes)
	out := make([][32]byte, len(list))
	for i, h := range list {
		out[i] = h
	}
	return out, err
}

func (l log) Leaves(_ context.Context, _ string, from int64, n int) (out [][]byte, err error) {
	for _, e := range l.entries[from:min(from+int64(n), int64(len(l.entries)))] {
		out = append(out, e.Leaf)
	}
	return out, nil
}

func (l log) EntriesAt(_ context.Context, _ string, from int64, n int) (out []gateway.LogEntry, err error) {
	for _, e := range l.entries[from:min(from+int64(n), int64(len(l.entries)))] {
		if _, gone := l.gone[e.Index]; !gone {
			out = append(out, e)
		}
	}
	return out, nil
}

func (l log) Cores(_ context.Context, _ string, from, to int64) (map[int64]audit.Core, error) {
	out := map[int64]audit.Core{}
	for i, c := range l.cores {
		if _, gone := l.gone[i]; from <= i && i < to && !gone {
			out[i] = c
		}
	}
	return out, nil
}

func (l log) Closed(context.Context, string, int64, int64) (map[int64]int64, error) {
	return l.gone, nil
}

func (l log) Deeds(context.Context) ([]audit.Deed, error) { return l.deeds, nil }

func (l log) Directories() ([]*trust.Directory, []string) {
	return append(slices.Clone(l.before), l.directory), l.told
}

func (l log) Policy(digest string) ([]byte, error) {
	if digest != l.policy.Digest() {
		return nil, fs.ErrNotExist
	}
	return l.policy.File(), nil
}

func (l log) Schemas(digest string) (map[string][]byte, error) { return l.set.Files() }
