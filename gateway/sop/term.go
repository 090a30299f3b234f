package sop

import (
	"time"

	"example.org/trm/gateway"
)

// Due is when a term that begins at start ends, in UTC. Working days are those of the
// calendar: the day of the start is not counted, and the last one ends when the office
// closes. Calendar days are counted alike, and where the last falls on a day of rest or a
// holiday the term ends with the next working day. Hours run on the clock, by day and
// night, through changes to summer time and back. A term of nothing is never due: the
// zero time.
func Due(start time.Time, term gateway.Term, c *Calendar) time.Time {
	day := DateOf(start.In(c.zone))
	switch {
	case term.N <= 0:
		return time.Time{}
	case term.Unit == "wd":
		for range term.N {
			day = c.next(day.Add(1))
		}
	case term.Unit == "d":
		day = c.next(day.Add(term.N))
	default:
		return start.UTC().Add(time.Duration(term.N) * time.Hour)
	}
	return day.At(Closes, c.zone).UTC()
}

// next is the first working day from d on, d included. No calendar closes for a month.
func (c *Calendar) next(d Date) Date {
	for !c.Working(d) {
		d = d.Add(1)
	}
	return d
}

// Open reports whether offices are open at t.
func (c *Calendar) Open(t time.Time) bool {
	l := t.In(c.zone)
	return l.Hour() >= Opens && l.Hour() < Closes && c.Working(DateOf(l))
}

// NextOpen is t where offices are open then, and when they open next where not, in UTC.
func (c *Calendar) NextOpen(t time.Time) time.Time {
	if c.Open(t) {
		return t.UTC()
	}
	l := t.In(c.zone)
	day := DateOf(l)
	if l.Hour() >= Closes {
		day = day.Add(1)
	}
	return c.next(day).At(Opens, c.zone).UTC()
}
