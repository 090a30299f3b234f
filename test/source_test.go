package test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// module is the import path of the repository, which every own package begins with.
const module = "example.org/trm"

// folder is one directory with Go files: a package, and the tests beside it.
type folder struct {
	dir   string
	files *token.FileSet
	code  map[string]*ast.File // by file name
	tests map[string]*ast.File
}

// survey parses every Go file of a tree, whatever its build constraints say: a rule that
// holds on Linux only is none. It reads the files themselves and starts no go list,
// whose answer may come from a cache.
func survey(tree fs.FS) ([]folder, error) {
	found := map[string]*folder{}
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := fs.ReadFile(tree, p)
		if err != nil {
			return err
		}
		dir := path.Dir(p)
		f, ok := found[dir]
		if !ok {
			f = &folder{dir: dir, files: token.NewFileSet(), code: map[string]*ast.File{}, tests: map[string]*ast.File{}}
			found[dir] = f
		}
		file, err := parser.ParseFile(f.files, p, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("reading %s: %w", p, err)
		}
		if strings.HasSuffix(name, "_test.go") {
			f.tests[name] = file
		} else {
			f.code[name] = file
		}
		return nil
	})
	var all []folder
	for _, f := range found {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b folder) int { return strings.Compare(a.dir, b.dir) })
	return all, err
}

// imports lists what the files import, sorted, each path once.
func imports(files map[string]*ast.File) []string {
	var paths []string
	for _, f := range files {
		for _, s := range f.Imports {
			paths = append(paths, strings.Trim(s.Path.Value, `"`))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// standard reports whether an import is of the standard library: its first element has
// no dot.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// own returns the folder of a package of this module.
func own(imported string) (dir string, ok bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

// within reports whether a path is a prefix's or below it.
func within(p, prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }
