package audit

import (
	"fmt"
	"slices"
)

// grown is the tree as it is recomputed from a bundle, chunk by chunk, beside the hashes
// that the bundle says it has.
type grown struct {
	contents  Contents
	upper     map[int]map[int64][]hash // tiles from level 1 up, as the bundle has them
	left      fold                     // what comes before the bundle; empty where it begins with the log
	broken    bool                     // what comes before could not be made of the tiles
	tree      fold
	chunks    []hash // one for each whole chunk, as it went into the tree
	tail      []hash // the leaves after them
	doubted   []int64
	lost      bool // entries are missing, and no hash stands for them
	old       *Mark
	continues *bool // whether the tree went through the old one's root
}

// held is what one chunk of the bundle holds.
type held struct {
	n       int64
	tile    []hash // nil where it is not here
	entries [][]byte
}

// seat is an entry with its place in the log.
type seat struct {
	index   int64
	entry   []byte // nil where it is missing
	altered bool
}

func newGrown(c Contents, upper map[int]map[int64][]hash, old *Mark) *grown {
	g := &grown{contents: c, upper: upper, old: old}
	f, ok := frontier(c.begin(), func(level int, n int64) []hash { return upper[level][n] })
	g.left, g.broken = f, !ok
	g.tree = f.clone()
	return g
}

// take adds a chunk to the tree and says which entry stands where. Where entries and
// hashes differ, the level above says which of them the log holds; for the last, which has
// no level above yet, the root of the whole does.
func (g *grown) take(h held, root hash, r *Report) []seat {
	w, first := width(g.contents.Size, h.n), h.n*chunk
	leaves := make([]hash, len(h.entries))
	for i, e := range h.entries {
		leaves[i] = leafHash(e)
	}
	above, known := g.above(h.n)
	says := func(l []hash) bool {
		switch {
		case len(l) != w:
			return false
		case w == chunk:
			return known && rootOf(l) == above
		}
		f := g.tree.clone()
		for _, x := range l {
			f.add(x, 0)
		}
		return f.root() == root
	}
	switch {
	case says(leaves):
		g.compare(h, leaves, r)
		g.grow(leaves)
		return inOrder(first, w, h.entries)
	case says(h.tile):
		g.grow(h.tile)
		return g.seat(h, leaves, r)
	case len(h.tile) == w && !slices.Equal(leaves, h.tile):
		g.doubted = append(g.doubted, h.n)
		g.grow(h.tile)
		return g.seat(h, leaves, r)
	case len(leaves) == w:
		g.doubted = append(g.doubted, h.n)
		if h.tile == nil {
			g.compare(h, leaves, r)
		}
		g.grow(leaves)
		return inOrder(first, w, h.entries)
	}
	r.find(Finding{Entry: first, Rule: EntryPresent, Verdict: Violates, Says: fmt.Sprintf("of the entries %d to %d, %d are here, and no hashes that tell which", first, first+int64(w)-1, len(leaves))})
	if w == chunk && known {
		g.grafted(above)
	} else {
		g.lost = true
	}
	return nil
}

// skip passes over chunks that are not here at all, as far as the level above stands for
// them.
func (g *grown) skip(from, to int64, r *Report) {
	last := min(to*chunk, g.contents.Size) - 1
	r.find(Finding{Entry: from * chunk, Rule: EntryPresent, Verdict: Violates, Says: fmt.Sprintf("the entries %d to %d are missing", from*chunk, last)})
	for n := from; n < to && !g.lost; n++ {
		if above, known := g.above(n); known {
			g.grafted(above)
		} else {
			g.lost = true
		}
	}
}

// grafted adds a chunk of which only the hash is known.
func (g *grown) grafted(h hash) {
	if g.lost {
		return
	}
	g.through()
	g.tree.add(h, 8)
	g.chunks = append(g.chunks, h)
}

func (g *grown) grow(leaves []hash) {
	if g.lost {
		return
	}
	for _, h := range leaves {
		g.through()
		g.tree.add(h, 0)
	}
	if len(leaves) == chunk {
		g.chunks = append(g.chunks, rootOf(leaves))
	} else {
		g.tail = leaves
	}
}

// through notes whether the tree has the earlier bundle's root where it has its size.
func (g *grown) through() {
	if g.old != nil && g.continues == nil && g.tree.size == g.old.Size && !g.lost {
		same := g.tree.root() == g.old.root
		g.continues = &same
	}
}

// above is what the tile of level 1 says of a whole chunk.
func (g *grown) above(n int64) (hash, bool) {
	t := g.upper[1][n/chunk]
	if i := n % chunk; i < int64(len(t)) {
		return t[i], true
	}
	return hash{}, false
}

// compare tells which hashes of the tile are not the entries'.
func (g *grown) compare(h held, leaves []hash, r *Report) {
	first := h.n * chunk
	if len(h.tile) != len(leaves) {
		r.find(Finding{Entry: first, Rule: TileUnaltered, Verdict: Violates, Says: fmt.Sprintf("the hashes of the entries from %d on are missing or cut off", first)})
		return
	}
	for i, l := range leaves {
		if h.tile[i] != l {
			r.find(Finding{Entry: first + int64(i), Rule: TileUnaltered, Verdict: Violates, Says: "the hash beside the entry is not the log's; the entry is"})
		} else {
			r.conforms(TileUnaltered)
		}
	}
}

// seat finds for each entry the place that the tile gives its hash, and tells which are
// altered, missing or elsewhere.
func (g *grown) seat(h held, leaves []hash, r *Report) []seat {
	first := h.n * chunk
	place := make(map[hash]int, len(h.tile))
	for i, t := range h.tile {
		place[t] = i
	}
	seats := inOrder(first, len(h.tile), nil)
	last := -1
	var strangers []int
	for i, l := range leaves {
		p, ok := place[l]
		if !ok || seats[p].entry != nil {
			strangers = append(strangers, i)
			continue
		}
		seats[p].entry = h.entries[i]
		if p < last || len(leaves) == len(h.tile) && p != i {
			r.find(Finding{Entry: first + int64(p), Rule: EntryInPlace, Verdict: Violates, Says: fmt.Sprintf("the entry stands at %d", first+int64(i))})
		}
		last = max(last, p)
	}
	// A stranger is what was made of the entry whose place is free between its neighbours.
	for _, i := range strangers {
		p := i
		if p >= len(seats) || seats[p].entry != nil {
			for p = 0; p < len(seats) && seats[p].entry != nil; p++ {
			}
		}
		if p == len(seats) {
			r.find(Finding{Entry: first + int64(min(i, len(seats)-1)), Rule: EntryUnaltered, Verdict: Violates, Says: "an entry is here that the log does not hold"})
			continue
		}
		seats[p].entry, seats[p].altered = h.entries[i], true
		r.find(Finding{Entry: first + int64(p), Rule: EntryUnaltered, Verdict: Violates, Says: "the entry is not the one that the log holds: a byte was changed"})
	}
	for _, s := range seats {
		if s.entry == nil {
			r.find(Finding{Entry: s.index, Rule: EntryPresent, Verdict: Violates, Says: "the log holds an entry here that is missing"})
		}
	}
	return seats
}

// finish compares the whole with the root that the log signed, and settles what is in
// doubt: chunks of which neither entries nor hashes are what the level above says.
func (g *grown) finish(root hash, r *Report) {
	g.through()
	if g.lost {
		r.find(Finding{Entry: whole, Rule: LogRoot, Verdict: Violates, Says: "entries are missing, so that nobody can make the tree that the log signed"})
		return
	}
	if g.tree.root() == root {
		r.conforms(LogRoot)
		g.compareUpper(r)
		return
	}
	if f := g.believing(); len(g.doubted) > 0 && f.root() == root {
		r.conforms(LogRoot)
		for _, n := range g.doubted {
			if _, known := g.above(n); !known {
				continue // the last: it was in doubt because the tree before it was
			}
			r.find(Finding{Entry: n * chunk, Rule: EntryUnaltered, Verdict: Violates, Says: fmt.Sprintf("the entries %d to %d are not those that the log holds, and neither are the hashes beside them", n*chunk, n*chunk+chunk-1)})
		}
		return
	}
	says := "the entries do not make the tree that the log signed"
	if g.contents.begin() > 0 {
		says = fmt.Sprintf("the entries, after what the hash tiles say of the first %d, do not make the tree that the log signed", g.contents.begin())
	}
	r.find(Finding{Entry: whole, Rule: LogRoot, Verdict: Violates, Says: says})
}

// believing is the tree with the doubted chunks as the level above has them.
func (g *grown) believing() fold {
	f := g.left.clone()
	first := g.contents.begin() / chunk
	for i, h := range g.chunks {
		n := first + int64(i)
		if above, known := g.above(n); known && slices.Contains(g.doubted, n) {
			h = above
		}
		f.add(h, 8)
	}
	for _, h := range g.tail {
		f.add(h, 0)
	}
	return f
}

// compareUpper holds the tiles from level 1 up against the tree. Those left of the bundle
// were used to make it, so that a root that fits has proven them.
func (g *grown) compareUpper(r *Report) {
	below, at := g.chunks, g.contents.begin()/chunk
	for level := 1; len(below) > 0; level++ {
		for i, h := range below {
			n := at + int64(i)
			t := g.upper[level][n/chunk]
			if o := n % chunk; o >= int64(len(t)) || t[o] != h {
				r.find(Finding{Entry: whole, Rule: TileUnaltered, Verdict: Violates, Says: fmt.Sprintf("the hash %d of level %d is missing or not the log's", n, level)})
			} else {
				r.conforms(TileUnaltered)
			}
		}
		below, at = g.next(below, at, level)
	}
}

// next is the hashes one level up that can be made of those below: of the tiles that are
// whole.
func (g *grown) next(below []hash, at int64, level int) ([]hash, int64) {
	// The tile in which the bundle begins is whole only with what the tile itself has left
	// of it, which the root has proven.
	if o := at % chunk; o > 0 {
		t := g.upper[level][at/chunk]
		if int64(len(t)) < o {
			return nil, 0
		}
		below = append(append([]hash(nil), t[:o]...), below...)
		at -= o
	}
	var up []hash
	for len(below) >= chunk {
		up = append(up, rootOf(below[:chunk]))
		below = below[chunk:]
	}
	return up, at / chunk
}

func inOrder(first int64, w int, entries [][]byte) []seat {
	seats := make([]seat, w)
	for i := range seats {
		seats[i].index = first + int64(i)
		if i < len(entries) {
			seats[i].entry = entries[i]
		}
	}
	return seats
}
