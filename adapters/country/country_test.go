package country_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/country"
	"example.org/trm/gateway"
)

func TestEveryCountryHasAProfileOfItsOwn(t *testing.T) {
	t.Parallel()
	list, err := fs.Glob(os.DirFS("."), "*.yaml")
	if err != nil || len(list) != len(gateway.Countries) {
		t.Fatalf("got %v, %v, want one file for each of %v", list, err, gateway.Countries)
	}
	for _, c := range gateway.Countries {
		p, err := country.Of(c)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, role := range []string{"coordinator", "child-protection", "social-services", "referral-ngo", "prosecution"} {
			if p.Institutions[role].Local == "" {
				t.Errorf("%s does not say who %s is", c, role)
			}
		}
		if !slices.Contains(p.Shown, "en") {
			t.Errorf("%s is not shown in English", c)
		}
		if len(p.Scripts) > 1 && !p.Transliterate {
			t.Errorf("%s writes names in %v and does not ask for Latin letters", c, p.Scripts)
		}
		if !slices.Contains(p.Week, time.Monday) || slices.Contains(p.Week, time.Sunday) {
			t.Errorf("%s works on %v", c, p.Week)
		}
	}
	if _, err := country.Of("de"); err == nil {
		t.Error("a country that is not of the mechanism has a profile")
	}
}

func TestKosovoCarriesItsFootnoteAndNobodyElseDoes(t *testing.T) {
	t.Parallel()
	for _, c := range gateway.Countries {
		p, err := country.Of(c)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if strings.HasSuffix(p.Name(), "*") {
			want = gateway.FootnoteXK
		}
		if p.Note() != want || (c == "xk") != (want != "") {
			t.Errorf("%s: got note %q for %q", c, p.Note(), p.Name())
		}
	}
}

// TestProfilesHoldNoStateTitle keeps titles out that are not each country's to all others.
func TestProfilesHoldNoStateTitle(t *testing.T) {
	t.Parallel()
	titles := regexp.MustCompile(`(?i)republi|републик|republik|kingdom|\bstate of\b`)
	flags := regexp.MustCompile(`[\x{1F1E6}-\x{1F1FF}]`)
	for _, c := range gateway.Countries {
		raw, err := os.ReadFile(string(c) + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if titles.Match(raw) || flags.Match(raw) {
			t.Errorf("%s.yaml holds a title or a flag", c)
		}
		for _, other := range gateway.Countries {
			if other != c && strings.Contains(string(raw), "country: "+string(other)) {
				t.Errorf("%s.yaml speaks of %s", c, other)
			}
		}
	}
}

func TestPersonalNumbersOfInventedPeopleHaveTheFormOfTheirCountry(t *testing.T) {
	t.Parallel()
	// None of these can be anybody's: the dates in them do not exist.
	for c, n := range map[gateway.Country]string{
		"al": "Z99999999Z", "ba": "9999999999999", "xk": "0000000000", "md": "0000000000000", "me": "9999999999999",
		"mk": "9999999999999", "rs": "9999999999999",
	} {
		p, err := country.Of(c)
		if err != nil {
			t.Fatal(err)
		}
		form := regexp.MustCompile(p.PersonalNumber.Pattern)
		if !form.MatchString(n) || form.MatchString(n+"1") || form.MatchString(n[1:]) || form.MatchString("x"+n) {
			t.Errorf("%s: the pattern %s is not that of %q", c, p.PersonalNumber.Pattern, n)
		}
	}
}

func TestHoursAreTimesOfTheCountrysOwnClock(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range gateway.Countries {
		p, err := country.Of(c)
		if err != nil {
			t.Fatal(err)
		}
		zone, err := p.Location()
		if err != nil {
			t.Fatal(err)
		}
		want := 1 * 3600
		if c == "md" {
			want = 2 * 3600
		}
		if _, got := noon.In(zone).Zone(); got != want {
			t.Errorf("%s is %d s ahead in November, want %d", c, got, want)
		}
		opens, closes, err := p.Open()
		if err != nil || closes-opens < 7*time.Hour {
			t.Errorf("%s: got %s to %s, %v", c, opens, closes, err)
		}
	}
}
