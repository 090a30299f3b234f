package journal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// bodies closes what a message consists of under a key of its own: the signed part, what
// waits for the recipient, what was withheld, what opens its log entries. Purging a message
// destroys its key, and with it every copy of the bytes that any disk or backup holds.
//
// The keys lie beside the database in a file of slots, one for each number that a message
// can get: in place, so that destroying one overwrites it, and with nothing kept of it in
// a log or a free page. A slot is on disk before its number is given, so that a committed
// message always has its key. Safe for concurrent use, also by a process that purges
// beside the one that receives.
type bodies struct {
	file  *os.File
	mu    sync.Mutex   // guards growing
	ready atomic.Int64 // slots with a smaller number are on disk
}

const (
	keyMagic = "TRM body keys 1\n"
	keySize  = 32
	keysMore = 4096 // slots that are made at once: a flush for each is what a message would wait for
	keysLeft = 1024 // of which so many are left when more are made
)

// errDestroyed says that a body cannot be opened any more.
var errDestroyed = errors.New("the key of this message was destroyed")

// openBodies opens the file of keys, or makes it.
func openBodies(path string) (*bodies, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the keys of bodies: %w", err)
	}
	b := &bodies{file: f}
	if err := b.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the keys of bodies: %w", err), f.Close())
	}
	return b, nil
}

func (b *bodies) read() error {
	info, err := b.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < int64(len(keyMagic)) { // new, or cut off while it was made
		if _, err := b.file.WriteAt([]byte(keyMagic), 0); err != nil {
			return err
		}
		return errors.Join(b.file.Sync(), syncFolder(filepath.Dir(b.file.Name())))
	}
	magic := make([]byte, len(keyMagic))
	if _, err := b.file.ReadAt(magic, 0); err != nil {
		return err
	}
	if string(magic) != keyMagic {
		return errors.New("the file is something else")
	}
	// Who made the last slots may have died before they were on disk: what can be read may
	// not be there after a power cut.
	if err := b.file.Sync(); err != nil {
		return err
	}
	b.ready.Store((info.Size() - int64(len(keyMagic))) / keySize) // a slot that was cut off is made again
	return nil
}

func (b *bodies) close() error { return b.file.Close() }

func slot(seq int64) int64 { return int64(len(keyMagic)) + seq*keySize }

// reserve makes sure that a number has a key on disk. It costs a flush once in thousands
// of messages, and where the number was given before: a journal that was restored from a
// backup gives the numbers of purged messages again.
func (b *bodies) reserve(seq int64) error {
	if seq+keysLeft >= b.ready.Load() {
		if err := b.grow(seq); err != nil {
			return fmt.Errorf("making keys of bodies: %w", err)
		}
	}
	if _, err := b.key(seq); !errors.Is(err, errDestroyed) {
		return err
	}
	if err := b.write(seq, 1); err != nil {
		return fmt.Errorf("making a key again: %w", err)
	}
	return nil
}

func (b *bodies) grow(seq int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := b.ready.Load()
	if seq+keysLeft < from {
		return nil // somebody else did
	}
	n := max(seq-from, 0) + keysMore
	if err := b.write(from, n); err != nil {
		return err
	}
	b.ready.Store(from + n)
	return nil
}

// write makes n keys, durably.
func (b *bodies) write(from, n int64) error {
	fresh := make([]byte, n*keySize)
	rand.Read(fresh) // never fails (crypto/rand)
	if _, err := b.file.WriteAt(fresh, slot(from)); err != nil {
		return err
	}
	return b.file.Sync()
}

// key reads a slot. One that was destroyed, or is not there, is errDestroyed.
func (b *bodies) key(seq int64) (cipher.AEAD, error) {
	key := make([]byte, keySize)
	if _, err := b.file.ReadAt(key, slot(seq)); errors.Is(err, io.EOF) {
		return nil, errDestroyed
	} else if err != nil {
		return nil, err
	}
	if [keySize]byte(key) == [keySize]byte{} {
		return nil, errDestroyed
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// closedForm begins what was closed: no text that a journal held before keys began with it.
const closedForm = 1

// seal closes a part of a message: its column's name is bound in, so that none can be put
// in the place of another. The empty part stays empty.
func (b *bodies) seal(seq int64, column, part string) ([]byte, error) {
	if part == "" {
		return nil, nil
	}
	k, err := b.key(seq)
	if err != nil {
		return nil, fmt.Errorf("closing a body: %w", err)
	}
	out := make([]byte, 1+k.NonceSize(), 1+k.NonceSize()+len(part)+k.Overhead())
	out[0] = closedForm
	rand.Read(out[1:])
	return k.Seal(out, out[1:], []byte(part), bound(seq, column)), nil
}

// open is the inverse of seal. What was written before there were keys is as it is.
func (b *bodies) open(seq int64, column string, part []byte) (string, error) {
	if len(part) == 0 || part[0] != closedForm {
		return string(part), nil
	}
	k, err := b.key(seq)
	if err != nil {
		return "", fmt.Errorf("opening a body: %w", err)
	}
	if len(part) < 1+k.NonceSize() {
		return "", errors.New("opening a body: it is cut off")
	}
	plain, err := k.Open(nil, part[1:1+k.NonceSize()], part[1+k.NonceSize():], bound(seq, column))
	if err != nil {
		return "", errors.New("opening a body: it was changed, or its key is another's")
	}
	return string(plain), nil
}

// closing seals several parts of one message and keeps the first error.
type closing struct {
	bodies *bodies
	seq    int64
	err    error
}

func (c *closing) seal(column, part string) (out []byte) {
	if c.err == nil {
		out, c.err = c.bodies.seal(c.seq, column, part)
	}
	return out
}

// opener opens several parts of one message and keeps the first error.
type opener closing

func (o *opener) open(column string, part []byte) (out string) {
	if o.err == nil {
		out, o.err = o.bodies.open(o.seq, column, part)
	}
	return out
}

func bound(seq int64, column string) []byte {
	return binary.BigEndian.AppendUint64([]byte(column), uint64(seq))
}

// destroy overwrites slots, durably. Doing it again changes nothing.
func (b *bodies) destroy(seqs ...int64) error {
	var none [keySize]byte
	info, err := b.file.Stat() // another process may have made more than this one knows of
	if err != nil {
		return fmt.Errorf("destroying keys: %w", err)
	}
	for _, seq := range seqs {
		if slot(seq) >= info.Size() {
			continue
		}
		if _, err := b.file.WriteAt(none[:], slot(seq)); err != nil {
			return fmt.Errorf("destroying keys: %w", err)
		}
	}
	if err := b.file.Sync(); err != nil {
		return fmt.Errorf("destroying keys: %w", err)
	}
	return nil
}

// kept lists the numbers up to last whose key is there.
func (b *bodies) kept(last int64) ([]int64, error) {
	var out []int64
	chunk := make([]byte, 1024*keySize)
	for from := int64(0); from <= last; {
		n, err := b.file.ReadAt(chunk, slot(from))
		for i := 0; i+keySize <= n && from <= last; i, from = i+keySize, from+1 {
			if [keySize]byte(chunk[i:i+keySize]) != [keySize]byte{} {
				out = append(out, from)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading the keys of bodies: %w", err)
		}
	}
	return out, nil
}
