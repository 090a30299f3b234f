package adapters

import (
	"maps"

	"example.org/trm/adapters/outgoing"
)

// regional puts the region's codes where a national system wrote its own: a member that
// has the name of a code list and a value that the country's profile translates. All else
// stays, and is for the schemas to judge. The draft that was given is not changed.
func (a *Adapter) regional(d outgoing.Draft) outgoing.Draft {
	if len(a.Profile.Codes) == 0 {
		return d
	}
	d.Blocks, d.Sealed = maps.Clone(d.Blocks), maps.Clone(d.Sealed)
	for _, contents := range []map[string]map[string]any{d.Blocks, d.Sealed} {
		for name, content := range contents {
			contents[name] = a.translated(content)
		}
	}
	return d
}

func (a *Adapter) translated(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for name, v := range m {
		switch v := v.(type) {
		case string:
			out[name] = v
			if code, ok := a.Profile.Regional(name, v); ok {
				out[name] = code
			}
		case map[string]any:
			out[name] = a.translated(v)
		default:
			out[name] = v
		}
	}
	return out
}
