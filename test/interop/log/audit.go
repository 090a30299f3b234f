package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
)

// seen is what an audit found to be so.
type seen struct {
	Origin  string   `json:"origin"`
	Size    uint64   `json:"size"`
	Root    string   `json:"root"`
	Entries [][]byte `json:"entries"`
}

// workers are many: see bounded.
const workers = 256

// audit reads a whole log: every tile is that of its entries, every entry is proven in the
// checkpoint, and an earlier checkpoint is a prefix.
func audit(ctx context.Context, f flags) (any, error) {
	t, err := f.trusted()
	if err != nil {
		return nil, err
	}
	prefix, err := url.Parse(f.url)
	if err != nil {
		return nil, err
	}
	from, err := client.NewHTTPFetcher(prefix, http.DefaultClient)
	if err != nil {
		return nil, err
	}
	raw, err := from.ReadCheckpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoint: %w", err)
	}
	c, err := t.checkpoint(raw)
	if err != nil {
		return nil, fmt.Errorf("verifying the checkpoint: %w", err)
	}
	// The log grows meanwhile: all that follows looks at one checkpoint.
	one := &fixed{from, raw}
	if err := fsck.New(c.Origin, t.verifier, one, leaves, fsck.Opts{N: workers}).Check(ctx); err != nil {
		return nil, fmt.Errorf("fsck: %w", err)
	}
	out := seen{Origin: c.Origin, Size: c.Size, Root: base64.StdEncoding.EncodeToString(c.Hash), Entries: [][]byte{}}
	if c.Size == 0 {
		return out, nil
	}
	proofs, err := client.NewProofBuilder(ctx, c.Size, from.ReadTile)
	if err != nil {
		return nil, err
	}
	for n := uint64(0); n*256 < c.Size; n++ {
		b, err := client.GetEntryBundle(ctx, from.ReadEntryBundle, n, c.Size)
		if err != nil {
			return nil, fmt.Errorf("reading entries: %w", err)
		}
		out.Entries = append(out.Entries, b.Entries...)
	}
	if uint64(len(out.Entries)) != c.Size {
		return nil, fmt.Errorf("%d entries in a log of %d", len(out.Entries), c.Size)
	}
	for i, e := range out.Entries {
		p, err := proofs.InclusionProof(ctx, uint64(i))
		if err != nil {
			return nil, err
		}
		if err := merkle.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), c.Size, rfc6962.DefaultHasher.HashLeaf(e), p, c.Hash); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return out, f.extends(ctx, t, proofs, c)
}

// extends verifies that an earlier checkpoint is a prefix of the log.
func (f flags) extends(ctx context.Context, t trusted, proofs *client.ProofBuilder, now *log.Checkpoint) error {
	if f.since == "" {
		return nil
	}
	raw, err := os.ReadFile(f.since)
	if err != nil {
		return err
	}
	old, err := t.checkpoint(raw)
	if err != nil {
		return fmt.Errorf("verifying the earlier checkpoint: %w", err)
	}
	p, err := proofs.ConsistencyProof(ctx, old.Size, now.Size)
	if err != nil {
		return err
	}
	return merkle.VerifyConsistency(rfc6962.DefaultHasher, old.Size, now.Size, p, old.Hash, now.Hash)
}

// fixed is a log at one checkpoint.
type fixed struct {
	*client.HTTPFetcher
	checkpoint []byte
}

func (f *fixed) ReadCheckpoint(context.Context) ([]byte, error) { return f.checkpoint, nil }

// leaves hashes a bundle's entries.
func leaves(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, e := range b.Entries {
		out = append(out, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return out, nil
}

// prove verifies a tlog-proof of an entry, offline.
func prove(_ context.Context, f flags) (any, error) {
	t, err := f.trusted()
	if err != nil {
		return nil, err
	}
	if len(f.rest) != 2 {
		return nil, errors.New("give a proof and an entry")
	}
	raw, err := os.ReadFile(f.rest[0])
	if err != nil {
		return nil, err
	}
	entry, err := os.ReadFile(f.rest[1])
	if err != nil {
		return nil, err
	}
	var p proof.TLogProof
	if err := p.Unmarshal(raw); err != nil {
		return nil, err
	}
	c, err := t.checkpoint(p.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("verifying the checkpoint: %w", err)
	}
	var path [][]byte
	for _, h := range p.Hashes {
		path = append(path, h[:])
	}
	if err := merkle.VerifyInclusion(rfc6962.DefaultHasher, p.Index, c.Size, rfc6962.DefaultHasher.HashLeaf(entry), path, c.Hash); err != nil {
		return nil, err
	}
	return map[string]any{"origin": c.Origin, "size": c.Size, "index": p.Index}, nil
}
