// Package generate makes from the table, the frames, the blocks and the code lists what
// can be made from them: a schema for each type, skeletons and reference pages.
package generate

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"example.org/trm/schemas/internal/table"
)

// Source is what people write: everything else is generated from it.
type Source struct {
	Release string // of the code lists
	Rows    []table.Row
	Lists   []table.List
	Head    map[string]any
	Frames  map[string]map[string]any
	Blocks  map[string]map[string]any

	examples map[string][]byte // by type
	glossary *glossary         // nil where there is none
	open     bool              // codes of releases that are not known are taken
}

// node is a JSON Schema as encoding/json reads it.
type node = map[string]any

// Read reads the sources of a release from the schemas directory.
func Read(fsys fs.FS, release string) (*Source, error) {
	codes, err := fs.Sub(fsys, "codes/"+release)
	if err != nil {
		return nil, fmt.Errorf("reading the sources: %w", err)
	}
	lists, err := table.ParseLists(codes)
	if err != nil {
		return nil, err
	}
	return ReadWith(fsys, release, lists)
}

// ReadWith reads the sources with the code lists of a release that is not among them.
func ReadWith(fsys fs.FS, release string, lists []table.List) (*Source, error) {
	return read(fsys, &Source{Release: release, Lists: lists})
}

// ReadOpen reads the sources for whoever must read messages of releases that it does not
// have: whatever has the form of a code is one, and of a release a release. What a type
// itself lists stays closed.
func ReadOpen(fsys fs.FS) (*Source, error) { return read(fsys, &Source{open: true}) }

func read(fsys fs.FS, s *Source) (*Source, error) {
	s.Frames, s.Blocks, s.examples = map[string]node{}, map[string]node{}, map[string][]byte{}
	data, err := fs.ReadFile(fsys, "types.csv")
	if err != nil {
		return nil, fmt.Errorf("reading the sources: %w", err)
	}
	if s.Rows, err = table.Parse(data); err != nil {
		return nil, err
	}
	if s.Frames, err = s.schemas(fsys, "frames"); err != nil {
		return nil, err
	}
	s.Head = s.Frames["head"]
	delete(s.Frames, "head")
	if s.Blocks, err = s.schemas(fsys, "blocks"); err != nil {
		return nil, err
	}
	if s.glossary, err = readGlossary(fsys); err != nil {
		return nil, err
	}
	for _, r := range s.Rows {
		// A type without its example still generates: the lint asks for it.
		if data, err := fs.ReadFile(fsys, "examples/"+FileName(r.Name)); err == nil {
			s.examples[r.Name] = data
		}
	}
	return s, nil
}

// schemas reads the schemas of a directory, with the code lists written out.
func (s *Source) schemas(fsys fs.FS, dir string) (map[string]node, error) {
	names, err := fs.Glob(fsys, dir+"/*.json")
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", dir, err)
	}
	out := map[string]node{}
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("reading the sources: %w", err)
		}
		var n node
		if err := json.Unmarshal(data, &n); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		full, err := s.expand(n)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		out[strings.TrimSuffix(path.Base(name), ".json")] = full.(node)
	}
	return out, nil
}

// listName keeps, beside the codes of a list, the list's name: a refusal names it, and
// whoever reads the schema finds the texts.
const listName = "x-list"

// The forms of a code and of a release, where the codes themselves are not known.
const (
	codePattern    = "^[a-z0-9-]{1,40}$"
	releasePattern = "^[0-9]{4}-[0-9]{2}$"
)

// expand writes the codes of a list in the place of its name, so that the published
// schema stands alone and no validator ever follows a reference.
func (s *Source) expand(v any) (any, error) {
	switch v := v.(type) {
	case node:
		out := node{}
		for k, child := range v {
			if k == "$ref" {
				names, ok := strings.CutPrefix(fmt.Sprint(child), "codes/")
				if out[listName] = names; s.open && ok {
					maps.Copy(out, anyCode(names))
					continue
				}
				var ids []string
				var list table.List
				for _, name := range strings.Split(names, "|") {
					i := slices.IndexFunc(s.Lists, func(l table.List) bool { return l.Name == name })
					if !ok || i < 0 {
						return nil, fmt.Errorf("%q is no code list", child)
					}
					list = s.Lists[i]
					ids = append(ids, list.IDs()...)
				}
				out["type"], out["enum"] = enum(list, ids)
				continue
			}
			full, err := s.expand(child)
			if err != nil {
				return nil, err
			}
			out[k] = full
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			full, err := s.expand(v[i])
			if err != nil {
				return nil, err
			}
			out[i] = full
		}
		return out, nil
	}
	return v, nil
}

// anyCode takes whatever could be a code of a list. Phases are numbers.
func anyCode(list string) node {
	if list == "phase" {
		return node{"type": "integer", "minimum": json.Number("0"), "maximum": json.Number("99")}
	}
	return node{"type": "string", "pattern": codePattern}
}

// enum is the JSON type and the values of a list of codes. Phases are numbers.
func enum(list table.List, ids []string) (string, []any) {
	values := make([]any, len(ids))
	for i, id := range ids {
		if values[i] = id; list.Numbers() {
			values[i] = json.Number(id)
		}
	}
	if list.Numbers() {
		return "integer", values
	}
	return "string", values
}

// FileName is where the files of a type lie: "referral.request-1.0.json".
func FileName(typ string) string { return strings.ReplaceAll(typ, "/", "-") + ".json" }
