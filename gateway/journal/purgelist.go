package journal

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// purgeList is the file that remembers every purge beside the database, so that restoring
// the database from a backup does not bring back what was destroyed. It is kept apart from
// backups, and only grows: a line for each purge,
//
//	purge 7 2029-11-21T03:00:00Z 2 9c1d... 08ab... end
//
// with the number, the time, how many messages, and the digests of their ids. One that
// failed is followed by "void 7".
type purgeList struct {
	path string
	mu   sync.Mutex // guards what follows
	list []listedPurge
}

type listedPurge struct {
	number int64
	at     time.Time
	ids    []spentID
}

// openPurgeList reads the file. A last line without its end was never acted upon: the file
// is written before anything is destroyed.
func openPurgeList(path string) (*purgeList, error) {
	l := &purgeList{path: path}
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the list of purges: %w", err)
	}
	whole, cut := raw, []byte(nil)
	if i := bytes.LastIndexByte(raw, '\n'); i+1 < len(raw) {
		whole, cut = raw[:i+1], raw[i+1:]
	}
	s := bufio.NewScanner(bytes.NewReader(whole))
	s.Buffer(nil, 1<<26)
	for s.Scan() {
		var void int64
		if n, _ := fmt.Sscanf(s.Text(), "void %d", &void); n == 1 {
			l.list = slices.DeleteFunc(l.list, func(p listedPurge) bool { return p.number == void })
			continue
		}
		p, err := parsePurge(s.Text())
		if err != nil {
			return nil, fmt.Errorf("reading the list of purges, line %d: %w", len(l.list)+1, err)
		}
		l.list = append(l.list, p)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("reading the list of purges: %w", err)
	}
	if len(cut) > 0 {
		if err := os.Truncate(path, int64(len(whole))); err != nil {
			return nil, fmt.Errorf("mending the list of purges: %w", err)
		}
	}
	return l, nil
}

func parsePurge(line string) (listedPurge, error) {
	var p listedPurge
	var at string
	var n int
	if _, err := fmt.Sscanf(line, "purge %d %s %d", &p.number, &at, &n); err != nil {
		return p, errors.New("it is no purge")
	}
	words := strings.Fields(line)
	if len(words) != 5+n || words[4+n] != "end" {
		return p, errors.New("it is not whole")
	}
	var err error
	if p.at, err = time.Parse(time.RFC3339, at); err != nil {
		return p, errors.New("it has no time")
	}
	for _, w := range words[4 : 4+n] {
		raw, err := hex.DecodeString(w)
		if err != nil || len(raw) != len(spentID{}) {
			return p, errors.New("an id is not a digest")
		}
		p.ids = append(p.ids, spentID(raw))
	}
	return p, nil
}

// add writes a purge. It is on disk when add returns.
func (l *purgeList) add(number int64, at time.Time, ids []spentID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "purge %d %s %d", number, at.Format(time.RFC3339), len(ids))
	for _, id := range ids {
		b.WriteString(" " + hex.EncodeToString(id[:]))
	}
	b.WriteString(" end\n")
	if err := l.write(b.String()); err != nil {
		return err
	}
	l.list = append(l.list, listedPurge{number, at, ids})
	return nil
}

// void takes back a purge that failed.
func (l *purgeList) void(number int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.ContainsFunc(l.list, func(p listedPurge) bool { return p.number == number }) {
		return nil // it failed before it was listed
	}
	if err := l.write(fmt.Sprintf("void %d\n", number)); err != nil {
		return err
	}
	l.list = slices.DeleteFunc(l.list, func(p listedPurge) bool { return p.number == number })
	return nil
}

// last is the highest number that was given.
func (l *purgeList) last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var n int64
	for _, p := range l.list {
		n = max(n, p.number)
	}
	return n
}

// write appends to the file, durably.
func (l *purgeList) write(text string) error {
	_, absent := os.Stat(l.path)
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("writing the list of purges: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing the list of purges: %w", err)
	}
	if absent != nil {
		if err := syncFolder(filepath.Dir(l.path)); err != nil {
			return fmt.Errorf("writing the list of purges: %w", err)
		}
	}
	return nil
}

// syncFolder makes a new file's name durable. Windows has no such call and does it with
// the file.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// after lists the purges with a higher number, in their order.
func (l *purgeList) after(number int64) []listedPurge {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.DeleteFunc(slices.Clone(l.list), func(p listedPurge) bool { return p.number <= number })
	slices.SortFunc(out, func(a, b listedPurge) int { return int(a.number - b.number) })
	return out
}
