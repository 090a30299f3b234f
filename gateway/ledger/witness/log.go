package witness

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"example.org/trm/gateway/ledger/quorum"
)

// Log is a log that a witness cosigns: the first line of its checkpoints, and a key that
// signs them, under the key's own name or under the origin. A log with two keys, as while
// one replaces the other, is listed twice; the gateway's log has an origin for each year,
// and each is listed.
type Log struct {
	Origin string
	Key    quorum.Key
}

// ParseLog reads a log as an operator writes it: a verifier key whose name is the origin,
// or the origin, a space and a verifier key.
func ParseLog(text string) (Log, error) {
	text = strings.TrimSpace(text)
	origin, vkey := "", text
	if i := strings.LastIndexByte(text, ' '); i >= 0 {
		origin, vkey = strings.TrimSpace(text[:i]), text[i+1:]
	}
	k, err := quorum.ParseKey(vkey)
	if err != nil {
		return Log{}, fmt.Errorf("reading a log: %w", err)
	}
	if origin == "" {
		origin = k.Name
	}
	l := Log{origin, k}
	_, err = l.verifiers()
	return l, err
}

// ParseLogs reads a file of them, one a line; empty lines and lines that begin with # say
// nothing.
func ParseLogs(file []byte) ([]Log, error) {
	var logs []Log
	lines := bufio.NewScanner(bytes.NewReader(file))
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		l, err := ParseLog(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		logs = append(logs, l)
	}
	return logs, lines.Err()
}

// verifiers verify the log's signatures.
func (l Log) verifiers() ([]note.Verifier, error) {
	if l.Key.Kind != quorum.Log || l.Origin == "" {
		return nil, errors.New("reading a log: it needs an origin and the key of a log, not of a witness")
	}
	names := []string{l.Key.Name}
	if l.Origin != l.Key.Name && quorum.ValidName(l.Origin) {
		names = append(names, l.Origin)
	}
	var out []note.Verifier
	for _, name := range names {
		v, err := note.NewVerifier(l.Key.Named(name).String())
		if err != nil {
			return nil, fmt.Errorf("reading a log: %w", err)
		}
		out = append(out, v)
	}
	return out, nil
}
