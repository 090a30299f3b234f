package generate

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// changed is the sources with one file changed.
func changed(t *testing.T, name, old, replacement string) fs.FS {
	t.Helper()
	tree := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS("../.."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, "generated") || strings.HasSuffix(path, ".go") {
			return err
		}
		data, err := os.ReadFile("../../" + path)
		tree[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before := string(tree[name].Data)
	after := strings.Replace(before, old, replacement, 1)
	if before == after {
		t.Fatalf("%s does not have %s", name, old)
	}
	tree[name].Data = []byte(after)
	return tree
}

func TestSourcesThatContradictEachOtherMakeNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, file, old, replacement, want string }{
		{"a list that does not exist", "blocks/subject.json", "codes/child", "codes/children", "is no code list"},
		{"a reference to elsewhere", "blocks/subject.json", "codes/child", "https://example.org/child.json", "is no code list"},
		{"a block that is no JSON", "blocks/note.json", "{", "", "reading blocks/note.json"},
		{"a sealed block in the clear", "types.csv", "contact|offer|results", "contact|facts|results", "is no clear block"},
		{"a clear block that is sealed", "types.csv", "note@aud:P1", "needs@aud:P1", "of another class"},
		{"another class than the block's", "types.csv", "note@aud:P1", "note@aud:P2", "of another class"},
		{"a governed field that is required", "blocks/subject.json", `["phase"`, `["effect", "phase"`, "required and yet a unit"},
		{"a governed field that does not exist", "types.csv", "subject/effect", "subject/effects", "is unknown"},
		{"a report of what no report says", "types.csv", "ncbInformed", "police", "a report has no police"},
		{"a head member that no frame has", "types.csv", "previous,answerBy,", "previous,answerSoon,", "does not know it"},
	} {
		s, err := Read(changed(t, c.file, c.old, c.replacement), "2026-11")
		if err == nil {
			_, err = s.Files()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
}

func TestTheSameSourcesMakeTheSameBytes(t *testing.T) {
	t.Parallel()
	var first map[string][]byte
	for range 3 {
		s, err := Read(os.DirFS("../.."), "2026-11")
		if err != nil {
			t.Fatal(err)
		}
		files, err := s.Files()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = files
		}
		for name, data := range first {
			if string(files[name]) != string(data) {
				t.Errorf("%s is made in two ways", name)
			}
		}
	}
}
