package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// Shelf is a folder with every policy and every edition of the schemas that was ever in
// force, by digest: what is no longer built into the program is still what an auditor
// judges by. What was kept is on disk. Safe for concurrent use.
type Shelf string

// KeepPolicy keeps a policy.
func (s Shelf) KeepPolicy(digest string, data []byte) error {
	return s.keep(s.policy(digest), data)
}

// KeepSchemas keeps an edition of the schemas: its files by their names.
func (s Shelf) KeepSchemas(digest string, files map[string][]byte) error {
	var b bytes.Buffer
	a := archive{&b}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := a.add(name, files[name]); err != nil {
			return fmt.Errorf("keeping schemas: %w", err)
		}
	}
	if err := a.close(); err != nil {
		return fmt.Errorf("keeping schemas: %w", err)
	}
	return s.keep(s.schemas(digest), b.Bytes())
}

// Policy is a policy that was kept.
func (s Shelf) Policy(digest string) ([]byte, error) {
	data, err := os.ReadFile(s.policy(digest))
	if err != nil {
		return nil, fmt.Errorf("reading a policy that was in force: %w", err)
	}
	return data, nil
}

// Schemas are the files of an edition that was kept.
func (s Shelf) Schemas(digest string) (map[string][]byte, error) {
	f, err := os.Open(s.schemas(digest))
	if err != nil {
		return nil, fmt.Errorf("reading schemas that were in force: %w", err)
	}
	defer f.Close()
	u, files := unarchive{r: f}, map[string][]byte{}
	for {
		name, data, err := u.next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading schemas that were in force: %w", err)
		}
		files[name] = data
	}
}

func (s Shelf) policy(digest string) string {
	return filepath.Join(string(s), "policies", filepath.Base(digest)+".yaml")
}

func (s Shelf) schemas(digest string) string {
	return filepath.Join(string(s), "schemas", filepath.Base(digest)+".tar")
}

// keep writes a file that is not there yet: beside its place, synced, then moved.
func (s Shelf) keep(path string, data []byte) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keeping what is in force: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".keeping-")
	if err != nil {
		return fmt.Errorf("keeping what is in force: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keeping what is in force: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes names durable. Windows has no such call and does it with the file.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("syncing a folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
