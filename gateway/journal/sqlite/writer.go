package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// ErrClosed says that the writer was closed before it took the work.
var ErrClosed = errors.New("database is closed")

// PanicError is what [Writer.Do] returns for work that panicked. The panic's value is not
// kept: it may hold what must not be logged.
type PanicError struct{ Stack []byte }

func (e *PanicError) Error() string { return "work panicked" }

// atOnce is how many pieces of work share a commit at most: enough to make the flush
// cheap, few enough that the first does not wait long for the last.
const atOnce = 64

// Writer runs work in transactions that are shared under load: whatever arrives while one
// commit is flushed goes into the next. Nobody waits for company, so that one caller alone
// is as fast as the disk. Safe for concurrent use.
type Writer struct {
	conn  *sql.Conn
	work  chan *work
	quit  chan struct{} // closed by Close
	done  chan struct{} // closed when run has ended
	close sync.Once
}

// work is one caller's share of a transaction.
type work struct {
	do    func(*Tx) error
	taken atomic.Bool   // by the writer, or by a caller who gave up
	done  chan struct{} // closed when err is the answer
	err   error
}

// NewWriter takes the write pool's one connection until Close.
func NewWriter(ctx context.Context, write *sql.DB) (*Writer, error) {
	conn, err := write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening writer: %w", err)
	}
	w := &Writer{conn: conn, work: make(chan *work, atOnce), quit: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w, nil
}

// Close lets the commit in hand finish and refuses what comes later with [ErrClosed].
func (w *Writer) Close() error {
	w.close.Do(func() { close(w.quit) })
	<-w.done
	return w.conn.Close()
}

// Do runs do in a transaction and returns once it is committed: what it wrote is on disk.
// If do returns an error or panics, what it wrote is rolled back, alone, and the error
// comes back. Any other error means that the commit failed; where the disk failed while
// it was flushed, what was written may still be there.
//
// do runs on another goroutine, but has returned when Do does; it must not call Do. ctx is asked only until do
// begins: what has begun is finished, because its outcome must be known.
func (w *Writer) Do(ctx context.Context, do func(*Tx) error) error {
	k := &work{do: do, done: make(chan struct{})}
	select {
	case w.work <- k:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return ErrClosed
	}
	select {
	case <-k.done:
		return k.err
	case <-ctx.Done():
		if k.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
	case <-w.done:
		// The writer ended; it may have answered before, or never have seen the work.
		if k.taken.CompareAndSwap(false, true) {
			return ErrClosed
		}
	}
	<-k.done
	return k.err
}

func (w *Writer) run() {
	defer close(w.done)
	tx := &Tx{conn: w.conn, statements: map[string]*sql.Stmt{}}
	defer tx.forget()
	for {
		select {
		case k := <-w.work:
			w.share(tx, k)
		case <-w.quit:
			return
		}
	}
}

// share runs one transaction for first and for whatever else is waiting.
func (w *Writer) share(tx *Tx, first *work) {
	var batch []*work
	defer func() {
		for _, k := range batch {
			close(k.done)
		}
	}()
	begun := tx.run("BEGIN IMMEDIATE")
	broken := begun
	for k := first; k != nil; k = w.next(len(batch)) {
		if !k.taken.CompareAndSwap(false, true) {
			continue // its caller gave up
		}
		batch = append(batch, k)
		if broken != nil {
			continue
		}
		k.err, broken = tx.attempt(k.do)
	}
	if broken == nil {
		broken = tx.run("COMMIT")
	}
	if broken == nil {
		return
	}
	if begun == nil {
		_ = tx.run("ROLLBACK") // SQLite may have done so itself
	}
	for _, k := range batch {
		if k.err == nil {
			k.err = fmt.Errorf("committing: %w", broken)
		}
	}
}

// next is the next piece of work that is waiting, nil if there is none or the
// transaction is full.
func (w *Writer) next(taken int) *work {
	if taken >= atOnce {
		return nil
	}
	select {
	case k := <-w.work:
		return k
	default:
		return nil
	}
}

// Tx is one caller's share of a transaction. It must not be used after do returned.
type Tx struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

// attempt runs do between savepoints. The second error says that the transaction itself
// is gone: SQLite ends it when the disk is full or fails.
func (t *Tx) attempt(do func(*Tx) error) (err, broken error) {
	if broken = t.run("SAVEPOINT one"); broken != nil {
		return nil, broken
	}
	if err = t.guard(do); err != nil {
		if broken = t.run("ROLLBACK TO one"); broken != nil {
			return err, err
		}
	}
	return err, t.run("RELEASE one")
}

func (t *Tx) guard(do func(*Tx) error) (err error) {
	defer func() {
		if recover() != nil {
			err = &PanicError{debug.Stack()}
		}
	}()
	return do(t)
}

func (t *Tx) run(q string) error {
	_, err := t.Exec(q)
	return err
}

// Exec runs a statement. It is prepared once for the writer's life: q must be constant.
func (t *Tx) Exec(q string, args ...any) (sql.Result, error) {
	s, err := t.prepare(q)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), args...)
}

// Row runs a query for one row, prepared like [Tx.Exec].
func (t *Tx) Row(q string, args ...any) *sql.Row {
	s, err := t.prepare(q)
	if err != nil {
		return t.conn.QueryRowContext(context.Background(), q, args...) // says what is wrong with it
	}
	return s.QueryRowContext(context.Background(), args...)
}

// Query calls row for each row of the answer, until row fails; q is prepared like that of
// [Tx.Exec]. row must not use the transaction.
func (t *Tx) Query(row func(scan func(...any) error) error, q string, args ...any) error {
	s, err := t.prepare(q)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return closeAfter(err, rows)
		}
	}
	return closeAfter(rows.Err(), rows)
}

// prepare keeps to the background context: what has begun is finished, and the driver
// watches a context that can end with a goroutine for every statement.
func (t *Tx) prepare(q string) (*sql.Stmt, error) {
	if s, ok := t.statements[q]; ok {
		return s, nil
	}
	s, err := t.conn.PrepareContext(context.Background(), q)
	if err == nil {
		t.statements[q] = s
	}
	return s, err
}

func (t *Tx) forget() {
	for _, s := range t.statements {
		_ = s.Close()
	}
}
