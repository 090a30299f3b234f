package trust

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
)

// told is what statements say, over any directory. The zero value is nothing.
type told struct {
	signed      []string // oldest first
	ids         map[string]time.Time
	revocations map[string]time.Time // key id -> since when
	contacts    map[gateway.Party]Statement
	switches    map[[2]gateway.Country]Statement // {whose side, with whom}
}

func (t told) clone() told {
	return told{
		signed: slices.Clone(t.signed), ids: cloned(t.ids), revocations: cloned(t.revocations),
		contacts: cloned(t.contacts), switches: cloned(t.switches),
	}
}

// cloned is maps.Clone that can be written to.
func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

// merge takes a proven statement up. It does not matter in which order: the result is
// that of the dates, and of the names where two have one date.
func (t *told) merge(jws string, s Statement) {
	id := statementID(jws)
	if _, known := t.ids[id]; known {
		return
	}
	t.ids[id] = s.Issued
	t.signed = append(t.signed, jws)
	slices.SortFunc(t.signed, func(a, b string) int {
		return cmp.Or(t.ids[statementID(a)].Compare(t.ids[statementID(b)]), cmp.Compare(statementID(a), statementID(b)))
	})
	switch s.Kind {
	case Revocation:
		if since, ok := t.revocations[s.Key]; !ok || s.Issued.Before(since) {
			t.revocations[s.Key] = s.Issued
		}
	case Contacts:
		if last, ok := t.contacts[s.By]; !ok || newer(s, last) {
			t.contacts[s.By] = s
		}
	case Switch:
		side := [2]gateway.Country{s.By.Country(), s.With}
		if last, ok := t.switches[side]; !ok || newer(s, last) {
			t.switches[side] = s
		}
	}
}

// newer decides between two statements about one matter. Of two with one date, the more
// careful stands.
func newer(a, b Statement) bool {
	if c := a.Issued.Compare(b.Issued); c != 0 {
		return c > 0
	}
	return a.Off && !b.Off || a.Duty+a.Mailbox > b.Duty+b.Mailbox
}

// revoked is since when a key is revoked, by the directory or by its party.
func (t told) revoked(k gateway.Key) time.Time {
	since, ok := t.revocations[k.ID]
	if ok && (k.Revoked.IsZero() || since.Before(k.Revoked)) {
		return since
	}
	return k.Revoked
}

// off reports whether either side has switched the pair off.
func (t told) off(a, b gateway.Country) bool {
	return t.switches[[2]gateway.Country{a, b}].Off || t.switches[[2]gateway.Country{b, a}].Off
}

// institution is an entry with the party's own word on how it is reached.
func (t told) institution(e Entry) gateway.Institution {
	i := gateway.Institution{
		Party: e.Party, Names: e.Names, Classes: e.Classes,
		Mailbox: e.Mailbox, Duty: e.Duty, Alternate: e.Alternate,
	}
	if s, ok := t.contacts[e.Party]; ok {
		i.Mailbox, i.Duty, i.Alternate = s.Mailbox, s.Duty, s.Alternate
	}
	return i
}

// digest names the statements issued until then, so that two who know the same ones say
// the same.
func (t told) digest(until time.Time) string {
	var ids []string
	for id, issued := range t.ids {
		if !issued.After(until) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return gateway.Digest(sha256.Sum256([]byte(strings.Join(ids, "\n")))).String()
}
