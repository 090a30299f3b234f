package ledger_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/ledger/witness"
)

// world is a region's log over a journal, with three witnesses of whom two are needed.
type world struct {
	t         testing.TB
	dir       string
	origin    string
	signer    *ledger.Signer
	witnesses map[string]*observer
	policy    quorum.Policy
	text      string // of the policy
	journal   *journal.Journal
	log       *ledger.Log
	numbered  atomic.Pointer[string]
	stop      func()
	wrap      func(ledger.Store) ledger.Store // nil: the journal itself
}

// observer is a witness that can be switched off.
type observer struct {
	*witness.Witness
	url  string
	off  atomic.Bool
	lost atomic.Bool // does what it is asked, and the answer is lost
	told atomic.Int64
}

func (o *observer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.told.Add(1)
	if o.off.Load() {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	if o.lost.Load() {
		o.Handler().ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	o.Handler().ServeHTTP(w, r)
}

const origin = "trm/2026"

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// newWorld makes a region; rule is its quorum, with witnesses a, b and c.
func newWorld(t testing.TB, rule string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), origin: origin, witnesses: map[string]*observer{}, stop: func() {}}
	line, _, err := quorum.Generate("trm", quorum.Log)
	w.must(err)
	w.signer, err = ledger.ParseSigner(line, nil)
	w.must(err)
	for _, name := range []string{"a", "b", "c"} {
		w.text += w.observe(name)
	}
	w.text += rule
	w.policy, err = quorum.Parse(w.text)
	w.must(err)
	t.Cleanup(func() { w.close() })
	return w
}

const twoOfThree = "group most 2 a b c\nquorum most\n"

// observe starts a witness and returns its line in the policy.
func (w *world) observe(name string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, "witness-"+name)
	w.must(os.MkdirAll(dir, 0o700))
	o := witness.Options{Key: filepath.Join(dir, "key"), State: filepath.Join(dir, "state")}
	for _, year := range []string{"trm/2026", "trm/2026.2", "trm/2026.3", "trm/2027"} {
		o.Logs = append(o.Logs, witness.Log{Origin: year, Key: w.signer.Named(year).Key()})
	}
	_, err := witness.Create(o.Key, o.State, name+".example")
	w.must(err)
	wit, err := witness.New(o)
	w.must(err)
	ob := &observer{Witness: wit}
	s := httptest.NewUnstartedServer(ob)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	w.t.Cleanup(func() { s.Close(); _ = wit.Close() })
	ob.url, w.witnesses[name] = s.URL, ob
	return fmt.Sprintf("witness %s %s %s\n", name, wit.Key(), s.URL)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) database() string  { return filepath.Join(w.dir, "db", "journal.db") }
func (w *world) guardFile() string { return filepath.Join(w.dir, "log.guard") }

// open opens journal and log, and does not run it.
func (w *world) open() {
	w.t.Helper()
	w.must(os.MkdirAll(filepath.Dir(w.database()), 0o700))
	var err error
	w.journal, err = journal.Open(w.database(), journal.Options{Origin: w.origin, Backlog: 1 << 30, Entered: func() {
		if w.log != nil {
			w.log.Wake()
		}
	}})
	w.must(err)
	var store ledger.Store = w.journal
	if w.wrap != nil {
		store = w.wrap(store)
	}
	w.log = w.newLog(store)
	w.must(w.log.Check(w.t.Context()))
}

func (w *world) newLog(s ledger.Store) *ledger.Log {
	w.t.Helper()
	g, err := ledger.OpenGuard(w.guardFile())
	w.must(err)
	var log *slog.Logger
	if os.Getenv("LEDGER_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	l, err := ledger.New(ledger.Options{
		Origin: w.origin, Store: s, Signer: w.signer, Guard: g, Policy: func() quorum.Policy { return w.policy }, Pace: time.Millisecond,
		Renumber: func(o string) { w.numbered.Store(&o) }, Log: log,
	})
	w.must(err)
	return l
}

// run opens the region and runs its log until close.
func (w *world) run() {
	w.t.Helper()
	w.open()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.log.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		w.stop = func() {}
	}
}

func (w *world) close() {
	w.stop()
	if w.journal != nil {
		w.must(w.journal.Close())
		w.journal = nil
	}
}

// deed enters something, named by a digest, in the log.
func (w *world) deed(name string) {
	w.t.Helper()
	w.must(w.journal.Enter(w.t.Context(), gateway.Deed{Event: gateway.Redriven, At: noon, Digest: name}))
}

// deeds enters n things.
func (w *world) deeds(from, n int) {
	w.t.Helper()
	for i := range n {
		w.deed(fmt.Sprintf("deed %d", from+i))
	}
}

// await waits until done returns nil, and says what it last said if it never does.
func (w *world) await(what string, done func() error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

func (w *world) standing() ledger.Standing {
	w.t.Helper()
	s, err := w.log.Standing(w.t.Context())
	w.must(err)
	return s
}

// published waits until n entries are under a signed checkpoint, and returns that.
func (w *world) published(n int64) ledger.Checkpoint {
	w.t.Helper()
	w.await(fmt.Sprintf("%d entries to be published", n), func() error {
		if s := w.standing(); s.Signed < n || s.Waiting > 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	return w.checkpoint(w.standing().Origin)
}

// witnessed waits until n entries are witnessed.
func (w *world) witnessed(n int64) {
	w.t.Helper()
	w.await(fmt.Sprintf("%d entries to be witnessed", n), func() error {
		if s := w.standing(); s.Witnessed < n {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// refused waits until the log refuses for a reason.
func (w *world) refused(reason error) {
	w.t.Helper()
	w.await("a refusal", func() error {
		if err := w.standing().Refused; !errors.Is(err, reason) {
			return fmt.Errorf("refused for %v, not for %v", err, reason)
		}
		return nil
	})
}

func (w *world) checkpoint(origin string) ledger.Checkpoint {
	w.t.Helper()
	raw, err := w.log.Checkpoint(w.t.Context(), origin)
	w.must(err)
	c, _, err := ledger.OpenCheckpoint(raw, w.signer.Named(origin).Key())
	w.must(err)
	return c
}

// leaves are all entries of a log.
func (w *world) leaves(origin string) [][]byte {
	w.t.Helper()
	list, err := w.journal.Leaves(w.t.Context(), origin, 0, 1<<20)
	w.must(err)
	return list
}

// proven verifies the proof of every entry of a log, with nothing but what the directory
// says, and returns how many there are.
func (w *world) proven(origin string) int {
	w.t.Helper()
	leaves := w.leaves(origin)
	for i, leaf := range leaves {
		p, err := w.log.Prove(w.t.Context(), origin, int64(i))
		w.must(err)
		if _, err := ledger.VerifyProof(leaf, p.Marshal(), w.signer.Named(origin).Key().String(), w.text); err != nil {
			w.t.Fatalf("entry %d: %v", i, err)
		}
	}
	return len(leaves)
}

// copyTree copies a folder of files.
func (w *world) copyTree(to, from string) {
	w.t.Helper()
	w.must(os.RemoveAll(to))
	w.must(os.CopyFS(to, os.DirFS(from)))
}

// digest names a deed that the log holds, by its commitment's opening.
func (w *world) digests(origin string) []string {
	w.t.Helper()
	list, err := w.journal.EntriesAt(w.t.Context(), origin, 0, 1<<20)
	w.must(err)
	var out []string
	for i, e := range list {
		leaf, err := ledger.ParseEntry(e.Leaf)
		w.must(err)
		if string(leaf.Commitment) != string(ledger.Commit(e.Nonce, e.Opening)) || e.Index != int64(i) || sha256.Size != len(leaf.Commitment) {
			w.t.Fatalf("entry %d does not commit to its opening", i)
		}
		_, after, _ := strings.Cut(string(e.Opening), `"digest":"`)
		name, _, _ := strings.Cut(after, `"`)
		out = append(out, name)
	}
	return out
}
