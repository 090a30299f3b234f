package outgoing_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// TestACodeOnItsWayOutIsPointedAtBeforeItIsRefused: the officer learns of it while it is
// still accepted, and the preview does not say which code it is.
func TestACodeOnItsWayOutIsPointedAtBeforeItIsRefused(t *testing.T) {
	t.Parallel()
	w := *theRegion(t)
	w.catalogue = w.catalogue.Under(func() time.Time { return noon })
	r, _ := w.catalogue.Published("2026-11")
	r.Name, r.Lists = "2026-12", slices.Clone(r.Lists)
	i := slices.IndexFunc(r.Lists, func(l schemas.List) bool { return l.Name == "exploitationForm" })
	r.Lists[i].Codes = slices.Clone(r.Lists[i].Codes)
	k := slices.IndexFunc(r.Lists[i].Codes, func(c schemas.CodeText) bool { return c.ID == "peddling" })
	r.Lists[i].Codes[k].Until, r.Lists[i].Codes[k].Instead = "2028-12-31", "labour"
	life := schemas.Life{Published: noon.AddDate(0, -1, 0), Activates: noon.Add(-time.Hour), Supersedes: "2026-11", Overlaps: noon.AddDate(2, 0, 0)}
	if err := w.catalogue.Take(r, life, nil); err != nil {
		t.Fatal(err)
	}
	d := w.referral(t, func(d *outgoing.Draft) {
		d.Sealed["facts@coordinator"] = map[string]any{"exploitation": []any{"labour", "peddling"}}
	})
	p, err := w.desk().Preview(d, gateway.ThreadFacts{})
	if err != nil {
		t.Fatal(err)
	}
	want := []schemas.Deprecated{{Pointer: "/facts@coordinator/exploitation/1", List: "exploitationForm", Until: "2028-12-31"}}
	if diff := cmp.Diff(want, p.Deprecated); diff != "" {
		t.Error(diff)
	}
	var text bytes.Buffer
	if err := p.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if s := text.String(); !strings.Contains(s, "On their way out\n  exploitationForm") || strings.Contains(s, "peddling") {
		t.Error(s)
	}
	if plain, err := theRegion(t).desk().Preview(d, gateway.ThreadFacts{}); err != nil || plain.Deprecated != nil {
		t.Errorf("before it was deprecated: %v, %v", plain.Deprecated, err)
	}
}
