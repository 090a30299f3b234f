package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"example.org/trm/gateway/journal/sqlite"
)

const ours = 0x54455354

var steps = fstest.MapFS{
	"0001_first.sql":  {Data: []byte(`CREATE TABLE things (id TEXT PRIMARY KEY, body TEXT);`)},
	"0002_second.sql": {Data: []byte(`CREATE TABLE more (id TEXT PRIMARY KEY); INSERT INTO things VALUES ('from step 2', '');`)},
}

func open(t *testing.T, path string) (write, read *sql.DB) {
	t.Helper()
	write, read, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = write.Close(), read.Close() })
	return write, read
}

func newWriter(t *testing.T) (*sqlite.Writer, *sql.DB) {
	t.Helper()
	write, read := open(t, filepath.Join(t.TempDir(), "test.db"))
	if err := sqlite.Migrate(t.Context(), write, steps, ours); err != nil {
		t.Fatal(err)
	}
	w, err := sqlite.NewWriter(t.Context(), write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w, read
}

func add(id, body string) func(*sqlite.Tx) error {
	return func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`INSERT INTO things VALUES (?, ?)`, id, body)
		return err
	}
}

func there(t *testing.T, read *sql.DB, id string) bool {
	t.Helper()
	var n int
	if err := read.QueryRowContext(t.Context(), `SELECT count(*) FROM things WHERE id = ?`, id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n == 1
}

func TestADatabaseIsOpenedDurableAndForItsOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a name with ? and #.db")
	write, read := open(t, path)
	for name, db := range map[string]*sql.DB{"write": write, "read": read} {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "temp_store": "2"} {
			var got string
			if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s is %s, %v; want %s", name, pragma, got, err, want)
			}
		}
	}
	if _, err := read.ExecContext(t.Context(), "CREATE TABLE x (y)"); err == nil {
		t.Error("the read pool writes")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

func TestStepsAreAppliedOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	write, read := open(t, path)
	for range 2 {
		if err := sqlite.Migrate(t.Context(), write, steps, ours); err != nil {
			t.Fatal(err)
		}
	}
	if !there(t, read, "from step 2") {
		t.Error("step 2 is missing")
	}
	var v int
	if err := read.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&v); err != nil || v != 2 {
		t.Errorf("the version is %d, %v", v, err)
	}
}

func TestAStepThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	write, _ := open(t, filepath.Join(t.TempDir(), "test.db"))
	bad := fstest.MapFS{"0001_bad.sql": {Data: []byte(`CREATE TABLE half (x); CREATE TABLE half (x);`)}}
	if err := sqlite.Migrate(t.Context(), write, bad, ours); err == nil || !strings.Contains(err.Error(), "0001_bad.sql") {
		t.Fatalf("got %v, want the step named", err)
	}
	if err := sqlite.Migrate(t.Context(), write, steps, ours); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := write.ExecContext(t.Context(), `SELECT * FROM half`); err == nil {
		t.Error("half a step is there")
	}
}

func TestADatabaseOfSomebodyElseIsNotTouched(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before string
		want   error
	}{
		"newer":                       {fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 3", ours), sqlite.ErrNewer},
		"another application's":       {"PRAGMA application_id = 7", sqlite.ErrForeign},
		"nobody's, with tables":       {"CREATE TABLE other (x)", sqlite.ErrForeign},
		"nobody's, with a version":    {"PRAGMA user_version = 1", sqlite.ErrForeign},
		"another's of a high version": {"PRAGMA application_id = 7; PRAGMA user_version = 9", sqlite.ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			write, _ := open(t, filepath.Join(t.TempDir(), "test.db"))
			if _, err := write.ExecContext(t.Context(), c.before); err != nil {
				t.Fatal(err)
			}
			if err := sqlite.Migrate(t.Context(), write, steps, ours); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			var n int
			if err := write.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_master WHERE name = 'things'`).Scan(&n); err != nil || n != 0 {
				t.Errorf("a table was made: %d, %v", n, err)
			}
		})
	}
}

func TestWhatIsDoneCanBeReadAtOnce(t *testing.T) {
	t.Parallel()
	w, read := newWriter(t)
	if err := w.Do(t.Context(), add("a", "")); err != nil {
		t.Fatal(err)
	}
	if !there(t, read, "a") {
		t.Error("it is not there")
	}
}

func TestAFailureTakesOnlyItsOwnWithIt(t *testing.T) {
	t.Parallel()
	w, read := newWriter(t)
	errNo := errors.New("no")
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			err := w.Do(t.Context(), func(tx *sqlite.Tx) error {
				if err := add(fmt.Sprint(i), "")(tx); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return errNo
				case 2:
					panic("canary")
				}
				return nil
			})
			var p *sqlite.PanicError
			switch i % 3 {
			case 0:
				if err != nil {
					t.Error(err)
				}
			case 1:
				if !errors.Is(err, errNo) {
					t.Errorf("got %v, want the cause", err)
				}
			case 2:
				if !errors.As(err, &p) || strings.Contains(err.Error()+string(p.Stack), "canary") {
					t.Errorf("got %v, want a panic without its value", err)
				}
			}
		})
	}
	all.Wait()
	for i := range 60 {
		if got, want := there(t, read, fmt.Sprint(i)), i%3 == 0; got != want {
			t.Errorf("%d is there: %v", i, got)
		}
	}
}

func TestThoseWhoWaitShareACommit(t *testing.T) {
	t.Parallel()
	w, read := newWriter(t)
	begun, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		if err := w.Do(t.Context(), func(*sqlite.Tx) error { close(begun); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-begun
	var together sync.WaitGroup
	var mu sync.Mutex
	seen := 0
	for i := range 10 {
		together.Add(1)
		all.Go(func() {
			together.Done()
			if err := w.Do(t.Context(), func(tx *sqlite.Tx) error {
				if err := add(fmt.Sprint(i), "")(tx); err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				// What came before in the same transaction is seen inside and not outside.
				var inside, outside int
				if err := tx.Row(`SELECT count(*) FROM things WHERE id <> 'from step 2'`).Scan(&inside); err != nil {
					return err
				}
				if err := read.QueryRow(`SELECT count(*) FROM things WHERE id <> 'from step 2'`).Scan(&outside); err != nil {
					return err
				}
				if inside-outside > 1 {
					seen++
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	close(release)
	all.Wait()
	if seen == 0 {
		t.Error("ten who waited had a commit each")
	}
}

func TestWorkWhoseCallerIsGoneIsNotBegun(t *testing.T) {
	t.Parallel()
	w, read := newWriter(t)
	begun, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- w.Do(context.Background(), func(*sqlite.Tx) error { close(begun); <-release; return nil })
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- w.Do(ctx, add("a", "")) }()
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := w.Do(t.Context(), add("b", "")); err != nil {
		t.Fatal(err)
	}
	if there(t, read, "a") {
		t.Error("it was done although its caller had left")
	}
}

func TestWorkThatHasBegunIsFinishedAndAnswered(t *testing.T) {
	t.Parallel()
	w, read := newWriter(t)
	ctx, cancel := context.WithCancel(t.Context())
	if err := w.Do(ctx, func(tx *sqlite.Tx) error { cancel(); return add("a", "")(tx) }); err != nil {
		t.Errorf("got %v", err)
	}
	if !there(t, read, "a") {
		t.Error("it is not there")
	}
}

// A full database ends the transaction in SQLite itself: whoever was told "done" must be
// there all the same, and the writer must work again once there is room.
func TestAFullDatabaseLosesNothingThatWasDone(t *testing.T) {
	t.Parallel()
	w, read := newWriter(t)
	pages := func(n int) {
		t.Helper()
		if err := w.Do(t.Context(), func(tx *sqlite.Tx) error {
			return tx.Row(fmt.Sprintf("PRAGMA max_page_count = %d", n)).Scan(new(int))
		}); err != nil {
			t.Fatal(err)
		}
	}
	pages(40)
	big := strings.Repeat("x", 20_000)
	var all sync.WaitGroup
	var mu sync.Mutex
	done, failed := map[string]bool{}, 0
	for i := range 40 {
		all.Go(func() {
			body := big
			if i%2 == 0 {
				body = ""
			}
			err := w.Do(t.Context(), add(fmt.Sprint(i), body))
			mu.Lock()
			defer mu.Unlock()
			if done[fmt.Sprint(i)] = err == nil; err != nil {
				failed++
			}
		})
	}
	all.Wait()
	if failed == 0 {
		t.Fatal("nothing failed: the database was not full")
	}
	for id, want := range done {
		if got := there(t, read, id); got != want {
			t.Errorf("%s: done %v, there %v", id, want, got)
		}
	}
	pages(1 << 20)
	if err := w.Do(t.Context(), add("after", big)); err != nil || !there(t, read, "after") {
		t.Errorf("with room again: %v", err)
	}
}

func TestAClosedWriterRefuses(t *testing.T) {
	t.Parallel()
	w, read := newWriter(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	done := map[string]bool{}
	begun := make(chan struct{}, 100)
	for i := range 100 {
		all.Go(func() {
			err := w.Do(t.Context(), add(fmt.Sprint(i), ""))
			begun <- struct{}{}
			if err != nil && !errors.Is(err, sqlite.ErrClosed) {
				t.Errorf("got %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			done[fmt.Sprint(i)] = err == nil
		})
	}
	<-begun
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	for id, want := range done {
		if got := there(t, read, id); got != want {
			t.Errorf("%s: done %v, there %v", id, want, got)
		}
	}
	if err := w.Do(t.Context(), add("late", "")); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAReaderStopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	w, read := newWriter(t)
	for i := range 3 {
		if err := w.Do(t.Context(), add(fmt.Sprint(i), "")); err != nil {
			t.Fatal(err)
		}
	}
	r := sqlite.NewReader(read)
	errNo := errors.New("no")
	n := 0
	for range 3 { // prepared the first time only
		n = 0
		err := r.Query(t.Context(), func(func(...any) error) error { n++; return errNo }, `SELECT id FROM things`)
		if !errors.Is(err, errNo) || n != 1 {
			t.Errorf("got %v after %d rows", err, n)
		}
	}
	if err := r.Query(t.Context(), nil, `SELECT nothing FROM nowhere`); err == nil {
		t.Error("a query of nothing answered")
	}
	if found, err := r.One(t.Context(), nil, `SELECT id FROM things WHERE id = 'x'`); found || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
	for range 2 {
		var id string
		if err := r.Row(t.Context(), `SELECT id FROM things WHERE id = ?`, "2").Scan(&id); err != nil || id != "2" {
			t.Errorf("the row has %q, %v", id, err)
		}
	}
	if err := r.Row(t.Context(), `SELECT id FROM nowhere`).Scan(new(string)); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a row of nothing: %v", err)
	}
}
