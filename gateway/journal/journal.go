// Package journal records what was exchanged: every message's answer, its delivery, the
// evidence about it, and the outbox of the log, in one SQLite database.
//
// It implements [gateway.Journal], [gateway.Outbox], [gateway.Book] and [gateway.Duties].
// Once a method returns without error, what it wrote is on disk. An error means that
// nothing was written or, where the disk failed in the middle of a flush, that it may have
// been: asking again for the same id settles it.
//
// Of a person it holds nothing but the head's pseudonymous ids and the thread's facts:
// deliveries are closed for their destination, decisions for the sender and its auditor.
package journal

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Options of a journal. Only Origin must be given.
type Options struct {
	// Origin is the log origin of the running year, within which pairs are numbered. Where
	// another succeeded it after a roll-back ("trm/2026.2"), that one is used.
	Origin string
	// Backlog is how many deliveries may be unfinished for a country on its ordinary
	// stream, and as many again on its urgent one, which nothing ordinary can fill.
	// Default 10,000.
	Backlog int
	// Window is how many deliveries lie in each stream of a country at once. The rest
	// waits here, so that a country that is away cannot fill Redis, which could then take
	// no evidence either. Default 1,000.
	Window int
	// Log is where trouble is reported. Default: nowhere.
	Log *slog.Logger
	// Now is the clock. Default: the system's.
	Now func() time.Time
	// Meter is where the journal shows how long deliveries and evidence take. Default:
	// nowhere.
	Meter metric.MeterProvider
	// Clock reckons who owes what. Default: nobody keeps duties.
	Clock Clock
	// Recorded is called after a commit that may let a delivery to the country be
	// placed: it wakes that dispatcher. It must not block.
	Recorded func(gateway.Country)
	// Entered is called after a commit that holds a new entry for the log: it wakes the
	// sequencer. It must not block.
	Entered func()
}

// Journal is the gateway's memory, over SQLite. Safe for concurrent use by one process, and
// by others beside it that purge, hold or read; [Open] makes one.
type Journal struct {
	o      Options
	writer *sqlite.Writer
	reader *sqlite.Reader
	watch  watch
	close  func() error
	bodies *bodies
	purges *purgeList
	origin atomic.Pointer[string] // in which pairs are numbered
}

var (
	_ gateway.Journal = (*Journal)(nil)
	_ gateway.Outbox  = (*Journal)(nil)
	_ gateway.Book    = (*Journal)(nil)
)

// application marks a file as a gateway's journal: "TRMg".
const application = 0x54524d67

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the journal at path, creates it, or brings its schema up to date. One that a
// newer version wrote is refused with [sqlite.ErrNewer], another program's database with
// [sqlite.ErrForeign], one without its keys with [ErrNoKeys].
func Open(path string, o Options) (*Journal, error) {
	if o.Origin == "" {
		return nil, errors.New("opening journal: without an origin, numbers mean nothing")
	}
	o.Backlog, o.Window = cmp.Or(o.Backlog, 10_000), cmp.Or(o.Window, 1000)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Recorded == nil {
		o.Recorded = func(gateway.Country) {}
	}
	if o.Entered == nil {
		o.Entered = func() {}
	}
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("opening journal: %w", err)
	}
	write, read, err := sqlite.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening journal: %w", err)
	}
	ctx := context.Background() // opening is finished or fails; there is nothing to cancel
	err = sqlite.Migrate(ctx, write, steps, application)
	var w *sqlite.Writer
	if err == nil {
		w, err = sqlite.NewWriter(ctx, write)
	}
	if err != nil {
		return nil, fmt.Errorf("opening journal: %w", errors.Join(err, read.Close(), write.Close()))
	}
	j := &Journal{o: o, writer: w, reader: sqlite.NewReader(read)}
	j.close = func() error { return errors.Join(w.Close(), j.reader.Close(), write.Close()) }
	if err := j.unlock(ctx, path); err != nil {
		return nil, fmt.Errorf("opening journal: %w", errors.Join(err, j.close()))
	}
	j.close = func() error { return errors.Join(w.Close(), j.reader.Close(), write.Close(), j.bodies.close()) }
	if j.watch, err = newWatch(o.Meter); err != nil {
		return nil, fmt.Errorf("opening journal: %w", errors.Join(err, j.close()))
	}
	origin, err := newest(ctx, j.reader, o.Origin)
	if err != nil {
		return nil, fmt.Errorf("opening journal: %w", errors.Join(err, j.close()))
	}
	j.Number(origin)
	if err := j.recover(ctx); err != nil {
		return nil, fmt.Errorf("opening journal: %w", errors.Join(err, j.close()))
	}
	return j, nil
}

// ErrNoKeys says that the file of keys beside a journal is gone. New ones in its place would
// open nothing, and hide that until somebody asks.
var ErrNoKeys = errors.New("the keys of its messages are missing: put the file of keys back beside it")

// unlock opens the files that belong to the database.
func (j *Journal) unlock(ctx context.Context, path string) error {
	if _, err := os.Stat(path + ".keys"); errors.Is(err, fs.ErrNotExist) {
		var closed bool
		if err := j.reader.Row(ctx, `SELECT EXISTS (SELECT 1 FROM openings WHERE message IS NOT NULL AND substr(opening, 1, 1) = x'01')`).Scan(&closed); err != nil {
			return err
		}
		if closed {
			return ErrNoKeys
		}
	}
	var err error
	if j.purges, err = openPurgeList(path + ".purges"); err != nil {
		return err
	}
	j.bodies, err = openBodies(path + ".keys")
	return err
}

// Close finishes what is being committed and ends the journal; what comes later is
// refused.
func (j *Journal) Close() error {
	if err := j.close(); err != nil {
		return fmt.Errorf("closing journal: %w", err)
	}
	return nil
}

// Ready reports whether the journal can be written: it commits a change of nothing that
// anybody reads.
func (j *Journal) Ready(ctx context.Context) error {
	err := j.writer.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`INSERT INTO leases (name, holder, fence, until) VALUES ('ready', '', 1, 0) ON CONFLICT DO UPDATE SET fence = fence + 1`)
		return err
	})
	if err != nil {
		return fmt.Errorf("writing journal: %w", err)
	}
	return nil
}

// seconds is a time as the tables hold it.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromSeconds(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
