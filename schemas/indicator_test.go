package schemas_test

import (
	"fmt"
	"slices"
	"testing"
)

// TestTheIndicatorListIsWhole: every group of TRM-IND is there without a gap, and every
// indicator says where it belongs, in codes of the lists beside it.
func TestTheIndicatorListIsWhole(t *testing.T) {
	t.Parallel()
	s := open(t)
	var want []string
	for _, group := range []struct {
		letter string
		n      int
	}{{"g", 15}, {"r", 12}, {"l", 10}, {"d", 5}, {"s", 9}, {"b", 5}, {"c", 6}, {"o", 6}, {"k", 14}} {
		for i := range group.n {
			want = append(want, fmt.Sprintf("%s%02d", group.letter, i+1))
		}
	}
	var got []string
	groups := []string{"anyone", "workers", "domestic-workers", "sexually-exploited", "begging", "made-to-offend", "patients", "children"}
	sources := []string{"delphi-2009", "unodc-general", "unodc-labour", "unodc-domestic", "unodc-sexual", "unodc-begging", "unodc-children", "nrm-bg-1", "nrm-bg-2", "nrm-bg-4", "regional"}
	for _, l := range s.Lists() {
		for _, c := range l.Codes {
			if l.Name != "indicator" {
				if c.Traits != nil {
					t.Errorf("%s %s has traits", l.Name, c.ID)
				}
				continue
			}
			got = append(got, c.ID)
			if c.Traits == nil {
				t.Errorf("%s does not say where it belongs", c.ID)
				continue
			}
			if _, ok := s.Code("exploitationForm", c.Traits.Sector); !ok && c.Traits.Sector != "any" {
				t.Errorf("%s: sector %q is no form of exploitation", c.ID, c.Traits.Sector)
			}
			if !slices.Contains(groups, c.Traits.Group) || !slices.Contains(sources, c.Traits.Source) {
				t.Errorf("%s: group %q, source %q", c.ID, c.Traits.Group, c.Traits.Source)
			}
			if (c.Traits.Child == "only") != (c.ID[0] == 'k') || c.Traits.Child != "only" && c.Traits.Child != "also" {
				t.Errorf("%s: child %q", c.ID, c.Traits.Child)
			}
			for _, p := range c.Traits.Phases {
				if _, ok := s.Code("phase", p); !ok {
					t.Errorf("%s: phase %q", c.ID, p)
				}
			}
			if !slices.IsSorted(c.Traits.Phases) || !slices.Contains(c.Traits.Phases, "1") {
				t.Errorf("%s: phases %v; an indicator serves identification at least", c.ID, c.Traits.Phases)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
