package certs

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strings"

	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

// notice stands in everything that is made for development and has room for it.
const notice = "TEST KEY. Development only: anybody may have these keys. No institution operates or endorses this."

// member is a party of the development region.
type member struct {
	party     gateway.Party
	classes   []gateway.Class
	uses      []gateway.Use
	alternate gateway.Party
}

// What the roles of the development region may receive: less than they ever could
// ([trust.MayReceive]), since a development region is where people look up how it should
// be.
var (
	heads      = []gateway.Class{gateway.ClassE}
	coded      = []gateway.Class{gateway.ClassE, gateway.ClassC1}
	services   = []gateway.Class{gateway.ClassE, gateway.ClassC1, gateway.ClassC2}
	identities = []gateway.Class{gateway.ClassE, gateway.ClassC1, gateway.ClassC2, gateway.ClassP1, gateway.ClassP3}
	care       = []gateway.Class{gateway.ClassE, gateway.ClassC1, gateway.ClassC2, gateway.ClassP1, gateway.ClassP2, gateway.ClassP3}
)

// The keys that parties have. Who only watches signs no messages.
var (
	speaks   = []gateway.Use{gateway.UseMessage, gateway.UseEvidence, gateway.UseAssertion, gateway.UseApproval, gateway.UseEncryption}
	watches  = []gateway.Use{gateway.UseEvidence, gateway.UseAssertion, gateway.UseApproval, gateway.UseEncryption}
	operates = []gateway.Use{gateway.UseEvidence, gateway.UseBinding, gateway.UseApproval}
)

// members are all parties of the region: those that every country has, and the
// mobile identification teams, of which Montenegro has two.
func members() []member {
	out := []member{
		{party: gateway.TheGateway, classes: coded, uses: operates},
		{party: "selec/liaison", classes: heads, uses: watches},
	}
	for _, c := range gateway.Countries {
		in := func(role string) gateway.Party { return gateway.Party(string(c) + "/" + role) }
		out = append(out,
			member{in("coordinator"), identities, speaks, in("social-services")},
			member{in("child-protection"), care, speaks, in("coordinator")},
			member{in("social-services"), care, speaks, in("coordinator")},
			member{in("referral-ngo"), services, speaks, in("coordinator")},
			member{in("auditor"), heads, watches, ""},
		)
	}
	return append(out,
		member{"me/mobile-team", services, speaks, "me/mobile-team.2"},
		member{"me/mobile-team.2", services, speaks, "me/mobile-team"},
		member{"mk/mobile-team", services, speaks, "mk/coordinator"},
	)
}

//go:embed names.csv
var namesCSV string

// wording is names.csv: countries and roles in each language, joined in the nominative,
// so that no grammar is needed. No native speaker has reviewed it.
type wording struct {
	tags []string
	rows map[string][]string
}

func readWording() (wording, error) {
	rows, err := csv.NewReader(strings.NewReader(namesCSV)).ReadAll()
	if err != nil {
		return wording{}, fmt.Errorf("reading names.csv: %w", err)
	}
	w := wording{tags: rows[0][1:], rows: map[string][]string{}}
	for _, r := range rows[1:] {
		w.rows[r[0]] = r[1:]
	}
	return w, nil
}

// of names a party in every language: "Coordinator office, Serbia".
func (w wording) of(p gateway.Party) map[string]string {
	role := p.Kind()
	if p == gateway.TheGateway {
		role = "gateway"
	}
	_, number, numbered := strings.Cut(p.Role(), ".")
	out := map[string]string{}
	for i, tag := range w.tags {
		name := w.rows[role][i]
		if name == "" {
			continue
		}
		if numbered {
			name += " " + number
		}
		if c := p.Country(); c != "" {
			name += ", " + w.rows[string(c)][i]
		}
		out[tag] = name
	}
	return out
}

// mailbox is an address that no mail reaches (RFC 2606, Section 3).
func mailbox(p gateway.Party) string {
	switch {
	case p == gateway.TheGateway:
		return "operator@gateway.example.org"
	case p.Country() == "":
		return p.Role() + "@selec.example.org"
	}
	return p.Role() + "@" + string(p.Country()) + ".example.org"
}

// duty is a number that no telephone has: +999 is assigned to nobody.
func duty(i int) string { return fmt.Sprintf("+99900%05d", 10000+i) }

// pairs are all 21, each with an instrument that does not exist, and articles of the
// Council of Europe's conventions 197 (trafficking) and 223 (data protection). SELEC's
// tracing needs the consent of both sides; that pairs with Kosovo* have it off here stands
// for one side not having given it.
func pairs() []trust.Agreed {
	var out []trust.Agreed
	for _, a := range gateway.Countries {
		for _, b := range gateway.Countries {
			if a >= b {
				continue
			}
			out = append(out, trust.Agreed{
				A: a, B: b, On: true, Instrument: "invented-" + string(a) + "-" + string(b),
				Articles: []string{"cets197-10", "cets197-12", "cets197-13", "cets197-15", "cets197-16", "cets197-28", "cets197-32", "cets197-33", "cets197-34", "cets223-9"},
				Purposes: []string{"assistance", "identification", "monitoring", "proceedings", "protection", "reintegration", "return"},
				Trace:    a != "xk" && b != "xk",
			})
		}
	}
	return out
}
