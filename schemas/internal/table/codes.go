package table

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
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
// has a file.
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
			code := Code{ID: c[0], En: c[1], HTCDS: c[2], CTDC: c[3], ICTIP: c[4]}
			if code.ICTIP == "" {
				code.ICTIP = Unconfirmed
			}
			if _, twice := l.Find(code.ID); twice || !codeForm.MatchString(code.ID) || code.En == "" {
				return nil, fmt.Errorf("reading code list %s: %q is there twice, misspelt or without text", l.Name, code.ID)
			}
			l.Codes = append(l.Codes, code)
		}
		if len(l.Codes) == 0 {
			return nil, fmt.Errorf("reading code list %s: it is empty", l.Name)
		}
		lists = append(lists, l)
	}
	return lists, nil
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
