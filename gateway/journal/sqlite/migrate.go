package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// ErrNewer says that a database was written by a newer version of the program: opening it
// with this one could lose what it does not know of.
var ErrNewer = errors.New("written by a newer version of this program")

// ErrForeign says that a file is a database, but somebody else's.
var ErrForeign = errors.New("not a database of this program")

// Migrate brings the schema up to date. files holds the steps, 0001_name.sql, 0002_..,
// which are never changed once released; each is applied in one transaction, so that a
// crash leaves the version before or the version after. application marks the file as
// ours (PRAGMA application_id), and the number of the last step is its user_version.
//
// A database of another application is refused with [ErrForeign], one with steps that
// files does not have with [ErrNewer]; neither is touched.
func Migrate(ctx context.Context, write *sql.DB, files fs.FS, application int32) error {
	steps, err := fs.Glob(files, "*.sql")
	if err != nil {
		return fmt.Errorf("migrating database: %w", err)
	}
	slices.Sort(steps)
	for {
		left, err := step(ctx, write, files, steps, application)
		if err != nil {
			return fmt.Errorf("migrating database: %w", err)
		}
		if left == 0 {
			return nil
		}
	}
}

// step applies the next step, if there is one, and returns how many are left. It looks
// at the version inside its transaction, so that two processes that start at once do not
// apply the same step.
func step(ctx context.Context, write *sql.DB, files fs.FS, steps []string, application int32) (left int, err error) {
	tx, err := write.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it has nothing to do
	version, err := version(ctx, tx, application)
	if err != nil {
		return 0, err
	}
	if version > len(steps) {
		return 0, fmt.Errorf("schema version %d, known %d: %w", version, len(steps), ErrNewer)
	}
	if version == len(steps) {
		return 0, nil
	}
	name := steps[version]
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return 0, err
	}
	for _, q := range []string{
		string(text),
		fmt.Sprintf("PRAGMA application_id = %d", application),
		fmt.Sprintf("PRAGMA user_version = %d", version+1),
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return 0, fmt.Errorf("step %s: %w", name, err)
		}
	}
	return len(steps) - version - 1, tx.Commit()
}

// version reads how far the schema is; 0 is an empty file.
func version(ctx context.Context, tx *sql.Tx, application int32) (int, error) {
	var owner int32
	var v, tables int
	for q, into := range map[string]any{
		"PRAGMA application_id":              &owner,
		"PRAGMA user_version":                &v,
		"SELECT count(*) FROM sqlite_master": &tables,
	} {
		if err := tx.QueryRowContext(ctx, q).Scan(into); err != nil {
			return 0, err
		}
	}
	if owner != application && (owner != 0 || v != 0 || tables != 0) {
		return 0, ErrForeign
	}
	return v, nil
}
