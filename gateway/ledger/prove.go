package ledger

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Prove makes the proof of an entry in the newest checkpoint that has the witnesses that
// it needs. One that no such checkpoint covers yet is [ErrPending].
func (l *Log) Prove(ctx context.Context, origin string, index int64) (Proof, error) {
	raw, _, err := l.o.Store.Checkpoint(ctx, origin, 1<<40)
	if err != nil {
		return Proof{}, err
	}
	if raw == nil {
		return Proof{}, ErrPending
	}
	c, err := ParseCheckpoint(string(raw))
	if err != nil {
		return Proof{}, fmt.Errorf("reading a witnessed checkpoint: %w", err)
	}
	if index < 0 {
		return Proof{}, ErrUnknown
	}
	if index >= c.Size {
		return Proof{}, ErrPending
	}
	path, err := tlog.ProveRecord(c.Size, index, stored(ctx, l.o.Store, origin))
	if err != nil {
		return Proof{}, fmt.Errorf("proving an entry: %w", err)
	}
	return Proof{Index: index, Path: path, Checkpoint: raw}, nil
}

// Daily is the last checkpoint that was witnessed before the day of t began: what is shown
// to anybody, and tells of no single message when it was received. [ErrUnknown] where there
// is none.
func (l *Log) Daily(ctx context.Context, t time.Time) ([]byte, error) {
	logs, err := l.o.Store.Logs(ctx)
	if err != nil {
		return nil, err
	}
	for i := len(logs) - 1; i >= 0; i-- {
		raw, _, err := l.o.Store.Checkpoint(ctx, logs[i].Origin, t.Unix()/(24*60*60)-1)
		if err != nil || raw != nil {
			return raw, err
		}
	}
	return nil, ErrUnknown
}

// A tile holds 256 hashes, and an entry bundle as many entries (C2SP tlog-tiles).
const tileHeight = 8

// Tile returns a tile of hashes, "0/x001/067.p/8", or with "entries/000" an entry bundle, as
// C2SP tlog-tiles names them after "tile/". What the newest signed checkpoint does not
// imply is [ErrUnknown], as is a name that is none.
func (l *Log) Tile(ctx context.Context, origin, name string) ([]byte, error) {
	entries, bundle := strings.CutPrefix(name, "entries/")
	path := "tile/8/" + name
	if bundle {
		path = "tile/8/data/" + entries
	}
	t, err := tlog.ParseTilePath(path)
	if err != nil || t.H != tileHeight || !bundle && t.L < 0 {
		return nil, ErrUnknown
	}
	raw, err := l.Checkpoint(ctx, origin)
	if err != nil {
		return nil, err
	}
	c, err := ParseCheckpoint(string(raw))
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoint: %w", err)
	}
	if !implied(t, c.Size) {
		return nil, ErrUnknown
	}
	if bundle {
		return l.bundle(ctx, origin, t)
	}
	return tlog.ReadTileData(t, stored(ctx, l.o.Store, origin))
}

// implied reports whether a tree of a size has all hashes of a tile.
func implied(t tlog.Tile, size int64) bool {
	level := max(t.L, 0) * tileHeight
	if level > 62 || t.N > size>>8 {
		return false
	}
	return t.N<<tileHeight+int64(t.W) <= size>>level
}

// bundle is entries one after the other, each after its length in two bytes.
func (l *Log) bundle(ctx context.Context, origin string, t tlog.Tile) ([]byte, error) {
	leaves, err := l.o.Store.Leaves(ctx, origin, t.N<<tileHeight, t.W)
	if err != nil {
		return nil, err
	}
	if len(leaves) != t.W {
		return nil, fmt.Errorf("reading entries: %d of %d are there", len(leaves), t.W)
	}
	return Bundle(leaves)
}

// Bundle writes entries as an entry bundle.
func Bundle(leaves [][]byte) ([]byte, error) {
	var out []byte
	for _, leaf := range leaves {
		if len(leaf) > 1<<16-1 {
			return nil, fmt.Errorf("bundling entries: one of %d bytes is too large", len(leaf))
		}
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(leaf))), leaf...)
	}
	return out, nil
}

// SplitBundle reads an entry bundle.
func SplitBundle(b []byte) ([][]byte, error) {
	var out [][]byte
	for len(b) > 0 {
		if len(b) < 2 {
			return nil, ErrEntry
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; len(b) < n {
			return nil, ErrEntry
		}
		out, b = append(out, b[:n]), b[n:]
	}
	return out, nil
}
