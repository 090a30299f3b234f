package country

import "slices"

// Mapping is how a country's codes of one list and the region's stand to each other. Where
// they do not say the same, something is lost on the way, and the mapping says so: a reader
// must know whether a word is the sender's or the nearest that there was.
type Mapping struct {
	// Exact say the same: national to regional, and back.
	Exact map[string]string `yaml:"exact"`
	// Out say more than the region's: national to regional. On the way out something is
	// lost; on the way in nothing is translated to them.
	Out map[string]string `yaml:"out"`
	// In are the region's for which the country has only a nearest one: regional to
	// national. On the way in something is lost.
	In map[string]string `yaml:"in"`
	// Unmapped are the region's for which the country has nothing: they are shown as they
	// are. With Exact and In these are the whole list.
	Unmapped []string `yaml:"unmapped"`
}

// Translation is a code in the other list.
type Translation struct {
	Code string
	Loss bool // it says less or something else than what it stands for
}

// Regional is the region's code for a national one. A national system that writes the
// region's codes already needs no row: ok is false then, and the code stands.
func (p Profile) Regional(list, national string) (t Translation, ok bool) {
	m := p.Codes[list]
	if t.Code, ok = m.Exact[national]; ok {
		return t, true
	}
	t.Code, t.Loss = m.Out[national], true
	return t, t.Code != ""
}

// National is the national code for one of the region's. ok is false where the country has
// none, and where the list is not mapped at all.
func (p Profile) National(list, regional string) (t Translation, ok bool) {
	m := p.Codes[list]
	for national, r := range m.Exact {
		if r == regional {
			return Translation{Code: national}, true
		}
	}
	t.Code, t.Loss = m.In[regional], true
	return t, t.Code != ""
}

// Maps reports whether the country has codes of its own for a list.
func (p Profile) Maps(list string) bool { _, ok := p.Codes[list]; return ok }

// check reports everything that is wrong with a mapping.
func (m Mapping) check() []string {
	var faults []string
	bad := func(wrong bool, what string) {
		if wrong {
			faults = append(faults, what)
		}
	}
	regional := map[string]int{}
	for _, table := range []map[string]string{m.Exact, m.Out, m.In} {
		for from, to := range table {
			bad(from == "" || to == "", "a code is empty")
		}
	}
	for national, r := range m.Exact {
		regional[r]++
		_, twice := m.Out[national]
		bad(twice, "a national code is there twice")
	}
	for r, national := range m.In {
		regional[r]++
		_, known := m.Exact[national]
		bad(!known, "the nearest code of "+r+" is none that comes back")
	}
	for _, r := range m.Unmapped {
		regional[r]++
	}
	for r, n := range regional {
		bad(n > 1, r+" is there twice")
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}
