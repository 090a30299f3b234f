package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// The tree is that of RFC 6962, Section 2.1, written here once more: the verifier of the
// log shares no hashing with the code that built it.

type hash = [sha256.Size]byte

func leafHash(entry []byte) hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(entry)
	return hash(h.Sum(nil))
}

func nodeHash(left, right hash) hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// fold is a tree that grows at its right edge: the hashes of the perfect subtrees into
// which its leaves fall, the largest first. The zero value is the empty tree.
type fold struct {
	size int64
	over []hash
}

// add appends a perfect subtree of 2^level leaves; the size must be a multiple of that.
func (f *fold) add(h hash, level int) {
	f.over = append(f.over, h)
	for s := f.size >> level; s&1 == 1; s >>= 1 {
		n := len(f.over)
		f.over = append(f.over[:n-2], nodeHash(f.over[n-2], f.over[n-1]))
	}
	f.size += 1 << level
}

// root is the hash of the tree.
func (f *fold) root() hash {
	if len(f.over) == 0 {
		return sha256.Sum256(nil)
	}
	r := f.over[len(f.over)-1]
	for i := len(f.over) - 2; i >= 0; i-- {
		r = nodeHash(f.over[i], r)
	}
	return r
}

func (f *fold) clone() fold { return fold{f.size, append([]hash(nil), f.over...)} }

// rootOf is the root over leaves.
func rootOf(leaves []hash) hash {
	var f fold
	for _, h := range leaves {
		f.add(h, 0)
	}
	return f.root()
}

// frontier is the tree of the first size leaves, made of what tiles from level 1 up say.
// size is a multiple of a chunk. It is false where a tile is missing.
func frontier(size int64, tile func(level int, n int64) []hash) (fold, bool) {
	var f fold
	for f.size < size {
		level := bits.Len64(uint64(size-f.size)) - 1
		l := level / 8
		at := f.size >> (8 * l)
		n := int64(1) << (level - 8*l)
		t := tile(l, at/chunk)
		if off := at % chunk; int64(len(t)) < off+n {
			return fold{}, false
		} else {
			f.add(rootOf(t[off:off+n]), level)
		}
	}
	return f, true
}

// parseTile reads the hashes of a tile.
func parseTile(data []byte, width int) ([]hash, bool) {
	if len(data) != width*sha256.Size {
		return nil, false
	}
	out := make([]hash, width)
	for i := range out {
		out[i] = hash(data[i*sha256.Size:])
	}
	return out, true
}

// parseEntries takes an entry bundle apart (C2SP tlog-tiles: a length of two bytes before
// each). What follows an entry that is cut off is lost.
func parseEntries(data []byte) (entries [][]byte, whole bool) {
	for len(data) > 0 {
		if len(data) < 2 {
			return entries, false
		}
		n := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+n || len(entries) == 2*chunk {
			return entries, false
		}
		entries = append(entries, data[2:2+n])
		data = data[2+n:]
	}
	return entries, true
}

// appendEntry adds an entry to an entry bundle.
func appendEntry(b, entry []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(entry))), entry...)
}

// storedIndex is where the hash of the n-th perfect subtree of 2^level leaves is stored:
// each after all that it is made of, in the order in which a growing log makes them.
func storedIndex(level int, n int64) int64 {
	for range level {
		n = 2*n + 1
	}
	i := int64(level)
	for ; n > 0; n >>= 1 {
		i += n
	}
	return i
}
