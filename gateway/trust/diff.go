package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
)

// Diff tells in words what the second document changes of the first: what an office reads
// before it signs. Sorted by party and pair; empty where nothing but number and dates
// differ. Telephone numbers and addresses are not repeated, keys are named by the
// beginning of their ids.
func Diff(from, to Document) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if from.Development != to.Development {
		say("directory: development %s", yes(to.Development))
	}
	diffCoordinators(from, to, say)
	old, next := entries(from), entries(to)
	all := maps.Clone(old)
	maps.Copy(all, next)
	for _, p := range slices.Sorted(maps.Keys(all)) {
		a, was := old[p]
		b, is := next[p]
		switch {
		case !was:
			say("%s: new party, may receive %s", p, classList(b.Classes))
			diffKeys(p, nil, b.Keys, say)
		case !is:
			say("%s: removed", p)
		default:
			diffEntry(a, b, say)
		}
	}
	diffPairs(from, to, say)
	diffLog(from.Log, to.Log, say)
	return out
}

type sayer func(format string, args ...any)

func diffCoordinators(from, to Document, say sayer) {
	old := map[gateway.Country]string{}
	for _, k := range from.Coordinators {
		old[k.Country] = k.ID
	}
	for _, k := range to.Coordinators {
		switch was := old[k.Country]; {
		case was == "":
			say("%s: directory key %s added", k.Country, short(k.ID))
		case was != k.ID:
			say("%s: directory key %s replaced by %s", k.Country, short(was), short(k.ID))
		}
		delete(old, k.Country)
	}
	for _, c := range slices.Sorted(maps.Keys(old)) {
		say("%s: directory key %s removed", c, short(old[c]))
	}
}

func entries(doc Document) map[gateway.Party]Entry {
	out := make(map[gateway.Party]Entry, len(doc.Parties))
	for _, e := range doc.Parties {
		out[e.Party] = e
	}
	return out
}

func diffEntry(a, b Entry, say sayer) {
	if !slices.Equal(a.Classes, b.Classes) {
		say("%s: may receive %s instead of %s", b.Party, classList(b.Classes), classList(a.Classes))
	}
	if !maps.Equal(a.Names, b.Names) {
		say("%s: names changed", b.Party)
	}
	if a.Mailbox != b.Mailbox {
		say("%s: mailbox changed", b.Party)
	}
	if a.Duty != b.Duty {
		say("%s: duty telephone changed", b.Party)
	}
	if a.Alternate != b.Alternate {
		say("%s: alternate is %s instead of %s", b.Party, orNobody(b.Alternate), orNobody(a.Alternate))
	}
	diffKeys(b.Party, a.Keys, b.Keys, say)
}

func diffKeys(p gateway.Party, a, b []Key, say sayer) {
	old := make(map[string]Key, len(a))
	for _, k := range a {
		old[k.ID] = k
	}
	for _, k := range b {
		was, listed := old[k.ID]
		delete(old, k.ID)
		switch {
		case !listed:
			say("%s: %s key %s added, valid %s to %s", p, k.Use, short(k.ID), k.NotBefore.Format(time.DateOnly), k.NotAfter.Format(time.DateOnly))
		case was.Revoked.IsZero() && !k.Revoked.IsZero():
			say("%s: %s key %s revoked since %s", p, k.Use, short(k.ID), k.Revoked.Format(time.RFC3339))
		case was.Use != k.Use:
			say("%s: key %s is for %s instead of %s", p, short(k.ID), k.Use, was.Use)
		case !was.NotBefore.Equal(k.NotBefore) || !was.NotAfter.Equal(k.NotAfter) || !was.Revoked.Equal(k.Revoked):
			say("%s: %s key %s valid %s to %s", p, k.Use, short(k.ID), k.NotBefore.Format(time.DateOnly), k.NotAfter.Format(time.DateOnly))
		case was.Thumbprint != k.Thumbprint:
			say("%s: %s key %s has another certificate", p, k.Use, short(k.ID))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(old)) {
		say("%s: %s key %s removed", p, old[id].Use, short(id))
	}
}

func diffPairs(from, to Document, say sayer) {
	old := map[[2]gateway.Country]Agreed{}
	for _, p := range from.Pairs {
		old[[2]gateway.Country{p.A, p.B}] = p
	}
	for _, p := range to.Pairs {
		name := string(p.A) + "-" + string(p.B)
		was, listed := old[[2]gateway.Country{p.A, p.B}]
		delete(old, [2]gateway.Country{p.A, p.B})
		if !listed {
			say("%s: new pair under %s", name, p.Instrument)
			continue
		}
		if was.On != p.On {
			say("%s: switched %s", name, map[bool]string{true: "on", false: "off"}[p.On])
		}
		if was.Instrument != p.Instrument {
			say("%s: instrument %s instead of %s", name, p.Instrument, was.Instrument)
		}
		diffCodes(name, "article", was.Articles, p.Articles, say)
		diffCodes(name, "purpose", was.Purposes, p.Purposes, say)
		if was.Trace != p.Trace {
			say("%s: tracing by SELEC %s", name, yes(p.Trace))
		}
		diffTerms(name, was.Terms, p.Terms, say)
	}
	for pair := range old {
		say("%s-%s: removed", pair[0], pair[1])
	}
}

// diffLog repeats the policy whole: who must have witnessed the log cannot be told from
// lines that came and went.
func diffLog(a, b *Log, say sayer) {
	if a == nil {
		a = &Log{}
	}
	if b == nil {
		b = &Log{}
	}
	if a.Name != b.Name {
		say("log: named %q instead of %q", b.Name, a.Name)
	}
	if a.Key != b.Key {
		say("log: key %q instead of %q", b.Key, a.Key)
	}
	if a.Policy != b.Policy {
		say("log: witnessed by another policy:\n%s", indented(b.Policy))
	}
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ")
}

func diffTerms(pair string, a, b []gateway.AgreedTerm, say sayer) {
	for _, t := range b {
		i, listed := slices.BinarySearchFunc(a, t, compareTerms)
		switch {
		case !listed:
			say("%s: answers to %s are due in %s", pair, subject(t), within(t))
		case a[i] != t:
			say("%s: answers to %s are due in %s instead of %s", pair, subject(t), within(t), within(a[i]))
		}
	}
	for _, t := range a {
		if _, listed := slices.BinarySearchFunc(b, t, compareTerms); !listed {
			say("%s: answers to %s are due as in the table instead of %s", pair, subject(t), within(t))
		}
	}
}

// subject is what a term is about: "referral", "info family-risk from me".
func subject(t gateway.AgreedTerm) string {
	s := t.Topic
	if t.Code != "" {
		s += " " + t.Code
	}
	if t.From != "" {
		s += " from " + string(t.From)
	}
	return s
}

// within is a term in each lane.
func within(t gateway.AgreedTerm) string {
	return t.Normal.String() + ", child " + t.Child.String() + ", urgent " + t.Urgent.String()
}

func diffCodes(pair, what string, a, b []string, say sayer) {
	for _, c := range b {
		if !slices.Contains(a, c) {
			say("%s: %s %s added", pair, what, c)
		}
	}
	for _, c := range a {
		if !slices.Contains(b, c) {
			say("%s: %s %s removed", pair, what, c)
		}
	}
}

func classList(list []gateway.Class) string {
	if len(list) == 0 {
		return "nothing"
	}
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = string(c)
	}
	return strings.Join(words, " ")
}

func orNobody(p gateway.Party) string {
	if p == "" {
		return "nobody"
	}
	return string(p)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// short is the beginning of a key's id, enough to tell two apart when they are read out.
func short(id string) string { return id[:min(8, len(id))] }
