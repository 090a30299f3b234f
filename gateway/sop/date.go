package sop

import (
	"fmt"
	"time"
)

// Date is a day of the civil calendar, without a place or a time. The zero value is no
// day.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the day that t is in its own time zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// ParseDate reads "2026-11-24".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("reading a date: %q is not a day of the form 2026-11-24", s)
	}
	return DateOf(t), nil
}

// String is the day as ISO 8601 writes it.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.noon().Weekday() }

// Add is the day n days later, earlier where n is negative.
func (d Date) Add(n int) Date { return DateOf(d.noon().AddDate(0, 0, n)) }

// Compare is negative where d is before e, as cmp.Compare.
func (d Date) Compare(e Date) int { return d.noon().Compare(e.noon()) }

// At is the moment when clocks in a zone show the hour on that day. None of the seven
// zones skips or repeats an hour that an office is open.
func (d Date) At(hour int, zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, hour, 0, 0, 0, zone)
}

// noon is a moment of the day for reckoning. UTC has no days of 23 hours.
func (d Date) noon() time.Time { return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC) }
