package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway/ledger/quorum"
)

// ErrProof says that a proof has not the form of C2SP tlog-proof, or proves nothing.
var ErrProof = errors.New("not a proof that the entry is in the log")

// ErrUnwitnessed says that too few of the policy's witnesses cosigned: the log's operator
// alone stands for what is proven.
var ErrUnwitnessed = errors.New("fewer witnesses cosigned than the policy's quorum")

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	maxProof    = 64 << 10
)

// Proof is an entry's place in a signed checkpoint, to be verified by anybody, offline
// (C2SP tlog-proof).
type Proof struct {
	Extra      []byte // not authenticated by anything; ours have none
	Index      int64  // from 0
	Path       tlog.RecordProof
	Checkpoint []byte // the signed note, with its cosignatures, verbatim
}

// Marshal is the text form, which [ParseProof] reads.
func (p Proof) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(proofHeader + "\n")
	if len(p.Extra) > 0 {
		fmt.Fprintf(&b, "extra %s\n", base64.StdEncoding.EncodeToString(p.Extra))
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Path {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseProof reads the text form and verifies nothing.
func ParseProof(text []byte) (Proof, error) {
	head, checkpoint, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(text) > maxProof || lines[0] != proofHeader || checkpoint == "" {
		return Proof{}, ErrProof
	}
	p := Proof{Checkpoint: []byte(checkpoint)}
	lines = lines[1:]
	if len(lines) > 0 {
		if extra, ok := strings.CutPrefix(lines[0], "extra "); ok {
			var err error
			if p.Extra, err = base64.StdEncoding.Strict().DecodeString(extra); err != nil {
				return Proof{}, ErrProof
			}
			lines = lines[1:]
		}
	}
	if len(lines) == 0 || len(lines) > 1+63 {
		return Proof{}, ErrProof
	}
	index, ok := strings.CutPrefix(lines[0], "index ")
	var err error
	if p.Index, err = strconv.ParseInt(index, 10, 64); !ok || err != nil || p.Index < 0 || strconv.FormatInt(p.Index, 10) != index {
		return Proof{}, ErrProof
	}
	for _, l := range lines[1:] {
		raw, err := base64.StdEncoding.Strict().DecodeString(l)
		if err != nil || len(raw) != tlog.HashSize {
			return Proof{}, ErrProof
		}
		p.Path = append(p.Path, tlog.Hash(raw))
	}
	return p, nil
}

// Verify proves that the entry stands at the proof's index in the checkpoint, that the log
// signed this, and that the policy's quorum of witnesses cosigned it. The log's key bears
// the origin as its name.
func (p Proof) Verify(entry []byte, log quorum.Key, policy quorum.Policy) (Checkpoint, error) {
	c, n, err := OpenCheckpoint(p.Checkpoint, log, WitnessKeys(policy)...)
	if err != nil {
		return Checkpoint{}, err
	}
	if p.Index >= c.Size {
		return Checkpoint{}, ErrProof
	}
	if err := tlog.CheckRecord(p.Path, c.Size, c.Root, p.Index, tlog.RecordHash(entry)); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	if !Satisfied(policy, n) {
		return Checkpoint{}, ErrUnwitnessed
	}
	return c, nil
}

// VerifyProof parses and verifies a proof of an entry's bytes, offline. vkey is the log's
// verifier key, policy the text of C2SP tlog-policy; its log lines, if it has any, are not
// asked.
func VerifyProof(entry, proof []byte, vkey, policy string) (Checkpoint, error) {
	log, err := quorum.ParseKey(vkey)
	if err != nil {
		return Checkpoint{}, err
	}
	rule, err := quorum.Parse(policy)
	if err != nil {
		return Checkpoint{}, err
	}
	p, err := ParseProof(proof)
	if err != nil {
		return Checkpoint{}, err
	}
	return p.Verify(entry, log, rule)
}
