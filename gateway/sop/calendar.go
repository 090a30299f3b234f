package sop

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // an office's server may have no time zones of its own

	"example.org/trm/gateway"
)

//go:embed holidays
var tree embed.FS

// Office hours, in the calendar's zone. A term of working days ends when the office
// closes. No country's real hours are known here; these are inside all of them.
const (
	Opens  = 8
	Closes = 16
)

// Calendars are those of the seven countries. The zero value has none.
type Calendars struct{ of map[gateway.Country]*Calendar }

// Calendar is one country's: time zone, working week and holidays. It never changes and
// is safe for concurrent use. Only [OpenCalendars] makes one.
type Calendar struct {
	Country   gateway.Country
	Source    string // what its holidays rest on; not read in the original
	Uncertain string // what is not certain about them
	Review    string // "none": nobody in the country has checked them

	zone   *time.Location
	moves  string
	feasts []feast
	lunar  []lunarDay

	mu    sync.Mutex
	years map[int]map[Date]Holiday // reckoned once; a cache
}

// Holiday is a day on which offices are closed, or believers are free.
type Holiday struct {
	Date        Date
	Name        string
	Believers   bool // free for believers only: the office is open, and the day counts
	Substitute  bool // instead of a holiday on a day of rest
	Provisional bool // the feast's date is computed, and not yet announced
}

// OpenCalendars reads the calendars that are built into the program. It fails only where
// the program was built from data that its tests refuse.
func OpenCalendars() (Calendars, error) {
	c, err := open(tree)
	if err != nil {
		return Calendars{}, fmt.Errorf("opening the calendars: %w", err)
	}
	return c, nil
}

func open(fsys fs.FS) (Calendars, error) {
	var lunar []lunarDay
	table, err := rows(fsys, "holidays/islamic.csv")
	if err != nil {
		return Calendars{}, err
	}
	for _, row := range table {
		l, err := parseLunar(row)
		if err != nil {
			return Calendars{}, err
		}
		lunar = append(lunar, l)
	}
	countries, err := rows(fsys, "holidays/countries.csv")
	if err != nil {
		return Calendars{}, err
	}
	all := Calendars{of: map[gateway.Country]*Calendar{}}
	for _, row := range countries {
		c, err := openCountry(fsys, row)
		if err != nil {
			return Calendars{}, fmt.Errorf("reading %s: %w", row["country"], err)
		}
		c.lunar = lunar
		all.of[c.Country] = c
	}
	for _, c := range gateway.Countries {
		if all.of[c] == nil {
			return Calendars{}, fmt.Errorf("%s has no calendar", c)
		}
	}
	return all, nil
}

func openCountry(fsys fs.FS, row map[string]string) (*Calendar, error) {
	c := &Calendar{
		Country: gateway.Country(row["country"]), Source: row["source"], Uncertain: row["uncertain"], Review: row["review"],
		moves: row["moves"], years: map[int]map[Date]Holiday{},
	}
	if !slices.Contains([]string{"none", "sunday", "weekend"}, c.moves) || !slices.Contains([]string{"none", "native"}, c.Review) {
		return nil, errors.New("moves or review is none of the known words")
	}
	var err error
	if c.zone, err = time.LoadLocation(row["zone"]); err != nil {
		return nil, err
	}
	table, err := rows(fsys, "holidays/"+row["country"]+".csv")
	if err != nil {
		return nil, err
	}
	for _, r := range table {
		f, err := parseFeast(r)
		if err != nil {
			return nil, err
		}
		c.feasts = append(c.feasts, f)
	}
	return c, nil
}

// Of is a country's calendar.
func (c Calendars) Of(country gateway.Country) (*Calendar, bool) {
	k, ok := c.of[country]
	return k, ok
}

// Zone is the time zone of the country's offices.
func (c *Calendar) Zone() *time.Location { return c.zone }

// Known reports whether the table of Islamic feasts has the year. Beyond it a term can
// end on a feast that nobody has computed.
func (c *Calendar) Known(year int) bool {
	return slices.ContainsFunc(c.lunar, func(l lunarDay) bool { return l.date.Year == year })
}

// Working reports whether offices are open on the day: Monday to Friday in all seven
// countries, except holidays for all.
func (c *Calendar) Working(d Date) bool {
	if rest(d) {
		return false
	}
	h, ok := c.year(d.Year)[d]
	return !ok || h.Believers
}

// Holidays lists a year's, in order.
func (c *Calendar) Holidays(year int) []Holiday {
	var out []Holiday
	for _, h := range c.year(year) {
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b Holiday) int { return cmp.Or(a.Date.Compare(b.Date), cmp.Compare(a.Name, b.Name)) })
	return out
}

// Provisional lists the holidays between two days, both included, whose dates are not
// announced yet: a date that was counted over them may still move by a day.
func (c *Calendar) Provisional(from, to Date) []Holiday {
	var out []Holiday
	for y := from.Year; y <= to.Year; y++ {
		for _, h := range c.Holidays(y) {
			if h.Provisional && !h.Believers && h.Date.Compare(from) >= 0 && h.Date.Compare(to) <= 0 {
				out = append(out, h)
			}
		}
	}
	return out
}

func (c *Calendar) year(year int) map[Date]Holiday {
	c.mu.Lock()
	defer c.mu.Unlock()
	days, ok := c.years[year]
	if !ok {
		days = c.reckon(year)
		c.years[year] = days
	}
	return days
}

// reckon finds a year's holidays. Those for all win over those for believers on the same
// day. A substitute is looked for when all are known, the earliest first, because a
// substitute must not fall on another holiday. That of a holiday in the last days of
// December would be in the next year: no country has one there that moves.
func (c *Calendar) reckon(year int) map[Date]Holiday {
	days := map[Date]Holiday{}
	var moving []Holiday
	for _, f := range c.feasts {
		dates, provisional := f.on(year, c.lunar)
		for _, d := range dates {
			h := Holiday{Date: d, Name: f.name, Believers: f.believers, Provisional: provisional}
			if old, ok := days[d]; !ok || old.Believers {
				days[d] = h
			}
			if f.moves && c.moved(d) && !slices.ContainsFunc(moving, func(m Holiday) bool { return m.Date == d }) {
				moving = append(moving, h)
			}
		}
	}
	slices.SortFunc(moving, func(a, b Holiday) int { return a.Date.Compare(b.Date) })
	for _, h := range moving {
		h.Substitute = true
		for h.Date = h.Date.Add(1); rest(h.Date) || taken(days, h.Date); {
			h.Date = h.Date.Add(1)
		}
		days[h.Date] = h
	}
	return days
}

func (c *Calendar) moved(d Date) bool {
	return c.moves == "weekend" && rest(d) || c.moves == "sunday" && d.Weekday() == time.Sunday
}

func taken(days map[Date]Holiday, d Date) bool {
	h, ok := days[d]
	return ok && !h.Believers
}

// rest reports whether nobody works on that day of the week.
func rest(d Date) bool { return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday }
