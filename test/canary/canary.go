// Package canary searches what a running region leaves behind for values that must be
// nowhere: the invented names, numbers and findings that its tests send.
//
// A value hides in a store in more ways than one. Each is searched for as it is, in
// hexadecimal, and in base64 in both alphabets and all three alignments, once and twice
// over, because what is signed is base64 and what is stored may be again.
package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Flock is a set of canaries, ready to be searched for. The zero value finds nothing. One
// search reads a text once, however many canaries there are.
type Flock struct {
	names []string
	// heads finds, by their first bytes, the patterns that may begin at a place.
	heads map[uint64][]pattern
}

// pattern is one form of one canary.
type pattern struct {
	bird int
	form string
	text []byte
}

// Shortest is the length in bytes under which a value is no canary: what is shorter is
// found by chance. No form of a value is shorter than the value.
const Shortest = 6

// Add makes a canary of a value. The name is what a finding calls it: never the value.
func (f *Flock) Add(name, value string) error {
	if len(value) < Shortest {
		return fmt.Errorf("adding canary %s: %d bytes are found by chance", name, len(value))
	}
	if f.heads == nil {
		f.heads = map[uint64][]pattern{}
	}
	for form, text := range forms(value) {
		h := uint64(0)
		for _, c := range text[:Shortest] {
			h = roll(h, c)
		}
		f.heads[h] = append(f.heads[h], pattern{len(f.names), form, text})
	}
	f.names = append(f.names, name)
	return nil
}

// roll takes the next byte into the number that Shortest bytes make.
func roll(h uint64, c byte) uint64 { return (h<<8 | uint64(c)) & (1<<(8*Shortest) - 1) }

// Len is the number of canaries.
func (f *Flock) Len() int { return len(f.names) }

// forms are the byte strings of which one occurs wherever the value does.
func forms(value string) map[string][]byte {
	v := []byte(value)
	m := map[string][]byte{
		"plain":     v,
		"hex":       []byte(hex.EncodeToString(v)),
		"upper hex": []byte(strings.ToUpper(hex.EncodeToString(v))),
	}
	for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for i := range 3 {
			once := aligned(enc, v, i)
			m[fmt.Sprintf("%s at %d", name, i)] = once
			for j := range 3 {
				m[fmt.Sprintf("%s at %d, twice at %d", name, i, j)] = aligned(enc, once, j)
			}
		}
	}
	return m
}

// aligned is the part of the base64 form of any text holding v at an offset that leaves
// shift modulo 3 which depends on v alone.
func aligned(enc *base64.Encoding, v []byte, shift int) []byte {
	text := enc.EncodeToString(append(make([]byte, shift), v...))
	first := (shift*8 + 5) / 6        // the first character without a bit of what stands before
	whole := (shift + len(v)) * 8 / 6 // characters that hold no bit of what follows
	return []byte(text[first:whole])
}

// Finding is a canary where it must not be. It names the canary and never shows it.
type Finding struct {
	Where  string
	Offset int
	Canary string
	Form   string
}

func (f Finding) String() string {
	return fmt.Sprintf("%s, offset %d: %s in %s", f.Where, f.Offset, f.Canary, f.Form)
}

// Search looks through one text. Each canary is found once in each form.
func (f *Flock) Search(where string, text []byte) []Finding {
	type once struct {
		bird int
		form string
	}
	seen := map[once]bool{}
	var all []Finding
	h := uint64(0)
	for i, c := range text {
		h = roll(h, c)
		if i+1 < Shortest {
			continue
		}
		at := i + 1 - Shortest
		for _, p := range f.heads[h] {
			if o := (once{p.bird, p.form}); bytes.HasPrefix(text[at:], p.text) && !seen[o] {
				seen[o] = true
				all = append(all, Finding{where, at, f.names[p.bird], p.form})
			}
		}
	}
	slices.SortFunc(all, func(a, b Finding) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// Tree looks through every file below dir, its name included, but for those that skip
// names by their path relative to dir. searched is how many bytes it read: a search that
// read nothing proves nothing. A file that vanishes meanwhile is no error.
func (f *Flock) Tree(dir string, skip func(rel string) bool) (found []Finding, searched int, err error) {
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		if skip != nil && skip(rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		found = append(found, f.Search("the name "+rel, []byte(rel))...)
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(p)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		searched += len(b)
		found = append(found, f.Search(rel, b)...)
		return nil
	})
	return found, searched, err
}
