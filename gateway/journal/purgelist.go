package journal

import (
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
// failed is followed by "void 7 end". A line without its end was cut off, by a crash or a
// full disk, and was never acted upon: what is destroyed stands here whole before.
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

// openPurgeList reads the file. It never mends it: another process may be writing.
func openPurgeList(path string) (*purgeList, error) {
	l := &purgeList{path: path}
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the list of purges: %w", err)
	}
	n := 0
	for line := range strings.Lines(string(raw)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasSuffix(line, ending) {
			continue // cut off
		}
		var void int64
		if found, _ := fmt.Sscanf(line, "void %d end", &void); found == 1 {
			l.drop(void)
			continue
		}
		p, err := parsePurge(line)
		if err != nil {
			return nil, fmt.Errorf("reading the list of purges, line %d: %w", n, err)
		}
		l.keep(p)
	}
	return l, nil
}

// ending closes every line.
const ending = " end"

// keep remembers a purge. One that died before the database had it leaves its number to
// another process, which does not know of it: what both list is purged again.
func (l *purgeList) keep(p listedPurge) {
	for i := range l.list {
		if l.list[i].number == p.number {
			l.list[i].ids = append(l.list[i].ids, p.ids...)
			return
		}
	}
	l.list = append(l.list, p)
}

func (l *purgeList) drop(number int64) {
	l.list = slices.DeleteFunc(l.list, func(p listedPurge) bool { return p.number == number })
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
	if err := l.write(b.String()); err != nil {
		return err
	}
	l.keep(listedPurge{number, at, ids})
	return nil
}

// void takes back a purge that failed, also where only a part of its line was written, or
// nobody knows.
func (l *purgeList) void(number int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.write(fmt.Sprintf("void %d", number)); err != nil {
		return err
	}
	l.drop(number)
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

// write appends a line to the file, durably: a new one also where the last was cut off.
func (l *purgeList) write(line string) error {
	_, absent := os.Stat(l.path)
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("writing the list of purges: %w", err)
	}
	last := []byte{'\n'}
	if info, e := f.Stat(); e == nil && info.Size() > 0 {
		_, err = f.ReadAt(last, info.Size()-1)
	}
	if last[0] != '\n' {
		line = "\n" + line
	}
	if err == nil {
		_, err = f.WriteString(line + ending + "\n")
	}
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
