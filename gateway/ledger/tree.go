package ledger

import (
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway"
)

// tree is how far a log's tree has come: what a checkpoint says of it.
type tree struct {
	size int64
	root tlog.Hash
}

// grown is a tree while it grows, in the transaction that stores its hashes.
type grown struct {
	read   tlog.HashReader
	first  int64 // index of the first new hash
	hashes []tlog.Hash
	known  map[int64]tlog.Hash // read from the store already
}

// ReadHashes reads new hashes from memory and old ones from the store, each once.
func (g *grown) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	var missing []int64
	for i, at := range indexes {
		if at >= g.first && at-g.first < int64(len(g.hashes)) {
			out[i] = g.hashes[at-g.first]
		} else if h, ok := g.known[at]; ok {
			out[i] = h
		} else {
			missing = append(missing, at)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	list, err := g.read.ReadHashes(missing)
	if err != nil {
		return nil, err
	}
	for i, at := range missing {
		g.known[at] = list[i]
	}
	return g.ReadHashes(indexes)
}

// grow adds rows to a tree of a size, and returns what is to be stored and the trees before
// and after.
func grow(size int64, rows []gateway.LogRow, read tlog.HashReader) (out gateway.LogGrowth, before, after tree, err error) {
	g := &grown{read: read, first: tlog.StoredHashCount(size), known: map[int64]tlog.Hash{}}
	before.size, after.size = size, size+int64(len(rows))
	if before.root, err = tlog.TreeHash(size, g); err != nil {
		return out, before, after, err
	}
	out.At = g.first
	for i, r := range rows {
		leaf := Entry{r.Event, r.Pair, r.Commitment, r.Withheld}.Bytes()
		hashes, err := tlog.StoredHashes(size+int64(i), leaf, g)
		if err != nil {
			return out, before, after, err
		}
		g.hashes = append(g.hashes, hashes...)
		out.Leaves = append(out.Leaves, leaf)
	}
	for _, h := range g.hashes {
		out.Hashes = append(out.Hashes, h)
	}
	after.root, err = tlog.TreeHash(after.size, g)
	return out, before, after, err
}
