// Package sqlite opens SQLite databases the way a journal needs them, keeps their schema,
// and shares one commit among many writers.
//
// It knows no table: the journals of the gateway and of the adapters bring theirs.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite" // the driver, without cgo
)

// Open opens the database at path, which is created readable by its owner only, and
// returns two pools: write has one connection, because SQLite has one writer; read has
// several, which never wait for it and cannot write.
//
// A committed transaction is on disk: write-ahead log with synchronous=FULL, which
// flushes the log in every commit. Foreign keys are enforced, and what is deleted is
// overwritten with zeros. Nothing is written to temporary files: what savepoints keep for
// a rollback stays in memory.
func Open(path string) (write, read *sql.DB, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, nil, fmt.Errorf("opening database: %w", err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening database: %w", err)
	}
	if write, err = pool(abs, 1, "_txlock=immediate&_pragma=secure_delete(1)&_pragma=cache_size(-16384)"); err != nil {
		return nil, nil, err
	}
	if read, err = pool(abs, max(4, runtime.GOMAXPROCS(0)), "_pragma=query_only(1)"); err != nil {
		return nil, nil, closing(err, write)
	}
	return write, read, nil
}

// pool opens n connections at most and makes sure that the first one works.
func pool(abs string, n int, extra string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(abs)}
	u.RawQuery = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=temp_store(2)&_pragma=journal_size_limit(67108864)&" + extra
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("opening database: %w", err)
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	if err := db.PingContext(context.Background()); err != nil {
		return nil, closing(fmt.Errorf("opening database: %w", err), db)
	}
	return db, nil
}

// closing closes what was opened before err; err is what the caller should read.
func closing(err error, dbs ...*sql.DB) error {
	for _, db := range dbs {
		_ = db.Close()
	}
	return err
}
