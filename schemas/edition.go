package schemas

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"example.org/trm/gateway"
	"example.org/trm/schemas/internal/table"
)

// Files are what [Set.Digest] names, byte for byte, by their paths: whoever keeps them can
// say years later what a message might say.
func (s *Set) Files() (map[string][]byte, error) { return s.filesOf(s.shelf.Load()) }

// builtIn are the files that lie in the program.
func builtIn() (map[string][]byte, error) {
	out := make(map[string][]byte)
	for _, root := range digested {
		err := fs.WalkDir(tree, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			out[name], err = fs.ReadFile(tree, name)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading the schemas: %w", err)
		}
	}
	return out, nil
}

// Edition is the table of types of another edition than the program's own.
type Edition struct {
	rows   map[string]gateway.Type
	digest string
}

var errEdition = errors.New("reading an edition of the schemas: without types.csv it says nothing")

// ReadEdition reads the files of an edition, as [Set.Files] gives them. Its digest follows
// from names and bytes; whether it is one that anybody trusts is for the caller to ask.
func ReadEdition(files map[string][]byte) (*Edition, error) {
	data, ok := files["types.csv"]
	if !ok {
		return nil, errEdition
	}
	rows, err := table.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading an edition of the schemas: %w", err)
	}
	e := &Edition{rows: make(map[string]gateway.Type, len(rows)), digest: digestOf(files)}
	for _, r := range rows {
		e.rows[r.Name] = r.Type
	}
	return e, nil
}

// EditionDigest names files without reading what they say: what [Edition.Digest] would be.
func EditionDigest(files map[string][]byte) string { return digestOf(files) }

// Digest names the edition.
func (e *Edition) Digest() string { return e.digest }

// Type finds a type by its full name.
func (e *Edition) Type(name string) (gateway.Type, bool) {
	t, ok := e.rows[name]
	return t, ok
}

// digestOf is [digest] over files that lie in no file system: in the order in which a walk
// over the roots meets them, folder by folder.
func digestOf(files map[string][]byte) string {
	root := func(name string) int {
		first, _, _ := strings.Cut(name, "/")
		return slices.Index(digested, first)
	}
	names := slices.SortedFunc(maps.Keys(files), func(a, b string) int {
		if i, j := root(a), root(b); i != j {
			return i - j
		}
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
	sum := sha256.New()
	for _, name := range names {
		fmt.Fprintf(sum, "%s %d\n", name, len(files[name]))
		sum.Write(files[name])
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}
