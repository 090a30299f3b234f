package generate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"example.org/trm/schemas/internal/table"
)

// skeletonDraft is a draft to fill in, its members in the order in which an officer
// thinks of them.
type skeletonDraft struct {
	Type        string          `json:"type"`
	From        string          `json:"from"`
	To          string          `json:"to"`
	Thread      string          `json:"thread,omitempty"`
	InReplyTo   string          `json:"inReplyTo,omitempty"`
	Target      string          `json:"target,omitempty"`
	Lane        string          `json:"lane"`
	Purpose     string          `json:"purpose"`
	Basis       string          `json:"basis,omitempty"`
	Agreement   node            `json:"agreement,omitempty"`
	Attests     []string        `json:"attests,omitempty"`
	Act         []string        `json:"act,omitempty"`
	Outcome     string          `json:"outcome,omitempty"`
	EffectiveAt string          `json:"effectiveAt,omitempty"`
	AckBy       string          `json:"ackBy,omitempty"`
	AnswerBy    string          `json:"answerBy,omitempty"`
	Blocks      map[string]node `json:"blocks"`
	Sealed      map[string]node `json:"sealed,omitempty"`
}

// skeleton writes a draft of a type in which every value is a place to fill in. It is
// not valid before that, on purpose: a default about a person is a claim about a person.
func (s *Source) skeleton(r table.Row, schema node) ([]byte, error) {
	props := schema["properties"].(node)
	required := texts(schema["required"])
	place := func(member string) string {
		p, ok := props[member].(node)
		if !ok {
			return ""
		}
		return fill(p, slices.Contains(required, member) || slices.Contains(r.Bases, member)).(string)
	}
	d := skeletonDraft{
		Type: r.Name, From: choice("country/role", r.Senders), To: choice("country/role", r.Receivers),
		Thread: "<thread; leave out to begin a new one>", InReplyTo: place("inReplyTo"), Target: place("target"),
		Lane: place("lane"), Purpose: place("purpose"), Outcome: place("outcome"),
		EffectiveAt: place("effectiveAt"), AckBy: place("ackBy"), AnswerBy: place("answerBy"), Blocks: map[string]node{},
	}
	if slices.Contains(r.Bases, "basis") {
		d.Basis = place("basis")
	}
	if slices.Contains(r.Bases, "agreement") {
		d.Agreement = fill(props["agreement"].(node), true).(node)
	}
	if len(r.Attests) > 0 {
		d.Attests = []string{choice("if true", r.Attests)}
	}
	if r.Frame == "notice" || r.Frame == "change" {
		d.Act = []string{choice("one of", r.Codes)}
	}
	for _, b := range append(slices.Clone(r.Must), r.May...) {
		d.Blocks[b] = fill(props[b].(node), true).(node)
	}
	for _, sb := range r.Sealed {
		if d.Sealed == nil {
			d.Sealed = map[string]node{}
		}
		role := sb.Role
		if role == "aud" {
			role = "<role of to>"
		}
		d.Sealed[sb.Block+"@"+role] = fill(s.Blocks[sb.Block], true).(node)
	}
	return indent(d)
}

// fill is what stands in the place of a value until somebody writes it.
func fill(n node, required bool) any {
	props, _ := n["properties"].(node)
	entry, keyed := n["additionalProperties"].(node)
	switch {
	case keyed:
		return node{"<6 to 12 random a-z, 0-9>": fill(entry, true)}
	case n["type"] == "object":
		out := node{}
		must := texts(n["required"])
		for name, p := range props {
			out[name] = fill(p.(node), slices.Contains(must, name))
		}
		return out
	case n["type"] == "array":
		return []any{fill(n["items"].(node), true)}
	}
	words := "text"
	switch {
	case n["enum"] != nil:
		words = codes(n)
	case n["format"] != nil:
		words = n["format"].(string)
	case n["pattern"] != nil:
		words = n["pattern"].(string)
	case n["type"] != "string":
		words = n["type"].(string)
		if words == "boolean" {
			words = "true | false"
		}
	}
	if !required {
		words += "; optional"
	}
	return "<" + words + ">"
}

// codes lists the codes of a short enum; a long one is named by its list.
func codes(n node) string {
	enum := n["enum"].([]any)
	if list, ok := n[listName].(string); ok && len(enum) > 12 {
		return "code of the list " + list
	}
	words := make([]string, len(enum))
	for i, c := range enum {
		words[i] = code(c)
	}
	return strings.Join(words, " | ")
}

func code(c any) string {
	if f, ok := c.(float64); ok {
		c = json.Number(fmt.Sprintf("%g", f))
	}
	return fmt.Sprint(c)
}

func choice(what string, of []string) string {
	return "<" + what + ": " + strings.Join(of, " | ") + ">"
}
