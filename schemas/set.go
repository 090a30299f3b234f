package schemas

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"example.org/trm/gateway"
	"example.org/trm/schemas/internal/generate"
	"example.org/trm/schemas/internal/table"
)

//go:embed types.csv codes frames blocks generated examples
var tree embed.FS

// Set is what this program knows of types, schemas and code lists. It never changes
// after [Open] and is safe for concurrent use.
type Set struct {
	rows     []Row
	byName   map[string]int
	releases []*release // the oldest first
	digest   string
}

var _ gateway.Catalogue = (*Set)(nil)

// release is one edition of the code lists, and the schemas that name its codes.
type release struct {
	name   string
	lists  []List
	types  map[string]*schema // by full name
	blocks map[string]*schema
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
	s := &Set{byName: map[string]int{}}
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
	for _, name := range names {
		r, err := s.open(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("release %s: %w", name, err)
		}
		s.releases = append(s.releases, r)
	}
	if len(s.releases) == 0 {
		return nil, fmt.Errorf("no release of the code lists")
	}
	s.digest, err = digest(fsys)
	return s, err
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
		if r.blocks[block], err = compile(fsys, f); err != nil {
			return nil, err
		}
	}
	for _, row := range s.rows {
		if r.types[row.Name], err = compile(fsys, dir+"/types/"+generate.FileName(row.Name)); err != nil {
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

// Release is the code-list release that new messages name.
func (s *Set) Release() string { return s.latest().name }

// Releases lists the code-list releases that are accepted, the oldest first. A release
// stays accepted for at least a year after the next, so that nobody is refused overnight.
func (s *Set) Releases() []string {
	out := make([]string, len(s.releases))
	for i, r := range s.releases {
		out[i] = r.name
	}
	return out
}

// Digest names everything that decides what a message may say: two programs with the
// same digest validate alike.
func (s *Set) Digest() string { return s.digest }

func (s *Set) latest() *release { return s.releases[len(s.releases)-1] }

func (s *Set) release(name string) (*release, bool) {
	i := slices.IndexFunc(s.releases, func(r *release) bool { return r.name == name })
	if i < 0 {
		return nil, false
	}
	return s.releases[i], true
}
