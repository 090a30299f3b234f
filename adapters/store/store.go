// Package store is the adapter's journal in SQLite: what was taken, attempted, delivered
// and testified, and what is on its way out.
//
// Once a method that writes returns without error, what it wrote is on disk. Every write
// may be repeated: the second time finds the first and changes nothing, so that a caller
// who crashed does not have to know how far it came.
//
// It keeps ids, times, codes, digests and signed evidence; of each message the coded facts
// that the conversation rules need, until retention. No block of a delivered message
// is ever written here; an outgoing envelope is, with everything that identifies or harms
// sealed inside it.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"example.org/trm/gateway/journal/sqlite"
)

//go:embed schema/*.sql
var schema embed.FS

// application marks the file as an adapter's journal.
const application = 0x74726d61 // "trma"

// Store is a country's journal. Safe for concurrent use; one process at a time.
type Store struct {
	write, read *sql.DB
	w           *sqlite.Writer
	r           *sqlite.Reader // over read
}

// ErrUnknown says that there is no such row.
var ErrUnknown = errors.New("not in the adapter's journal")

// Open opens or makes the journal in a file, which only its owner may read.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("opening the adapter's journal: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	write, read, err := sqlite.Open(path)
	if err != nil {
		return nil, err
	}
	steps, err := fs.Sub(schema, "schema")
	if err == nil {
		err = sqlite.Migrate(ctx, write, steps, application)
	}
	var w *sqlite.Writer
	if err == nil {
		w, err = sqlite.NewWriter(ctx, write)
	}
	if err != nil {
		return nil, errors.Join(err, write.Close(), read.Close())
	}
	s := &Store{write: write, read: read, w: w, r: sqlite.NewReader(read)}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// begin gives a new journal its key, and says since when it keeps exchanges.
func (s *Store) begin(ctx context.Context) error {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`INSERT INTO self (id, key, began) VALUES (1, ?, unixepoch() * 1000) ON CONFLICT DO NOTHING`, key)
		return err
	})
}

// Close waits for the write in hand and closes the file. No method may be called after it.
func (s *Store) Close() error {
	return errors.Join(s.w.Close(), s.r.Close(), s.write.Close())
}

// Writable reports whether the journal can take an entry: readiness asks it.
func (s *Store) Writable(ctx context.Context) error {
	return s.w.Do(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE alarm SET count = count WHERE id = 0`)
		return err
	})
}

// rower finds one row: in a transaction, or without one.
type rower interface {
	Row(q string, args ...any) *sql.Row
}

// reader reads what is committed.
type reader struct {
	ctx context.Context // of one call
	r   *sqlite.Reader
}

func (r reader) Row(q string, args ...any) *sql.Row { return r.r.Row(r.ctx, q, args...) }

func (s *Store) reading(ctx context.Context) reader { return reader{ctx, s.r} }

// millis is how the journal writes a time; zero is zero.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
