package witness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/sumdb/note"

	"example.org/trm/gateway/ledger/quorum"
)

// memory is the form of the state's file. Every checkpoint in it carries the witness's own
// cosignature, so that one that was altered, or is another witness's, is noticed.
type memory struct {
	Key  string    `json:"key"`
	Logs []history `json:"logs"`
}

type history struct {
	Checkpoint string `json:"checkpoint"`
	Fork       string `json:"fork,omitempty"`
}

// recall reads the state of a key.
func recall(file string, key *cosigner) (map[string]head, error) {
	of, heads, err := look(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading what was cosigned: %w: a key without its state cosigns nothing; restore the newest copy, or make a new key", err)
	}
	if err != nil {
		return nil, err
	}
	if !of.Equal(key.Key) {
		return nil, fmt.Errorf("reading what was cosigned: %s is the state of another key", file)
	}
	return heads, nil
}

func look(file string) (of quorum.Key, heads map[string]head, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return quorum.Key{}, nil, fmt.Errorf("reading what was cosigned: %w", err)
	}
	var m memory
	if err := json.Unmarshal(raw, &m); err != nil {
		return quorum.Key{}, nil, fmt.Errorf("reading what was cosigned: %s is damaged: %w", file, err)
	}
	of, err = quorum.ParseKey(m.Key)
	if err != nil || of.Kind != quorum.Witness {
		return quorum.Key{}, nil, fmt.Errorf("reading what was cosigned: %s is damaged: it names no witness", file)
	}
	v := verifier{of, new(int64)}
	heads = map[string]head{}
	for _, h := range m.Logs {
		cosigned := []byte(h.Checkpoint)
		c, ok := parseCheckpoint(cosigned)
		if _, err := note.Open(cosigned, note.VerifierList(v)); err != nil || !ok || heads[c.Origin].note != nil {
			return quorum.Key{}, nil, fmt.Errorf("reading what was cosigned: %s is damaged: it holds what this key has not cosigned", file)
		}
		heads[c.Origin] = head{checkpoint: c, note: cosigned, time: *v.at, fork: []byte(h.Fork)}
	}
	return of, heads, nil
}

// store makes heads durable as the whole state.
func store(file string, of quorum.Key, heads []head) error {
	m := memory{Key: of.String(), Logs: []history{}}
	for _, h := range heads {
		m.Logs = append(m.Logs, history{string(h.note), string(h.fork)})
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("keeping what was cosigned: %w", err)
	}
	if err := replace(file, append(raw, '\n')); err != nil {
		return fmt.Errorf("keeping what was cosigned: %w", err)
	}
	return nil
}

// replace puts a file in its place whole, or not at all. It is on disk, with its name,
// when replace returns nil; only its owner may read it.
func replace(file string, data []byte) error {
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(dir)
}

// syncFolder makes names durable. Windows has no such call and does it with the file.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
