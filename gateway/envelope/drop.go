package envelope

import (
	"slices"
	"strings"
)

// Drop leaves out the units that keep does not name, and the fields of a block with the
// block. The origin's signature stays intact; a kb_jwt stays where it is, and no longer
// fits. The result is never larger than raw, and dropping the same again changes nothing.
// The error is a *gateway.Problem.
func Drop(raw []byte, keep func(unit string) bool) ([]byte, error) {
	w, p, err := Codec{}.read(raw)
	if err != nil {
		return nil, err
	}
	kept := make(map[string]bool, len(p.Units))  // by name
	texts := make(map[string]bool, len(p.Units)) // by disclosure
	for _, u := range p.Units {                  // a block comes before its fields
		block, _, isField := strings.Cut(u.Name, "/")
		kept[u.Name] = (!isField || kept[block]) && keep(u.Name)
		texts[u.Disclosure] = kept[u.Name]
	}
	// The order of the wire stays, so that what is left tells nothing new.
	w.disclosures = slices.DeleteFunc(w.disclosures, func(text string) bool { return !texts[text] })
	return w.bytes(), nil
}
