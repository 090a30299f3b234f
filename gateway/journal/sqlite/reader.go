package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// Reader asks a read pool and prepares each query once. Safe for concurrent use.
type Reader struct {
	pool       *sql.DB
	mu         sync.RWMutex
	statements map[string]*sql.Stmt // guarded by mu
}

// NewReader reads through pool, which Close closes.
func NewReader(pool *sql.DB) *Reader {
	return &Reader{pool: pool, statements: map[string]*sql.Stmt{}}
}

// Query calls row for each row of the answer, until row fails. q must be constant.
func (r *Reader) Query(ctx context.Context, row func(scan func(...any) error) error, q string, args ...any) error {
	s, err := r.prepare(ctx, q)
	if err != nil {
		return fmt.Errorf("preparing query: %w", err)
	}
	rows, err := s.QueryContext(ctx, args...)
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

// One calls row for the first row of the answer, and reports whether there was one.
func (r *Reader) One(ctx context.Context, row func(scan func(...any) error) error, q string, args ...any) (found bool, err error) {
	err = r.Query(ctx, func(scan func(...any) error) error {
		if found {
			return nil
		}
		found = true
		return row(scan)
	}, q, args...)
	return found && err == nil, err
}

// Row asks for one row, for those who scan it themselves. q must be constant.
func (r *Reader) Row(ctx context.Context, q string, args ...any) *sql.Row {
	s, err := r.prepare(ctx, q)
	if err != nil {
		return r.pool.QueryRowContext(ctx, q, args...) // says what is wrong with it
	}
	return s.QueryRowContext(ctx, args...)
}

// Close closes the pool.
func (r *Reader) Close() error { return r.pool.Close() }

func (r *Reader) prepare(ctx context.Context, q string) (*sql.Stmt, error) {
	r.mu.RLock()
	s, ok := r.statements[q]
	r.mu.RUnlock()
	if ok {
		return s, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.statements[q]; ok {
		return s, nil
	}
	s, err := r.pool.PrepareContext(ctx, q)
	if err == nil {
		r.statements[q] = s
	}
	return s, err
}

func closeAfter(err error, rows *sql.Rows) error {
	if e := rows.Close(); err == nil {
		err = e
	}
	return err
}
