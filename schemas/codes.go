package schemas

import (
	"slices"

	"example.org/trm/schemas/internal/table"
)

// CodeText is a code with its text and where it stands in HTCDS 2.0, the CTDC codebooks
// and IC-TIP.
type CodeText = table.Code

// List is a code list.
type List = table.List

// Lists are the code lists of the current release, in their own order. They are shared:
// read them only.
func (s *Set) Lists() []List { return s.latest().lists }

// Code finds a code in a list of the current release.
func (s *Set) Code(list, code string) (CodeText, bool) {
	lists := s.Lists()
	i := slices.IndexFunc(lists, func(l List) bool { return l.Name == list })
	if i < 0 {
		return CodeText{}, false
	}
	return lists[i].Find(code)
}
