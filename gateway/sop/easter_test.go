package sop_test

import (
	"testing"

	"example.org/trm/gateway/sop"
)

// easters are the known dates of both churches.
var easters = []struct {
	year              int
	western, orthodox string
}{
	{2020, "2020-04-12", "2020-04-19"}, {2021, "2021-04-04", "2021-05-02"}, {2022, "2022-04-17", "2022-04-24"},
	{2023, "2023-04-09", "2023-04-16"}, {2024, "2024-03-31", "2024-05-05"}, {2025, "2025-04-20", "2025-04-20"},
	{2026, "2026-04-05", "2026-04-12"}, {2027, "2027-03-28", "2027-05-02"}, {2028, "2028-04-16", "2028-04-16"},
	{2029, "2029-04-01", "2029-04-08"}, {2030, "2030-04-21", "2030-04-28"}, {2031, "2031-04-13", "2031-04-13"},
	{2032, "2032-03-28", "2032-05-02"}, {2033, "2033-04-17", "2033-04-24"}, {2034, "2034-04-09", "2034-04-09"},
	{2035, "2035-03-25", "2035-04-29"},
	// The years in which the tables of the reform make an exception.
	{1954, "1954-04-18", "1954-04-25"}, {1981, "1981-04-19", "1981-04-26"}, {2049, "2049-04-18", "2049-04-25"}, {2076, "2076-04-19", "2076-04-26"},
}

func TestEasterFallsOnTheKnownDays(t *testing.T) {
	t.Parallel()
	for _, e := range easters {
		if got := sop.WesternEaster(e.year).String(); got != e.western {
			t.Errorf("western Easter of %d is %s, want %s", e.year, got, e.western)
		}
		if got := sop.OrthodoxEaster(e.year).String(); got != e.orthodox {
			t.Errorf("Orthodox Easter of %d is %s, want %s", e.year, got, e.orthodox)
		}
	}
}

func TestOrthodoxEasterIsNeverBeforeTheWesternOne(t *testing.T) {
	t.Parallel()
	for year := 1900; year < 2100; year++ {
		w, o := sop.WesternEaster(year), sop.OrthodoxEaster(year)
		if w.Weekday() != 0 || o.Weekday() != 0 {
			t.Errorf("%d: %s or %s is no Sunday", year, w, o)
		}
		if o.Compare(w) < 0 {
			t.Errorf("%d: Orthodox %s is before %s", year, o, w)
		}
	}
}
