package main

import (
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
)

// parseCountry reads a country's code.
func parseCountry(s string) (gateway.Country, error) {
	c := gateway.Country(s)
	if !c.Valid() {
		return "", usage("not a country of the mechanism; the codes are %s", countryCodes())
	}
	return c, nil
}

// parseParty reads the name of a party.
func parseParty(s string) (gateway.Party, error) {
	p, err := gateway.ParseParty(s)
	if err != nil {
		return "", usage("%w; the countries are %s", err, countryCodes())
	}
	return p, nil
}

// parseOffices reads a country, which means all of its offices, or one office of it.
func parseOffices(s string) (gateway.Country, gateway.Party, error) {
	if c := gateway.Country(s); c.Valid() {
		return c, "", nil
	}
	p, err := gateway.ParseParty(s)
	if err != nil || p.Country() == "" {
		return "", "", usage("name a country (%s) or a party of one, such as rs/coordinator", countryCodes())
	}
	return p.Country(), p, nil
}

func countryCodes() string {
	list := make([]string, len(gateway.Countries))
	for i, c := range gateway.Countries {
		list[i] = string(c)
	}
	return strings.Join(list, ", ")
}

const localForm = "Mon 2 Jan 2006 15:04 MST"

// zoneOf is the time zone of a country's offices, UTC for a party of no country.
func zoneOf(c gateway.Country) *time.Location {
	if calendars, err := sop.OpenCalendars(); err == nil {
		if k, ok := calendars.Of(c); ok {
			return k.Zone()
		}
	}
	return time.UTC
}

// localTimes writes times as the clocks in a country's offices show them; for a party of no
// country, in UTC.
func localTimes(c gateway.Country) func(time.Time) string {
	zone := zoneOf(c)
	return func(t time.Time) string { return t.In(zone).Format(localForm) }
}
