package journal

import (
	"context"
	"errors"

	"example.org/trm/gateway/journal/sqlite"
)

// OpenBody opens a part of a message as the journal at path holds it.
func OpenBody(path string, seq int64, column string, part []byte) (string, error) {
	b, err := openBodies(path + ".keys")
	if err != nil {
		return "", err
	}
	defer b.close()
	return b.open(seq, column, part)
}

// Places counts the entries that the log has or will have.
func (j *Journal) Places() (n int, err error) {
	err = j.reader.Row(context.Background(), `SELECT count(*) FROM log_outbox`).Scan(&n)
	return n, err
}

// Spoil changes the schema.
func (j *Journal) Spoil(q string) error {
	return j.writer.Do(context.Background(), func(tx *sqlite.Tx) error {
		_, err := tx.Exec(q)
		return err
	})
}

// Replay does what opening does with a purge of the list, as one does that read the list
// before the database had the purge.
func (j *Journal) Replay(ctx context.Context, number int64) error {
	return j.replay(ctx, j.purges.after(number - 1)[0])
}

// DestroyBeside has one open file of keys destroy a key that another made after it was
// opened.
func DestroyBeside(path string, seq int64) error {
	mine, err := openBodies(path)
	if err != nil {
		return err
	}
	theirs, err := openBodies(path)
	if err != nil {
		return err
	}
	err = errors.Join(theirs.reserve(seq), mine.destroy(seq))
	if _, e := theirs.key(seq); !errors.Is(e, errDestroyed) {
		err = errors.Join(err, errors.New("the key is still there"))
	}
	return errors.Join(err, mine.close(), theirs.close())
}
