package schemas

import (
	"slices"
	"strings"

	"github.com/xeipuuv/gojsonschema"

	"example.org/trm/gateway"
)

// Validate checks the processed document of a message against its type and the
// code-list release that the head names: head, frame, clear blocks, the shape of sealed
// units, and that act says what the blocks say. The document holds what a strict decoder
// makes of JSON: maps, slices, strings, booleans, json.Number. A refusal is a
// *gateway.Problem. Its cost is bounded by the schema, not by what a sender invents.
func (s *Set) Validate(h gateway.Head, document map[string]any) error {
	row, ok := s.Row(h.Type)
	if !ok {
		return gateway.Refuse(gateway.CodeTypeUnknown, "/type", "")
	}
	r, err := s.accepted(h.Codes, h.IssuedAt)
	if err != nil {
		return err
	}
	return s.validate(r, row, h, document)
}

// validate checks a document against a release.
func (s *Set) validate(r *release, row Row, h gateway.Head, document map[string]any) error {
	if f := r.types[row.Name].check(unnumbered(document)); f != nil {
		return s.refuse(r, row, f)
	}
	if err := sorted(document["attests"]); err != nil {
		return err
	}
	switch row.Frame {
	case "request", "answer":
		if !slices.Equal(h.Act, said(row, document)) {
			return gateway.Refuse(gateway.CodeActMismatch, "/act", "")
		}
	}
	return nil
}

// ValidateHead checks the head of a message of the type before there is a message, as
// [Set.Validate] would, against the release that codes names or else the current one. What
// is made in signing may be missing, and whether act says what the blocks say cannot be
// said yet.
func (s *Set) ValidateHead(typ string, members map[string]any) error {
	row, ok := s.Row(typ)
	if !ok {
		return gateway.Refuse(gateway.CodeTypeUnknown, "/type", "")
	}
	r := s.latest()
	if codes, given := members["codes"]; given {
		name, _ := codes.(string)
		var err error
		if r, err = s.accepted(name, s.now()); err != nil {
			return err
		}
	}
	t := r.types[row.Name]
	later := func(f *fault) bool { return f.missing && t.later(strings.TrimPrefix(f.pointer, "/")) }
	if f := t.find(members, later); f != nil {
		return s.refuse(r, row, f)
	}
	return sorted(members["attests"])
}

// later reports whether a member is there only once a message is: made in signing, or a
// block.
func (s *schema) later(member string) bool {
	switch member {
	case "jti", "iat", "exp", "cnf", "codes", "thread":
		return true
	}
	p, known := s.place([]string{member})
	_, unit := p.schema["x-unit"]
	return known && unit
}

// sorted holds attests, which the schema cannot.
func sorted(attests any) error {
	list, _ := attests.([]any)
	less := func(a, b any) int {
		x, _ := a.(string)
		y, _ := b.(string)
		return strings.Compare(x, y)
	}
	if !slices.IsSortedFunc(list, less) {
		return gateway.Refuse(gateway.CodeSchema, "/attests", "Sort the list.")
	}
	return nil
}

// ValidateBlock checks the content of a block, sealed or clear, against a release that is
// here: what a sender does before sealing and a recipient after opening. The pointer of a
// refusal begins inside the block. {} is valid content of every sealed block.
func (s *Set) ValidateBlock(codes, block string, v any) error {
	r, ok := s.release(codes)
	if !ok {
		return gateway.Refuse(gateway.CodeCodesUnknown, "", "")
	}
	return s.validateBlock(r, block, v)
}

func (s *Set) validateBlock(r *release, block string, v any) error {
	b, ok := r.blocks[block]
	if !ok {
		return gateway.Refuse(gateway.CodeUnitUnknown, "", "")
	}
	if f := b.check(v); f != nil {
		return gateway.Refuse(gateway.CodeSchema, f.pointer, f.hint+s.of(r, f))
	}
	return nil
}

// Act is what the head's act says where it follows from the blocks: the question codes
// of asks in a request and of results in an answer, sorted, each once. In a notice or a
// change it does not, and Act is nil: the sender chooses one of the row's codes.
func (s *Set) Act(typ string, blocks map[string]any) []string {
	row, ok := s.Row(typ)
	if !ok {
		return nil
	}
	return said(row, blocks)
}

func said(row Row, document map[string]any) []string {
	block := map[string]string{"request": "asks", "answer": "results"}[row.Frame]
	entries, _ := document[block].(map[string]any)
	var codes []string
	for _, e := range entries {
		if m, ok := e.(map[string]any); ok {
			if c, ok := m["code"].(string); ok {
				codes = append(codes, c)
			}
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// unnumbered drops the number from the role of a sealed unit's name: the schema knows
// kinds of role, of which a country may have several ("note@mobile-team.2").
func unnumbered(document map[string]any) map[string]any {
	out := document
	for name := range document {
		block, role, _ := gateway.SplitUnit(name)
		plain := block + "@" + gateway.RoleKind(role)
		if _, twice := document[plain]; role == "" || plain == name || twice || !isRole(role) {
			continue
		}
		if len(out) == len(document) {
			out = make(map[string]any, len(document))
			for k, v := range document {
				out[k] = v
			}
		}
		out[plain] = document[name]
		delete(out, name)
	}
	return out
}

// check finds the first fault, in the order of pointers, so that the same document
// always gets the same answer.
func (s *schema) check(v any) *fault { return s.find(v, func(*fault) bool { return false }) }

// find finds the first fault that is not to be passed over.
func (s *schema) find(v any, pass func(*fault) bool) *fault {
	if f := s.bounded(v); f != nil {
		return f
	}
	res, err := s.compiled.Validate(gojsonschema.NewRawLoader(v))
	if err != nil {
		return &fault{hint: "Send what the schema describes."}
	}
	if res.Valid() {
		return nil
	}
	var first *fault
	passed := false
	for _, e := range res.Errors() {
		f := s.explain(e)
		switch {
		case f == nil:
		case pass(f):
			passed = true
		case first == nil || strings.Compare(f.key(), first.key()) < 0:
			first = f
		}
	}
	if first == nil && !passed {
		first = &fault{hint: "Send what the schema describes."}
	}
	return first
}

// refuse gives a fault the code that a sender knows it by.
func (s *Set) refuse(r *release, row Row, f *fault) error {
	code := gateway.CodeSchema
	member := strings.TrimPrefix(f.pointer, "/")
	switch {
	case f.unknown != "":
		// A unit that exists but not in this type; the name is the sender's, so the
		// pointer stays at the root.
		block, _, _ := gateway.SplitUnit(f.unknown)
		if _, ok := r.blocks[block]; ok {
			code = gateway.CodeUnitUnknown
		}
	case f.missing && slices.Contains(row.Must, member):
		code = gateway.CodeUnitMissing
	case strings.Contains(member, "@"):
		code = gateway.CodeUnitNotSealed
	}
	return gateway.Refuse(code, f.pointer, f.hint+s.of(r, f))
}

// of names the list and the release in which a code is not, and the releases that would be
// accepted instead: one of them may have it.
func (s *Set) of(r *release, f *fault) string {
	if f.list == "" || r.name == "" {
		return ""
	}
	return " List " + strings.ReplaceAll(f.list, "|", " or ") + ", release " + r.name + "; accepted releases: " + strings.Join(s.Releases(), ", ") + "."
}
