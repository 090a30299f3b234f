package country_test

import (
	"slices"
	"testing"

	"example.org/trm/adapters/country"
	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// each gives every mapping of every country with the list that it is of.
func each(t *testing.T, see func(p country.Profile, list schemas.List, m country.Mapping)) {
	t.Helper()
	set, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range gateway.Countries {
		p, err := country.Of(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, need := range []string{"victimStatus", "exploitationForm"} {
			if !p.Maps(need) {
				t.Errorf("%s does not map %s", c, need)
			}
		}
		for name, m := range p.Codes {
			i := slices.IndexFunc(set.Lists(), func(l schemas.List) bool { return l.Name == name })
			if i < 0 {
				t.Errorf("%s maps %s, which is no list of the region", c, name)
				continue
			}
			see(p, set.Lists()[i], m)
		}
	}
}

func TestEveryCodeOfAMappedListIsMappedOrNamedAsUnmapped(t *testing.T) {
	t.Parallel()
	each(t, func(p country.Profile, l schemas.List, m country.Mapping) {
		for _, id := range l.IDs() {
			_, mapped := p.National(l.Name, id)
			if mapped == slices.Contains(m.Unmapped, id) {
				t.Errorf("%s: %s %s is mapped %t, and named as unmapped %t", p.Country, l.Name, id, mapped, !mapped)
			}
		}
		for _, table := range []map[string]string{m.Exact, m.Out} {
			for national, regional := range table {
				if _, ok := l.Find(regional); !ok {
					t.Errorf("%s: %s %s means %q, which is no code of the region", p.Country, l.Name, national, regional)
				}
				if _, ok := l.Find(national); ok {
					t.Errorf("%s: %s %s is a code of the region and means another", p.Country, l.Name, national)
				}
			}
		}
	})
}

func TestWhatIsExactComesBackAndWhatIsNotSaysSo(t *testing.T) {
	t.Parallel()
	each(t, func(p country.Profile, l schemas.List, m country.Mapping) {
		for national, regional := range m.Exact {
			there, ok := p.Regional(l.Name, national)
			back, again := p.National(l.Name, there.Code)
			if !ok || !again || there.Loss || back.Loss || there.Code != regional || back.Code != national {
				t.Errorf("%s: %s %s goes to %+v and comes back as %+v", p.Country, l.Name, national, there, back)
			}
		}
		for national := range m.Out {
			there, ok := p.Regional(l.Name, national)
			if !ok || !there.Loss {
				t.Errorf("%s: %s %s goes out as %+v without a word of loss", p.Country, l.Name, national, there)
			}
			if back, ok := p.National(l.Name, there.Code); ok && back.Code == national {
				t.Errorf("%s: %s %s comes back from %s: then it is exact", p.Country, l.Name, national, there.Code)
			}
		}
		for regional := range m.In {
			there, ok := p.National(l.Name, regional)
			if !ok || !there.Loss {
				t.Errorf("%s: %s %s comes in as %+v without a word of loss", p.Country, l.Name, regional, there)
			}
			if back, ok := p.Regional(l.Name, there.Code); !ok || back.Code == regional {
				t.Errorf("%s: %s %s goes out again as %+v: then it is exact", p.Country, l.Name, regional, back)
			}
		}
		for _, regional := range l.IDs() {
			if _, ok := p.Regional(l.Name, regional); ok {
				t.Errorf("%s translates %s %s, a code of the region", p.Country, l.Name, regional)
			}
		}
	})
}
