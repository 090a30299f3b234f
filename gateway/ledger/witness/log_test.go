package witness_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/ledger/witness"
)

// tree is a log that only tests have: all hashes of a tree, and a key.
type tree struct {
	t      testing.TB
	origin string
	signer note.Signer
	key    quorum.Key
	hashes []tlog.Hash
	size   int64
}

func newTree(t testing.TB, origin string) *tree {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	k, err := quorum.ParseKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return &tree{t: t, origin: origin, signer: s, key: k}
}

func (x *tree) log() witness.Log { return witness.Log{Origin: x.origin, Key: x.key} }

// ReadHashes is tlog.HashReader.
func (x *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = x.hashes[at]
	}
	return out, nil
}

// grow appends entries that no other call of grow appended, unless it is told the same.
func (x *tree) grow(n int, what string) *tree {
	x.t.Helper()
	for i := range n {
		hs, err := tlog.StoredHashes(x.size, fmt.Appendf(nil, "%s %d", what, i), x)
		if err != nil {
			x.t.Fatal(err)
		}
		x.hashes = append(x.hashes, hs...)
		x.size++
	}
	return x
}

// copy is another history from here on, under the same key.
func (x *tree) copy() *tree {
	y := *x
	y.hashes = append([]tlog.Hash(nil), x.hashes...)
	return &y
}

func (x *tree) root(size int64) string {
	x.t.Helper()
	h, err := tlog.TreeHash(size, x)
	if err != nil {
		x.t.Fatal(err)
	}
	return h.String()
}

// checkpoint is the signed head of the first size entries.
func (x *tree) checkpoint(size int64) string {
	x.t.Helper()
	return x.sign(fmt.Sprintf("%s\n%d\n%s\n", x.origin, size, x.root(size)))
}

func (x *tree) sign(text string) string {
	x.t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, x.signer)
	if err != nil {
		x.t.Fatal(err)
	}
	return string(signed)
}

func (x *tree) proof(old, size int64) string {
	x.t.Helper()
	if old == 0 {
		return ""
	}
	p, err := tlog.ProveTree(size, old, x)
	if err != nil {
		x.t.Fatal(err)
	}
	var b strings.Builder
	for _, h := range p {
		fmt.Fprintln(&b, base64.StdEncoding.EncodeToString(h[:]))
	}
	return b.String()
}

// request asks for a cosignature of what the tree is now.
func (x *tree) request(old int64) string {
	x.t.Helper()
	return body(old, x.proof(old, x.size), x.checkpoint(x.size))
}

func body(old int64, proof, checkpoint string) string {
	return fmt.Sprintf("old %d\n%s\n%s", old, proof, checkpoint)
}
