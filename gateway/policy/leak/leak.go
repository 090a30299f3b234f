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
// no list holds them all, and a list of them would be one more thing to guard.
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

// Scan finds what a text gives away, in the order of the text; finds of which one lies
// over another are one. It keeps nothing, never fails, and its time grows with the length
// of the text alone, whatever is in it. Safe for concurrent use.
func Scan(text string) []Finding {
	var found []Finding
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Compare(a.From, b.From) })
	return found
}
