package journal

import (
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// TestAJournalFromBeforeFeedsWereCountedKeepsTheirOrder opens one that has statements about
// two senders' messages, in turns.
func TestAJournalFromBeforeFeedsWereCountedKeepsTheirOrder(t *testing.T) {
	t.Parallel()
	before := fstest.MapFS{}
	for _, name := range []string{"0001_journal.sql", "0002_reply.sql"} {
		text, err := fs.ReadFile(migrations, "migrations/"+name)
		if err != nil {
			t.Fatal(err)
		}
		before[name] = &fstest.MapFile{Data: text}
	}
	path := filepath.Join(t.TempDir(), "journal.db")
	write, read, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Migrate(t.Context(), write, before, application); err != nil {
		t.Fatal(err)
	}
	for i, iss := range []string{"ba/coordinator", "me/coordinator", "ba/coordinator", "me/coordinator", "ba/coordinator"} {
		id := string(rune('a' + i))
		exec(t, write, `INSERT INTO messages (seq, iss, jti, digest, aud, thread, received_at, expires) VALUES (?, ?, ?, '', '', '', 0, 0)`, i+1, iss, id)
		exec(t, write, `INSERT INTO evidence (seq, message, iss, delivery, signer, jti, event, at, code, digest, jws) VALUES (?, ?, ?, '', '', ?, 'TakenOn', 0, '', ?, '')`,
			10*i+1, i+1, iss, id, id)
	}
	if err := errors.Join(write.Close(), read.Close()); err != nil {
		t.Fatal(err)
	}
	j, err := Open(path, Options{Origin: "test/2026"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	for iss, want := range map[gateway.Party][]string{"ba/coordinator": {"a", "c", "e"}, "me/coordinator": {"b", "d"}} {
		var got []string
		list, err := j.Events(t.Context(), iss, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range list {
			got = append(got, e.Message.ID)
			if e.Cursor != int64(i+1) {
				t.Errorf("%s: the cursor of %d is %d", iss, i, e.Cursor)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the feed tells of %v, want %v", iss, got, want)
		}
	}
}

func exec(t *testing.T, db *sql.DB, q string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), q, args...); err != nil {
		t.Fatal(err)
	}
}
