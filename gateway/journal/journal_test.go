package journal_test

import (
	"path/filepath"
	"testing"

	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/journal/journaltest"
)

func TestJournalInSQLiteKeepsThePromises(t *testing.T) {
	t.Parallel()
	journaltest.Run(t, func(t *testing.T, dir string, o journal.Options) journaltest.Journal {
		t.Helper()
		j, err := journal.Open(filepath.Join(dir, "journal.db"), o)
		if err != nil {
			t.Fatal(err)
		}
		return j
	})
}
