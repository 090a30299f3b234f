package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"example.org/trm/gateway"
)

// Log is the journal as the log's sequencer and its readers see it (ledger.Store).
type Log interface {
	Begin(ctx context.Context, origin string, deed *gateway.Deed, grow func(gateway.LogRow) (gateway.LogGrowth, error)) error
	Grow(ctx context.Context, origin string, n int, grow func(size int64, rows []gateway.LogRow, hashes func([]int64) ([][32]byte, error)) (gateway.LogGrowth, error)) error
	Witnessed(ctx context.Context, origin string, day, size int64, note []byte) error
	Logs(ctx context.Context) ([]gateway.LogHead, error)
	Hashes(ctx context.Context, origin string, indexes []int64) ([][32]byte, error)
	Leaves(ctx context.Context, origin string, from int64, n int) ([][]byte, error)
	EntriesAt(ctx context.Context, origin string, from int64, n int) ([]gateway.LogEntry, error)
	Entries(ctx context.Context, id gateway.MessageID) ([]gateway.LogEntry, error)
	Checkpoint(ctx context.Context, origin string, day int64) (note []byte, of int64, err error)
	Waiting(ctx context.Context) (int, error)
	Enter(ctx context.Context, d gateway.Deed) error
	InForce(ctx context.Context, d gateway.Deed) error
	Origin() string
	Number(origin string)
}

// grown stores for each row a leaf that names it, and as many hashes, of its place.
func grown(size int64, rows []gateway.LogRow) gateway.LogGrowth {
	g := gateway.LogGrowth{At: size}
	for i, r := range rows {
		g.Leaves = append(g.Leaves, fmt.Appendf(nil, "%d %s %d", r.Seq, r.Event, r.Pair.N))
		g.Hashes = append(g.Hashes, [32]byte{byte(size) + byte(i)})
	}
	return g
}

// grow gives what waits its places in the log, n at a time, and returns how much it was.
func (w *world) grow(n int) (placed int) {
	w.Helper()
	for {
		before := placed
		if err := w.Grow(w.Context(), origin, n, func(size int64, rows []gateway.LogRow, _ func([]int64) ([][32]byte, error)) (gateway.LogGrowth, error) {
			placed += len(rows)
			return grown(size, rows), nil
		}); err != nil {
			w.Fatal(err)
		}
		if placed == before {
			return placed
		}
	}
}

func (w *world) begin() {
	w.Helper()
	if err := w.Begin(w.Context(), origin, nil, nil); err != nil {
		w.Fatal(err)
	}
}

func (w *world) deed(digest string) {
	w.Helper()
	if err := w.Enter(w.Context(), gateway.Deed{Event: gateway.Redriven, At: noon, Digest: digest}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) waiting() int {
	w.Helper()
	n, err := w.Waiting(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// Every event of a message is an entry, in the transaction of the event, and gets one
// place, in the order of recording, also when many record at once and a batch fails.
func places(w *world) {
	w.begin()
	var all sync.WaitGroup
	for k := range 4 {
		all.Go(func() {
			for i := range 10 {
				m := message{id: fmt.Sprintf("m-%d-%d", k, i)}
				if _, err := w.give(m, func(s gateway.Slot) (gateway.Record, error) { return w.record(told(m), s), nil }); err != nil {
					w.Error(err)
				}
			}
		})
	}
	all.Wait()
	if w.waiting() != 40 {
		w.Fatalf("%d entries wait", w.waiting())
	}
	failed := errors.New("no")
	if err := w.Grow(w.Context(), origin, 10, func(size int64, rows []gateway.LogRow, _ func([]int64) ([][32]byte, error)) (gateway.LogGrowth, error) {
		return grown(size, rows), failed
	}); !errors.Is(err, failed) || w.waiting() != 40 {
		w.Errorf("a batch that failed: %v, and %d wait", err, w.waiting())
	}
	if err := w.Grow(w.Context(), origin, 10, func(size int64, rows []gateway.LogRow, _ func([]int64) ([][32]byte, error)) (gateway.LogGrowth, error) {
		return gateway.LogGrowth{}, nil
	}); err == nil || w.waiting() != 40 {
		w.Errorf("a batch without leaves: %v, and %d wait", err, w.waiting())
	}
	if n := w.grow(7); n != 40 || w.waiting() != 0 {
		w.Errorf("%d entries got places, and %d wait", n, w.waiting())
	}
	w.reopen()
	if n := w.grow(7); n != 0 {
		w.Errorf("%d entries got another place", n)
	}
	leaves, err := w.Leaves(w.Context(), origin, 0, 100)
	if err != nil || len(leaves) != 40 {
		w.Fatalf("%d leaves, %v", len(leaves), err)
	}
	last := 0
	numbers := map[string]bool{}
	for i, l := range leaves {
		var seq, n int
		var event string
		if _, err := fmt.Sscan(string(l), &seq, &event, &n); err != nil || seq <= last || event != string(gateway.SubmissionAcceptance) {
			w.Errorf("entry %d is %q", i, l)
		}
		last, numbers[fmt.Sprint(n)] = seq, true
	}
	if len(numbers) != 40 {
		w.Errorf("the entries name %d numbers", len(numbers))
	}
	if some, err := w.Leaves(w.Context(), origin, 38, 10); err != nil || len(some) != 2 || !bytes.Equal(some[1], leaves[39]) {
		w.Errorf("from the 38th: %q, %v", some, err)
	}
	if h, err := w.Hashes(w.Context(), origin, []int64{39, 0}); err != nil || h[0] != [32]byte{39} || h[1] != [32]byte{} {
		w.Errorf("hashes are %v, %v", h, err)
	}
	if _, err := w.Hashes(w.Context(), origin, []int64{40}); err == nil {
		w.Error("a hash that was never stored is there")
	}
	if logs, err := w.Logs(w.Context()); err != nil || !slices.Equal(logs, []gateway.LogHead{{Origin: origin, Size: 40}}) {
		w.Errorf("the logs are %v, %v", logs, err)
	}
}

// An entry is found by its message with what opens it, and by its place.
func openings(w *world) {
	w.begin()
	w.receive(message{id: "m-1"})
	w.deed("something")
	if list, err := w.Entries(w.Context(), told(message{id: "m-1"}).name()); err != nil || len(list) != 1 || list[0].Leaf != nil || list[0].Origin != "" {
		w.Fatalf("before it has its place: %+v, %v", list, err)
	}
	w.grow(10)
	list, err := w.Entries(w.Context(), told(message{id: "m-1"}).name())
	if err != nil || len(list) != 1 {
		w.Fatal(list, err)
	}
	e := list[0]
	if e.Event != gateway.SubmissionAcceptance || e.Origin != origin || e.Index != 0 || e.Leaf == nil || len(e.Nonce) != 32 || len(e.ConcealedNonce) != 32 {
		w.Errorf("the entry is %+v", e)
	}
	if !strings.Contains(string(e.Opening), "m-1") || strings.Contains(string(e.Opening), "decision for") || !strings.Contains(string(e.Concealed), "decision for the auditor") {
		w.Errorf("it opens to %s, and apart to %s", e.Opening, e.Concealed)
	}
	at, err := w.EntriesAt(w.Context(), origin, 1, 5)
	if err != nil || len(at) != 1 || at[0].Event != gateway.Redriven || at[0].Index != 1 || at[0].ConcealedNonce != nil || !strings.Contains(string(at[0].Opening), "something") {
		w.Errorf("the deed's entry is %+v, %v", at, err)
	}
	if list, err := w.Entries(w.Context(), told(message{id: "m-2"}).name()); err != nil || len(list) != 0 {
		w.Errorf("a message that was never received has %v, %v", list, err)
	}
}

// A log that succeeds another begins with one entry, before everything that waits, once.
func succession(w *world) {
	w.begin()
	w.deed("the first")
	w.grow(10)
	w.deed("waits")
	next := origin + ".2"
	for range 2 {
		if err := w.Begin(w.Context(), next, &gateway.Deed{Event: gateway.OriginSucceeded, At: noon, Of: origin}, func(r gateway.LogRow) (gateway.LogGrowth, error) {
			return grown(0, []gateway.LogRow{r}), nil
		}); err != nil {
			w.Fatal(err)
		}
	}
	if at, err := w.EntriesAt(w.Context(), next, 0, 5); err != nil || len(at) != 1 || at[0].Event != gateway.OriginSucceeded || !strings.Contains(string(at[0].Opening), origin) {
		w.Errorf("it begins with %+v, %v", at, err)
	}
	if w.waiting() != 1 {
		w.Errorf("%d entries wait", w.waiting())
	}
	w.reopen()
	if w.Origin() != next {
		w.Errorf("pairs are numbered in %s", w.Origin())
	}
	w.receive(message{id: "m-1"})
	if s, _, err := w.Status(w.Context(), told(message{id: "m-1"}).name()); err != nil || s.Pair.Origin != next || s.Pair.N != 1 {
		w.Errorf("the first number there is %+v, %v", s.Pair, err)
	}
	w.Number(origin + ".3")
	w.receive(message{id: "m-2"})
	if s, _, err := w.Status(w.Context(), told(message{id: "m-2"}).name()); err != nil || s.Pair.Origin != origin+".3" || s.Pair.N != 1 {
		w.Errorf("the first number after a roll-back is %+v, %v", s.Pair, err)
	}
	failed := errors.New("no")
	if err := w.Begin(w.Context(), origin+".3", &gateway.Deed{Event: gateway.OriginSucceeded}, func(gateway.LogRow) (gateway.LogGrowth, error) {
		return gateway.LogGrowth{}, failed
	}); !errors.Is(err, failed) {
		w.Error(err)
	}
	if logs, err := w.Logs(w.Context()); err != nil || len(logs) != 2 {
		w.Errorf("a log whose beginning failed has begun: %v, %v", logs, err)
	}
}

// The newest witnessed checkpoint of a day stands, and an older one changes nothing.
func checkpoints(w *world) {
	w.begin()
	for _, c := range []struct {
		day, size int64
		note      string
	}{{10, 3, "three"}, {10, 5, "five"}, {10, 4, "four, late"}, {12, 9, "nine"}} {
		if err := w.Witnessed(w.Context(), origin, c.day, c.size, []byte(c.note)); err != nil {
			w.Fatal(err)
		}
	}
	w.reopen()
	for day, want := range map[int64]string{9: "", 10: "five", 11: "five", 12: "nine", 99: "nine"} {
		if note, _, err := w.Checkpoint(w.Context(), origin, day); err != nil || string(note) != want {
			w.Errorf("of day %d or before: %q, %v", day, note, err)
		}
	}
}

// What is in force is entered when it changes, and once in each log.
func inForce(w *world) {
	w.begin()
	say := func(digest string) {
		w.Helper()
		if err := w.InForce(w.Context(), gateway.Deed{Event: gateway.PolicyInForce, At: noon, Digest: digest}); err != nil {
			w.Fatal(err)
		}
	}
	say("a")
	say("a")
	w.grow(10)
	say("a")
	say("b")
	say("a")
	if n := w.grow(10); n != 2 {
		w.Errorf("%d changes were entered", n)
	}
	if err := w.Begin(w.Context(), origin+".2", nil, nil); err != nil {
		w.Fatal(err)
	}
	say("a")
	say("a")
	if w.waiting() != 1 {
		w.Errorf("in a new log %d entries say what is in force", w.waiting())
	}
}
