package journal_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
)

// grow gives every entry that waits its place in the log.
func (s *shelf) grow() {
	s.Helper()
	err := s.Grow(s.Context(), "o", 100, func(size int64, rows []gateway.LogRow, _ func([]int64) ([][32]byte, error)) (g gateway.LogGrowth, err error) {
		for i := range rows {
			g.Leaves = append(g.Leaves, fmt.Appendf(nil, "leaf %d", size+int64(i)))
		}
		return g, nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// TestAnAuditorReadsWhatIsKeptByItsPlace: the signed part of each acceptance, deeds, and
// after a purge which entries are closed, and by which.
func TestAnAuditorReadsWhatIsKeptByItsPlace(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	if err := s.Begin(t.Context(), "o", nil, nil); err != nil {
		t.Fatal(err)
	}
	deed := gateway.Deed{Event: gateway.PolicyInForce, At: noon, Digest: "digest"}
	if err := s.Enter(t.Context(), deed); err != nil {
		t.Fatal(err)
	}
	s.receive("old") // entry 1
	s.end("old")
	s.now = s.now.Add(31 * day)
	s.receive("young") // entry 3
	s.grow()
	places := func(list []journal.Kept) (out []string) {
		for _, k := range list {
			out = append(out, fmt.Sprint(k.Index, " ", k.Core.Payload, " ", k.Released != nil))
		}
		return out
	}
	cores := func(from, to int64) []string {
		list, err := s.Cores(t.Context(), "o", from, to)
		if err != nil {
			t.Fatal(err)
		}
		return places(list)
	}
	one, three := "1 "+canary("old")+" true", "3 "+canary("young")+" true"
	if diff := cmp.Diff([]string{one, three}, cores(0, 10)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{three}, cores(2, 4)); diff != "" {
		t.Error(diff)
	}
	if got := cores(4, 10); got != nil {
		t.Errorf("behind the end: %q", got)
	}
	s.end("young")
	s.purge() // entry 5, after the delivery of young
	s.grow()
	if diff := cmp.Diff([]string{three}, cores(0, 10)); diff != "" {
		t.Error(diff)
	}
	closed, err := s.Closed(t.Context(), "o", 0, 10)
	if diff := cmp.Diff(map[int64]int64{1: 1, 2: 1}, closed); diff != "" || err != nil {
		t.Error(diff, err)
	}
	deeds, err := s.Deeds(t.Context())
	if err != nil || len(deeds) != 2 {
		t.Fatal(deeds, err)
	}
	if diff := cmp.Diff(journal.Done{Origin: "o", Index: 0, Deed: deed}, deeds[0]); diff != "" {
		t.Error(diff)
	}
	if d := deeds[1]; d.Event != gateway.Purged || d.Number != 1 || d.Index != 5 {
		t.Errorf("the purge is %+v", d)
	}
}

// TestWhatWasTakenIsEnteredOnceInEachLog also where something else was entered since.
func TestWhatWasTakenIsEnteredOnceInEachLog(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	if err := s.Begin(t.Context(), "o", nil, nil); err != nil {
		t.Fatal(err)
	}
	one := gateway.Deed{Event: gateway.StatementTaken, At: noon, Digest: "one", By: "rs/coordinator"}
	two := gateway.Deed{Event: gateway.StatementTaken, At: noon, Digest: "two", By: "rs/coordinator"}
	take := func(want int, list ...gateway.Deed) {
		t.Helper()
		for _, d := range list {
			if err := s.EnterOnce(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.places(); n != want {
			t.Errorf("%d entries, want %d", n, want)
		}
	}
	take(2, one, two, one)
	s.grow()
	take(2, one, two)
	if err := s.Begin(t.Context(), "o.2", nil, nil); err != nil {
		t.Fatal(err)
	}
	take(4, one, two, two)
}
