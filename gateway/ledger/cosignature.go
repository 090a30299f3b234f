package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"example.org/trm/gateway/ledger/quorum"
)

// verifier proves signatures of logs and cosignatures of witnesses.
type verifier struct{ key quorum.Key }

// NewVerifier makes a verifier of a verifier key, of a log or of a witness.
func NewVerifier(vkey string) (note.Verifier, error) {
	k, err := quorum.ParseKey(vkey)
	if err != nil {
		return nil, err
	}
	return verifier{k}, nil
}

func (v verifier) Name() string    { return v.key.Name }
func (v verifier) KeyHash() uint32 { return v.key.ID() }

func (v verifier) Verify(msg, sig []byte) bool {
	if v.key.Kind == quorum.Log {
		return ed25519.Verify(v.key.Public, msg, sig)
	}
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	t := binary.BigEndian.Uint64(sig)
	return t <= 1<<62 && ed25519.Verify(v.key.Public, cosigned(t, msg), sig[8:])
}

// cosigned is what a witness signs (C2SP tlog-cosignature, cosignature/v1).
func cosigned(t uint64, msg []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", t), msg...)
}

// CosignedAt is when a witness signed, by its clock: the time inside a cosignature that
// was verified. It is zero where the witness did not sign.
func CosignedAt(n *note.Note, witness quorum.Key) time.Time {
	for _, s := range n.Sigs {
		if s.Name != witness.Name || s.Hash != witness.ID() || witness.Kind != quorum.Witness {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil || len(raw) != 4+8+ed25519.SignatureSize {
			continue
		}
		return time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC() // verified: below 1<<62
	}
	return time.Time{}
}

// Signer signs checkpoints: a log's, or with times a witness's. Safe for concurrent use.
type Signer struct {
	key     quorum.Key
	private ed25519.PrivateKey
	now     func() time.Time
}

// ParseSigner makes a signer of the line in a key file ([quorum.ParsePrivate]). now is the
// clock of a witness; a log's signatures have no time.
func ParseSigner(line string, now func() time.Time) (*Signer, error) {
	private, key, err := quorum.ParsePrivate(line)
	if err != nil {
		return nil, err
	}
	if key.Kind == quorum.Witness && now == nil {
		now = time.Now
	}
	return &Signer{key, private, now}, nil
}

// Key is the public key.
func (s *Signer) Key() quorum.Key { return s.key }

// Named is a signer with the same key and another name: the log's, for another origin.
func (s *Signer) Named(name string) *Signer {
	return &Signer{s.key.Named(name), s.private, s.now}
}

// Name is what the signature line bears.
func (s *Signer) Name() string { return s.key.Name }

// KeyHash is the id that the signature line bears.
func (s *Signer) KeyHash() uint32 { return s.key.ID() }

// Sign signs the body of a note, a witness with the time.
func (s *Signer) Sign(msg []byte) ([]byte, error) {
	if s.key.Kind == quorum.Log {
		return ed25519.Sign(s.private, msg), nil
	}
	t := uint64(max(0, s.now().Unix()))
	return append(binary.BigEndian.AppendUint64(nil, t), ed25519.Sign(s.private, cosigned(t, msg))...), nil
}
