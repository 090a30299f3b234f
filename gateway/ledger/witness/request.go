package witness

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Bounds of a request. A tree of 2^62 entries has a longest proof of 62 hashes; package
// tlog does not end for trees beyond it.
const (
	maxRequest = 256 << 10
	maxProof   = 63 // C2SP tlog-witness, add-checkpoint
	maxSize    = 1 << 62
)

// emptyRoot is the hash of a tree without entries (RFC 6962, Section 2.1).
var emptyRoot = tlog.Hash(sha256.Sum256(nil))

// checkpoint is the head of a tree (C2SP tlog-checkpoint).
type checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// request is the body of add-checkpoint, well formed and unverified.
type request struct {
	checkpoint
	old   int64
	proof tlog.TreeProof
	note  []byte // the signed checkpoint
}

func parseRequest(body []byte) (request, error) {
	malformed := func(what string) (request, error) { return request{}, refuse(http.StatusBadRequest, what) }
	if len(body) > maxRequest {
		return request{}, refuse(http.StatusRequestEntityTooLarge, "the request is too large")
	}
	top, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return malformed("no empty line before the checkpoint")
	}
	lines := strings.Split(string(top), "\n")
	r := request{note: signed}
	digits, ok := strings.CutPrefix(lines[0], "old ")
	if r.old, ok = size(digits, ok); !ok {
		return malformed("the first line is not old and a size")
	}
	if len(lines)-1 > maxProof {
		return malformed("a consistency proof of more than 63 hashes")
	}
	for _, line := range lines[1:] {
		h, ok := hash(line)
		if !ok {
			return malformed("a line of the consistency proof is not a hash in base64")
		}
		r.proof = append(r.proof, h)
	}
	if r.checkpoint, ok = parseCheckpoint(signed); !ok {
		return malformed("the checkpoint is not a signed note with origin, size and root hash")
	}
	return r, nil
}

// parseCheckpoint reads a signed checkpoint without verifying it. Lines after the third
// are the log's own affair, but none may be empty.
func parseCheckpoint(signed []byte) (c checkpoint, ok bool) {
	_, err := note.Open(signed, nil)
	unverified, ok := err.(*note.UnverifiedNoteError)
	if !ok {
		return checkpoint{}, false // not even a note
	}
	lines := strings.Split(strings.TrimSuffix(unverified.Note.Text, "\n"), "\n")
	if len(lines) < 3 {
		return checkpoint{}, false
	}
	for _, line := range lines {
		if line == "" {
			return checkpoint{}, false
		}
	}
	c.Origin = lines[0]
	var isSize, isHash bool
	c.Size, isSize = size(lines[1], true)
	c.Root, isHash = hash(lines[2])
	return c, isSize && isHash
}

// size reads a decimal without leading zeroes.
func size(digits string, ok bool) (int64, bool) {
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, ok && err == nil && n >= 0 && n <= maxSize && strconv.FormatInt(n, 10) == digits
}

func hash(text string) (h tlog.Hash, ok bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(h) || len(text) != base64.StdEncoding.EncodedLen(len(h)) {
		return h, false
	}
	copy(h[:], raw)
	return h, true
}
