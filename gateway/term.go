package gateway

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Term is a length of time as an agreement states it. The zero value is no term. In JSON
// it is its [Term.String].
type Term struct {
	N    int
	Unit string // "h" clock hours, "d" calendar days, "wd" working days in the receiver's calendar
}

// longest is how many units a term has at most: an end to counting them.
const longest = 9999

// ParseTerm reads a term as [Term.String] writes it; the empty string is none.
func ParseTerm(s string) (Term, error) {
	if s == "" {
		return Term{}, nil
	}
	i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if i < 1 || i > 4 || s[0] == '0' || !slices.Contains([]string{"h", "d", "wd"}, s[i:]) {
		return Term{}, fmt.Errorf("reading a term: %q is not a number up to %d with h, d or wd", s, longest)
	}
	n, err := strconv.Atoi(s[:i])
	return Term{n, s[i:]}, err
}

// String is the term in letters: "24h", "5wd", "30d"; empty where there is none.
func (t Term) String() string {
	if t.N == 0 {
		return ""
	}
	return strconv.Itoa(t.N) + t.Unit
}

// MarshalText is [Term.String].
func (t Term) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText is [ParseTerm].
func (t *Term) UnmarshalText(b []byte) (err error) {
	*t, err = ParseTerm(string(b))
	return err
}

// Due is how long the receiver has, by lane.
type Due struct {
	Normal Term `json:"normal"`
	Child  Term `json:"child"`
	Urgent Term `json:"urgent"`
}

// In is the term in a lane.
func (d Due) In(l Lane) Term {
	switch l {
	case Child:
		return d.Child
	case Urgent:
		return d.Urgent
	}
	return d.Normal
}

// AgreedTerm is a term that two countries agreed in place of the table's.
type AgreedTerm struct {
	Topic string  `json:"topic"`          // "referral"
	Code  string  `json:"code,omitempty"` // of act, where only that question has this term; empty: the topic's general one
	From  Country `json:"from,omitempty"` // who asks; empty: either
	Due
}
