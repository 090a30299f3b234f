package gateway

import (
	"fmt"
	"regexp"
	"strings"
)

// Country is the two-letter code of a country's adapter in lower case, as ISO
// 3166-1 writes it, and "xk" for Kosovo*, which ISO reserves for users. It names
// streams, folders and the first half of a [Party].
//
// Kosovo*: see [FootnoteXK], which goes wherever the name is shown.
type Country string

// Countries are the seven countries of the mechanism, in the alphabetical order of
// their English names.
var Countries = [...]Country{"al", "ba", "xk", "md", "me", "mk", "rs"}

// FootnoteXK is printed wherever Kosovo* is rendered: on a screen, on paper and in
// statistics.
const FootnoteXK = "* This designation is without prejudice to positions on status, and is in line with UNSCR 1244/1999 and the ICJ Opinion on the Kosovo declaration of independence."

// Valid reports whether c is one of the seven.
func (c Country) Valid() bool {
	for _, k := range Countries {
		if c == k {
			return true
		}
	}
	return false
}

// Name is the country's English name, with the asterisk where it carries a footnote.
func (c Country) Name() string {
	switch c {
	case "al":
		return "Albania"
	case "ba":
		return "Bosnia and Herzegovina"
	case "xk":
		return "Kosovo*"
	case "md":
		return "Moldova"
	case "me":
		return "Montenegro"
	case "mk":
		return "North Macedonia"
	case "rs":
		return "Serbia"
	}
	return string(c)
}

// Party is a role of an institution in the directory, the only thing that sends,
// receives or holds keys: "rs/coordinator", "me/mobile-team.2" where a country has
// several of that role. Two parties have no country: [TheGateway], and those that
// begin with "selec/".
//
// The zero value names nobody.
type Party string

// TheGateway is the central process as a signer of receipts, bindings and evidence.
const TheGateway Party = "gateway"

// Audience is the gateway's name in aud of an assertion, unless a region gives it another:
// a name, not an address. It says whom an assertion is for and stays the same when the
// gateway moves or is reached by a second name; nothing resolves it, and nobody can
// register it. Two regions are kept apart by the keys in their directories.
const Audience = "urn:trm:gateway"

var partyForm = regexp.MustCompile(`^([a-z]{2}|selec)/[a-z]+(-[a-z]+)*(\.[1-9][0-9]?)?$`)

// ParseParty reads a party's name. The name is looked up nowhere: only its form is
// checked, and whether the country is one of the seven.
func ParseParty(s string) (Party, error) {
	p := Party(s)
	if p == TheGateway {
		return p, nil
	}
	if len(s) > 40 || !partyForm.MatchString(s) {
		return "", fmt.Errorf("reading a party: the form is country/role, such as rs/coordinator")
	}
	if c := p.Country(); c != "" && !c.Valid() {
		return "", fmt.Errorf("reading a party: not a country of the mechanism")
	}
	return p, nil
}

// Country is the party's country, empty for the gateway and for SELEC.
func (p Party) Country() Country {
	c, _, ok := strings.Cut(string(p), "/")
	if !ok || c == "selec" {
		return ""
	}
	return Country(c)
}

// Role is what stands after the slash, with the number where there is one:
// "coordinator", "mobile-team.2". A sealed unit names its reader by it.
func (p Party) Role() string {
	_, r, _ := strings.Cut(string(p), "/")
	return r
}

// Kind is the role without its number: what types, classes and policy speak of.
func (p Party) Kind() string { return RoleKind(p.Role()) }

// RoleKind drops the number from a role: "mobile-team.2" is a "mobile-team".
func RoleKind(role string) string {
	k, _, _ := strings.Cut(role, ".")
	return k
}

// In is the party of the same country that has another role.
func (p Party) In(role string) Party { return Party(string(p.Country()) + "/" + role) }
