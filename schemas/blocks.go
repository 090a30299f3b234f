package schemas

import (
	"maps"
	"slices"

	"example.org/trm/gateway"
)

// Block describes a part of a message for people.
type Block struct {
	Name   string
	Class  gateway.Class
	Sealed bool
	About  string
	Fields []Field // sorted by name; of an entry where the block has entries
	Keyed  bool    // its entries stand under local ids
}

// Field is a member of a block.
type Field struct {
	Name     string
	Class    gateway.Class
	About    string
	Required bool
}

// Blocks lists all blocks of the current release by name.
func (s *Set) Blocks() []Block {
	r := s.latest()
	var out []Block
	for _, name := range slices.Sorted(maps.Keys(r.blocks)) {
		n := r.blocks[name].tree
		b := Block{Name: name, Class: gateway.Class(text(n, "x-class")), About: text(n, "description")}
		b.Sealed = b.Class != gateway.ClassC1
		entry, keyed := n["additionalProperties"].(node)
		if b.Keyed = keyed; keyed {
			n = entry
		}
		props, _ := n["properties"].(node)
		required, _ := n["required"].([]any)
		for _, f := range slices.Sorted(maps.Keys(props)) {
			p, _ := props[f].(node)
			b.Fields = append(b.Fields, Field{f, gateway.Class(text(p, "x-class")), text(p, "description"), slices.Contains(required, any(f))})
		}
		out = append(out, b)
	}
	return out
}

// Schema is a published schema of the current release: of a type by its full name, or of
// a block ("block/facts").
func (s *Set) Schema(name string) ([]byte, bool) {
	r := s.latest()
	if t, ok := r.types[name]; ok {
		return t.raw, true
	}
	const prefix = "block/"
	if len(name) > len(prefix) && name[:len(prefix)] == prefix {
		if b, ok := r.blocks[name[len(prefix):]]; ok {
			return b.raw, true
		}
	}
	return nil, false
}

// Names lists what [Set.Schema] knows: the types in the table's order, then the blocks.
func (s *Set) Names() []string {
	var out []string
	for _, r := range s.rows {
		out = append(out, r.Name)
	}
	for _, b := range slices.Sorted(maps.Keys(s.latest().blocks)) {
		out = append(out, "block/"+b)
	}
	return out
}

func text(n node, member string) string {
	t, _ := n[member].(string)
	return t
}
