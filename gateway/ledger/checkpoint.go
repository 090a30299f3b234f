package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway/ledger/quorum"
)

// Checkpoint is how far a log has come: what its log signs and witnesses cosign (C2SP
// tlog-checkpoint).
type Checkpoint struct {
	Origin string // the log's name: "trm/2026"
	Size   int64  // the number of entries
	Root   tlog.Hash
}

// maxSize is the largest tree that is believed: beyond it package tlog does not end, and a
// log could keep its auditors waiting for ever with one signed line.
const maxSize = 1 << 62

// ErrCheckpoint says that bytes are no checkpoint, or that its log did not sign them.
var ErrCheckpoint = errors.New("not a checkpoint that its log signed")

// Text is the body of the note: what is signed.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// ParseCheckpoint reads the body of a note, without its signatures. Lines that follow the
// three, which our log never writes, are let pass: they are signed too, and say nothing of
// the tree.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || !quorum.ValidName(lines[0]) {
		return Checkpoint{}, ErrCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > maxSize || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, ErrCheckpoint
	}
	c := Checkpoint{Origin: lines[0], Size: size}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || copy(c.Root[:], root) != tlog.HashSize || len(root) != tlog.HashSize {
		return Checkpoint{}, ErrCheckpoint
	}
	return c, nil
}

// OpenCheckpoint reads a signed checkpoint and proves its log's signature with the log's
// key. The note holds what was proven: also the cosignatures of those of the witnesses that
// are given. A signature line that bears a known key's name and does not verify spoils the
// whole; lines of unknown keys are in UnverifiedSigs.
func OpenCheckpoint(signed []byte, log quorum.Key, witnesses ...quorum.Key) (Checkpoint, *note.Note, error) {
	known := []note.Verifier{verifier{log}}
	for _, w := range witnesses {
		known = append(known, verifier{w})
	}
	n, err := note.Open(signed, note.VerifierList(known...))
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if c.Origin != log.Name || !SignedBy(n, log) {
		return Checkpoint{}, nil, ErrCheckpoint
	}
	return c, n, nil
}

// SignedBy reports whether a key's signature is among those that were verified.
func SignedBy(n *note.Note, k quorum.Key) bool {
	for _, s := range n.Sigs {
		if s.Name == k.Name && s.Hash == k.ID() {
			return true
		}
	}
	return false
}

// Satisfied reports whether the cosignatures that were verified are the policy's quorum.
// The note must have been opened with the keys of the policy's witnesses.
func Satisfied(p quorum.Policy, n *note.Note) bool {
	return p.Satisfied(func(name string) bool {
		for _, w := range p.Witnesses {
			if w.Name == name {
				return SignedBy(n, w.Key)
			}
		}
		return false
	})
}

// WitnessKeys are the keys of a policy's witnesses, as [OpenCheckpoint] takes them.
func WitnessKeys(p quorum.Policy) []quorum.Key {
	keys := make([]quorum.Key, len(p.Witnesses))
	for i, w := range p.Witnesses {
		keys[i] = w.Key
	}
	return keys
}
