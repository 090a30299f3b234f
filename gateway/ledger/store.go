package ledger

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway"
)

// Store keeps logs where what happened is kept, so that one transaction holds both;
// package journal implements it. What it returned without error is on disk. Safe for
// concurrent use.
type Store interface {
	Writer
	Reader
}

// Writer gives entries their places.
type Writer interface {
	// Begin begins a log, empty or with deed as its first entry, whose leaf and hash grow
	// makes of its row. A log that was begun before stays as it is.
	Begin(ctx context.Context, origin string, deed *gateway.Deed, grow func(gateway.LogRow) (gateway.LogGrowth, error)) error
	// Grow gives the entries that wait, n at most and in the order of recording, to grow
	// and keeps what it makes of them, all in one transaction. It calls grow once at most,
	// and not at all where nothing waits. Where several processes share a store, their
	// calls follow one another (a row lock, or one writer).
	Grow(ctx context.Context, origin string, n int, grow func(size int64, rows []gateway.LogRow, hashes func([]int64) ([][32]byte, error)) (gateway.LogGrowth, error)) error
	// Witnessed keeps a checkpoint with the cosignatures that it needs, the newest of its
	// day (days since 1970).
	Witnessed(ctx context.Context, origin string, day, size int64, note []byte) error
}

// Reader is what proofs and tiles are made of.
type Reader interface {
	// Logs returns every log that was begun, the oldest first.
	Logs(ctx context.Context) ([]gateway.LogHead, error)
	// Hashes reads stored hashes, by tlog.StoredHashIndex.
	Hashes(ctx context.Context, origin string, indexes []int64) ([][32]byte, error)
	// Leaves reads the bytes of n entries from an index on; fewer where the log ends.
	Leaves(ctx context.Context, origin string, from int64, n int) ([][]byte, error)
	// EntriesAt reads n entries from an index on with what opens them, where that is left.
	EntriesAt(ctx context.Context, origin string, from int64, n int) ([]gateway.LogEntry, error)
	// Checkpoint returns a log's newest witnessed checkpoint of a day or before it, and its
	// day; nil where there is none.
	Checkpoint(ctx context.Context, origin string, day int64) (note []byte, of int64, err error)
	// Waiting returns how many entries have no place yet.
	Waiting(ctx context.Context) (int, error)
}

// stored reads the hashes of one log for package tlog.
func stored(ctx context.Context, r Reader, origin string) tlog.HashReader {
	return hashReader(func(indexes []int64) ([][32]byte, error) { return r.Hashes(ctx, origin, indexes) })
}

func hashReader(read func([]int64) ([][32]byte, error)) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		list, err := read(indexes)
		out := make([]tlog.Hash, len(list))
		for i, h := range list {
			out[i] = h
		}
		return out, err
	})
}
