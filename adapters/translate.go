package adapters

import (
	"maps"
	"slices"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
)

// Coder finds the coded members of a block; [schemas.Set] does.
type Coder interface {
	// Coded returns a copy of a block's content in which every member that holds a code of
	// a list has what see says, which is given its place in the block, beginning with the
	// block's name, and what it holds. Members that the schema does not know stay.
	Coded(block string, v any, see func(pointer, list, code string) string) any
}

// Translated is a code that stands in a message beside a national one, or for it.
type Translated struct {
	Pointer string `json:"pointer"` // begins with the unit's name
	List    string `json:"list"`
	// Code is the national one, on the way in. On the way out it is left out: a preview
	// holds no values.
	Code string `json:"code,omitempty"`
	// Loss says that the two do not say quite the same.
	Loss bool `json:"loss,omitempty"`
	// Unmapped says that the country has no code for this one.
	Unmapped bool `json:"unmapped,omitempty"`
}

// regional puts the region's codes where a national system wrote its own. All else stays,
// and is for the schemas to judge. The draft that was given is not changed.
func (a *Adapter) regional(d outgoing.Draft) outgoing.Draft {
	d, _ = a.translated(d)
	return d
}

// translated is the draft in the region's codes, and where it was not.
func (a *Adapter) translated(d outgoing.Draft) (outgoing.Draft, []Translated) {
	if a.Coder == nil || len(a.Profile.Codes) == 0 {
		return d, nil
	}
	var all []Translated
	d.Blocks, d.Sealed = maps.Clone(d.Blocks), maps.Clone(d.Sealed)
	for _, contents := range []map[string]map[string]any{d.Blocks, d.Sealed} {
		for _, unit := range slices.Sorted(maps.Keys(contents)) {
			out := a.coded(unit, contents[unit], func(pointer, list, code string) string {
				t, ok := a.Profile.Regional(list, code)
				if !ok {
					return code
				}
				all = append(all, Translated{Pointer: pointer, List: list, Loss: t.Loss})
				return t.Code
			})
			contents[unit], _ = out.(map[string]any)
		}
	}
	return d, all
}

// nationally says what a consignment's codes are called in the country, beside the message,
// which stays as it was signed.
func (a *Adapter) nationally(c Consignment) []Translated {
	if a.Coder == nil || len(a.Profile.Codes) == 0 {
		return nil
	}
	var all []Translated
	for _, contents := range []map[string]any{c.Blocks, c.Sealed} {
		for _, unit := range slices.Sorted(maps.Keys(contents)) {
			a.coded(unit, contents[unit], func(pointer, list, code string) string {
				if a.Profile.Maps(list) {
					t, ok := a.Profile.National(list, code)
					all = append(all, Translated{Pointer: pointer, List: list, Code: t.Code, Loss: ok && t.Loss, Unmapped: !ok})
				}
				return code
			})
		}
	}
	return all
}

// coded walks through a unit's content, with pointers that begin with the unit's name.
func (a *Adapter) coded(unit string, content any, see func(pointer, list, code string) string) any {
	block, _, _ := gateway.SplitUnit(unit)
	return a.Coder.Coded(block, content, func(pointer, list, code string) string {
		return see("/"+unit+pointer[1+len(block):], list, code)
	})
}
