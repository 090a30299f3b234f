package incoming_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// newer is the region whose sender and gateway have a second release in force, with a need
// that the first does not have.
func newer(t *testing.T) *world {
	t.Helper()
	w := *theRegion(t)
	w.catalogue = w.catalogue.Under(func() time.Time { return noon })
	r, _ := w.catalogue.Published("2026-11")
	r.Name, r.Lists = "2026-12", slices.Clone(r.Lists)
	for i, l := range r.Lists {
		if l.Name == "need" || l.Name == "functionalNeed" {
			r.Lists[i].Codes = append(slices.Clone(l.Codes), schemas.CodeText{ID: "service-animal", En: "An animal that helps"})
		}
	}
	life := schemas.Life{Published: noon.AddDate(0, -1, 0), Activates: noon.Add(-time.Hour), Supersedes: "2026-11", Overlaps: noon.AddDate(2, 0, 0)}
	if err := w.catalogue.Take(r, life, nil); err != nil {
		t.Fatal(err)
	}
	return &w
}

// reader is Serbia's office with the first release only.
func reader(t *testing.T) incoming.Office {
	t.Helper()
	o := theRegion(t).office(t)
	o.Catalogue = schemas.Reader{Set: theRegion(t).catalogue}
	return o
}

func TestAMessageInAReleaseThatIsNotHereIsShownWithWhatIsStrangeInIt(t *testing.T) {
	t.Parallel()
	w := newer(t)
	d := w.referral(t, func(d *outgoing.Draft) {
		d.Blocks["needs"] = map[string]any{"n4k2p9": map[string]any{"code": "service-animal", "urgency": "soon"}}
		d.Sealed["health@child-protection"] = map[string]any{"urgency": "soon", "needs": []any{"sight", "service-animal"}}
	})
	wrapped := w.delivered(t, d)
	if _, err := theRegion(t).office(t).Open(wrapped); gateway.AsProblem(err).Code != gateway.CodeCodesUnknown {
		t.Errorf("a strict reader: %v", err)
	}
	o, err := reader(t).Open(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	coordinator, protection := o.Views[0].Codes, o.Views[1].Codes
	if coordinator == nil || protection == nil || coordinator.Release != "2026-12" || coordinator.Says == "" {
		t.Fatalf("told %+v and %+v", coordinator, protection)
	}
	if diff := cmp.Diff([]schemas.Strange{{Pointer: "/needs/n4k2p9/code", List: "need", Code: "service-animal"}}, coordinator.Strange); diff != "" {
		t.Errorf("the coordinator (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]schemas.Strange{{Pointer: "/health@child-protection/needs/1", List: "functionalNeed", Code: "service-animal"}}, protection.Strange); diff != "" {
		t.Errorf("child protection (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(any(d.Blocks["needs"]), o.Views[0].Clear["needs"]); diff != "" {
		t.Errorf("the message is not shown as it came:\n%s", diff)
	}
	// Who has the release is told nothing.
	office := reader(t)
	office.Catalogue = schemas.Reader{Set: w.catalogue}
	if o, err := office.Open(wrapped); err != nil || o.Views[0].Codes != nil {
		t.Errorf("with the release: %v", err)
	}
}

// TestWhatIsStrangeInAnothersPartLeavesNoTrace: the coordinator's view is the same whether
// child protection reads a code that is not here or not.
func TestWhatIsStrangeInAnothersPartLeavesNoTrace(t *testing.T) {
	t.Parallel()
	w := newer(t)
	var views []incoming.View
	for _, need := range []string{"sight", "service-animal"} {
		d := w.referral(t, func(d *outgoing.Draft) {
			d.Sealed["health@child-protection"] = map[string]any{"urgency": "soon", "needs": []any{need}}
		})
		o, err := reader(t).Open(w.delivered(t, d))
		if err != nil {
			t.Fatal(err)
		}
		views = append(views, o.Views[0])
	}
	if diff := cmp.Diff(views[0].Codes, views[1].Codes); diff != "" {
		t.Errorf("the coordinator learns of a code that is not for it:\n%s", diff)
	}
}
