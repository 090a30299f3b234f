package schemas

import (
	"slices"

	"example.org/trm/schemas/internal/table"
)

// CodeText is a code with its text and where it stands in HTCDS 2.0, the CTDC codebooks
// and IC-TIP.
type CodeText = table.Code

// Traits say where an indicator belongs.
type Traits = table.Traits

// List is a code list.
type List = table.List

// Lists are the code lists of the current release, in their own order. They are shared:
// read them only.
func (s *Set) Lists() []List { return s.latest().lists }

// Code finds a code in a list: of the current release, or else of the newest that has it.
// What was once said stays readable.
func (s *Set) Code(list, code string) (CodeText, bool) {
	for _, r := range append([]*release{s.latest()}, backward(s.shelf.Load().releases)...) {
		i := slices.IndexFunc(r.lists, func(l List) bool { return l.Name == list })
		if i < 0 {
			continue
		}
		if c, ok := r.lists[i].Find(code); ok {
			return c, true
		}
	}
	return CodeText{}, false
}

func backward(releases []*release) []*release {
	out := slices.Clone(releases)
	slices.Reverse(out)
	return out
}
