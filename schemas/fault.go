package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/xeipuuv/gojsonschema"
)

// fault is one thing that is wrong with a document. It holds names and numbers of the
// schema only; unknown, which is the sender's, decides a code and is never shown.
type fault struct {
	pointer string // deepest member that the schema knows by name
	hint    string
	missing bool
	list    string // of codes, in which the value is not
	unknown string // name of an unknown member at the root
}

func (f *fault) key() string { return f.pointer + "\x00" + f.hint }

// place is where a walk through a document stands, in the schema's terms.
type place struct {
	schema  node
	pointer string
	below   string // members below a local id, which is the sender's and never shown
	local   bool
}

// within finds what the schema says about a member or an element. named is false where
// it does not know it by name: the name is then the sender's.
func within(schema node, name string) (child node, named, ok bool) {
	props, _ := schema["properties"].(node)
	if n, ok := props[name].(node); ok {
		return n, true, true
	}
	if n, ok := schema["additionalProperties"].(node); ok {
		return n, false, true
	}
	if n, ok := schema["items"].(node); ok {
		_, err := strconv.Atoi(name)
		return n, true, err == nil
	}
	return nil, false, false
}

// place follows a path as far as the schema knows it.
func (s *schema) place(path []string) (p place, known bool) {
	p.schema = s.tree
	for _, name := range path {
		n, named, ok := within(p.schema, name)
		switch {
		case !ok:
			return p, false
		case !named:
			p.local = true
		case p.local:
			p.below += "/" + name
		default:
			p.pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		}
		p.schema = n
	}
	return p, true
}

// fault says what is wrong at this place.
func (p place) fault(hint string) *fault {
	if p.local {
		in := "In one of its entries: "
		if p.below != "" {
			in = "In one of its entries, " + strings.TrimPrefix(p.below, "/") + ": "
		}
		hint = in + hint
	}
	return &fault{pointer: p.pointer, hint: hint}
}

const surplus = "Leave out what the schema does not know."

// bounded walks a document along the schema before the validator does, and stops at the
// first member that the schema does not know, so that the validator's work and the
// number of errors it can write are bounded by the schema. Numbers are whole and short:
// a big exponent costs the validator milliseconds.
func (s *schema) bounded(v any) *fault {
	if _, hint := stray(s.tree, v, false); hint == "" {
		return nil
	}
	path, hint := stray(s.tree, v, true)
	slices.Reverse(path)
	p, known := s.place(path)
	f := p.fault(hint)
	if !known && len(path) == 1 {
		f.unknown = path[0]
	}
	return f
}

// longest is the bytes of the longest string that any schema takes, a note of 1,000
// characters. The validator copies a string several times before it refuses it.
const longest = 4000

// stray finds something that does not belong under a schema: the path to it, the last
// step first, and what to do. In order costs a sort and makes the answer always the
// same; in any order serves to ask whether there is something.
func stray(schema node, v any, inOrder bool) (path []string, hint string) {
	switch v := v.(type) {
	case map[string]any:
		if over(schema["maxProperties"], len(v)) {
			return nil, "There are too many entries."
		}
		if inOrder {
			for _, name := range slices.Sorted(maps.Keys(v)) {
				if path, hint = strayMember(schema, name, v[name], true); hint != "" {
					break
				}
			}
			return path, hint
		}
		for name, child := range v {
			if path, hint = strayMember(schema, name, child, false); hint != "" {
				break
			}
		}
		return path, hint
	case []any:
		items, ok := schema["items"].(node)
		if !ok {
			return nil, "This is no list."
		}
		if over(schema["maxItems"], len(v)) {
			return nil, "The list is too long."
		}
		for i, child := range v {
			if path, hint = stray(items, child, inOrder); hint != "" {
				return append(path, strconv.Itoa(i)), hint
			}
		}
	case json.Number:
		if len(v) > 15 || strings.Trim(string(v), "-0123456789") != "" {
			return nil, "Write a whole number."
		}
	case string:
		// Only a sealed unit is long; a note has its own limit, in characters.
		if len(v) > longest && schema["format"] != "compact-jwe" {
			return nil, "This is too long."
		}
	case bool, nil:
	default:
		return nil, "This is no JSON."
	}
	return nil, ""
}

func strayMember(schema node, name string, v any, inOrder bool) (path []string, hint string) {
	next, _, ok := within(schema, name)
	if !ok {
		return []string{name}, surplus
	}
	if path, hint = stray(next, v, inOrder); hint != "" {
		path = append(path, name)
	}
	return path, hint
}

func over(limit any, n int) bool {
	max, ok := limit.(json.Number)
	if !ok {
		return false
	}
	m, err := max.Int64()
	return err == nil && int64(n) > m
}

// explain puts an error of the validator into words. It is nil for those that only sum
// up others.
func (s *schema) explain(e gojsonschema.ResultError) *fault {
	path := strings.Split(e.Context().String("\x00"), "\x00")[1:]
	p, known := s.place(path)
	if !known {
		return p.fault(surplus)
	}
	switch e.Type() {
	case "condition_then", "condition_else", "number_one_of", "number_any_of", "number_all_of", "number_not":
		return nil
	case "required":
		name, _ := e.Details()["property"].(string)
		next, known := s.place(append(path, name))
		if !known {
			return p.fault("A required member is missing.")
		}
		f := next.fault("This is required.")
		f.missing = !next.local
		return f
	case "invalid_property_name":
		return p.fault("Each entry stands under a local id of 6 to 12 letters a-z and digits, chosen at random.")
	case "pattern":
		if _, named := p.schema["propertyNames"]; named {
			return nil // says again what invalid_property_name says
		}
		return p.fault(fmt.Sprintf("Write what the pattern %v takes.", p.schema["pattern"]))
	case "invalid_type":
		return p.fault(fmt.Sprintf("This must be of type %v.", p.schema["type"]))
	case "enum":
		list, _ := p.schema["x-list"].(string)
		f := p.fault(oneOf(p.schema["enum"], list))
		f.list = list
		return f
	case "const":
		return p.fault(fmt.Sprintf("This must be %v.", p.schema["const"]))
	case "format":
		name, _ := p.schema["format"].(string)
		return p.fault(formatHints[name])
	case "unique":
		return p.fault("List each only once.")
	}
	for _, limit := range limits {
		if n, ok := p.schema[limit.keyword]; ok && e.Type() == limit.fault {
			return p.fault(fmt.Sprintf(limit.hint, n))
		}
	}
	return p.fault("Send what the schema describes.")
}

// limits are the keywords that hold a number, by what the validator calls their fault.
var limits = [...]struct{ keyword, fault, hint string }{
	{"minLength", "string_gte", "Write at least %v characters."},
	{"maxLength", "string_lte", "Write at most %v characters."},
	{"minimum", "number_gte", "Write at least %v."},
	{"maximum", "number_lte", "Write at most %v."},
	{"minItems", "array_min_items", "List at least %v."},
	{"maxItems", "array_max_items", "List at most %v."},
	{"minProperties", "array_min_properties", "There must be at least %v entries."},
	{"maxProperties", "array_max_properties", "There must be at most %v entries."},
}

// oneOf lists the codes of a short list; a long one is for trm codes to print.
func oneOf(enum any, list string) string {
	codes, _ := enum.([]any)
	if len(codes) == 0 || len(codes) > 12 {
		name, _, _ := strings.Cut(list, "|")
		return strings.TrimSuffix("Use a code of the list; trm codes "+name, " ") + " prints it."
	}
	words := make([]string, len(codes))
	for i, c := range codes {
		words[i] = fmt.Sprint(c)
	}
	return "Use one of: " + strings.Join(words, ", ") + "."
}
