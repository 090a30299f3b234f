package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Guard is the last checkpoint that the log signed, in a file outside the database: what a
// restored database cannot take back with it. Safe for concurrent use; one process writes
// it, and it notices when another does.
type Guard struct {
	path  string
	mu    sync.Mutex // guards what follows, and the file
	last  []byte
	tried []byte // what a Keep that failed may have left there
}

// ErrTwoSigners says that somebody else wrote the guard's file: two processes that sign for
// one log would fork it.
var ErrTwoSigners = errors.New("another process signs for this log: its guard file changed under this one")

// OpenGuard reads the guard's file, which may not be there yet, and makes sure that one can
// be written beside it.
func OpenGuard(path string) (*Guard, error) {
	g := &Guard{path: path}
	if _, err := g.Read(); err != nil {
		return nil, err
	}
	probe, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return nil, fmt.Errorf("opening the log's guard: it must be possible to write its folder: %w", err)
	}
	return g, nil
}

// Path is the file's.
func (g *Guard) Path() string { return g.path }

// Read reads the file again and returns the checkpoint in it, nil where there is none.
// What it returns is what the next Keep expects to find.
func (g *Guard) Read() ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	raw, err := os.ReadFile(g.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the log's guard: %w", err)
	}
	g.last, g.tried = raw, nil
	return raw, nil
}

// Keep puts a signed checkpoint in the place of the last: it is on disk when Keep returns,
// whole, and before that the last one is. A file that holds what this process did not write
// is not written over: the error is [ErrTwoSigners]. One that is gone is written again.
func (g *Guard) Keep(signed []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, err := os.ReadFile(g.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the log's guard: %w", err)
	}
	switch {
	case now == nil: // its disk is away: then writing fails too
	case g.tried != nil && bytes.Equal(now, g.tried):
		g.last = now
	case !bytes.Equal(now, g.last):
		return ErrTwoSigners
	}
	g.tried = bytes.Clone(signed)
	if err := replace(g.path, signed); err != nil {
		return fmt.Errorf("writing the log's guard: %w", err)
	}
	g.last, g.tried = g.tried, nil
	return nil
}

// replace writes a file beside path, flushes it and moves it there.
func replace(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return flush(dir)
}

// flush makes a rename in a folder durable. Windows has no such flush: its file system's
// own journal orders renames.
func flush(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
