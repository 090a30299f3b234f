// Package codelists keeps the releases of the code lists that a process has taken beside
// those built into it: two files each, what is published and what the coordinators signed.
package codelists

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// Folder is where releases lie: NAME.json and NAME.signed.json. What is put there by hand
// is taken as what came over the wire is: proven first. Safe for concurrent use.
type Folder struct {
	Dir string
	Set *schemas.Set
	// Prove proves a manifest: that the quorum of coordinators signed it.
	Prove func(manifest []byte) (trust.Codes, error)

	mu sync.Mutex // one taker at a time
}

const signedSuffix = ".signed.json"

var errDigests = errors.New("its lists are not those that the coordinators signed")

// Load takes every release in the folder, in the order of their names. One that is refused
// keeps no other from being taken; all refusals are reported. No folder is an empty one.
func (f *Folder) Load() error {
	names, err := filepath.Glob(filepath.Join(f.Dir, "*"+signedSuffix))
	if err != nil {
		return fmt.Errorf("reading the releases of code lists: %w", err)
	}
	slices.Sort(names)
	var errs []error
	for _, name := range names {
		release := strings.TrimSuffix(filepath.Base(name), signedSuffix)
		if f.Has(release) {
			continue
		}
		manifest, err := os.ReadFile(name)
		if err == nil {
			var raw []byte
			if raw, err = os.ReadFile(filepath.Join(f.Dir, release+".json")); err == nil {
				err = f.take(raw, manifest)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("release %s: %w", release, err))
		}
	}
	return errors.Join(errs...)
}

// Has reports whether a release is here with its manifest.
func (f *Folder) Has(release string) bool {
	return slices.ContainsFunc(f.Set.Issues(), func(i schemas.Issue) bool { return i.Release == release && i.Signed != nil })
}

// Add proves a release, takes it and keeps it. It is on the shelf once Add returns, and on
// disk; the same again is no error.
func (f *Folder) Add(raw, manifest []byte) (string, error) {
	if err := f.take(raw, manifest); err != nil {
		return "", err
	}
	c, err := trust.ReadCodes(manifest)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return "", fmt.Errorf("keeping a release: %w", err)
	}
	// The manifest last: without it nothing is looked for.
	if err := keep(filepath.Join(f.Dir, c.Release+".json"), raw); err != nil {
		return "", err
	}
	return c.Release, keep(filepath.Join(f.Dir, c.Release+signedSuffix), manifest)
}

func (f *Folder) take(raw, manifest []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.Prove(manifest)
	if err != nil {
		return err
	}
	r, err := schemas.ParseRelease(raw)
	if err != nil {
		return err
	}
	if r.Name != c.Release || !maps.Equal(r.Digests(), c.Digests) {
		return fmt.Errorf("comparing a release with its manifest: %w", errDigests)
	}
	return f.Set.Take(r, schemas.Life{Published: c.Published, Activates: c.Activates, Supersedes: c.Supersedes, Overlaps: c.Overlaps}, manifest)
}

// keep writes a file so that it is there whole or not at all, and stays.
func keep(name string, data []byte) (err error) {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keeping a release: %w", err)
	}
	t, err := os.CreateTemp(filepath.Dir(name), ".release-*")
	if err != nil {
		return fmt.Errorf("keeping a release: %w", err)
	}
	defer os.Remove(t.Name())
	_, err = t.Write(data)
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err == nil {
		err = os.Rename(t.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("keeping a release: %w", err)
	}
	return nil
}
