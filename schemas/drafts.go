package schemas

import (
	"example.org/trm/schemas/internal/generate"
)

// Example is a valid draft of a type about an invented person: the plain JSON that an
// officer's system writes.
func (s *Set) Example(typ string) ([]byte, bool) {
	if _, ok := s.Row(typ); !ok {
		return nil, false
	}
	data, err := tree.ReadFile("examples/" + generate.FileName(typ))
	return data, err == nil
}

// Skeleton is a draft of a type to fill in: every member that it can have, with the
// codes to choose from in angle brackets.
func (s *Set) Skeleton(typ string) ([]byte, bool) {
	if _, ok := s.Row(typ); !ok {
		return nil, false
	}
	r := s.latest()
	name := "generated/" + r.name + "/skeletons/" + generate.FileName(typ)
	if data, ok := r.files[name]; ok {
		return data, true
	}
	data, err := tree.ReadFile(name)
	return data, err == nil
}
