// Package leak looks through free text for what would identify or locate a person: numbers
// of persons, telephones, accounts and papers, addresses in the street and in the net,
// places on a map, dates of birth. It is a help for the officer who writes, before
// anything is sealed. After that nobody on the way can look.
//
// What it finds has a kind and a position and never a text: a finding can be shown, logged
// and sent without telling more than that there is something to take out.
//
// It reads the languages of the region in Latin and Cyrillic letters, and folds what looks
// alike before it looks: letters of the other script, digits of other scripts, full width,
// invisible characters, spaces and dots between digits. Names of persons it does not know;
// no list holds them all, and a list of them would be one more thing to guard. A date
// without a word of birth beside it, and a street without a word for street, pass: hearings
// have dates and cities have squares. It is a second pair of eyes and no permission.
package leak

import (
	"cmp"
	"slices"
)

// Kind is what was found. The kinds are stable: problems and previews name them.
type Kind string

// The kinds.
const (
	PersonalNumber Kind = "personal-number"
	Telephone      Kind = "telephone"
	Account        Kind = "bank-account"
	Mail           Kind = "e-mail"
	Paper          Kind = "document-number"
	Coordinates    Kind = "coordinates"
	Address        Kind = "address"
	BirthDate      Kind = "date-of-birth"
)

// Kinds lists all kinds, the most telling first: where two finds overlap, the first of
// these is the one that is reported.
var Kinds = [...]Kind{PersonalNumber, Account, Mail, Coordinates, BirthDate, Paper, Telephone, Address}

// Finding is a place in a text. It does not hold the text.
type Finding struct {
	Kind Kind `json:"kind"`
	// From and To are positions in characters (runes) of the text as it was written, from
	// 0; To is behind the last one.
	From int `json:"from"`
	To   int `json:"to"`
}

// detectors look through one reading of a text.
var detectors = [...]func(*reading, func(Kind, int, int)){
	personalNumbers, accounts, mails, coordinates, birthDates, papers, telephones, addresses,
}

// Scan finds what a text gives away, in the order of the text; finds of which one lies
// over another are one. It keeps nothing, never fails, and its time grows with the length
// of the text alone, whatever is in it. Safe for concurrent use.
func Scan(text string) []Finding {
	var all []Finding
	for _, r := range readings(text) {
		add := func(k Kind, i, j int) {
			if i < j {
				all = append(all, Finding{k, r.from[i], r.to[j-1]})
			}
		}
		for _, d := range detectors {
			d(r, add)
		}
	}
	return settle(all)
}

// settle leaves one finding in every place.
func settle(all []Finding) []Finding {
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To))
	})
	var out []Finding // in the order of the text, none over another
	for _, f := range all {
		i, _ := slices.BinarySearchFunc(out, f.From, func(o Finding, from int) int { return cmp.Compare(o.To, from+1) })
		if i < len(out) && out[i].From < f.To {
			if out[i].Kind == f.Kind && f.To > out[i].To && (i+1 == len(out) || f.To <= out[i+1].From) {
				out[i].To = f.To
			}
			continue
		}
		out = slices.Insert(out, i, f)
	}
	return out
}

func (f Finding) rank() int { return slices.Index(Kinds[:], f.Kind) }
