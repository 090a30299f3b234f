package schemas_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// members collects what a schema can hold: "asks/*/code", "indicators/*/by".
func members(n map[string]any, path string, into map[string]bool) {
	if props, ok := n["properties"].(map[string]any); ok {
		for name, p := range props {
			into[path+"/"+name] = true
			members(p.(map[string]any), path+"/"+name, into)
		}
	}
	for _, k := range []string{"additionalProperties", "items"} {
		if child, ok := n[k].(map[string]any); ok {
			members(child, path+"/*", into)
		}
	}
}

// used takes what a document holds out of what the schemas can hold.
func used(v any, path string, known map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			step := path + "/" + name
			if !known[step] {
				step = path + "/*"
			}
			used(child, step, known)
			known[step+" used"] = true
		}
	case []any:
		for _, child := range v {
			used(child, path+"/*", known)
		}
	}
}

func TestEveryMemberStandsInAnExample(t *testing.T) {
	t.Parallel()
	s := open(t)
	known := map[string]bool{}
	for _, typ := range s.Types() {
		n := schemaOf(t, s, typ.Name)
		for name := range n["properties"].(map[string]any) {
			if !strings.Contains(name, "@") {
				known["/"+name] = true
			}
		}
		members(map[string]any{"properties": map[string]any{"agreement": n["properties"].(map[string]any)["agreement"]}}, "", known)
	}
	// An example can be sent as it is, and an override needs two people.
	delete(known, "/override")
	for _, b := range s.Blocks() {
		members(schemaOf(t, s, "block/"+b.Name), "/"+b.Name, known)
	}
	for _, typ := range s.Types() {
		_, doc := message(t, s, typ.Name)
		used(doc, "", known)
		data, _ := s.Example(typ.Name)
		for unit, content := range decode[draft](t, data).Sealed {
			block, _, _ := gateway.SplitUnit(unit)
			used(content, "/"+block, known)
		}
	}
	for _, m := range slices.Sorted(maps.Keys(known)) {
		if !strings.HasSuffix(m, " used") && !known[m+" used"] {
			t.Errorf("no example has %s", m)
		}
	}
}

func schemaOf(t *testing.T, s *schemas.Set, name string) map[string]any {
	t.Helper()
	data, ok := s.Schema(name)
	if !ok {
		t.Fatalf("there is no schema %s", name)
	}
	var n map[string]any
	if err := json.Unmarshal(data, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// canaries are the invented words that stand in every personal field of the examples, so
// that whoever finds one outside a sealed unit has found a leak.
func canaries(v any) (out []string) {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "anary") || strings.Contains(v, "Канарка") || strings.Contains(v, "CANARY") {
			out = append(out, v)
		}
	case map[string]any:
		for _, child := range v {
			out = append(out, canaries(child)...)
		}
	case []any:
		for _, child := range v {
			out = append(out, canaries(child)...)
		}
	}
	return out
}

func TestPersonalFieldsOfExamplesHoldCanaries(t *testing.T) {
	t.Parallel()
	s := open(t)
	n := 0
	for _, typ := range s.Types() {
		h, doc := message(t, s, typ.Name)
		if found := canaries(doc); len(found) > 0 {
			t.Errorf("%s: %d canaries outside sealed units", h.Type, len(found))
		}
		data, _ := s.Example(typ.Name)
		for unit, content := range decode[draft](t, data).Sealed {
			block, _, _ := gateway.SplitUnit(unit)
			n += len(canaries(content))
			for _, name := range []string{"given", "family", "office", "birthPlace", "lastResidence", "mother", "father", "place", "text"} {
				each(content, func(member, value string) {
					if member == name && block != "facts" && len(canaries(value)) == 0 && !strings.Contains(value, "-8R2V") {
						t.Errorf("%s, %s: %s is no canary", typ.Name, unit, member)
					}
					if member == "personalNumber" && strings.Trim(value, "0") != "" {
						t.Errorf("%s, %s: the personal number is possible", typ.Name, unit)
					}
				})
			}
		}
	}
	if n < 25 {
		t.Errorf("only %d canaries", n)
	}
}

func each(v any, see func(member, value string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, child := range v {
			if text, ok := child.(string); ok {
				see(k, text)
			}
			each(child, see)
		}
	case []any:
		for _, child := range v {
			each(child, see)
		}
	}
}

// A skeleton names every member and is valid nowhere until it is filled in: a default
// about a person would be a claim about a person.
func TestSkeletonsNameEverythingAndClaimNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, typ := range s.Types() {
		data, ok := s.Skeleton(typ.Name)
		if !ok {
			t.Fatalf("%s has no skeleton", typ.Name)
		}
		d := decode[draft](t, data)
		if d.Type != typ.Name || len(d.Blocks) != len(typ.Must)+len(typ.May) || len(d.Sealed) != len(typ.Sealed) {
			t.Errorf("the skeleton of %s is not complete", typ.Name)
		}
		filled := 0
		each(map[string]any{"b": anyMap(d.Blocks), "s": anyMap(d.Sealed), "a": d.Agreement}, func(member, value string) {
			if filled++; !strings.HasPrefix(value, "<") {
				t.Errorf("the skeleton of %s has a value in %s", typ.Name, member)
			}
		})
		if filled == 0 {
			t.Errorf("the skeleton of %s has nothing to fill in", typ.Name)
		}
	}
}

func anyMap(m map[string]map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func TestEverythingPublishedCanBeFound(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, name := range s.Names() {
		if data, ok := s.Schema(name); !ok || !json.Valid(data) {
			t.Errorf("%s cannot be found", name)
		}
	}
	for _, name := range []string{"", "block/", "block/canary", "referral.request", "../types.csv"} {
		if _, ok := s.Schema(name); ok {
			t.Errorf("%q is found", name)
		}
		if _, ok := s.Example(name); ok {
			t.Errorf("an example of %q is found", name)
		}
		if _, ok := s.Skeleton(name); ok {
			t.Errorf("a skeleton of %q is found", name)
		}
		if _, ok := s.Type(name); ok {
			t.Errorf("%q is a type", name)
		}
	}
	if s.Digest() != open(t).Digest() || len(s.Digest()) != 43 {
		t.Errorf("digest %q", s.Digest())
	}
	if !slices.Contains(s.Releases(), s.Release()) {
		t.Errorf("release %s is not accepted", s.Release())
	}
	if _, ok := s.Code("need", "canary"); ok {
		t.Error("a code that does not exist is found")
	}
	if c, ok := s.Code("exploitationForm", "labour"); !ok || c.HTCDS != "ForcedLabour" || c.CTDC != "isForcedLabour" || c.ICTIP != "to be confirmed" {
		t.Errorf("labour: %+v", c)
	}
}
