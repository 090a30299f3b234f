package journal

import "context"

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
