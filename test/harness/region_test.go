package harness

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
	"example.org/trm/test/examiner"
	"example.org/trm/test/nation"
)

// TestRegionCarriesMessagesBothWays is the shortest life of a region; what it promises is
// checked at its end, as always.
func TestRegionCarriesMessagesBothWays(t *testing.T) {
	t.Parallel()
	r := New(t, Options{Systems: map[gateway.Country]*nation.System{"me": nation.New(t)}})
	r.Send(Capacity("me/coordinator", "rs/coordinator"))
	r.Send(Referral("me/coordinator", "rs/coordinator"))
	r.Send(Referral("rs/coordinator", "me/coordinator"))
	r.Settle()
	for c, want := range map[gateway.Country]int{"me": 2, "rs": 3} {
		got, err := r.Arrived(c)
		if err != nil || len(got) != want {
			t.Errorf("%s has %d consignments, want %d: %v", c, len(got), want, err)
		}
	}
	if len(r.Spans.Raw()) == 0 {
		r.await("a span", 20*time.Second, func() error {
			if len(r.Spans.Raw()) == 0 {
				return fmt.Errorf("none was exported")
			}
			return nil
		})
	}
	if !bytes.Contains(r.Metrics(), []byte("# TYPE")) {
		t.Error("the gateway shows no metrics: searching them proves nothing")
	}
}

// TestCheckFindsWhatIsBroken breaks a finished region in each way that its checks are
// for, one at a time, and mends it again.
func TestCheckFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	r := New(t, Options{})
	thread := NewThread()
	first := r.Send(Capacity("me/coordinator", "rs/coordinator").With(map[string]any{"thread": thread}))
	second := r.Send(Capacity("me/coordinator", "rs/coordinator").With(map[string]any{"thread": thread}))
	d := Referral("me/coordinator", "rs/coordinator")
	r.Send(d)
	r.Settle()
	if all := slices.Concat(r.Lives(), r.Effects(), r.Proofs(), r.Ledger(), r.Audits(), r.Strays()); len(all) > 0 {
		t.Fatalf("a region that nobody broke: %q", all)
	}
	effects, err := r.Arrived("rs")
	if err != nil {
		t.Fatal(err)
	}
	file := func(s *Sent) string {
		i := slices.IndexFunc(effects, func(e Effect) bool { return e.Head["jti"] == s.ID.ID })
		return filepath.Join(r.Adapters["rs"].Drop, "coordinator", effects[i].Delivery+".json")
	}
	name := d["sealed"].(map[string]any)["guardian@child-protection"].(map[string]any)["given"].(string)
	born, err := os.Stat(file(second))
	if err != nil {
		t.Fatal(err)
	}

	tests := map[string]struct {
		find func() []string
		want string
		do   func() (undo func())
	}{
		"a lost message": {r.Effects, `took effect for []`, func() func() {
			rename(t, file(first), r.Dir+"/away")
			return func() { rename(t, r.Dir+"/away", file(first)) }
		}},
		"a second effect": {r.Effects, `took effect for ["rs/coordinator" "rs/coordinator"]`, func() func() {
			const other = "00000000-0000-7000-8000-000000000000"
			old := strings.TrimSuffix(filepath.Base(file(first)), ".json")
			copied := filepath.Join(filepath.Dir(file(first)), other+".json")
			write(t, copied, bytes.ReplaceAll(load(t, file(first)), []byte(old), []byte(other)))
			return func() { remove(t, copied) }
		}},
		"a message that nobody sent": {r.Effects, "nobody sent it", func() func() {
			was := load(t, file(first))
			write(t, file(first), bytes.ReplaceAll(was, []byte(first.ID.ID), []byte("00000000-0000-7000-8000-000000000000")))
			return func() { write(t, file(first), was); touch(t, file(first), born.ModTime().Add(-time.Second)) }
		}},
		"a lost order": {r.Effects, "took effect before number", func() func() {
			touch(t, file(second), born.ModTime().Add(-time.Hour))
			return func() { touch(t, file(second), born.ModTime()) }
		}},
		"an entry of the log that was changed": {r.Ledger, "the hash over entries 2 to 2 is not theirs", func() func() {
			execute(t, r, `UPDATE log_outbox SET leaf = CAST(leaf || ' ' AS BLOB) WHERE idx = 2`)
			return func() {
				execute(t, r, `UPDATE log_outbox SET leaf = CAST(rtrim(CAST(leaf AS TEXT)) AS BLOB) WHERE idx = 2`)
			}
		}},
		"a core that was changed": {r.Audits, "the auditor of rs finds", func() func() {
			execute(t, r, `UPDATE messages SET signature = 'A' || signature WHERE seq = 1`)
			return func() { execute(t, r, `UPDATE messages SET signature = substr(signature, 2) WHERE seq = 1`) }
		}},
		"a log that was set back": {r.Ledger, "an earlier examination knows", func() func() {
			was := maps.Clone(r.heads)
			for origin, h := range was {
				r.heads[origin] = examiner.Head{Size: h.Size + 1, Root: h.Root}
			}
			return func() { r.heads = was }
		}},
		"a name in the gateway's folder": {r.Strays, "astray", func() func() {
			p := filepath.Join(r.Dir, "gateway", "stray")
			write(t, p, []byte("x"+name))
			return func() { remove(t, p) }
		}},
		"a name in Redis's folder": {r.Strays, "astray", func() func() {
			p := filepath.Join(r.Redis.Dir(), "stray")
			write(t, p, []byte("x"+name))
			return func() { remove(t, p) }
		}},
		"a name in another role's folder": {r.Strays, "astray", func() func() {
			p := filepath.Join(r.Adapters["rs"].Drop, "coordinator", "stray")
			write(t, p, []byte(name))
			return func() { remove(t, p) }
		}},
		"a name in the adapter's journal": {r.Strays, "astray", func() func() {
			p := filepath.Join(r.Dir, "adapters", "rs", "stray")
			write(t, p, []byte(name))
			return func() { remove(t, p) }
		}},
		"a name in an answer": {r.Strays, "astray: answers", func() func() {
			r.keep([]byte(name))
			return func() { r.seen = nil }
		}},
		"a name in a span": {r.Strays, "astray: spans", func() func() {
			was := r.Spans.bodies
			r.Spans.bodies = [][]byte{[]byte(name)}
			return func() { r.Spans.bodies = was }
		}},
		"a panic": {r.Lives, "printed panic:", func() func() {
			was := r.Gateway.Output()
			write(t, r.Gateway.out, append(slices.Clone(was), "panic: index out of range\n"...))
			return func() { write(t, r.Gateway.out, was) }
		}},
		"an error that wakes somebody": {r.Lives, "ERROR", func() func() {
			was := r.Gateway.Output()
			write(t, r.Gateway.out, append(slices.Clone(was), "{\"level\":\"ERROR\"}\n"...))
			return func() { write(t, r.Gateway.out, was) }
		}},
	}
	for what, tt := range tests {
		undo := tt.do()
		if got := strings.Join(tt.find(), "\n"); !strings.Contains(got, tt.want) {
			t.Errorf("%s: found %q, want %q", what, got, tt.want)
		}
		undo()
	}
	first.ID.Issuer = "me/child-protection"
	if got := strings.Join(r.Proofs(), "\n"); !strings.Contains(got, "about another message") {
		t.Errorf("evidence about another message: found %q", got)
	}
	first.ID.Issuer = "me/coordinator"
}

func load(t *testing.T, p string) []byte {
	t.Helper()
	b, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, p string, b []byte) {
	t.Helper()
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// execute changes the gateway's database as its operator could.
func execute(t *testing.T, r *Region, statement string) {
	t.Helper()
	w, read, err := sqlite.Open(r.Log().Journal)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer read.Close()
	if _, err := w.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, p string) {
	t.Helper()
	if err := os.Remove(p); err != nil {
		t.Fatal(err)
	}
}

func touch(t *testing.T, p string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(p, at, at); err != nil {
		t.Fatal(err)
	}
}
