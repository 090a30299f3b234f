package policy

import (
	"fmt"
	"slices"
	"strings"

	"example.org/trm/gateway"
)

// Kind is a type of message with the codes that it can have in act.
type Kind struct {
	gateway.Type
	Codes []string
}

// Matrix is what the policy decides about every type, recipient and question in each of the
// [Situations], for a lawyer to read and to sign. It is made by asking [Policy.Decide] and
// by nothing else; the same policy and types make the same matrix.
type Matrix struct {
	Release string  `json:"release"`
	Digest  string  `json:"digest"`
	Tables  []Table `json:"tables"`
	policy  *Policy
}

// Table is one type of message to those recipients, with those questions, about which the
// policy decides alike.
type Table struct {
	Type  string   `json:"type"`
	To    []string `json:"to"`              // role kinds
	Codes []string `json:"codes,omitempty"` // empty where it makes no difference which
	Units []string `json:"units"`           // what such a message can have; "aud" is the recipient's own role
	Cases []Case   `json:"cases"`
}

// Case is what is decided alike in some situations.
type Case struct {
	Situations []string `json:"situations"`
	Refused    string   `json:"refused,omitempty"` // the rule, and nothing else is filled in
	Cells      []Cell   `json:"cells,omitempty"`   // in the order of the table's units
	Overridden []string `json:"overridden,omitempty"`
}

// Cell is what becomes of one unit.
type Cell struct {
	Unit   string `json:"unit"`
	Leaves bool   `json:"leaves"`
	Rule   string `json:"rule,omitempty"` // by which it stays
}

// Usual is the world of the matrix: a pair that agreed every purpose, and roles to which the
// directory grants every class, so that what is withheld is withheld by these rules.
func Usual(purposes []string) Everyday {
	return Everyday{
		Pair: gateway.Pair{A: "ba", B: "rs", On: true, Articles: []string{"an-article-of-the-pair"}, Purposes: purposes},
		Classes: []gateway.Class{
			gateway.ClassC1, gateway.ClassC2, gateway.ClassP1, gateway.ClassP2, gateway.ClassP3,
		},
	}
}

// Matrix asks the policy about every kind of message.
func (p *Policy) Matrix(kinds []Kind, w Everyday) Matrix {
	m := Matrix{Release: p.release, Digest: p.digest, policy: p}
	for _, k := range kinds {
		m.Tables = append(m.Tables, p.tables(k, w)...)
	}
	return m
}

// tables are those of one type; recipients and questions that are decided alike share one.
func (p *Policy) tables(k Kind, w Everyday) []Table {
	codes := k.Codes
	if len(codes) == 0 {
		codes = []string{""}
	}
	var out []Table
	for _, to := range k.Receivers {
		byCases := make(map[string]int) // of this recipient: cases, written out -> index in out
		var mine []Table
		for _, code := range codes {
			t := Table{Type: k.Name, To: []string{to}, Codes: []string{code}}
			t.Units, t.Cases = p.cases(k.Type, code, to, w)
			key := fmt.Sprint(t.Units, t.Cases)
			if i, ok := byCases[key]; ok {
				mine[i].Codes = append(mine[i].Codes, code)
				continue
			}
			byCases[key] = len(mine)
			mine = append(mine, t)
		}
		for _, t := range mine {
			if len(t.Codes) == len(codes) {
				t.Codes = nil
			}
			i := slices.IndexFunc(out, func(o Table) bool {
				return slices.Equal(o.Codes, t.Codes) && fmt.Sprint(o.Units, o.Cases) == fmt.Sprint(t.Units, t.Cases)
			})
			if i >= 0 {
				out[i].To = append(out[i].To, to)
				continue
			}
			out = append(out, t)
		}
	}
	return out
}

// cases asks about each situation, and puts those together that are decided alike.
func (p *Policy) cases(t gateway.Type, code, to string, w Everyday) (units []string, cases []Case) {
	for _, s := range Situations() {
		if !s.of(t) {
			continue
		}
		q := s.question(t, code, to, w)
		c := caseOf(t, q, p.Decide(q))
		if units == nil {
			for _, u := range q.Units {
				units = append(units, shortened(t, q.Head.Audience, u))
			}
		}
		i := slices.IndexFunc(cases, func(o Case) bool {
			return o.Refused == c.Refused && slices.Equal(o.Cells, c.Cells) && slices.Equal(o.Overridden, c.Overridden)
		})
		if i < 0 {
			cases = append(cases, c)
			i = len(cases) - 1
		}
		cases[i].Situations = append(cases[i].Situations, s.Says)
	}
	return units, lastOfMost(cases)
}

// lastOfMost puts the case of most situations last, where it is read as what holds otherwise.
func lastOfMost(cases []Case) []Case {
	most := 0
	for i, c := range cases {
		if len(c.Situations) > len(cases[most].Situations) {
			most = i
		}
	}
	rest := cases[most]
	return append(slices.Delete(cases, most, most+1), rest)
}

// In says in which situations a case of the table holds: that of the most is what holds in
// every other.
func (t Table) In(i int) []string {
	c := t.Cases[i]
	switch {
	case len(t.Cases) == 1:
		return []string{"In every situation"}
	case i == len(t.Cases)-1:
		return []string{"In every other situation"}
	}
	return c.Situations
}

func caseOf(t gateway.Type, q gateway.Question, d gateway.Decision) Case {
	if d.Refusal != nil {
		return Case{Refused: d.Refusal.Rule}
	}
	c := Case{Overridden: d.Overridden}
	for _, u := range q.Units {
		cell := Cell{Unit: shortened(t, q.Head.Audience, u), Leaves: slices.Contains(d.Released, u)}
		for _, w := range d.Withheld {
			if w.Unit == u {
				cell.Rule = w.Rule
				// The message is nothing without it.
				if slices.Contains(t.Must, u) {
					return Case{Refused: w.Rule}
				}
			}
		}
		c.Cells = append(c.Cells, cell)
	}
	return c
}

// shortened writes "aud" for the recipient's own role, so that recipients can share a table.
func shortened(t gateway.Type, aud gateway.Party, unit string) string {
	for _, sb := range t.Sealed {
		if sb.Role == "aud" && sb.Unit(aud) == unit {
			return sb.Block + "@aud"
		}
	}
	return unit
}

// Named are the ids of the rules that the matrix names, sorted.
func (m Matrix) Named() []string {
	var out []string
	for _, t := range m.Tables {
		for _, c := range t.Cases {
			out = append(out, c.Refused)
			out = append(out, c.Overridden...)
			for _, cell := range c.Cells {
				out = append(out, cell.Rule)
			}
		}
	}
	out = slices.DeleteFunc(out, func(s string) bool { return s == "" })
	slices.Sort(out)
	return slices.Compact(out)
}

// Heading says what a table is about.
func (t Table) Heading() string {
	s := t.Type + " to " + strings.Join(t.To, ", ")
	if len(t.Codes) > 0 {
		s += ": " + strings.Join(t.Codes, ", ")
	}
	return s
}
