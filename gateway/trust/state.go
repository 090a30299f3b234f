package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// state is the folder of a register:
//
//	directories/N.json   every directory taken
//	statements/ID.jws    every statement taken
//	confirmation.json    the newest confirmation
//
// Files are written beside their place, synced, and moved there: a crash leaves the old
// or the new one. Nothing in it is secret, and nothing in it is believed unverified.
type state string

type numbered struct {
	Number int
	raw    []byte
}

func (s state) directories() ([]numbered, error) {
	names, err := filepath.Glob(filepath.Join(string(s), "directories", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("listing directories: %w", err)
	}
	var out []numbered
	for _, name := range names {
		n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(name), ".json"))
		if err != nil {
			return nil, fmt.Errorf("listing directories: %s is not a number", filepath.Base(name))
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading directory %d: %w", n, err)
		}
		out = append(out, numbered{n, raw})
	}
	slices.SortFunc(out, func(a, b numbered) int { return a.Number - b.Number })
	return out, nil
}

func (s state) statements() ([]string, error) {
	names, err := filepath.Glob(filepath.Join(string(s), "statements", "*.jws"))
	if err != nil {
		return nil, fmt.Errorf("listing statements: %w", err)
	}
	var out []string
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading a statement: %w", err)
		}
		out = append(out, strings.TrimSpace(string(raw)))
	}
	return out, nil
}

func (s state) confirmation() ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(string(s), "confirmation.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the confirmation: %w", err)
	}
	return raw, nil
}

func (s state) keepDirectory(d *Directory) error {
	name := filepath.Join("directories", strconv.Itoa(d.Number())+".json")
	if _, err := os.Stat(filepath.Join(string(s), name)); err == nil {
		return nil // the same: a number is taken once
	}
	return s.keep(name, d.signed)
}

func (s state) keepStatement(jws string) error {
	return s.keep(filepath.Join("statements", statementID(jws)+".jws"), []byte(jws))
}

func (s state) keepConfirmation(raw []byte) error { return s.keep("confirmation.json", raw) }

// keep writes a file durably.
func (s state) keep(name string, data []byte) error {
	path := filepath.Join(string(s), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keeping %s: %w", name, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), unfinished)
	if err != nil {
		return fmt.Errorf("keeping %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keeping %s: %w", name, errors.Join(err, os.Remove(f.Name())))
	}
	return errors.Join(syncFolder(filepath.Dir(path)), syncFolder(string(s)))
}

// unfinished begins the name of a file that is being written.
const unfinished = ".taking-"

// tidy removes what a crash left half written.
func (s state) tidy() error {
	left, _ := filepath.Glob(filepath.Join(string(s), unfinished+"*"))
	below, err := filepath.Glob(filepath.Join(string(s), "*", unfinished+"*"))
	left = append(left, below...)
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
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

// OpenFolder opens the directory in force of a folder that holds pins.json and
// directory.json, as certs.Develop makes it, with whatever a register has taken
// there. It writes nothing.
func OpenFolder(folder string, now time.Time) (*Directory, error) {
	d, _, err := Look(folder, now)
	return d, err
}

// Look is [OpenFolder] that also returns the directories that were taken and wait for
// their time.
func Look(folder string, now time.Time) (inForce *Directory, waiting []*Directory, err error) {
	pins, first, err := ReadFolder(folder)
	if err != nil {
		return nil, nil, err
	}
	r, err := recall(state(folder), pins, first, now)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the directory: %w", err)
	}
	return r.Live().Current(), r.Waiting(), nil
}

// ReadFolder reads the pins and the directory that a folder was installed with.
func ReadFolder(folder string) (Pins, []byte, error) {
	raw, err := os.ReadFile(filepath.Join(folder, "pins.json"))
	if err != nil {
		return Pins{}, nil, fmt.Errorf("reading pins: %w", err)
	}
	pins, err := ParsePins(raw)
	if err != nil {
		return Pins{}, nil, fmt.Errorf("reading pins: %w", err)
	}
	first, err := os.ReadFile(filepath.Join(folder, "directory.json"))
	if err != nil {
		return Pins{}, nil, fmt.Errorf("reading the directory: %w", err)
	}
	return pins, first, nil
}
