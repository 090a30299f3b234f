package sop_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
)

func calendar(t testing.TB, c gateway.Country) *sop.Calendar {
	t.Helper()
	all, err := sop.OpenCalendars()
	if err != nil {
		t.Fatal(err)
	}
	cal, ok := all.Of(c)
	if !ok {
		t.Fatalf("%s has no calendar", c)
	}
	return cal
}

func day(t testing.TB, s string) sop.Date {
	t.Helper()
	d, err := sop.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// closed are days on which offices of a country are closed, worked out by hand from the
// laws that countries.csv names.
var closed = map[gateway.Country]string{
	"al": "2025-01-01 2025-01-02 2025-03-14 2025-03-24 2025-03-31 2025-04-21 2025-05-01 2025-06-06 2025-09-05 2025-11-24 2025-11-28 2025-12-01 2025-12-08 2025-12-25 2026-11-23 2026-11-30 2026-12-01",
	"ba": "2025-01-01 2025-01-02 2025-05-01 2025-05-02",
	"xk": "2025-01-01 2025-01-02 2025-01-07 2025-02-17 2025-03-31 2025-04-09 2025-04-21 2025-05-01 2025-05-09 2025-06-06 2025-12-25",
	"md": "2025-01-01 2025-01-07 2025-01-08 2025-04-21 2025-04-28 2025-05-01 2025-05-09 2025-08-27 2025-10-14 2025-12-25 2026-04-20",
	"me": "2025-01-01 2025-01-02 2025-05-01 2025-05-02 2025-05-21 2025-05-22 2025-07-14 2025-07-15 2025-11-13",
	"mk": "2025-01-01 2025-01-07 2025-03-31 2025-04-21 2025-05-01 2025-09-08 2025-10-23 2025-12-08 2026-05-25 2026-08-03 2026-10-12",
	"rs": "2025-01-01 2025-01-02 2025-01-07 2025-02-17 2025-04-18 2025-04-21 2025-05-01 2025-05-02 2025-11-11 2026-02-16 2026-02-17 2026-04-10 2026-04-13",
}

func TestOfficesAreClosedOnPrintedHolidays(t *testing.T) {
	t.Parallel()
	for country, days := range closed {
		c := calendar(t, country)
		for s := range strings.FieldsSeq(days) {
			if c.Working(day(t, s)) {
				t.Errorf("%s: %s is a working day", country, s)
			}
		}
	}
}

func TestOfficesAreOpenBesideTheHolidays(t *testing.T) {
	t.Parallel()
	for country, days := range map[gateway.Country]string{
		"al": "2025-03-21 2025-04-22 2025-12-26", "ba": "2025-01-07 2025-04-21 2025-06-06 2025-12-25", "xk": "2025-11-28 2026-01-05",
		"md": "2025-03-31 2025-06-02", "me": "2025-01-07 2025-11-14 2025-07-16", "mk": "2025-06-06 2026-05-26", "rs": "2025-02-18 2025-12-25 2026-02-18",
	} {
		c := calendar(t, country)
		for s := range strings.FieldsSeq(days) {
			if !c.Working(day(t, s)) {
				t.Errorf("%s: %s is no working day", country, s)
			}
		}
	}
}

func TestHolidayOnADayOfRestMovesWhereTheCountryMovesIt(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		country gateway.Country
		year    int
		want    string // the substitutes
	}{
		{"al", 2028, "2028-01-03 2028-01-04 2028-02-28 2028-04-17"}, // 1 January is a Saturday
		{"rs", 2028, "2028-01-03"},
		{"rs", 2026, "2026-02-17"}, // 15 February is a Sunday, and the 16th a holiday of its own
		{"me", 2025, "2025-07-15"},
		{"mk", 2026, "2026-05-25 2026-08-03 2026-10-12"},
		{"md", 2028, ""},
		{"ba", 2028, ""},
	} {
		var got []string
		for _, h := range calendar(t, row.country).Holidays(row.year) {
			if h.Substitute {
				got = append(got, h.Date.String())
			}
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s %d: substitutes are %v, want %s", row.country, row.year, got, row.want)
		}
	}
}

func TestComputedFeastsAreProvisional(t *testing.T) {
	t.Parallel()
	c := calendar(t, "al")
	for year := 2025; year <= 2030; year++ {
		if !c.Known(year) {
			t.Errorf("%d has no Islamic feasts", year)
		}
		for _, h := range c.Holidays(year) {
			if want := strings.HasPrefix(h.Name, "Eid") && year > 2025; h.Provisional != want {
				t.Errorf("%s, %s: provisional is %t", h.Date, h.Name, h.Provisional)
			}
		}
	}
	if c.Known(2031) {
		t.Error("a year beyond the table is said to be known")
	}
	if got := c.Provisional(day(t, "2026-05-20"), day(t, "2026-06-20")); len(got) != 1 || got[0].Name != "Eid al-Adha" {
		t.Errorf("a term over an Eid that is not announced: %v", got)
	}
	if got := c.Provisional(day(t, "2025-05-20"), day(t, "2025-06-20")); len(got) != 0 {
		t.Errorf("a term over an Eid that was announced: %v", got)
	}
}

func TestEveryCalendarSaysWhereItIsFromAndThatNobodyChecked(t *testing.T) {
	t.Parallel()
	for _, country := range gateway.Countries {
		c := calendar(t, country)
		if c.Source == "" || c.Uncertain == "" || c.Review != "none" {
			t.Errorf("%s: source %q, uncertain %q, review %q", country, c.Source, c.Uncertain, c.Review)
		}
		for year := 2025; year <= 2035; year++ {
			n := 0
			for _, h := range c.Holidays(year) {
				if h.Name == "" || h.Date.Year != year {
					t.Errorf("%s: %v", country, h)
				}
				if !h.Believers {
					n++
				}
			}
			if n < 4 || n > 25 {
				t.Errorf("%s: offices are closed on %d days of %d", country, n, year)
			}
		}
	}
}

// moments are random starts from 2025 to 2030.
func moments(seed uint64) func() time.Time {
	r := rand.New(rand.NewPCG(seed, 1))
	from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	return func() time.Time { return from.Add(time.Duration(r.Int64N(6*365*24*3600)) * time.Second) }
}

func TestTermsOfDaysEndWhenAnOpenOfficeCloses(t *testing.T) {
	t.Parallel()
	for i, country := range gateway.Countries {
		c := calendar(t, country)
		at := moments(uint64(i))
		for range 2000 {
			start := at()
			for _, term := range []gateway.Term{{N: 1, Unit: "wd"}, {N: 5, Unit: "wd"}, {N: 15, Unit: "wd"}, {N: 1, Unit: "d"}, {N: 30, Unit: "d"}} {
				due := sop.Due(start, term, c)
				local := due.In(c.Zone())
				if !due.After(start) || !c.Working(sop.DateOf(local)) || local.Hour() != sop.Closes || local.Minute() != 0 {
					t.Fatalf("%s: %s from %s ends %s", country, term, start, local)
				}
				if term.Unit == "wd" && workingDays(c, start, due) != term.N {
					t.Fatalf("%s: %s from %s ends %s, which is %d working days", country, term, start, local, workingDays(c, start, due))
				}
			}
		}
	}
}

// workingDays counts in another way than Due: day by day between two dates.
func workingDays(c *sop.Calendar, start, due time.Time) (n int) {
	last := sop.DateOf(due.In(c.Zone()))
	for d := sop.DateOf(start.In(c.Zone())).Add(1); d.Compare(last) <= 0; d = d.Add(1) {
		if c.Working(d) {
			n++
		}
	}
	return n
}

func TestALaterStartOrALongerTermIsNeverDueEarlier(t *testing.T) {
	t.Parallel()
	c := calendar(t, "rs")
	at := moments(7)
	for range 5000 {
		a, b := at(), at()
		if b.Before(a) {
			a, b = b, a
		}
		for _, unit := range []string{"h", "d", "wd"} {
			short, long := gateway.Term{N: 3, Unit: unit}, gateway.Term{N: 4, Unit: unit}
			if sop.Due(b, short, c).Before(sop.Due(a, short, c)) {
				t.Fatalf("3%s from %s is due before that from %s", unit, b, a)
			}
			if sop.Due(a, long, c).Before(sop.Due(a, short, c)) {
				t.Fatalf("from %s, 4%s is due before 3%s", a, unit, unit)
			}
		}
	}
}

func TestHoursRunThroughSummerTimeAndDaysKeepTheOfficeHour(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, start, term, want string
		country                 gateway.Country
	}{
		{"24 hours over the night that loses an hour", "2026-03-28T20:00:00+01:00", "24h", "2026-03-29T21:00:00+02:00", "rs"},
		{"24 hours over the night that has one more", "2026-10-24T20:00:00+02:00", "24h", "2026-10-25T19:00:00+01:00", "rs"},
		{"a working day over the same night", "2026-03-27T10:00:00+01:00", "1wd", "2026-03-30T16:00:00+02:00", "rs"},
		{"back to winter time", "2026-10-23T10:00:00+02:00", "1wd", "2026-10-26T16:00:00+01:00", "rs"},
		{"an hour ahead in Chișinău", "2026-11-24T10:00:00+02:00", "1wd", "2026-11-25T16:00:00+02:00", "md"},
		{"just before midnight is still that day", "2026-11-24T22:30:00Z", "1wd", "2026-11-25T16:00:00+01:00", "rs"},
		{"just after midnight in Chișinău is the next", "2026-11-24T22:30:00Z", "1wd", "2026-11-26T16:00:00+02:00", "md"},
		{"over three holidays in Albania", "2026-11-27T09:00:00+01:00", "1wd", "2026-12-02T16:00:00+01:00", "al"},
		{"30 days that end on a Sunday", "2026-11-20T09:00:00+01:00", "30d", "2026-12-21T16:00:00+01:00", "rs"},
		{"over New Year", "2026-12-31T15:00:00+01:00", "1wd", "2027-01-04T16:00:00+01:00", "rs"},
	} {
		start, _ := time.Parse(time.RFC3339, row.start)
		want, _ := time.Parse(time.RFC3339, row.want)
		term, err := gateway.ParseTerm(row.term)
		if err != nil {
			t.Fatal(err)
		}
		if got := sop.Due(start, term, calendar(t, row.country)); !got.Equal(want) {
			t.Errorf("%s: due %s, want %s", row.name, got.In(want.Location()).Format(time.RFC3339), row.want)
		}
	}
	if got := sop.Due(time.Now(), gateway.Term{}, calendar(t, "rs")); !got.IsZero() {
		t.Errorf("a term of nothing is due %s", got)
	}
}
