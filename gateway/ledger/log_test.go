package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger"
)

func TestWhatIsEnteredIsPublishedInOrderAndWitnessed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.run()
	w.deeds(0, 300)
	w.witnessed(300)
	if n := w.proven(origin); n != 300 {
		t.Fatalf("%d entries are in the log", n)
	}
	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprintf("deed %d", i))
	}
	if diff := cmp.Diff(want, w.digests(origin)); diff != "" {
		t.Error(diff)
	}
}

// Writers do not wait for the log, and the log for no writer: every entry has one place,
// and those of one writer stand in its order.
func TestOfManyWritersEachEntryHasOnePlaceInItsOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "quorum none\n")
	w.run()
	const writers, each = 8, 60
	var all sync.WaitGroup
	for k := range writers {
		all.Go(func() {
			for i := range each {
				if err := w.journal.Enter(t.Context(), gateway.Deed{Event: gateway.Redriven, At: noon, Digest: fmt.Sprintf("%d %03d", k, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	w.published(writers * each)
	got := w.digests(origin)
	if len(got) != writers*each {
		t.Fatalf("%d entries of %d are in the log", len(got), writers*each)
	}
	of := map[string][]string{}
	for _, d := range got {
		of[d[:1]] = append(of[d[:1]], d)
	}
	for k, list := range of {
		if len(slices.Compact(slices.Clone(list))) != each || !slices.IsSorted(list) {
			t.Errorf("of writer %s: %v", k, list)
		}
	}
}

// lossy is a store whose transactions fail, or do not and say that they did.
type lossy struct {
	ledger.Store
	fail atomic.Int64 // so many calls more
	done atomic.Bool  // what fails is done all the same
}

var errLost = errors.New("the answer was lost")

func (l *lossy) Grow(ctx context.Context, origin string, n int, grow func(int64, []gateway.LogRow, func([]int64) ([][32]byte, error)) (gateway.LogGrowth, error)) error {
	if l.fail.Add(-1) < 0 {
		return l.Store.Grow(ctx, origin, n, grow)
	}
	if l.done.Load() {
		if err := l.Store.Grow(ctx, origin, n, grow); err != nil {
			return err
		}
	}
	return errLost
}

func TestAFailedTransactionCostsNoEntryAndDoublesNone(t *testing.T) {
	t.Parallel()
	for name, done := range map[string]bool{"not done": false, "done, and the answer was lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "quorum none\n")
			var store *lossy
			w.wrap = func(s ledger.Store) ledger.Store { store = &lossy{Store: s}; return store }
			w.run()
			w.deeds(0, 3)
			w.published(3)
			store.done.Store(done)
			store.fail.Store(1)
			w.deed("deed 3") // nothing comes after it that would have the log look again
			w.published(4)
			w.deeds(4, 2)
			w.published(6)
			w.witnessed(6)
			if diff := cmp.Diff([]string{"deed 0", "deed 1", "deed 2", "deed 3", "deed 4", "deed 5"}, w.digests(origin)); diff != "" {
				t.Error(diff)
			}
			w.proven(origin)
		})
	}
}

// A process may die between the commit of a batch and its signature, or between the
// signature, which the guard has, and its publication.
func TestACrashBetweenCommitAndSignatureLosesNothing(t *testing.T) {
	t.Parallel()
	t.Run("before the signature", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "quorum none\n")
		w.run()
		w.deeds(0, 2)
		before := w.published(2)
		// The guard cannot be written: what is committed is not signed.
		w.must(os.Rename(w.guardFile(), w.guardFile()+".kept"))
		w.must(os.MkdirAll(w.guardFile()+"/x", 0o700))
		w.deeds(2, 2)
		w.await("the entries to have their places", func() error {
			if s := w.standing(); s.Held != 4 {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
		if c := w.checkpoint(origin); c != before {
			t.Errorf("%+v is shown, and the guard does not have it", c)
		}
		w.close()
		w.must(os.RemoveAll(w.guardFile()))
		w.must(os.Rename(w.guardFile()+".kept", w.guardFile()))
		w.run()
		if c := w.published(4); c.Size != 4 {
			t.Errorf("after a restart %+v is published", c)
		}
		w.witnessed(4)
		w.proven(origin)
	})
	t.Run("after the signature", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "quorum none\n")
		w.run()
		w.deeds(0, 2)
		w.published(2)
		w.close()
		signed, err := os.ReadFile(w.guardFile())
		w.must(err)
		w.run()
		w.await("the log to go on", func() error {
			if s := w.standing(); !s.Leads || s.Signed != 2 {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
		again, err := os.ReadFile(w.guardFile())
		w.must(err)
		if string(again) != string(signed) {
			t.Errorf("the same tree was signed anew:\n%s%s", signed, again)
		}
		w.deeds(2, 1)
		w.published(3)
		w.witnessed(3)
		w.proven(origin)
	})
}

// memoryTree is a second tree of the same entries, kept as package tlog does.
type memoryTree []tlog.Hash

func (m *memoryTree) add(t *testing.T, i int64, leaf []byte) {
	t.Helper()
	hashes, err := tlog.StoredHashes(i, leaf, m)
	if err != nil {
		t.Fatal(err)
	}
	*m = append(*m, hashes...)
}

func (m *memoryTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = (*m)[at]
	}
	return out, nil
}

// Every tile of every published size is the one that package tlog makes of the same
// entries, and nothing beyond it is served.
func TestTilesAreThoseOfThePublishedSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "quorum none\n")
	w.run()
	var second memoryTree
	sizes := []int64{1, 2, 3, 7, 255, 256, 257, 300, 511, 512, 513, 600}
	for known := int64(0); len(sizes) > 0; sizes = sizes[1:] {
		size := sizes[0]
		w.deeds(int(known), int(size-known))
		c := w.published(size)
		leaves := w.leaves(origin)
		for ; known < size; known++ {
			second.add(t, known, leaves[known])
		}
		if root, err := tlog.TreeHash(size, &second); err != nil || c.Root != root || c.Size != size {
			t.Fatalf("the checkpoint says %+v, not %s of %d (%v)", c, root, size, err)
		}
		for _, tile := range tlog.NewTiles(8, 0, size) {
			want, err := tlog.ReadTileData(tile, &second)
			w.must(err)
			got, err := w.log.Tile(t.Context(), origin, strings.TrimPrefix(tile.Path(), "tile/8/"))
			if err != nil || string(got) != string(want) {
				t.Errorf("of %d, %s differs: %v", size, tile.Path(), err)
			}
			if tile.L > 0 {
				continue
			}
			name := strings.TrimPrefix(tlog.Tile{H: 8, L: -1, N: tile.N, W: tile.W}.Path(), "tile/8/data/")
			bundle, err := w.log.Tile(t.Context(), origin, "entries/"+name)
			w.must(err)
			list, err := ledger.SplitBundle(bundle)
			if err != nil || !slices.EqualFunc(list, leaves[tile.N*256:tile.N*256+int64(tile.W)], func(a, b []byte) bool { return string(a) == string(b) }) {
				t.Errorf("of %d, entries/%s differ: %v", size, name, err)
			}
		}
		for _, beyond := range []tlog.Tile{{H: 8, L: 0, N: size >> 8, W: int(size&255) + 1}, {H: 8, L: 1, N: 0, W: int(size>>8) + 1}, {H: 8, L: 0, N: size>>8 + 1, W: 1}, {H: 8, L: 7, N: 0, W: 1}} {
			name := strings.TrimPrefix(beyond.Path(), "tile/8/")
			if _, err := w.log.Tile(t.Context(), origin, name); !errors.Is(err, ledger.ErrUnknown) {
				t.Errorf("of %d, %s is served: %v", size, name, err)
			}
		}
	}
	for _, name := range []string{"", "0", "0/0", "0/000.p/0", "0/000.p/256", "0/000.p/07", "-1/000", "data/000", "entries/", "entries/0/000", "entries/data/000", "00/000", "0/1000", "0/../000", "9/000", "64/000", "0/000/", "x"} {
		if _, err := w.log.Tile(t.Context(), origin, name); !errors.Is(err, ledger.ErrUnknown) {
			t.Errorf("%q is a tile: %v", name, err)
		}
	}
	if _, err := w.log.Tile(t.Context(), "trm/1999", "0/000.p/1"); !errors.Is(err, ledger.ErrUnknown) {
		t.Errorf("another log has tiles: %v", err)
	}
}

// The proof is verified without a line of package ledger: notes and trees as
// golang.org/x/mod reads them.
func TestAProofNeedsNothingOfOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.run()
	w.deeds(0, 37)
	w.witnessed(37)
	for i, leaf := range w.leaves(origin) {
		p, err := w.log.Prove(t.Context(), origin, int64(i))
		w.must(err)
		head, checkpoint, _ := strings.Cut(string(p.Marshal()), "\n\n")
		v, err := note.NewVerifier(w.signer.Named(origin).Key().String())
		w.must(err)
		n, err := note.Open([]byte(checkpoint), note.VerifierList(v))
		if err != nil || len(n.Sigs) != 1 || len(n.UnverifiedSigs) < 2 {
			t.Fatalf("%v, %+v", err, n)
		}
		tree, err := tlog.ParseTree([]byte(strings.Replace(n.Text, origin, "go.sum database tree", 1)))
		w.must(err)
		var path tlog.RecordProof
		lines := strings.Split(head, "\n")
		if lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != fmt.Sprintf("index %d", i) {
			t.Fatalf("the proof begins with %q", lines[:2])
		}
		for _, l := range lines[2:] {
			h, err := tlog.ParseHash(l)
			w.must(err)
			path = append(path, h)
		}
		if err := tlog.CheckRecord(path, tree.N, tree.Hash, int64(i), tlog.RecordHash(leaf)); err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}
