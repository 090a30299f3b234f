package schemas

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"example.org/trm/gateway"
)

// Reader is a set for whoever gets messages: it takes what was accepted elsewhere, also in
// a release of the code lists that it does not have. Such a message is checked against
// everything but the codes themselves: whatever has the form of a code is one. Whoever
// could not read it for want of a list would leave somebody unwarned.
type Reader struct{ *Set }

// Validate is [Set.Validate] for a recipient: when the release ends does not matter, and
// one that is not here is taken in good faith. That the gateway took it must be proven
// before; it had the release.
func (r Reader) Validate(h gateway.Head, document map[string]any) error {
	row, ok := r.Row(h.Type)
	if !ok {
		return gateway.Refuse(gateway.CodeTypeUnknown, "/type", "")
	}
	rel, err := r.readable(h.Codes)
	if err != nil {
		return err
	}
	return r.validate(rel, row, h, document)
}

// ValidateBlock is [Set.ValidateBlock] for a recipient.
func (r Reader) ValidateBlock(codes, block string, v any) error {
	rel, err := r.readable(codes)
	if err != nil {
		return err
	}
	return r.validateBlock(rel, block, v)
}

func (r Reader) readable(codes string) (*release, error) {
	if rel, ok := r.release(codes); ok {
		return rel, nil
	}
	if !releaseName.MatchString(codes) {
		return nil, gateway.Refuse(gateway.CodeCodesUnknown, "/codes", "")
	}
	return r.reading()
}

// Strange is a code that the lists here do not have.
type Strange struct {
	Pointer string `json:"pointer"` // in the block, beginning with its name
	List    string `json:"list"`    // in which a later release has it
	Code    string `json:"code"`
}

// Strange lists the codes in a block's content that no release here has, in the order of
// pointers: what a reader is shown as it is, because there is no text for it.
func (s *Set) Strange(block string, v any) []Strange {
	b, ok := s.latest().blocks[block]
	if !ok {
		return nil
	}
	var out []Strange
	s.strange(b.tree, v, "/"+block, &out)
	slices.SortFunc(out, func(a, b Strange) int { return strings.Compare(a.Pointer, b.Pointer) })
	return out
}

func (s *Set) strange(schema node, v any, at string, out *[]Strange) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			if next, _, ok := within(schema, name); ok {
				s.strange(next, child, at+"/"+name, out)
			}
		}
	case []any:
		for i, child := range v {
			if next, ok := schema["items"].(node); ok {
				s.strange(next, child, at+"/"+strconv.Itoa(i), out)
			}
		}
	case string:
		list, ok := schema["x-list"].(string)
		if ok && !slices.ContainsFunc(strings.Split(list, "|"), func(name string) bool { _, ok := s.Code(name, v); return ok }) {
			*out = append(*out, Strange{at, list, v})
		}
	}
}

// Deprecated lists the places in a block's content that hold a code which the release
// deprecates, in the order of pointers. It does not say which code: the list says what to
// write instead.
func (s *Set) Deprecated(codes, block string, v any) []Deprecated {
	r, ok := s.release(codes)
	if !ok || r.blocks[block] == nil {
		return nil
	}
	var out []Deprecated
	r.deprecated(r.blocks[block].tree, v, "/"+block, &out)
	slices.SortFunc(out, func(a, b Deprecated) int { return strings.Compare(a.Pointer, b.Pointer) })
	return out
}

// Deprecated is a place that holds a code on its way out.
type Deprecated struct {
	Pointer string `json:"pointer"` // in the block, beginning with its name
	List    string `json:"list"`
	Until   string `json:"until"` // day from which a release may leave the code out
}

func (r *release) deprecated(schema node, v any, at string, out *[]Deprecated) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if next, _, ok := within(schema, name); ok {
				r.deprecated(next, v[name], at+"/"+name, out)
			}
		}
	case []any:
		for i, child := range v {
			if next, ok := schema["items"].(node); ok {
				r.deprecated(next, child, at+"/"+strconv.Itoa(i), out)
			}
		}
	case string:
		list, _ := schema["x-list"].(string)
		for _, name := range strings.Split(list, "|") {
			i := slices.IndexFunc(r.lists, func(l List) bool { return l.Name == name })
			if i < 0 {
				continue
			}
			if c, ok := r.lists[i].Find(v); ok && c.Until != "" {
				*out = append(*out, Deprecated{at, name, c.Until})
			}
		}
	}
}
