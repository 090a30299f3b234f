package examiner

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/journal/sqlite"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/ledger/witness"
)

// Origin is that of logs that [Grown.Grow] lets grow.
const Origin = "trm/2026"

// Grown is a log of a journal's, made by the gateway's own code: its sequencer, its guard,
// and three witnesses of whom two are needed. No gateway runs on it.
type Grown struct {
	Files
	Signer *ledger.Signer
	Text   string // of the policy

	t testing.TB
}

// NewGrown makes an empty log in a new folder.
func NewGrown(t testing.TB) *Grown {
	t.Helper()
	dir := t.TempDir()
	line, key, err := quorum.Generate("trm", quorum.Log)
	if err != nil {
		t.Fatal(err)
	}
	g := &Grown{Files: Files{Journal: filepath.Join(dir, "journal.db"), Guard: filepath.Join(dir, "log.guard"), Key: key}, t: t}
	if g.Signer, err = ledger.ParseSigner(line, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two", "three"} {
		own := t.TempDir()
		o := witness.Options{Key: filepath.Join(own, "key"), State: filepath.Join(own, "state"), Logs: []witness.Log{{Origin: Origin, Key: key}}}
		k, err := witness.Create(o.Key, o.State, name+".example/w")
		if err != nil {
			t.Fatal(err)
		}
		w, err := witness.New(o)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewServer(w.Handler())
		t.Cleanup(func() { s.Close(); _ = w.Close() })
		g.Text += fmt.Sprintf("witness %s %s %s\n", name, k, s.URL)
	}
	g.Text += "group institutions 2 one two three\nquorum institutions\n"
	if g.Policy, err = quorum.Parse(g.Text); err != nil {
		t.Fatal(err)
	}
	return g
}

// Under makes another policy the log's: the text of C2SP tlog-policy.
func (g *Grown) Under(policy string) {
	g.t.Helper()
	p, err := quorum.Parse(policy)
	if err != nil {
		g.t.Fatal(err)
	}
	g.Text, g.Policy = policy, p
}

// In is the same log, with its database and guard in another folder, to which they are
// copied.
func (g *Grown) In(dir string) *Grown {
	g.t.Helper()
	c := *g
	c.Journal, c.Guard = filepath.Join(dir, "journal.db"), filepath.Join(dir, "log.guard")
	for from, to := range map[string]string{g.Journal: c.Journal, g.Journal + ".keys": c.Journal + ".keys", g.Guard: c.Guard} {
		raw, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, raw, 0o600)
		}
		if err != nil {
			g.t.Fatal(err)
		}
	}
	return &c
}

// Open opens journal and log for as long as the test runs, or until the function is called
// that it returns.
func (g *Grown) Open() (*ledger.Log, func()) {
	g.t.Helper()
	j, err := journal.Open(g.Journal, journal.Options{Origin: Origin, Entered: func() {}})
	if err != nil {
		g.t.Fatal(err)
	}
	guard, err := ledger.OpenGuard(g.Guard)
	if err != nil {
		g.t.Fatal(err)
	}
	l, err := ledger.New(ledger.Options{
		Origin: Origin, Store: j, Signer: g.Signer, Guard: guard, Policy: func() quorum.Policy { return g.Policy }, Pace: time.Millisecond,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return l, func() {
		if err := j.Close(); err != nil {
			g.t.Error(err)
		}
	}
}

// Grow records n events, has them witnessed, and closes the log again.
func (g *Grown) Grow(n int) {
	g.t.Helper()
	if s, err := g.Try(n, 30*time.Second); err != nil || s.Witnessed != s.Held {
		g.t.Fatalf("growing a log: %s, %v", s, err)
	}
}

// Try records n events and waits until they are witnessed, or the log refuses to go on, or
// for so long. It says how the log stood then.
func (g *Grown) Try(n int, within time.Duration) (s ledger.Standing, err error) {
	g.t.Helper()
	l, closed := g.Open()
	closed() // the schema is there now
	total := g.record(n)
	l, closed = g.Open()
	defer closed()
	ctx, cancel := context.WithTimeout(g.t.Context(), within)
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			g.t.Error(err)
		}
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := l.Standing(ctx)
		if err == nil {
			s = now
		}
		if s.Witnessed == total || s.Refused != nil {
			return s, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return s, context.Cause(ctx)
		}
	}
}

// record writes what the gateway writes of each event: the row that waits for its place,
// and what opens it. Every third is the acceptance of a delivery, with its number. It returns how many there are.
func (g *Grown) record(n int) (total int64) {
	g.t.Helper()
	write, read, err := sqlite.Open(g.Journal)
	if err != nil {
		g.t.Fatal(err)
	}
	defer write.Close()
	defer read.Close()
	tx, err := write.BeginTx(g.t.Context(), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	var last int64
	if err := tx.QueryRow(`SELECT ifnull(max(n), 0) FROM log_outbox`).Scan(&last); err != nil {
		g.t.Fatal(err)
	}
	for i := range n {
		nonce := make([]byte, 32)
		rand.Read(nonce)
		e, withheld := gateway.ContentConsignment, []byte(nil)
		if i%3 == 0 {
			last++
			e, withheld = gateway.SubmissionAcceptance, commit(nonce, "nothing")
		}
		opening := fmt.Sprintf(`{"event":%q,"jti":%q}`, e, strings.ToLower(rand.Text()))
		var seq int64
		err := tx.QueryRow(`INSERT INTO log_outbox (event, pair_from, pair_to, origin, n, commitment, withheld) VALUES (?, 'me', 'rs', ?, ?, ?, ?) RETURNING seq`,
			string(e), Origin, last, commit(nonce, opening), withheld).Scan(&seq)
		if err == nil {
			_, err = tx.Exec(`INSERT INTO openings (entry, nonce, opening) VALUES (?, ?, ?)`, seq, nonce, []byte(opening))
		}
		if err != nil {
			g.t.Fatal(err)
		}
	}
	err = tx.QueryRow(`SELECT count(*) FROM log_outbox`).Scan(&total)
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return total
}

func commit(nonce []byte, opening string) []byte {
	m := hmac.New(sha256.New, nonce)
	m.Write([]byte(opening))
	return m.Sum(nil)
}
