package schemas

import (
	_ "embed"
	"fmt"

	"example.org/trm/gateway"
	"example.org/trm/schemas/internal/table"
)

//go:embed types.csv
var typesCSV []byte

// Set is one release of types, schemas and code lists. It never changes after [Open] and
// is safe for concurrent use.
type Set struct {
	rows   []Row
	byName map[string]int
}

var _ gateway.Catalogue = (*Set)(nil)

// Row is a line of types.csv: the gateway's view of a type, its terms and its codes.
type Row = table.Row

// Open reads the release that is built into the program.
func Open() (*Set, error) {
	rows, err := table.Parse(typesCSV)
	if err != nil {
		return nil, fmt.Errorf("opening the schemas: %w", err)
	}
	s := &Set{rows: rows, byName: map[string]int{}}
	for i, r := range rows {
		s.byName[r.Name] = i
	}
	return s, nil
}

// Row finds a row of the table by the type's full name.
func (s *Set) Row(name string) (Row, bool) {
	i, ok := s.byName[name]
	if !ok {
		return Row{}, false
	}
	return s.rows[i], true
}

// Type finds a type by its full name.
func (s *Set) Type(name string) (gateway.Type, bool) {
	r, ok := s.Row(name)
	return r.Type, ok
}

// Types lists the types in the order of the table.
func (s *Set) Types() []gateway.Type {
	out := make([]gateway.Type, len(s.rows))
	for i, r := range s.rows {
		out[i] = r.Type
	}
	return out
}

// Validate checks the processed document of a message against its type.
func (s *Set) Validate(h gateway.Head, document map[string]any) error { return nil }

// ValidateBlock checks the content of a block.
func (s *Set) ValidateBlock(block string, v any) error { return nil }

// Act is what the head's act must say for these clear blocks.
func (s *Set) Act(typ string, blocks map[string]any) []string { return nil }

// Block describes a block for people.
type Block struct {
	Name   string
	Class  gateway.Class
	Sealed bool
	About  string
	Fields []Field
}

// Field is a member of a block.
type Field struct {
	Name  string
	Class gateway.Class
	About string
}

// Blocks lists all blocks.
func (s *Set) Blocks() []Block { return nil }

// Example is a valid draft.
func (s *Set) Example(typ string) ([]byte, bool) { return nil, false }

// Skeleton is a draft to fill in.
func (s *Set) Skeleton(typ string) ([]byte, bool) { return nil, false }

// Schema is a published schema.
func (s *Set) Schema(name string) ([]byte, bool) { return nil, false }

// Names lists what [Set.Schema] knows.
func (s *Set) Names() []string { return nil }

// Release is the code-list release that new messages name.
func (s *Set) Release() string { return "2026-11" }

// Releases lists the code-list releases that are accepted.
func (s *Set) Releases() []string { return []string{"2026-11"} }

// Digest names everything in the release.
func (s *Set) Digest() string { return "" }

// CodeText is a code with its text and where it stands in other standards.
type CodeText struct {
	ID    string `json:"id"`
	En    string `json:"en"`
	HTCDS string `json:"htcds,omitempty"`
	CTDC  string `json:"ctdc,omitempty"`
	ICTIP string `json:"icTip"`
}

// List is a code list.
type List struct {
	Name  string     `json:"list"`
	About string     `json:"about"`
	Codes []CodeText `json:"codes"`
}

// Code finds a code in a list of the current release.
func (s *Set) Code(list, code string) (CodeText, bool) { return CodeText{}, false }

// Lists are the code lists of the current release.
func (s *Set) Lists() []List { return nil }
