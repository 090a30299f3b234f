package examiner_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"example.org/trm/test/examiner"
)

// TestWhatWasDoneToALogIsNamed plays every tampering on a copy of one log, by itself.
func TestWhatWasDoneToALogIsNamed(t *testing.T) {
	t.Parallel()
	g := examiner.NewGrown(t)
	g.Grow(examiner.Size)
	before := examine(t, g, nil)
	if len(before.Findings) > 0 || before.Heads[examiner.Origin].Size != examiner.Size || before.Witnessed[examiner.Origin] != examiner.Size || before.Waiting > 0 {
		t.Fatalf("a log that nobody touched: %+v", before)
	}
	for _, c := range examiner.Tamperings() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			copied := g.In(t.TempDir())
			if err := c.Do(copied.Files); err != nil {
				t.Fatal(err)
			}
			report := examine(t, copied, nil)
			if !slices.ContainsFunc(report.Findings, func(f string) bool { return strings.Contains(f, c.Named) }) {
				t.Errorf("found %q, want %q", report.Findings, c.Named)
			}
			l, closed := copied.Open()
			defer closed()
			if err := l.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			s, err := l.Standing(t.Context())
			if err != nil || (s.Refused != nil) != c.Refused {
				t.Errorf("the gateway refuses with %v, %v; want that it does: %v", s.Refused, err, c.Refused)
			}
		})
	}
}

// TestYesterdaysDatabaseIsNotTodays: it is found by what was signed since, and by who
// looked at it since.
func TestYesterdaysDatabaseIsNotTodays(t *testing.T) {
	t.Parallel()
	g := examiner.NewGrown(t)
	g.Grow(9)
	yesterday := g.In(t.TempDir())
	g.Grow(6)
	today := examine(t, g, nil)
	if len(today.Findings) > 0 || today.Heads[examiner.Origin].Size != 15 {
		t.Fatalf("a log that nobody touched: %+v", today)
	}
	restored := *g
	restored.Journal = yesterday.Journal // the guard is today's
	if got := examine(t, &restored, nil).Findings; len(got) != 1 || !strings.Contains(got[0], "has 9 entries, and the guard knows 15") {
		t.Errorf("with today's guard: %q", got)
	}
	if got := examine(t, yesterday, nil).Findings; len(got) > 0 {
		t.Errorf("by itself yesterday's log is a good one, and not: %q", got)
	}
	if got := examine(t, yesterday, today.Heads).Findings; len(got) != 1 || !strings.Contains(got[0], "has 9 entries, and an earlier examination knows 15") {
		t.Errorf("by who looked at it today: %q", got)
	}
}

func examine(t *testing.T, g *examiner.Grown, seen map[string]examiner.Head) examiner.Report {
	t.Helper()
	r, err := examiner.Examine(t.Context(), g.Files, seen)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestLogsThatNobodyTouched of many shapes have no findings.
func TestLogsThatNobodyTouched(t *testing.T) {
	t.Parallel()
	g := examiner.NewGrown(t)
	var seen map[string]examiner.Head
	for _, n := range []int{1, 1, 2, 5, 250, 300} {
		g.Grow(n)
		r := examine(t, g, seen)
		if len(r.Findings) > 0 {
			t.Fatalf("%d entries: %q", len(r.Entries), r.Findings)
		}
		seen = r.Heads
	}
	if info, err := os.Stat(g.Guard); err != nil || info.Size() == 0 {
		t.Errorf("there is no guard to compare with: %v", err)
	}
}
