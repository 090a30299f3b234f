package audit_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
)

// pad adds entries that say little until the log has n.
func (w *world) pad(n int64) {
	w.t.Helper()
	for int64(len(w.entries)) < n {
		w.deed(gateway.Deed{Event: gateway.Redriven, At: noon, By: rs, Reason: gateway.CodeBusy})
	}
}

// TestALongLogIsVerifiedInParts: whatever the range, at whatever sizes, each part alone and
// each after the one before.
func TestALongLogIsVerifiedInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request, _ := w.conversation()
	w.pad(255)
	second := w.send(accepted(w.send(referral(rs, me))))
	w.pad(700)
	third := w.send(accepted(w.send(referral(me, rs))))
	w.testify(third, gateway.ContentConsignment, me, nil)
	w.testify(request, gateway.TakenOn, rs, nil) // after the part in which it was accepted
	w.pad(1024)
	var since *audit.Mark
	last := int64(0)
	for _, size := range []int64{5, 256, 257, 512, 700, 768, 1024, 1024} {
		// Alone, a part cannot say what its threads had established before.
		for _, f := range w.verify(w.bundleFrom("me/auditor", last, size), nil).Findings {
			if f.Rule != audit.PolicyKept || f.Verdict != audit.NotCheckable || last == 0 {
				t.Errorf("from %d to %d: %+v", last, size, f)
			}
		}
		whole := w.verify(w.bundleFrom("me/auditor", 0, size), nil)
		w.wantFindings(whole)
		after := w.verify(w.bundleFrom("me/auditor", last, size), since)
		w.wantFindings(after)
		if since != nil && after.Conform[audit.LogConsistency] != 1 {
			t.Errorf("from %d to %d: that it continues the part before was not asked", last, size)
		}
		since, last = after.Mark(), size
	}
	if second.index < 256 {
		t.Fatal("the parts do not cut the conversation")
	}
}

// TestPagesAreTheBundle: what is fetched page by page is what is written at once.
func TestPagesAreTheBundle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conversation()
	w.pad(2*4096 + 300)
	size := int64(len(w.entries))
	x := audit.Exporter{Log: log{w}, Records: log{w}, Editions: log{w}}
	r := audit.Range{Origin: origin, First: 7, Size: size, Checkpoint: w.checkpoint(size)}
	var once, pages bytes.Buffer
	w.ok(x.Write(context.Background(), &once, "rs/auditor", r))
	n := 0
	for after := int64(0); ; n++ {
		next, err := x.Page(context.Background(), &pages, "rs/auditor", r, after)
		w.ok(err)
		if after = next; next == 0 {
			break
		}
	}
	w.ok(audit.End(&pages))
	if !bytes.Equal(once.Bytes(), pages.Bytes()) || n < 2 {
		t.Errorf("%d pages make another bundle", n+1)
	}
	w.wantFindings(w.verify(pages.Bytes(), nil))
}

// TestARewrittenHistoryIsFound: a log that forgot, and went on, is not the one of before.
func TestARewrittenHistoryIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conversation()
	w.pad(300)
	old := w.verify(w.bundle("me/auditor"), nil)
	w.entries = w.entries[:290]
	w.deeds = slices.DeleteFunc(w.deeds, func(d audit.Deed) bool { return d.Index >= 290 })
	w.stored = 290
	w.deed(gateway.Deed{Event: gateway.Redriven, At: noon, By: me, Reason: gateway.CodeBusy})
	w.pad(400)
	w.wantFindings(w.verify(w.bundle("me/auditor"), old.Mark()), found{-1, audit.LogConsistency, audit.Violates})
	w.wantFindings(w.verify(w.bundleFrom("me/auditor", 300, 400), old.Mark()), found{-1, audit.LogConsistency, audit.Violates})
	// What lies between two bundles is in neither, and the earlier one comes first.
	w.wantFindings(w.verify(w.bundleFrom("me/auditor", 600, w.until(800)), old.Mark()), found{-1, audit.LogConsistency, audit.NotCheckable})
	new := w.verify(w.bundle("me/auditor"), nil)
	w.wantFindings(w.verify(w.bundleFrom("me/auditor", 0, 200), new.Mark()), found{-1, audit.LogConsistency, audit.NotCheckable})
}

func (w *world) until(n int64) int64 { w.pad(n); return n }

// TestTamperingInALongLogIsNamedWithItsEntry: where only the level above, or the root, can
// say which of two that differ is the log's.
func TestTamperingInALongLogIsNamedWithItsEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conversation()
	w.pad(1100)
	honest := w.bundle("md/auditor")
	part := w.bundleFrom("md/auditor", 600, 1100)
	for _, row := range []struct {
		name   string
		bundle []byte
		change func(*opened)
		want   []found
	}{
		{"a byte of an entry in the middle", honest, func(o *opened) { o.flipIn("tile/entries/002", 40) }, []found{{512 + 40, audit.EntryUnaltered, audit.Violates}}},
		{"a byte of the last entry", honest, func(o *opened) { o.flipIn("tile/entries/004", 1099-1024) }, []found{{1099, audit.EntryUnaltered, audit.Violates}}},
		{"a hash in the middle", honest, func(o *opened) { (*o.at("tile/0/002"))[40*32] ^= 1 }, []found{{512 + 40, audit.TileUnaltered, audit.Violates}}},
		{"a hash at the end", honest, func(o *opened) { (*o.at("tile/0/004"))[3*32] ^= 1 }, []found{{1024 + 3, audit.TileUnaltered, audit.Violates}}},
		{"a hash of the level above", honest, func(o *opened) { (*o.at("tile/1/000"))[2*32] ^= 1 }, []found{{-1, audit.TileUnaltered, audit.Violates}}},
		{"the level above", honest, func(o *opened) { o.remove("tile/1/000") }, nil},
		{"an entry and its hash", honest, func(o *opened) {
			o.flipIn("tile/entries/002", 40)
			copy((*o.at("tile/0/002"))[40*32:], o.leaf("tile/entries/002", 40))
		}, []found{{512, audit.EntryUnaltered, audit.Violates}, {552, audit.EntryForm, audit.Violates}}},
		{"an entry, its hash and the level above", honest, func(o *opened) {
			o.flipIn("tile/entries/002", 40)
			copy((*o.at("tile/0/002"))[40*32:], o.leaf("tile/entries/002", 40))
			copy((*o.at("tile/1/000"))[2*32:], o.rootOf("tile/0/002"))
		}, []found{{-1, audit.LogRoot, audit.Violates}, {552, audit.EntryForm, audit.Violates}}},
		{"the entries of two bundles", honest, func(o *opened) {
			a, b := o.at("tile/entries/001"), o.at("tile/entries/002")
			*a, *b = *b, *a
			a, b = o.at("tile/0/001"), o.at("tile/0/002")
			*a, *b = *b, *a
		}, []found{{256, audit.EntryUnaltered, audit.Violates}, {512, audit.EntryUnaltered, audit.Violates}}},
		{"256 entries with their hashes", honest, func(o *opened) {
			o.remove("tile/entries/001")
			o.remove("tile/0/001")
			o.remove("openings/001.jsonl")
		}, []found{{256, audit.EntryPresent, audit.Violates}}},
		{"what came before a part", part, func(o *opened) { (*o.at("tile/1/000"))[32] ^= 1 }, []found{{-1, audit.LogRoot, audit.Violates}}},
		{"an entry of a part", part, func(o *opened) { o.flipIn("tile/entries/003", 1) }, []found{{768 + 1, audit.EntryUnaltered, audit.Violates}}},
		{"the range", part, func(o *opened) {
			d := o.at("bundle.json")
			*d = bytes.Replace(*d, []byte(`"first":600`), []byte(`"first":800`), 1)
		}, nil},
		{"the size", part, func(o *opened) {
			d := o.at("bundle.json")
			*d = bytes.Replace(*d, []byte(`"size":1100`), []byte(`"size":1099511627776`), 1)
		}, nil},
		{"the viewer", part, func(o *opened) {
			d := o.at("bundle.json")
			*d = bytes.Replace(*d, []byte(`md/auditor`), []byte(`md/coordinator`), 1)
		}, []found{{-1, audit.BundleForm, audit.Violates}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			members, err := audit.Unpack(row.bundle)
			w.ok(err)
			for i := range members {
				members[i].Data = slices.Clone(members[i].Data)
			}
			o := &opened{t, members}
			row.change(o)
			b, err := audit.Pack(o.members)
			w.ok(err)
			in := *w
			in.t = t
			begun := time.Now()
			r := in.verify(b, nil)
			if time.Since(begun) > 30*time.Second {
				t.Error("it takes too long")
			}
			switch {
			case r.Clean():
				t.Error("nothing was found")
			case row.want != nil:
				in.wantFindings(r, row.want...)
			default:
				show(t, r)
			}
		})
	}
}

func (o *opened) flipIn(name string, i int) {
	d := o.at(name)
	l := audit.SplitEntries(*d)
	l[i] = []byte(strings.Replace(string(l[i]), `"commitment":"`, `"commitmEnt":"`, 1))
	*d = audit.JoinEntries(l)
}

func (o *opened) leaf(name string, i int) []byte {
	h := audit.LeafHash(audit.SplitEntries(*o.at(name))[i])
	return h[:]
}

func (o *opened) rootOf(name string) []byte {
	h := audit.RootOf(*o.at(name))
	return h[:]
}

// TestALogThatFollowsAnotherCommitsToItsEnd: a year ends, the next log begins with the last
// checkpoint, and a bundle of it is held against one of the old.
func TestALogThatFollowsAnotherCommitsToItsEnd(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		of    string
		size  int64 // of the checkpoint that the new log names
		alter func([]byte) []byte
		want  []found
	}{
		"as it ended":              {origin, 12, nil, nil},
		"after other entries":      {origin, 11, nil, []found{{0, audit.LogConsistency, audit.NotCheckable}}},
		"after another log":        {"trm/2024", 12, nil, []found{{0, audit.LogConsistency, audit.Violates}, {-1, audit.LogConsistency, audit.NotCheckable}}},
		"after what nobody signed": {origin, 12, func(b []byte) []byte { return bytes.Replace(b, []byte("\n12\n"), []byte("\n13\n"), 1) }, []found{{0, audit.LogConsistency, audit.Violates}}},
	} {
		w := newWorld(t)
		request, _ := w.conversation()
		old := w.verify(w.bundle("me/auditor"), nil)
		end := w.checkpoint(row.size)
		if row.alter != nil {
			end = row.alter(end)
		}
		w.begin("trm/2027")
		w.deed(gateway.Deed{Event: gateway.OriginSucceeded, At: noon, Of: row.of, Checkpoint: string(end)})
		w.inForce()
		w.testify(request, gateway.TakenOn, rs, nil) // of a number of the old log
		w.send(accepted(w.send(referral(rs, me))))
		r := w.verify(w.bundle("me/auditor"), old.Mark())
		t.Log(name)
		want := row.want
		if name != "as it ended" { // nobody knows what the threads had established before
			want = append(want, found{5, audit.PolicyKept, audit.NotCheckable})
		}
		w.wantFindings(r, want...)
		w.wantFindings(w.verify(w.bundle("me/auditor"), nil), found{5, audit.PolicyKept, audit.NotCheckable})
		if row.want == nil && r.Conform[audit.LogConsistency] < 2 {
			t.Error("that it follows the old log was not asked")
		}
	}
}
