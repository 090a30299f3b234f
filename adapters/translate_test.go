package adapters

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/country"
	"example.org/trm/adapters/outgoing"
)

func TestNationalCodesAreTranslatedAndTheDraftIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(func(c *Config) {
		c.Profile = country.Profile{Codes: map[string]map[string]string{"victimStatus": {"VMT": "presumed"}}}
	})
	d := outgoing.Draft{Blocks: map[string]map[string]any{
		"subject": {"victimStatus": "VMT", "child": "VMT", "deeper": map[string]any{"victimStatus": "VMT"}, "phase": 2},
		"other":   {"victimStatus": "identified"},
	}}
	want := map[string]map[string]any{
		"subject": {"victimStatus": "presumed", "child": "VMT", "deeper": map[string]any{"victimStatus": "presumed"}, "phase": 2},
		"other":   {"victimStatus": "identified"},
	}
	if diff := cmp.Diff(want, a.regional(d).Blocks); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.Blocks["subject"]["victimStatus"] != "VMT" {
		t.Error("the caller's draft was changed")
	}
}
