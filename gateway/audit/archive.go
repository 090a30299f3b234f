package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The archive is POSIX ustar with one kind of member, a regular file, and one header for a
// name and a size. Every tar program unpacks it.
const (
	blockSize  = 512
	maxName    = 100 // the rest of a longer path goes into the prefix
	maxPrefix  = 155
	maxMember  = 16 << 20 // the largest is an entry bundle of the largest entries
	tarVersion = "ustar\x0000"
)

// ErrArchive says that bytes are not an archive in the one form that a bundle has.
var ErrArchive = errors.New("not an audit bundle: the archive has another form")

// archive writes members.
type archive struct{ w io.Writer }

// add writes one member.
func (a archive) add(name string, data []byte) error {
	h, err := header(name, len(data))
	if err != nil {
		return err
	}
	for _, part := range [][]byte{h, data, make([]byte, padding(len(data)))} {
		if _, err := a.w.Write(part); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// close writes the end: two empty blocks.
func (a archive) close() error {
	if _, err := a.w.Write(make([]byte, 2*blockSize)); err != nil {
		return fmt.Errorf("writing the end: %w", err)
	}
	return nil
}

// header is the one header of a name and a size: read-only, nobody's, at no time.
func header(name string, size int) ([]byte, error) {
	prefix, base := split(name)
	if base == "" || len(base) > maxName || len(prefix) > maxPrefix || size < 0 || size > maxMember {
		return nil, fmt.Errorf("a member of %d bytes cannot be written: %w", size, ErrArchive)
	}
	h := make([]byte, blockSize)
	copy(h, base)
	copy(h[345:], prefix)
	copy(h[100:], "0000444\x00")
	copy(h[108:], "0000000\x00")
	copy(h[116:], "0000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x00", size))
	copy(h[136:], "00000000000\x00")
	copy(h[148:], "        ")
	h[156] = '0'
	copy(h[257:], tarVersion)
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h, nil
}

// split parts a path that is longer than the name's field at the first slash after which
// the rest fits.
func split(name string) (prefix, base string) {
	if len(name) <= maxName {
		return "", name
	}
	for i, c := range name {
		if c == '/' && len(name)-i-1 <= maxName {
			return name[:i], name[i+1:]
		}
	}
	return "", name
}

func padding(size int) int { return (blockSize - size%blockSize) % blockSize }

// unarchive reads members, and refuses every byte that [archive] would not have written.
type unarchive struct {
	r     io.Reader
	block [blockSize]byte
}

// next returns the next member; io.EOF after the last, when nothing follows the end.
func (u *unarchive) next() (name string, data []byte, err error) {
	if _, err := io.ReadFull(u.r, u.block[:]); err != nil {
		return "", nil, short(err)
	}
	if allZero(u.block[:]) {
		return "", nil, u.end()
	}
	name = strings.TrimRight(string(u.block[:maxName]), "\x00")
	if prefix := strings.TrimRight(string(u.block[345:345+maxPrefix]), "\x00"); prefix != "" {
		name = prefix + "/" + name
	}
	size, err := strconv.ParseInt(strings.TrimRight(string(u.block[124:136]), "\x00"), 8, 64)
	if err != nil || size < 0 || size > maxMember || strings.ContainsRune(name, 0) {
		return "", nil, ErrArchive
	}
	if h, err := header(name, int(size)); err != nil || !bytes.Equal(h, u.block[:]) {
		return "", nil, ErrArchive
	}
	// Read as it comes, so that a header alone costs nothing.
	var b bytes.Buffer
	if _, err := io.CopyN(&b, u.r, size); err != nil {
		return "", nil, short(err)
	}
	rest := u.block[:padding(int(size))]
	if _, err := io.ReadFull(u.r, rest); err != nil {
		return "", nil, short(err)
	}
	if !allZero(rest) {
		return "", nil, ErrArchive
	}
	return name, b.Bytes(), nil
}

func (u *unarchive) end() error {
	if _, err := io.ReadFull(u.r, u.block[:]); err != nil {
		return short(err)
	}
	if !allZero(u.block[:]) {
		return ErrArchive
	}
	if n, err := u.r.Read(u.block[:1]); n > 0 || err != io.EOF {
		if err != nil && err != io.EOF {
			return err
		}
		return ErrArchive
	}
	return io.EOF
}

// short tells an archive that ends early from a disk that cannot be read.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it ends early: %w", ErrArchive)
	}
	return err
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
