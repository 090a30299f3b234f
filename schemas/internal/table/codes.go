package table

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Unconfirmed stands in a crosswalk where the other standard's table has not been seen.
const Unconfirmed = "to be confirmed"

// Code is a line of a code list, with where it stands in other standards: HTCDS 2.0, the
// CTDC codebooks, and IC-TIP, whose tables are not public yet.
type Code struct {
	ID    string `json:"id"`
	En    string `json:"en"`
	HTCDS string `json:"htcds,omitempty"`
	CTDC  string `json:"ctdc,omitempty"`
	ICTIP string `json:"icTip"`
	// Until and Instead are of a deprecated code: it is still accepted, the next release
	// may leave it out after this day (ISO 8601), and this one says better what it said.
	Until   string `json:"until,omitempty"`
	Instead string `json:"instead,omitempty"`
	// Traits are an indicator's own.
	Traits *Traits `json:"traits,omitempty"`
}

// Traits say where an indicator belongs.
type Traits struct {
	Sector string   `json:"sector"` // the form of exploitation that it points to, or "any"
	Group  string   `json:"group"`  // of whom it is observed: anyone, workers, ...
	Child  string   `json:"child"`  // "only" of children, "also", or "no"
	Phases []string `json:"phases"` // of the mechanism, in which it is usually observed
	Source string   `json:"source"` // the list that it was taken from
}

// List is a code list. Ids are never used again for something else, and a code that goes
// out of use stays readable in the releases that had it.
type List struct {
	Name  string `json:"list"`
	About string `json:"about"`
	Codes []Code `json:"codes"`
}

// IDs are the list's codes in its own order.
func (l List) IDs() []string {
	ids := make([]string, len(l.Codes))
	for i, c := range l.Codes {
		ids[i] = c.ID
	}
	return ids
}

// Numbers reports whether the codes are small numbers, which messages write as numbers.
func (l List) Numbers() bool {
	return !slices.ContainsFunc(l.Codes, func(c Code) bool { return !numberForm.MatchString(c.ID) })
}

var numberForm = regexp.MustCompile(`^(0|[1-9][0-9]?)$`)

// Find looks a code up.
func (l List) Find(id string) (Code, bool) {
	i := slices.IndexFunc(l.Codes, func(c Code) bool { return c.ID == id })
	if i < 0 {
		return Code{}, false
	}
	return l.Codes[i], true
}

var codeForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// ParseLists reads a release of the code lists: lists.csv names them in order, and each
// has a file. deprecated.csv and traits.csv may say more of single codes.
func ParseLists(release fs.FS) ([]List, error) {
	index, err := records(release, "lists.csv", 2)
	if err != nil {
		return nil, err
	}
	var lists []List
	for _, line := range index {
		l := List{Name: line[0], About: line[1]}
		codes, err := records(release, l.Name+".csv", 5)
		if err != nil {
			return nil, err
		}
		for _, c := range codes {
			l.Codes = append(l.Codes, Code{ID: c[0], En: c[1], HTCDS: c[2], CTDC: c[3], ICTIP: cmp.Or(c[4], Unconfirmed)})
		}
		lists = append(lists, l)
	}
	err = more(release, "deprecated.csv", 4, lists, func(c *Code, line []string) { c.Until, c.Instead = line[2], line[3] })
	if err != nil {
		return nil, err
	}
	err = more(release, "traits.csv", 7, lists, func(c *Code, line []string) {
		c.Traits = &Traits{Sector: line[2], Group: line[3], Child: line[4], Phases: strings.Split(line[5], "|"), Source: line[6]}
	})
	if err != nil {
		return nil, err
	}
	return lists, CheckLists(lists)
}

// more reads a file, if it is there, whose lines name a list and a code.
func more(release fs.FS, name string, fields int, lists []List, say func(c *Code, line []string)) error {
	lines, err := records(release, name, fields)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, line := range lines {
		i := slices.IndexFunc(lists, func(l List) bool { return l.Name == line[0] })
		if i < 0 {
			return fmt.Errorf("reading %s: there is no list %q", name, line[0])
		}
		k := slices.IndexFunc(lists[i].Codes, func(c Code) bool { return c.ID == line[1] })
		if k < 0 {
			return fmt.Errorf("reading %s: list %s has no code %q", name, line[0], line[1])
		}
		say(&lists[i].Codes[k], line)
	}
	return nil
}

var listForm = regexp.MustCompile(`^[a-z][A-Za-z]{0,39}$`)

// longest is the characters of the longest code, and of the longest text.
const (
	longestCode = 40
	longestText = 200
)

// CheckLists reports what is wrong with lists, wherever they come from.
func CheckLists(lists []List) error {
	seen := map[string]bool{}
	for _, l := range lists {
		if seen[l.Name] || !listForm.MatchString(l.Name) || !Printable(l.About) {
			return fmt.Errorf("checking the code lists: list %q is there twice, misspelt or not described", l.Name)
		}
		seen[l.Name] = true
		if len(l.Codes) == 0 {
			return fmt.Errorf("checking code list %s: it is empty", l.Name)
		}
		ids := map[string]bool{}
		for _, c := range l.Codes {
			if ids[c.ID] || len(c.ID) > longestCode || !codeForm.MatchString(c.ID) || !Printable(c.En) {
				return fmt.Errorf("checking code list %s: %q is there twice, misspelt or without text", l.Name, c.ID)
			}
			ids[c.ID] = true
		}
		for _, c := range l.Codes {
			if err := c.check(ids); err != nil {
				return fmt.Errorf("checking code list %s: %q %w", l.Name, c.ID, err)
			}
		}
	}
	return nil
}

// check looks at what a code says beside its text.
func (c Code) check(ids map[string]bool) error {
	if c.Until == "" && c.Instead == "" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, c.Until); err != nil {
		return errors.New("is deprecated until no day")
	}
	if c.Instead != "" && (!ids[c.Instead] || c.Instead == c.ID) {
		return errors.New("is to be replaced by a code that is not there")
	}
	return nil
}

// Printable reports whether a text is there, short, and of letters and signs only.
func Printable(s string) bool {
	n := 0
	for _, r := range s {
		if n++; n > longestText || !unicode.IsPrint(r) {
			return false
		}
	}
	return n > 0
}

// WriteLists is the inverse of [ParseLists]: the files of a release by their names. The
// same lists make the same bytes.
func WriteLists(lists []List) map[string][]byte {
	index := [][]string{{"list", "about"}}
	deprecated := [][]string{{"list", "code", "until", "instead"}}
	traits := [][]string{{"list", "code", "sector", "group", "child", "phases", "source"}}
	files := map[string][]byte{}
	for _, l := range lists {
		index = append(index, []string{l.Name, l.About})
		lines := [][]string{{"id", "en", "htcds", "ctdc", "ic_tip"}}
		for _, c := range l.Codes {
			icTip := c.ICTIP
			if icTip == Unconfirmed {
				icTip = ""
			}
			lines = append(lines, []string{c.ID, c.En, c.HTCDS, c.CTDC, icTip})
			if c.Until != "" {
				deprecated = append(deprecated, []string{l.Name, c.ID, c.Until, c.Instead})
			}
			if t := c.Traits; t != nil {
				traits = append(traits, []string{l.Name, c.ID, t.Sector, t.Group, t.Child, strings.Join(t.Phases, "|"), t.Source})
			}
		}
		files[l.Name+".csv"] = csvOf(lines)
	}
	files["lists.csv"] = csvOf(index)
	for name, lines := range map[string][][]string{"deprecated.csv": deprecated, "traits.csv": traits} {
		if len(lines) > 1 {
			files[name] = csvOf(lines)
		}
	}
	return files
}

func csvOf(lines [][]string) []byte {
	var b bytes.Buffer
	_ = csv.NewWriter(&b).WriteAll(lines) // a buffer takes everything
	return b.Bytes()
}

func records(fsys fs.FS, name string, fields int) ([][]string, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("reading the code lists: %w", err)
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = fields
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path.Base(name), err)
	}
	return lines[min(1, len(lines)):], nil
}
