package schemas_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// TestAHeadAloneIsJudgedAsInItsMessage breaks each member of every type's head in several
// ways: what the message is refused for, the head alone is refused for, with the same code
// and pointer.
func TestAHeadAloneIsJudgedAsInItsMessage(t *testing.T) {
	t.Parallel()
	s := open(t)
	wrong := []any{nil, true, "", "Petar Petrovic", json.Number("-1"), json.Number("1e9"), []any{}, []any{"z", "a"}, []any{"x", "x"}, map[string]any{}, map[string]any{"state": "not-asked"}}
	judged := 0
	for _, row := range s.Types() {
		h, doc := message(t, s, row.Name)
		head := map[string]any{}
		for name, v := range doc {
			if block, _, _ := gateway.SplitUnit(name); !slices.ContainsFunc(s.Blocks(), func(b schemas.Block) bool { return b.Name == block }) {
				head[name] = v
			}
		}
		if err := s.ValidateHead(row.Name, head); err != nil {
			t.Fatalf("%s: a good head is refused: %v", row.Name, err)
		}
		for _, name := range slices.Sorted(maps.Keys(head)) {
			if name == "codes" || name == "act" || name == "type" {
				continue // the release decides the schema, the blocks decide act
			}
			for _, v := range wrong {
				d, m := maps.Clone(doc), maps.Clone(head)
				d[name], m[name] = v, v
				same(t, s.Validate(h, d), s.ValidateHead(row.Name, m), row.Name+" "+name)
				judged++
			}
			d, m := maps.Clone(doc), maps.Clone(head)
			delete(d, name)
			delete(m, name)
			want, got := s.Validate(h, d), s.ValidateHead(row.Name, m)
			if slices.Contains([]string{"jti", "iat", "exp", "cnf", "thread"}, name) {
				want = nil
			}
			same(t, want, got, row.Name+" without "+name)
		}
	}
	if judged < 1000 {
		t.Errorf("judged %d heads only", judged)
	}
}

func same(t *testing.T, want, got error, what string) {
	t.Helper()
	var w, g gateway.Problem
	if want != nil {
		w = *gateway.AsProblem(want)
	}
	if got != nil {
		g = *gateway.AsProblem(got)
	}
	if w.Code != g.Code || w.Pointer != g.Pointer {
		t.Errorf("%s: alone %v, in its message %v", what, got, want)
	}
}

func TestAHeadHasNoContent(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, members := range map[string]map[string]any{
		"a member that nobody knows": {"name": "Petar"},
		"half a block":               {"subject": map[string]any{"name": "Petar"}},
	} {
		if err := s.ValidateHead("referral.request/1.0", members); gateway.AsProblem(err).Code != gateway.CodeSchema {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := s.ValidateHead("referral.request/9.0", nil); gateway.AsProblem(err).Code != gateway.CodeTypeUnknown {
		t.Errorf("an unknown type: got %v", err)
	}
	if err := s.ValidateHead("referral.request/1.0", map[string]any{"codes": "1999-01"}); gateway.AsProblem(err).Code != gateway.CodeCodesUnknown {
		t.Errorf("an unknown release: got %v", err)
	}
}
