// Command gen writes the generated files of the schemas directory, in which go generate
// runs it, and removes those that nothing makes any more.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"example.org/trm/schemas/internal/generate"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string) error {
	tree := os.DirFS(dir)
	releases, err := generate.Releases(tree)
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	for _, release := range releases {
		s, err := generate.Read(tree, release)
		if err != nil {
			return err
		}
		made, err := s.Files()
		if err != nil {
			return err
		}
		for name, data := range made {
			files[name] = data
		}
	}
	for _, root := range generate.Roots {
		if err := prune(dir, root, files); err != nil {
			return err
		}
	}
	for name, data := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("writing the generated files: %w", err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return fmt.Errorf("writing the generated files: %w", err)
		}
	}
	return nil
}

func prune(dir, root string, keep map[string][]byte) error {
	err := fs.WalkDir(os.DirFS(dir), root, func(name string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || d.IsDir() || keep[name] != nil {
			return err
		}
		return os.Remove(filepath.Join(dir, filepath.FromSlash(name)))
	})
	if err != nil {
		return fmt.Errorf("removing old generated files: %w", err)
	}
	return nil
}
