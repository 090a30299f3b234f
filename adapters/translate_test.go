package adapters

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/country"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/schemas"
)

// serbia maps two lists, with every way in which codes stand to each other.
var serbia = country.Profile{Codes: map[string]country.Mapping{
	"victimStatus": {Exact: map[string]string{"ПЖ": "presumed"}, Unmapped: []string{"not-victim"}},
	"exploitationForm": {
		Exact: map[string]string{"сексуална": "sexual", "ропски-однос": "slavery-like"}, Out: map[string]string{"порнографија": "sexual"},
		In: map[string]string{"domestic-servitude": "ропски-однос"}, Unmapped: []string{"surrogacy"},
	},
}}

func TestNationalCodesAreTranslatedAndTheDraftIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	a, _ := w.live(func(c *Config) { c.Profile, c.Coder = serbia, set })
	d := outgoing.Draft{
		Blocks: map[string]map[string]any{
			"subject": {"victimStatus": "ПЖ", "child": "ПЖ", "deeper": map[string]any{"victimStatus": "ПЖ"}, "phase": 2},
			"other":   {"victimStatus": "ПЖ"},
		},
		Sealed: map[string]map[string]any{"facts@coordinator": {"exploitation": []any{"порнографија", "labour", "ропски-однос"}, "recruiter": "сексуална"}},
	}
	out, places := a.translated(d)
	if diff := cmp.Diff(map[string]map[string]any{
		"subject": {"victimStatus": "presumed", "child": "ПЖ", "deeper": map[string]any{"victimStatus": "ПЖ"}, "phase": 2},
		"other":   {"victimStatus": "ПЖ"},
	}, out.Blocks); diff != "" {
		t.Errorf("clear blocks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]map[string]any{"facts@coordinator": {"exploitation": []any{"sexual", "labour", "slavery-like"}, "recruiter": "сексуална"}}, out.Sealed); diff != "" {
		t.Errorf("sealed (-want +got):\n%s", diff)
	}
	want := []Translated{
		{Pointer: "/subject/victimStatus", List: "victimStatus"},
		{Pointer: "/facts@coordinator/exploitation/0", List: "exploitationForm", Loss: true},
		{Pointer: "/facts@coordinator/exploitation/2", List: "exploitationForm"},
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if d.Blocks["subject"]["victimStatus"] != "ПЖ" || d.Sealed["facts@coordinator"]["exploitation"].([]any)[0] != "порнографија" {
		t.Error("the caller's draft was changed")
	}
}

func TestAnOfficeIsToldWhatCodesAreCalledInItsCountryBesideTheMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	a, _ := w.live(func(c *Config) { c.Profile, c.Coder = serbia, set })
	c := Consignment{
		Blocks: map[string]any{"subject": map[string]any{"victimStatus": "presumed", "child": "yes"}},
		Sealed: map[string]any{"facts@coordinator": map[string]any{"exploitation": []any{"domestic-servitude", "surrogacy"}, "ageBand": "9-17"}},
	}
	want := []Translated{
		{Pointer: "/subject/victimStatus", List: "victimStatus", Code: "ПЖ"},
		{Pointer: "/facts@coordinator/exploitation/0", List: "exploitationForm", Code: "ропски-однос", Loss: true},
		{Pointer: "/facts@coordinator/exploitation/1", List: "exploitationForm", Unmapped: true},
	}
	if diff := cmp.Diff(want, a.nationally(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.Blocks["subject"].(map[string]any)["victimStatus"] != "presumed" {
		t.Error("the message was changed")
	}
	plain, _ := w.live(nil)
	if got := plain.nationally(c); got != nil {
		t.Errorf("without a profile: %v", got)
	}
}
