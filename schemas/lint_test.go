package schemas

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway"
)

// visit walks every schema in a schema. name is the member that it describes.
func visit(n node, path, name string, see func(n node, path, name string)) {
	see(n, path, name)
	for _, k := range slices.Sorted(maps.Keys(n)) {
		switch v := n[k].(type) {
		case node:
			if k == "properties" {
				for _, p := range slices.Sorted(maps.Keys(v)) {
					if child, ok := v[p].(node); ok {
						visit(child, path+"/"+p, p, see)
					}
				}
				continue
			}
			if k == "if" || k == "then" {
				continue // they narrow what properties describes
			}
			visit(v, path+"/"+k, name, see)
		}
	}
}

// every visits all published schemas of all releases.
func every(t *testing.T, see func(where string, n node, name string)) {
	t.Helper()
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range s.shelf.Load().releases {
		for _, group := range []map[string]*schema{r.types, r.blocks} {
			for name, sc := range group {
				visit(sc.tree, name, "", func(m node, path, member string) {
					n++
					see(r.name+" "+path, m, member)
				})
			}
		}
	}
	if n < 1000 {
		t.Fatalf("only %d schemas were looked at", n)
	}
}

// No clear string is free text: a code, a form, or an anchored pattern of at most 40
// characters. The key's thumbprint alone is longer.
func TestNothingInTheClearIsFreeText(t *testing.T) {
	t.Parallel()
	every(t, func(where string, n node, name string) {
		class, _ := n["x-class"].(string)
		if n["type"] != "string" || class != "E" && class != "C1" {
			return
		}
		switch {
		case n["enum"] != nil, n["const"] != nil:
		case n["format"] != nil:
			if f := n["format"].(string); f == "name" || f == "email" || f == "compact-jwe" {
				t.Errorf("%s: a %s in the clear", where, f)
			}
		case n["pattern"] != nil:
			if longest, ok := bounds(t, n["pattern"].(string)); !ok || longest > 40 && name != "kid" {
				t.Errorf("%s: its pattern takes %d characters", where, longest)
			}
		default:
			t.Errorf("%s is free text", where)
		}
	})
}

// Sealed strings are bounded too, and one alone is free.
func TestOnlyTheNoteIsFreeText(t *testing.T) {
	t.Parallel()
	free := map[string]bool{}
	every(t, func(where string, n node, name string) {
		if n["type"] != "string" || n["enum"] != nil || n["const"] != nil {
			return
		}
		if p, ok := n["pattern"].(string); ok {
			if _, ok := bounds(t, p); !ok {
				t.Errorf("%s: its pattern is not anchored or has no end", where)
			}
			return
		}
		if n["format"] != nil {
			if n["format"] == "name" && n["maxLength"] == nil {
				t.Errorf("%s: a name without a longest", where)
			}
			return
		}
		free[where[strings.Index(where, " ")+1:]] = n["maxLength"] == json.Number("1000")
	})
	if !maps.Equal(free, map[string]bool{"note/text": true}) {
		t.Errorf("free text: %v", free)
	}
}

// bounds is the longest string that an anchored pattern takes.
func bounds(t *testing.T, pattern string) (longest int, ok bool) {
	t.Helper()
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		t.Fatalf("pattern %s: %v", pattern, err)
	}
	if re.Op != syntax.OpConcat || re.Sub[0].Op != syntax.OpBeginText || re.Sub[len(re.Sub)-1].Op != syntax.OpEndText {
		return 0, false
	}
	n := length(re)
	return n, n >= 0
}

func length(re *syntax.Regexp) int {
	total := 0
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpStar, syntax.OpPlus:
		return -1
	case syntax.OpQuest, syntax.OpCapture:
		return length(re.Sub[0])
	case syntax.OpRepeat:
		n := length(re.Sub[0])
		if re.Max < 0 || n < 0 {
			return -1
		}
		return n * re.Max
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			n := length(sub)
			if n < 0 {
				return -1
			}
			total += n
		}
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			n := length(sub)
			if n < 0 {
				return -1
			}
			total = max(total, n)
		}
	}
	return total
}

// understood are the keywords that gojsonschema acts on and that we use, what it is
// told for people, and our three annotations. It ignores every other keyword silently.
var understood = []string{
	"$schema", "title", "description", "x-class", "x-unit", "x-list",
	"type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "maximum",
	"properties", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties",
	"items", "minItems", "maxItems", "uniqueItems", "if", "then",
}

func TestTheValidatorUnderstandsEveryKeyword(t *testing.T) {
	t.Parallel()
	check := func(where string, n node, _ string) {
		for k := range n {
			if !slices.Contains(understood, k) {
				t.Errorf("%s: the validator ignores %s", where, k)
			}
		}
		if f, ok := n["format"].(string); ok && formats[f] == nil {
			t.Errorf("%s: the validator does not know the format %s, and lets everything pass", where, f)
		}
	}
	every(t, func(where string, n node, name string) {
		check(where, n, name)
		for _, k := range []string{"if", "then"} {
			if branch, ok := n[k].(node); ok {
				visit(branch, where+"/"+k, "", func(n node, path, name string) { check(path, n, name) })
			}
		}
	})
	for f := range formats {
		if formatHints[f] == "" {
			t.Errorf("format %s has no hint", f)
		}
	}
}

// Every object is closed, every collection is bounded, and every member has a class;
// that of a block's members is the block's.
func TestEverythingIsClosedBoundedAndClassified(t *testing.T) {
	t.Parallel()
	every(t, func(where string, n node, name string) {
		if n["type"] == nil && n["const"] == nil && !strings.HasSuffix(where, "/propertyNames") {
			t.Errorf("%s has no type", where)
		}
		if n["type"] == "object" {
			_, entries := n["additionalProperties"].(node)
			if n["additionalProperties"] != false && (!entries || n["maxProperties"] == nil || n["propertyNames"] == nil) {
				t.Errorf("%s is open", where)
			}
		}
		if n["type"] == "array" && (n["maxItems"] == nil || n["items"] == nil) {
			t.Errorf("%s has no end", where)
		}
		if class, _ := n["x-class"].(string); !strings.HasSuffix(where, "/propertyNames") && !strings.Contains(" E C1 C2 P1 P2 P3 ", " "+class+" ") {
			t.Errorf("%s has no class", where)
		}
		if name != "" && n["description"] == nil && !strings.HasSuffix(where, "/items") && !strings.HasSuffix(where, "/additionalProperties") && !strings.HasSuffix(where, "/propertyNames") {
			t.Errorf("%s is not described", where)
		}
	})
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range s.latest().blocks {
		visit(b.tree, name, "", func(n node, path, _ string) {
			if !strings.HasSuffix(path, "/propertyNames") && n["x-class"] != b.tree["x-class"] {
				t.Errorf("%s is of another class than its block", path)
			}
		})
		if _, ok := b.tree["required"]; ok && b.tree["x-class"] != "C1" {
			t.Errorf("%s requires something: {} must be valid where there is nothing to say", name)
		}
	}
}

// What can be left out on its own says so, and is never required where it lies.
func TestUnitsAreMarkedInTheSchemas(t *testing.T) {
	t.Parallel()
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.rows {
		var want, got []string
		want = append(append(want, r.Must...), r.May...)
		for _, sb := range r.Sealed {
			roles := []string{sb.Role}
			if sb.Role == "aud" {
				roles = r.Receivers
			}
			for _, role := range roles {
				want = append(want, sb.Block+"@"+role)
			}
		}
		for b, fields := range r.Fields {
			for _, f := range fields {
				want = append(want, b+"/"+f)
			}
		}
		visit(s.latest().types[r.Name].tree, "", "", func(n node, path, _ string) {
			if u, ok := n["x-unit"].(string); ok {
				if path != "/"+u {
					t.Errorf("%s: %s is called %s", r.Name, path, u)
				}
				got = append(got, u)
			}
		})
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(slices.Compact(want), got) {
			t.Errorf("%s: units %v, want %v", r.Name, got, want)
		}
	}
}

// Whatever a schema refers to is never fetched or read.
func TestASchemaCannotReachOutside(t *testing.T) {
	t.Parallel()
	every(t, func(where string, n node, _ string) {
		if n["$ref"] != nil || n["$id"] != nil {
			t.Errorf("%s refers to something", where)
		}
	})
	dir := t.TempDir()
	for _, ref := range []string{"file://" + dir + "/x.json", "http://127.0.0.1:9/x.json", "http://json-schema.org/draft-07/schema#"} {
		fsys := memory{"x": fmt.Sprintf(`{"type": "object", "properties": {"a": {"$ref": %q}}}`, ref)}
		if _, err := compileFile(fsys, "x"); err == nil || !strings.Contains(err.Error(), errReference.Error()) {
			t.Errorf("a schema that refers to %s: %v", ref, err)
		}
	}
}

// What nobody may write about a person has no member and no code.
func TestThereIsNoFieldForWhatMustNotBeWritten(t *testing.T) {
	t.Parallel()
	never := []string{"ethnic", "relig", "orientation", "shelter", "address", "suspect", "perpetrator", "police-", "photo", "biometric", "iban", "vehicle"}
	refuse := func(where, word string) {
		for _, n := range never {
			if strings.Contains(strings.ToLower(word), n) {
				t.Errorf("%s: %s", where, word)
			}
		}
	}
	every(t, func(where string, n node, name string) { refuse(where, name) })
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.Lists() {
		for _, c := range l.Codes {
			refuse(l.Name, c.ID)
		}
	}
	for _, word := range []string{"language", "disab", "gender"} {
		for _, l := range s.Lists() {
			if i := slices.IndexFunc(l.Codes, func(c CodeText) bool { return strings.Contains(c.ID, word) }); i >= 0 {
				t.Errorf("%s: %s", l.Name, l.Codes[i].ID)
			}
		}
	}
}

// Lists that stand in the code say the same as the sources.
func TestFormatsKnowTheRolesAndTheBlocks(t *testing.T) {
	t.Parallel()
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.Lists() {
		if l.Name == "role" && strings.Join(l.IDs(), " ") != strings.TrimSpace(roles) {
			t.Errorf("roles: %v", l.IDs())
		}
	}
	got := strings.Fields(units)
	slices.Sort(got)
	if want := slices.Sorted(maps.Keys(s.latest().blocks)); !slices.Equal(got, want) {
		t.Errorf("blocks: %v, want %v", got, want)
	}
	for _, c := range gateway.Countries {
		if !isCountry(string(c)) {
			t.Errorf("%s is no country", c)
		}
	}
	if n := len(strings.Fields(countries)); n != 250 {
		t.Errorf("%d countries, want the 249 of ISO 3166-1 and xk", n)
	}
}

// memory is a file system of one level.
type memory map[string]string

func (m memory) Open(string) (fs.File, error) { return nil, fs.ErrNotExist }

func (m memory) ReadFile(name string) ([]byte, error) { return []byte(m[name]), nil }
