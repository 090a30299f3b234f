package schemas_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/schemas/internal/generate"
)

func TestGeneratedFilesAreWhatTheSourcesMake(t *testing.T) {
	t.Parallel()
	tree := os.DirFS(".")
	releases, err := generate.Releases(tree)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{}
	for _, release := range releases {
		s, err := generate.Read(tree, release)
		if err != nil {
			t.Fatal(err)
		}
		files, err := s.Files()
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range files {
			want[name] = data
		}
	}
	for _, root := range generate.Roots {
		err := fs.WalkDir(tree, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(tree, name)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(string(want[name]), string(data)); diff != "" {
				t.Errorf("%s differs from what the sources make; run go generate ./schemas", name)
			}
			delete(want, name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range want {
		t.Errorf("%s is missing; run go generate ./schemas", name)
	}
}
