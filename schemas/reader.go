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
	coded(b.tree, v, "/"+block, func(pointer, list, code string) string {
		if !slices.ContainsFunc(strings.Split(list, "|"), func(name string) bool { _, ok := s.Code(name, code); return ok }) {
			out = append(out, Strange{pointer, list, code})
		}
		return code
	})
	return out
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
	coded(r.blocks[block].tree, v, "/"+block, func(pointer, list, code string) string {
		for _, l := range r.lists {
			if c, ok := l.Find(code); ok && c.Until != "" && slices.Contains(strings.Split(list, "|"), l.Name) {
				out = append(out, Deprecated{pointer, l.Name, c.Until})
			}
		}
		return code
	})
	return out
}

// Deprecated is a place that holds a code on its way out.
type Deprecated struct {
	Pointer string `json:"pointer"` // in the block, beginning with its name
	List    string `json:"list"`
	Until   string `json:"until"` // day from which a release may leave the code out
}

// Coded returns a copy of a block's content in which every member that holds a code of a
// list has what see says, which is given its place, beginning with the block's name, the
// list and what it holds now, also where that is no code of the list. Members are visited
// in the order of their names; what the schema does not know stays as it is.
func (s *Set) Coded(block string, v any, see func(pointer, list, code string) string) any {
	b, ok := s.latest().blocks[block]
	if !ok {
		return v
	}
	return coded(b.tree, v, "/"+block, see)
}

func coded(schema node, v any, at string, see func(pointer, list, code string) string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out[name] = v[name]
			if next, _, ok := within(schema, name); ok {
				out[name] = coded(next, v[name], at+"/"+name, see)
			}
		}
		return out
	case []any:
		items, ok := schema["items"].(node)
		if !ok {
			return v
		}
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = coded(items, child, at+"/"+strconv.Itoa(i), see)
		}
		return out
	case string:
		if list, ok := schema["x-list"].(string); ok {
			return see(at, list, v)
		}
	}
	return v
}
