package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"example.org/trm/gateway/audit"
)

// calendar is a log whose checkpoints were witnessed on some days.
type calendar struct {
	log
	sizes map[int64]int64 // by day
}

func (c calendar) Checkpoint(_ context.Context, _ string, day int64) ([]byte, int64, error) {
	found := int64(-1)
	for d := range c.sizes {
		if d <= day {
			found = max(found, d)
		}
	}
	if found < 0 {
		return nil, 0, nil
	}
	return c.world.checkpoint(c.sizes[found]), found, nil
}

// TestDaysFollowEachOtherWithoutAGap: where one bundle ends the next begins, also over days
// on which nothing was witnessed, and days of which nothing is known have no bundle.
func TestDaysFollowEachOtherWithoutAGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pad(100)
	on := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	first := on(1).Unix() / 86400
	x := audit.Exporter{Log: calendar{log{w}, map[int64]int64{first: 10, first + 1: 25, first + 4: 70, first + 9: 100}}, Records: log{w}, Editions: log{w}}
	for _, row := range []struct {
		from, to    int
		first, size int64
	}{
		{1, 1, 0, 10}, {2, 2, 10, 25}, {1, 2, 0, 25}, {3, 5, 25, 70}, {3, 9, 25, 70}, {6, 10, 70, 100}, {1, 30, 0, 100}, {5, 5, 25, 70},
	} {
		r, err := x.Range(t.Context(), origin, on(row.from), on(row.to))
		if err != nil || r.First != row.first || r.Size != row.size || r.Origin != origin || len(r.Checkpoint) == 0 {
			t.Errorf("%d to %d: %d to %d, %v; want %d to %d", row.from, row.to, r.First, r.Size, err, row.first, row.size)
		}
	}
	for _, none := range [][2]int{{3, 4}, {6, 9}, {11, 30}, {-20, 0}} {
		if r, err := x.Range(t.Context(), origin, on(none[0]), on(none[1])); !errors.Is(err, audit.ErrNothing) {
			t.Errorf("%v: %d to %d, %v", none, r.First, r.Size, err)
		}
	}
}
