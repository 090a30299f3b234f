package audit

import (
	"bytes"
	"errors"
	"io"
)

// Member is a part of a bundle, for tests that change one.
type Member struct {
	Name string
	Data []byte
}

// Unpack takes a bundle apart.
func Unpack(b []byte) ([]Member, error) {
	u := unarchive{r: bytes.NewReader(b)}
	var out []Member
	for {
		name, data, err := u.next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Member{name, data})
	}
}

// Pack puts one together.
func Pack(list []Member) ([]byte, error) {
	var b bytes.Buffer
	a := archive{&b}
	for _, m := range list {
		if err := a.add(m.Name, m.Data); err != nil {
			return nil, err
		}
	}
	err := a.close()
	return b.Bytes(), err
}

// SplitEntries takes an entry bundle apart.
func SplitEntries(b []byte) [][]byte {
	list, _ := parseEntries(b)
	return list
}

// JoinEntries puts one together.
func JoinEntries(list [][]byte) (b []byte) {
	for _, e := range list {
		b = appendEntry(b, e)
	}
	return b
}

// LeafHash is the hash of an entry.
func LeafHash(entry []byte) [32]byte { return leafHash(entry) }

// RootOf is the hash over a tile's.
func RootOf(tile []byte) [32]byte {
	list, _ := parseTile(tile, len(tile)/32)
	return rootOf(list)
}
