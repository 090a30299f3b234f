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
	data, err := tree.ReadFile("generated/" + s.Release() + "/skeletons/" + generate.FileName(typ))
	return data, err == nil
}
