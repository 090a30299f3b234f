package generate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// Files makes every generated file, by its path in the schemas directory. The same
// sources make the same bytes. Pages are of the latest release.
func (s *Source) Files() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, r := range s.Rows {
		schema, err := s.typeSchema(r)
		if err != nil {
			return nil, err
		}
		if files["generated/"+s.Release+"/types/"+FileName(r.Name)], err = indent(schema); err != nil {
			return nil, err
		}
		if files["generated/"+s.Release+"/skeletons/"+FileName(r.Name)], err = s.skeleton(r, schema); err != nil {
			return nil, err
		}
		files["reference/"+pageName(r)] = s.typePage(r, schema)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Blocks)) {
		block := s.blockSchema(name)
		data, err := indent(block)
		if err != nil {
			return nil, err
		}
		files["generated/"+s.Release+"/blocks/"+name+".json"] = data
	}
	files["reference/README.md"] = s.indexPage()
	files["reference/blocks.md"] = s.blocksPage()
	files["reference/codes.md"] = s.codesPage()
	if s.glossary != nil {
		files["reference/glossary.md"] = s.glossaryPage()
	}
	return files, nil
}

func indent(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("writing a generated file: %w", err)
	}
	return b.Bytes(), nil
}

// Roots are the directories that hold generated files only.
var Roots = [...]string{"generated", "reference"}

// Releases lists the code-list releases that have sources, the oldest first.
func Releases(fsys fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(fsys, "codes")
	if err != nil {
		return nil, fmt.Errorf("reading the releases: %w", err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out, nil
}
