package schemas_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.org/trm/schemas"
)

// second compiles a published schema with another implementation. Formats are ours in
// both, so it is asked about everything else.
func second(t *testing.T, s *schemas.Set, name string) *jsonschema.Schema {
	t.Helper()
	data, _ := s.Schema(name)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("mem:///"+name, doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("mem:///" + name)
	if err != nil {
		t.Fatalf("%s is no draft-07: %v", name, err)
	}
	return compiled
}

// A validator that nobody maintains is not believed alone: whatever the second one
// refuses must be refused here too, for every example and every change to one.
func TestASecondValidatorAgrees(t *testing.T) {
	t.Parallel()
	s := open(t)
	refused, passed := 0, 0
	for _, typ := range s.Types() {
		other := second(t, s, typ.Name)
		h, doc := message(t, s, typ.Name)
		agree := func(what string) {
			mine := s.Validate(h, doc)
			theirs := other.Validate(doc)
			if mine == nil && theirs != nil {
				t.Errorf("%s, %s: only the second refuses it", typ.Name, what)
			}
			if theirs != nil {
				refused++
			} else {
				passed++
			}
		}
		agree("the example")
		for _, wrong := range []any{json.Number("7"), json.Number("-1"), true, nil, "", "Words", map[string]any{}, []any{}, []any{"x", "x"}} {
			changed(doc, func(what string) { agree(what) }, wrong)
		}
	}
	if refused < 1000 || passed < 25 {
		t.Errorf("the second refused %d and passed %d documents", refused, passed)
	}
}

// changed drops each member in turn, and puts wrong in its place.
func changed(v any, see func(what string), wrong any) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		old := m[k]
		delete(m, k)
		see("without " + k)
		m[k] = wrong
		see("another " + k)
		m[k] = old
		changed(old, see, wrong)
	}
}

// What each published schema says is draft-07 for somebody else too.
func TestPublishedBlocksCompileElsewhere(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, b := range s.Blocks() {
		other := second(t, s, "block/"+b.Name)
		for _, v := range []any{map[string]any{}, map[string]any{"x": "y"}, "x", nil} {
			if mine, theirs := s.ValidateBlock(s.Release(), b.Name, v), other.Validate(v); (mine == nil) != (theirs == nil) {
				t.Errorf("%s over %v: %v here, %v there", b.Name, v, mine, theirs)
			}
		}
	}
}
