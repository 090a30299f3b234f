package trust

import (
	"bytes"
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/ledger/quorum"
)

// The terms of a directory and of the keys in it.
const (
	Delay          = 48 * time.Hour       // between issue and activation, from number 2 on: time for every office to read what changes
	MaxLife        = 400 * 24 * time.Hour // of a directory
	MaxSigning     = 366 * 24 * time.Hour // of a signing key
	MaxEncryption  = 90 * 24 * time.Hour  // of an encryption key: what leaks later opens little
	maxNames       = 16
	maxKeys        = 64
	maxTerms       = 100
	maxNameLetters = 100
	maxLogName     = 40
)

// Check tells everything that is wrong with a document, not only the first thing. Each
// error in the chain is a *Fault; [Faults] lists them.
func (doc Document) Check() error {
	c := checker{ids: map[string]bool{}, prints: map[string]bool{}}
	c.head(doc)
	c.coordinators(doc)
	c.parties(doc)
	c.pairs(doc)
	c.log(doc.Log)
	return errors.Join(c.faults...)
}

type checker struct {
	faults []error
	ids    map[string]bool // of every key of the document
	prints map[string]bool // of every certificate
}

func (c *checker) fail(r Reason, where string) { c.faults = append(c.faults, fault(r, where)) }

func (c *checker) hold(ok bool, r Reason, where string) {
	if !ok {
		c.fail(r, where)
	}
}

func (c *checker) head(doc Document) {
	c.hold(doc.Number >= 1, BadNumber, "")
	if !wholeUTC(doc.Issued) || !wholeUTC(doc.Activates) || !wholeUTC(doc.Expires) ||
		doc.Activates.Before(doc.Issued) || !doc.Activates.Before(doc.Expires) {
		c.fail(BadDates, "")
		return
	}
	c.hold(doc.Number <= 1 || doc.Activates.Sub(doc.Issued) >= Delay, NoDelay, "")
	c.hold(doc.Expires.Sub(doc.Activates) <= MaxLife, LivesTooLong, "")
}

// coordinators asks for one directory key of each of the seven countries: a directory
// without one of them would be a vote to remove it.
func (c *checker) coordinators(doc Document) {
	seen := map[gateway.Country]bool{}
	for i, k := range doc.Coordinators {
		where := string(k.Country)
		c.hold(k.Country.Valid(), CountryMissing, where)
		c.hold(!seen[k.Country] && (i == 0 || doc.Coordinators[i-1].Country < k.Country), PartyTwice, where)
		seen[k.Country] = true
		c.jwk(k.JWK, k.ID, gateway.UseDirectory, where)
	}
	for _, country := range gateway.Countries {
		c.hold(seen[country], CountryMissing, string(country))
	}
}

func (c *checker) parties(doc Document) {
	listed := map[gateway.Party]bool{}
	for _, e := range doc.Parties {
		listed[e.Party] = true
	}
	for i, e := range doc.Parties {
		where := string(e.Party)
		if _, err := gateway.ParseParty(where); err != nil {
			c.fail(BadParty, where)
			continue
		}
		c.hold(i == 0 || doc.Parties[i-1].Party < e.Party, PartyTwice, where)
		c.names(e, where)
		c.hold(mailboxForm.MatchString(e.Mailbox) && len(e.Mailbox) <= 120, BadMailbox, where)
		c.hold(dutyForm.MatchString(e.Duty), BadDuty, where)
		c.hold(e.Alternate == "" || e.Alternate != e.Party && listed[e.Alternate] && e.Alternate.Country() == e.Party.Country(), BadAlternate, where)
		c.classes(e, where)
		c.keys(e, where)
	}
	for _, country := range gateway.Countries {
		p := coordinator(country)
		if e := doc.Entry(p); e == nil {
			c.fail(CountryMissing, string(country))
		} else {
			c.hold(able(*e, doc.Activates, gateway.UseMessage, gateway.UseEvidence, gateway.UseEncryption), CoordinatorMute, string(p))
		}
	}
	gw := doc.Entry(gateway.TheGateway)
	c.hold(gw != nil && able(*gw, doc.Activates, gateway.UseEvidence, gateway.UseBinding), GatewayMute, "")
}

// able reports whether an entry has a key of each use that is valid when the directory
// comes into force.
func able(e Entry, at time.Time, uses ...gateway.Use) bool {
	for _, u := range uses {
		if !slices.ContainsFunc(e.Keys, func(k Key) bool { return k.Use == u && k.entry(e.Party, nil, "").ValidAt(at) }) {
			return false
		}
	}
	return true
}

var (
	tagForm     = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`)
	mailboxForm = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*@[a-z0-9]+([.-][a-z0-9]+)*\.[a-z]{2,}$`)
	dutyForm    = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	codeForm    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

func (c *checker) names(e Entry, where string) {
	ok := len(e.Names) <= maxNames && e.Names["en"] != ""
	for tag, name := range e.Names {
		ok = ok && tagForm.MatchString(tag) && printable(name)
	}
	c.hold(ok, BadName, where)
	if e.Party.Country() == "xk" {
		for _, name := range e.Names {
			if !strings.Contains(name, "*") {
				c.fail(FootnoteMissing, where)
				break
			}
		}
	}
}

func printable(s string) bool {
	if s == "" || utf8.RuneCountInString(s) > maxNameLetters || strings.TrimSpace(s) != s {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func (c *checker) classes(e Entry, where string) {
	sorted := len(e.Classes) > 0 && e.Classes[0] == gateway.ClassE
	if !slices.ContainsFunc(e.Classes, func(cl gateway.Class) bool { return cl == gateway.ClassE }) {
		sorted = false
	}
	most := MayReceive(e.Party)
	for i, cl := range e.Classes {
		if rank(cl) < 0 || i > 0 && rank(e.Classes[i-1]) >= rank(cl) {
			sorted = false
		} else if !slices.Contains(most, cl) {
			c.fail(RoleMayNot, where)
		}
	}
	c.hold(sorted, BadClasses, where)
}

// classOrder is how classes are written everywhere, from least to most harm.
var classOrder = [...]gateway.Class{gateway.ClassE, gateway.ClassC1, gateway.ClassC2, gateway.ClassP1, gateway.ClassP2, gateway.ClassP3}

func rank(c gateway.Class) int { return slices.Index(classOrder[:], c) }

// MayReceive is the most that a role can ever be given, whoever signs. A coordinator has
// no P2: the office arranges care and does not read diagnoses. Auditors and SELEC see
// heads, and the gateway what is coded.
func MayReceive(p gateway.Party) []gateway.Class {
	switch p.Kind() {
	case "coordinator":
		return []gateway.Class{gateway.ClassE, gateway.ClassC1, gateway.ClassC2, gateway.ClassP1, gateway.ClassP3}
	case "child-protection", "social-services", "referral-ngo":
		return classOrder[:]
	case "mobile-team":
		return []gateway.Class{gateway.ClassE, gateway.ClassC1, gateway.ClassC2, gateway.ClassP1}
	case "prosecution":
		return []gateway.Class{gateway.ClassE, gateway.ClassC1, gateway.ClassC2, gateway.ClassP1, gateway.ClassP2}
	case "":
		return []gateway.Class{gateway.ClassE, gateway.ClassC1}
	}
	return []gateway.Class{gateway.ClassE}
}

// jwk checks a public key and that no other entry of the document has it.
// The form is compared with that of its use, which has one algorithm for each curve.
func (c *checker) jwk(jwk []byte, id string, use gateway.Use, where string) {
	pub, thumb, _, err := envelope.ParsePublic(jwk)
	if err != nil {
		c.fail(BadKey, where)
		return
	}
	if again, _, err := envelope.MarshalPublic(pub, use); err != nil || !bytes.Equal(again, jwk) {
		c.fail(BadKey, where)
	}
	c.hold(thumb == id, WrongID, where)
	c.hold(!c.ids[thumb], KeyTwice, where)
	c.ids[thumb] = true
}

func (c *checker) keys(e Entry, where string) {
	if len(e.Keys) == 0 || len(e.Keys) > maxKeys || !slices.IsSortedFunc(e.Keys, compareKeys) {
		c.fail(BadKey, where)
	}
	for _, k := range e.Keys {
		c.jwk(k.JWK, k.ID, k.Use, where)
		c.hold(mayHold(e.Party, k.Use), WrongUse, where)
		c.window(k, where)
		switch {
		case k.Use == gateway.UseEncryption:
			c.hold(k.Thumbprint == "", ThumbprintUnwanted, where)
		case !thumbForm.MatchString(k.Thumbprint):
			c.fail(ThumbprintMissing, where)
		default:
			c.hold(!c.prints[k.Thumbprint], ThumbprintTwice, where)
			c.prints[k.Thumbprint] = true
		}
	}
}

var thumbForm = regexp.MustCompile(`^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$`)

func (c *checker) window(k Key, where string) {
	if !wholeUTC(k.NotBefore) || !wholeUTC(k.NotAfter) || !k.NotBefore.Before(k.NotAfter) {
		c.fail(BadWindow, where)
		return
	}
	most := MaxSigning
	if k.Use == gateway.UseEncryption {
		most = MaxEncryption
	}
	c.hold(k.NotAfter.Sub(k.NotBefore) <= most, WindowTooLong, where)
	if !k.Revoked.IsZero() {
		c.hold(wholeUTC(k.Revoked) && !k.Revoked.Before(k.NotBefore) && k.Revoked.Before(k.NotAfter), BadRevocation, where)
	}
}

// mayHold reports whether a key of this use can be a party's. Only the gateway says what
// was released. Auditors and SELEC send no messages. Directory keys stand in their own
// list.
func mayHold(p gateway.Party, u gateway.Use) bool {
	watches := p.Kind() == "auditor" || p.Country() == ""
	switch u {
	case gateway.UseMessage:
		return !watches
	case gateway.UseBinding:
		return p == gateway.TheGateway
	case gateway.UseEvidence, gateway.UseAssertion, gateway.UseApproval, gateway.UseEncryption:
		return true
	}
	return false
}

func (c *checker) pairs(doc Document) {
	seen := map[[2]gateway.Country]bool{}
	for i, p := range doc.Pairs {
		where := string(p.A) + "-" + string(p.B)
		c.hold(p.A.Valid() && p.B.Valid() && p.A < p.B, BadPair, where)
		c.hold(i == 0 || comparePairs(doc.Pairs[i-1], p) < 0, PairTwice, where)
		seen[[2]gateway.Country{p.A, p.B}] = true
		c.hold(code(p.Instrument) && codes(p.Articles) && codes(p.Purposes), BadTerms, where)
		c.hold(p.agreed(), BadDeadlines, where)
	}
	for _, a := range gateway.Countries {
		for _, b := range gateway.Countries {
			if a < b && !seen[[2]gateway.Country{a, b}] {
				c.fail(PairMissing, string(a)+"-"+string(b))
			}
		}
	}
}

// log asks for a key of a log and a policy that can be read. A directory without a log is
// one of a region that has none yet.
func (c *checker) log(l *Log) {
	if l == nil {
		return
	}
	k, err := quorum.ParseKey(l.Key)
	c.hold(err == nil && k.Kind == quorum.Log && k.Name == l.Name && len(l.Name) <= maxLogName, BadLogKey, "log")
	p, err := quorum.Parse(l.Policy)
	c.hold(err == nil && len(p.Logs) == 0, BadLogPolicy, "log")
}

// agreed reports whether the pair's own terms are in order. Whether there are such topics
// and codes is for the table of types to say.
func (p Agreed) agreed() bool {
	for i, t := range p.Terms {
		if !code(t.Topic) || t.Code != "" && !code(t.Code) || t.From != "" && t.From != p.A && t.From != p.B {
			return false
		}
		if t.Normal.N == 0 || t.Child.N == 0 || t.Urgent.N == 0 || i > 0 && compareTerms(p.Terms[i-1], t) >= 0 {
			return false
		}
	}
	return len(p.Terms) <= maxTerms
}

func code(s string) bool { return len(s) <= 40 && codeForm.MatchString(s) }

func codes(list []string) bool {
	for i, s := range list {
		if !code(s) || i > 0 && list[i-1] >= s {
			return false
		}
	}
	return len(list) > 0
}

func wholeUTC(t time.Time) bool {
	_, offset := t.Zone()
	return !t.IsZero() && offset == 0 && t.Nanosecond() == 0
}

// compareKeys orders a party's keys: by use, the newest first.
func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Use, b.Use), b.NotBefore.Compare(a.NotBefore), cmp.Compare(a.ID, b.ID))
}

func compareTerms(a, b gateway.AgreedTerm) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Code, b.Code), cmp.Compare(a.From, b.From))
}

func comparePairs(a, b Agreed) int { return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B)) }
