package schemas

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/schemas/internal/generate"
	"example.org/trm/schemas/internal/table"
)

//go:embed types.csv codes frames blocks generated examples texts
var tree embed.FS

// Set is what this program knows of types, schemas and code lists. Types never change
// after [Open]; releases of the code lists can be added with [Set.Take]. Safe for
// concurrent use.
type Set struct {
	rows   []Row
	byName map[string]int
	now    func() time.Time

	taking sync.Mutex            // guards what is on the shelf against two takers
	shelf  atomic.Pointer[shelf] // never nil after Open
	// reading is the release that has none of the names that others have: see [Reader].
	reading func() (*release, error)
}

var _ gateway.Catalogue = (*Set)(nil)

// shelf is the releases that are here, and what they are together. It never changes.
type shelf struct {
	releases []*release // the oldest first; at least one
	digest   string
}

// release is one edition of the code lists, and the schemas that name its codes.
type release struct {
	name   string
	lists  []List
	types  map[string]*schema // by full name
	blocks map[string]*schema
	life   Life
	signed []byte            // the manifest, if it came with one
	texts  Texts             // that came with it
	files  map[string][]byte // what it was made of, if it is not built in
}

// Row is a line of types.csv: the gateway's view of a type, its terms and its codes.
type Row = table.Row

// Open compiles what is built into the program. It fails only where the program was
// built from sources that its tests refuse.
func Open() (*Set, error) {
	s, err := open(tree)
	if err != nil {
		return nil, fmt.Errorf("opening the schemas: %w", err)
	}
	return s, nil
}

func open(fsys fs.FS) (*Set, error) {
	data, err := fs.ReadFile(fsys, "types.csv")
	if err != nil {
		return nil, err
	}
	s := &Set{byName: map[string]int{}, now: time.Now}
	s.reading = sync.OnceValues(func() (*release, error) { return s.anyRelease(fsys) })
	if s.rows, err = table.Parse(data); err != nil {
		return nil, err
	}
	for i, r := range s.rows {
		s.byName[r.Name] = i
	}
	names, err := generate.Releases(fsys)
	if err != nil {
		return nil, err
	}
	first := &shelf{}
	for _, name := range names {
		r, err := s.open(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("release %s: %w", name, err)
		}
		first.releases = append(first.releases, r)
	}
	if len(first.releases) == 0 {
		return nil, fmt.Errorf("no release of the code lists")
	}
	if first.digest, err = digest(fsys); err != nil {
		return nil, err
	}
	s.shelf.Store(first)
	return s, nil
}

func (s *Set) open(fsys fs.FS, name string) (*release, error) {
	codes, err := fs.Sub(fsys, "codes/"+name)
	if err != nil {
		return nil, err
	}
	r := &release{name: name, types: map[string]*schema{}, blocks: map[string]*schema{}}
	if r.lists, err = table.ParseLists(codes); err != nil {
		return nil, err
	}
	dir := "generated/" + name
	files, err := fs.Glob(fsys, dir+"/blocks/*.json")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		block := strings.TrimSuffix(f[strings.LastIndex(f, "/")+1:], ".json")
		if r.blocks[block], err = compileFile(fsys, f); err != nil {
			return nil, err
		}
	}
	for _, row := range s.rows {
		if r.types[row.Name], err = compileFile(fsys, dir+"/types/"+generate.FileName(row.Name)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// digested is where everything lies that decides what a message may say.
var digested = []string{"types.csv", "codes", "generated"}

// digest is the SHA-256 over the names and bytes of everything that decides what a
// message may say.
func digest(fsys fs.FS) (string, error) {
	sum := sha256.New()
	for _, root := range digested {
		err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(fsys, name)
			if err != nil {
				return err
			}
			fmt.Fprintf(sum, "%s %d\n", name, len(data))
			sum.Write(data)
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)), nil
}

// Row finds a row of the table by the type's full name.
func (s *Set) Row(name string) (Row, bool) {
	i, ok := s.byName[name]
	if !ok {
		return Row{}, false
	}
	return s.rows[i], true
}

// Type finds a type by its full name.
func (s *Set) Type(name string) (gateway.Type, bool) {
	r, ok := s.Row(name)
	return r.Type, ok
}

// Types lists the types in the order of the table.
func (s *Set) Types() []gateway.Type {
	out := make([]gateway.Type, len(s.rows))
	for i, r := range s.rows {
		out[i] = r.Type
	}
	return out
}

// Digest names everything that decides what a message may say: two programs with the
// same digest validate alike. It is another after a release was taken.
func (s *Set) Digest() string { return s.shelf.Load().digest }
