package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/trust"
)

// Log is the log as an export reads it; the journal implements it. What it returns of a
// range that a checkpoint covers never changes, but for what is purged. Safe for concurrent
// use.
type Log interface {
	// Checkpoint is a log's newest witnessed checkpoint of a day (days since 1970) or
	// before it, and its day; nil where there is none.
	Checkpoint(ctx context.Context, origin string, day int64) (note []byte, of int64, err error)
	// Hashes are hashes of the log's tree in the order of [storedIndex].
	Hashes(ctx context.Context, origin string, indexes []int64) ([][32]byte, error)
	// Leaves are the bytes of n entries from an index on; fewer where the log ends.
	Leaves(ctx context.Context, origin string, from int64, n int) ([][]byte, error)
}

// Records are what the gateway keeps beside the log. Safe for concurrent use.
type Records interface {
	// EntriesAt are those of n entries from an index on that can be opened, with what opens
	// them.
	EntriesAt(ctx context.Context, origin string, from int64, n int) ([]gateway.LogEntry, error)
	// Cores are the signed parts of the messages whose acceptances stand in a range of the
	// log, by index.
	Cores(ctx context.Context, origin string, from, to int64) (map[int64]Core, error)
	// Closed are the entries of a range that nothing opens any more, each with the number
	// of the purge that destroyed what did.
	Closed(ctx context.Context, origin string, from, to int64) (map[int64]int64, error)
	// Deeds are the entries of all logs that are about no message, in the order of
	// recording.
	Deeds(ctx context.Context) ([]Deed, error)
}

// Deed is an entry about the gateway itself, with its place.
type Deed struct {
	Origin string
	Index  int64
	gateway.Deed
}

// Editions are the directories, policies and schemas that were ever in force.
type Editions interface {
	// Directories are all directories that were taken, the first first, and what was told
	// over them.
	Directories() (taken []*trust.Directory, statements []string)
	// Policy is a policy by its digest, fs.ErrNotExist where it was not kept.
	Policy(digest string) ([]byte, error)
	// Schemas is an edition of the schemas by its digest: its files by their names, or
	// fs.ErrNotExist.
	Schemas(digest string) (map[string][]byte, error)
}

// Exporter writes bundles.
type Exporter struct {
	Log      Log
	Records  Records
	Editions Editions
}

// Range is which entries a bundle is about.
type Range struct {
	Origin      string
	First, Size int64
	Checkpoint  []byte // of Size
}

// ErrNothing says that no witnessed checkpoint covers the days that were asked for.
var ErrNothing = errors.New("no witnessed checkpoint of the log covers these days")

// Range finds the entries from the first day to the last, both whole days of UTC: those
// after the last checkpoint that was witnessed before the first day, up to the last one
// that was witnessed by the end of the last. Of past days it is always the same.
func (x Exporter) Range(ctx context.Context, origin string, from, to time.Time) (Range, error) {
	r := Range{Origin: origin}
	note, of, err := x.Log.Checkpoint(ctx, origin, day(to))
	if err != nil {
		return r, err
	}
	if note == nil || of < day(from) {
		return r, ErrNothing
	}
	c, err := readCheckpoint(note)
	if err != nil {
		return r, err
	}
	r.Size, r.Checkpoint = c.Size, note
	before, _, err := x.Log.Checkpoint(ctx, origin, day(from)-1)
	if err != nil || before == nil {
		return r, err
	}
	c, err = readCheckpoint(before)
	r.First = c.Size
	return r, err
}

func day(t time.Time) int64 { return t.Unix() / 86400 }

// perPage is how many chunks a page holds: some thousand entries, a few megabytes, which
// cross a slow line before anybody's patience ends. A year of a busy region is some hundred
// pages.
const perPage = 4

// Page writes one page of a bundle: the first, with after 0, begins the archive, and the
// pages together are the archive, but for its end, which [End] writes. It returns where the
// next begins, 0 after the last. The same page of the same range is the same, byte for byte,
// as long as nothing in it is purged. Only the first page needs the range's checkpoint.
func (x Exporter) Page(ctx context.Context, w io.Writer, viewer gateway.Party, r Range, after int64) (next int64, err error) {
	c := Contents{Format: Format, Origin: r.Origin, Viewer: viewer, First: r.First, Size: r.Size}
	if err := c.check(); err != nil {
		return 0, err
	}
	deeds, err := x.Records.Deeds(ctx)
	if err != nil {
		return 0, fmt.Errorf("writing a bundle: %w", err)
	}
	a := archive{w}
	if after == 0 {
		if err := x.begin(ctx, a, c, r, deeds); err != nil {
			return 0, fmt.Errorf("writing a bundle: %w", err)
		}
	}
	first := max(after/chunk, c.begin()/chunk)
	last := (c.Size + chunk - 1) / chunk
	for n := first; n < min(last, first+perPage); n++ {
		if err := x.chunk(ctx, a, c, n, deeds); err != nil {
			return 0, fmt.Errorf("writing the entries from %d on: %w", n*chunk, err)
		}
	}
	if first+perPage < last {
		return (first + perPage) * chunk, nil
	}
	return 0, nil
}

// Write writes a whole bundle.
func (x Exporter) Write(ctx context.Context, w io.Writer, viewer gateway.Party, r Range) error {
	for after := int64(0); ; {
		next, err := x.Page(ctx, w, viewer, r, after)
		if err != nil {
			return err
		}
		if after = next; next == 0 {
			return End(w)
		}
	}
}

// End writes what follows a bundle's last page.
func End(w io.Writer) error { return archive{w}.close() }

// begin writes what stands before the chunks.
func (x Exporter) begin(ctx context.Context, a archive, c Contents, r Range, deeds []Deed) error {
	b, err := marshal(c)
	if err != nil {
		return err
	}
	if err := errors.Join(a.add(nameContents, b), a.add(nameCheckpoint, r.Checkpoint)); err != nil {
		return err
	}
	named := map[gateway.Event][]string{}
	var number int64
	for _, d := range deeds {
		if d.Origin != c.Origin || d.Index >= c.Size {
			continue
		}
		named[d.Event] = append(named[d.Event], d.Digest)
		if d.Event == gateway.DirectoryInForce {
			number = max(number, d.Number)
		}
	}
	if err := x.directories(a, number, named[gateway.StatementTaken]); err != nil {
		return err
	}
	return errors.Join(x.editions(a, named), x.upper(ctx, a, c))
}

// directories writes every directory up to a number, because each is proven with the one
// before, and the statements that the log says were taken over them.
func (x Exporter) directories(a archive, number int64, taken []string) error {
	list, told := x.Editions.Directories()
	for _, d := range list {
		if int64(d.Number()) > number {
			break
		}
		if err := a.add(nameDirectory(d.Number()), d.Signed()); err != nil {
			return err
		}
	}
	var text []byte
	for _, jws := range told {
		if slices.Contains(taken, trust.StatementID(jws)) {
			text = append(append(text, jws...), '\n')
		}
	}
	return a.add(nameStatements, text)
}

// editions writes the policies and schemas that the log says were in force. One that was
// lost is left out: whoever verifies the bundle says so.
func (x Exporter) editions(a archive, named map[gateway.Event][]string) error {
	for _, digest := range sortedOnce(named[gateway.PolicyInForce]) {
		p, err := x.Editions.Policy(digest)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = a.add(namePolicy(digest), p)
		}
		if err != nil {
			return err
		}
	}
	for _, digest := range sortedOnce(named[gateway.SchemasInForce]) {
		files, err := x.Editions.Schemas(digest)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if err := a.add(nameSchemas(digest, name), files[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

func sortedOnce(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// upper writes the tiles from level 1 up that the range and what is left of it need.
func (x Exporter) upper(ctx context.Context, a archive, c Contents) error {
	for level := 1; c.Size>>(8*level) > 0; level++ {
		n := c.Size >> (8 * level)
		for t := c.begin() >> (8 * (level + 1)); t*chunk < n; t++ {
			if err := x.tile(ctx, a, c, level, t, width(n, t)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x Exporter) tile(ctx context.Context, a archive, c Contents, level int, n int64, w int) error {
	indexes := make([]int64, w)
	for i := range indexes {
		indexes[i] = storedIndex(8*level, n*chunk+int64(i))
	}
	hashes, err := x.Log.Hashes(ctx, c.Origin, indexes)
	if err != nil {
		return err
	}
	data := make([]byte, 0, w*len(hash{}))
	for _, h := range hashes {
		data = append(data, h[:]...)
	}
	return a.add(nameTile(level, n, w), data)
}

// chunk writes 256 entries, or the last ones, with their hashes and what opens them.
func (x Exporter) chunk(ctx context.Context, a archive, c Contents, n int64, deeds []Deed) error {
	w := width(c.Size, n)
	if err := x.tile(ctx, a, c, 0, n, w); err != nil {
		return err
	}
	leaves, err := x.Log.Leaves(ctx, c.Origin, n*chunk, w)
	if err != nil {
		return err
	}
	if len(leaves) != w {
		return errors.New("the log is shorter than its checkpoint")
	}
	var entries []byte
	for _, l := range leaves {
		entries = appendEntry(entries, l)
	}
	if err := a.add(nameEntries(n, w), entries); err != nil {
		return err
	}
	text, err := x.openings(ctx, c, n*chunk, leaves, deeds)
	if err != nil {
		return err
	}
	return a.add(nameOpenings(n), text)
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// readCheckpoint reads the head of a note that the log itself keeps.
func readCheckpoint(signed []byte) (ledger.Checkpoint, error) {
	text, _, _ := strings.Cut(string(signed), "\n\n")
	return ledger.ParseCheckpoint(text + "\n")
}
