package witness

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/mod/sumdb/note"

	"example.org/trm/gateway/ledger/quorum"
)

// Create makes a witness: a new key in one file, and the state of one that has cosigned
// nothing in another. It never replaces a file. The name is unique among witnesses, by
// convention an address without scheme, as in "audit.example/trm".
func Create(key, state, name string) (quorum.Key, error) {
	if err := free(key); err != nil {
		return quorum.Key{}, err
	}
	line, public, err := quorum.Generate(name, quorum.Witness)
	if err != nil {
		return quorum.Key{}, err
	}
	// The state first: a key that can be used without one is never there.
	if err := begin(state, public); err != nil {
		return quorum.Key{}, err
	}
	if err := replace(key, []byte(line)); err != nil {
		return quorum.Key{}, fmt.Errorf("making a witness: %w", err)
	}
	return public, nil
}

// Begin makes the state of a key that was made elsewhere and has never cosigned anything:
// of any other key it would be a lie, with which it could cosign a second history. It
// never replaces a file.
func Begin(key, state string) (quorum.Key, error) {
	c, err := readKey(key)
	if err != nil {
		return quorum.Key{}, err
	}
	return c.Key, begin(state, c.Key)
}

func begin(state string, k quorum.Key) error {
	if err := free(state); err != nil {
		return err
	}
	return store(state, k, nil)
}

func free(file string) error {
	if _, err := os.Lstat(file); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("making a witness: %s is already there", file)
	}
	return nil
}

func readKey(file string) (*cosigner, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("reading the witness's key: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("reading the witness's key: others may read %s: chmod 600 it", file)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the witness's key: %w", err)
	}
	private, public, err := quorum.ParsePrivate(string(raw))
	if err != nil {
		return nil, fmt.Errorf("reading the witness's key: %w", err)
	}
	// Other witnesses write the same key with the type of a plain one.
	public.Kind = quorum.Witness
	return &cosigner{public, private}, nil
}

// cosigner makes cosignatures (C2SP tlog-cosignature, Ed25519).
type cosigner struct {
	quorum.Key
	private ed25519.PrivateKey
}

// cosign cosigns a checkpoint at a time, and returns the line and the whole note with it.
func (c *cosigner) cosign(n *note.Note, at int64) (line, cosigned []byte, err error) {
	cosigned, err = note.Sign(n, timed{c, at})
	if err != nil {
		return nil, nil, err
	}
	lines := bytes.SplitAfter(cosigned, []byte("\n"))
	return bytes.Clone(lines[len(lines)-2]), cosigned, nil
}

// timed is a cosigner at one time.
type timed struct {
	*cosigner
	at int64
}

var _ note.Signer = timed{}

func (t timed) Name() string    { return t.Key.Name }
func (t timed) KeyHash() uint32 { return t.ID() }

func (t timed) Sign(text []byte) ([]byte, error) {
	sig := binary.BigEndian.AppendUint64(nil, uint64(t.at))
	return append(sig, ed25519.Sign(t.private, message(text, t.at))...), nil
}

// message is what a cosignature signs.
func message(text []byte, at int64) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatInt(at, 10)+"\n"), text...)
}

// verifier verifies a witness's own cosignatures, when it reads its state.
type verifier struct {
	quorum.Key
	at *int64 // takes the time of one that is valid
}

var _ note.Verifier = verifier{}

func (v verifier) Name() string    { return v.Key.Name }
func (v verifier) KeyHash() uint32 { return v.ID() }

func (v verifier) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	if at > 1<<63-1 || !ed25519.Verify(v.Public, message(text, int64(at)), sig[8:]) {
		return false
	}
	*v.at = int64(at)
	return true
}
