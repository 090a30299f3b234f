// Package country says what differs from country to country, as data: one file for each,
// and no code that knows a country by name.
//
// A profile describes offices and forms of writing. It does not say what may be sent or
// shown: that is policy, and is the same for all. No flag and no state title is in it.
package country

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"
	_ "time/tzdata" // an office's machine, or an empty container, may have no zones

	"go.yaml.in/yaml/v3"

	"example.org/trm/gateway"
)

//go:embed *.yaml
var files embed.FS

// Profile is one country.
type Profile struct {
	Country gateway.Country `yaml:"country"`
	// Footnote goes wherever the country's name is rendered; empty for most.
	Footnote bool `yaml:"footnote"`
	// Official are the languages of the country's institutions; Shown those in which pages
	// and papers can be had here, the first of them by default. BCP 47 tags, with the
	// script where a language has two.
	Official []string `yaml:"official"`
	Shown    []string `yaml:"shown"`
	// Scripts are those in which names of persons are written, ISO 15924. Transliterate
	// says that a name is to be given in Latin letters as well.
	Scripts       []string `yaml:"scripts"`
	Transliterate bool     `yaml:"transliterate"`
	// TimeZone is the name in the IANA database.
	TimeZone string `yaml:"timeZone"`
	// Week are the working days, from Monday as 1. Holidays come with the calendars.
	Week []time.Weekday `yaml:"week"`
	// Hours is the time within which an office is at work, "08:00-16:00", local time.
	Hours string `yaml:"hours"`
	// PersonalNumber is the form of the number that the country gives to persons.
	PersonalNumber PersonalNumber `yaml:"personalNumber"`
	// Institutions say what the country calls the offices behind the roles of the
	// mechanism, in its first official language and in English.
	Institutions map[string]Institution `yaml:"institutions"`
	// Codes translate between what national case systems write and the region's codes, by
	// list. A country's own office replaces them by what its system has.
	Codes map[string]Mapping `yaml:"codes"`
}

// PersonalNumber is how a number of persons is written. The form says nothing about
// whether a number was given to somebody.
type PersonalNumber struct {
	Name    string `yaml:"name"`    // as people there call it
	Pattern string `yaml:"pattern"` // of the whole number
}

// Institution is what a role is called.
type Institution struct {
	Local string `yaml:"local"`
	En    string `yaml:"en"`
}

// Of reads a country's profile. Nothing is kept: each call reads the data in the binary.
func Of(c gateway.Country) (Profile, error) {
	if !c.Valid() {
		return Profile{}, errors.New("reading a country's profile: not a country of the mechanism")
	}
	raw, err := files.ReadFile(string(c) + ".yaml")
	if err != nil {
		return Profile{}, fmt.Errorf("reading a country's profile: %w", err)
	}
	p, err := parse(raw)
	if err == nil && p.Country != c {
		err = fmt.Errorf("it says that it is of %q", p.Country)
	}
	if err != nil {
		return Profile{}, fmt.Errorf("reading the profile of %s: %w", c, err)
	}
	return p, nil
}

func parse(raw []byte) (Profile, error) {
	var p Profile
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil {
		return Profile{}, err
	}
	if err := d.Decode(new(Profile)); !errors.Is(err, io.EOF) {
		return Profile{}, errors.New("a second document, or more")
	}
	return p, p.check()
}

var (
	tagForm    = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?$`)
	scriptForm = regexp.MustCompile(`^[A-Z][a-z]{3}$`)
)

// check reports everything that is wrong with a profile, at once.
func (p Profile) check() error {
	var errs []error
	bad := func(wrong bool, what string) {
		if wrong {
			errs = append(errs, errors.New(what))
		}
	}
	bad(len(p.Official) == 0 || len(p.Shown) == 0, "official and shown: required")
	for _, tag := range slices.Concat(p.Official, p.Shown) {
		bad(!tagForm.MatchString(tag), "not a language tag: "+tag)
	}
	bad(len(p.Scripts) == 0, "scripts: required")
	for _, s := range p.Scripts {
		bad(!scriptForm.MatchString(s), "not a script: "+s)
	}
	_, err := p.Location()
	bad(err != nil, "timeZone: not one of the IANA database")
	_, _, err = p.Open()
	bad(err != nil, "hours: the form is 08:00-16:00")
	bad(len(p.Week) == 0 || len(p.Week) > 7, "week: required")
	for _, d := range p.Week {
		bad(d < time.Sunday || d > time.Saturday, "week: days are numbers from 0, which is Sunday, to 6")
	}
	bad(p.PersonalNumber.Name == "" || p.PersonalNumber.Pattern == "", "personalNumber: required")
	_, err = regexp.Compile(p.PersonalNumber.Pattern)
	bad(err != nil, "personalNumber.pattern: not a pattern")
	for role, i := range p.Institutions {
		bad(i.Local == "" || i.En == "", "institutions."+role+": give local and en")
	}
	for list, m := range p.Codes {
		for _, fault := range m.check() {
			bad(true, "codes."+list+": "+fault)
		}
	}
	return errors.Join(errs...)
}

// Name is the country's name in English, with its asterisk where it has a footnote.
func (p Profile) Name() string { return p.Country.Name() }

// Note is the footnote that goes wherever the name is rendered, or nothing.
func (p Profile) Note() string {
	if p.Footnote {
		return gateway.FootnoteXK
	}
	return ""
}

// Location is the country's time zone.
func (p Profile) Location() (*time.Location, error) {
	if p.TimeZone == "" {
		return nil, errors.New("no time zone")
	}
	return time.LoadLocation(p.TimeZone)
}

// Open is when offices open and close, as the time since midnight.
func (p Profile) Open() (opens, closes time.Duration, err error) {
	var h1, m1, h2, m2 int
	if n, err := fmt.Sscanf(p.Hours, "%02d:%02d-%02d:%02d", &h1, &m1, &h2, &m2); n != 4 || err != nil {
		return 0, 0, errors.New("no office hours")
	}
	opens = time.Duration(h1)*time.Hour + time.Duration(m1)*time.Minute
	closes = time.Duration(h2)*time.Hour + time.Duration(m2)*time.Minute
	if opens >= closes || closes > 24*time.Hour {
		return 0, 0, errors.New("offices close before they open")
	}
	return opens, closes, nil
}
