package sop

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// feast is a row of a country's file: on which day of each year, and whether offices
// are closed.
type feast struct {
	name      string
	believers bool
	moves     bool
	base      string // western, orthodox, fitr, adha; empty for a fixed day
	offset    int    // days after Easter
	month     time.Month
	day       int
}

// on lists the feast's days in a year. It is empty for an Islamic feast in a year that
// the table does not have, and could be two, because the lunar year is shorter.
func (f feast) on(year int, lunar []lunarDay) (days []Date, provisional bool) {
	switch f.base {
	case "":
		return []Date{{year, f.month, f.day}}, false
	case "western":
		return []Date{WesternEaster(year).Add(f.offset)}, false
	case "orthodox":
		return []Date{OrthodoxEaster(year).Add(f.offset)}, false
	}
	for _, l := range lunar {
		if l.feast == f.base && l.date.Year == year {
			days, provisional = append(days, l.date), provisional || l.computed
		}
	}
	return days, provisional
}

// lunarDay is a row of the table of Islamic feasts.
type lunarDay struct {
	feast    string
	date     Date
	computed bool
}

// rows reads a file of the embedded data; each row is a map from the name of its column.
func rows(fsys fs.FS, name string) ([]map[string]string, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment = '#'
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("reading %s: it has no rows", name)
	}
	out := make([]map[string]string, len(lines)-1)
	for i, line := range lines[1:] {
		out[i] = make(map[string]string, len(line))
		for j, column := range lines[0] {
			out[i][column] = line[j]
		}
	}
	return out, nil
}

func parseFeast(row map[string]string) (feast, error) {
	f := feast{name: row["name"]}
	var err error
	if f.believers, err = oneOf(row["for"], "all", "believers"); err != nil {
		return f, err
	}
	if f.moves, err = oneOf(row["moves"], "no", "yes"); err != nil {
		return f, err
	}
	when := row["when"]
	if when == "fitr" || when == "adha" {
		f.base = when
		return f, nil
	}
	if i := strings.IndexAny(when, "+-"); i > 2 {
		f.base = when[:i]
		f.offset, err = strconv.Atoi(when[i:])
		if err != nil || !slices.Contains([]string{"western", "orthodox"}, f.base) {
			return f, fmt.Errorf("reading a feast: %q is no day of the year", when)
		}
		return f, nil
	}
	// Read in a common year: a feast on 29 February would be lost in three of four.
	d, err := ParseDate("2025-" + when)
	if err != nil {
		return f, fmt.Errorf("reading a feast: %q is no day of the year", when)
	}
	f.month, f.day = d.Month, d.Day
	return f, nil
}

func parseLunar(row map[string]string) (lunarDay, error) {
	d, err := ParseDate(row["date"])
	if err != nil {
		return lunarDay{}, err
	}
	if strconv.Itoa(d.Year) != row["year"] {
		return lunarDay{}, fmt.Errorf("reading an Islamic feast: %s is not in %s", d, row["year"])
	}
	computed, err := oneOf(row["state"], "announced", "computed")
	if err != nil {
		return lunarDay{}, err
	}
	if row["feast"] != "fitr" && row["feast"] != "adha" {
		return lunarDay{}, fmt.Errorf("reading an Islamic feast: %q is none", row["feast"])
	}
	return lunarDay{row["feast"], d, computed}, nil
}

// oneOf reports whether a cell says yes; what is neither is an error, because a slip
// would open or close an office unseen.
func oneOf(cell, no, yes string) (bool, error) {
	if cell != no && cell != yes {
		return false, fmt.Errorf("reading a feast: %q is neither %s nor %s", cell, no, yes)
	}
	return cell == yes, nil
}
