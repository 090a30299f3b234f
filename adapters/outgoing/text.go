package outgoing

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"example.org/trm/gateway"
)

// WriteText writes the preview for a person to read, on a terminal or on paper.
func (p Preview) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s from %s to %s\n", p.Type, p.From, p.To)
	if r := p.Refused; r != nil {
		fmt.Fprintf(b, "\nThe gateway would refuse it: %s (%s)\n", r.Title, r.Code)
		if r.Pointer != "" {
			fmt.Fprintf(b, "  where     %s\n", r.Pointer)
		}
		fold(b, "  what to do", r.Fix)
		if r.Rule != "" {
			fold(b, "  rule", r.Rule+": "+r.Says)
		}
	}
	footnote := p.From.Country() == "xk" || p.To.Country() == "xk"
	for _, r := range p.Readers {
		r.write(b)
	}
	b.WriteString("\nStays here\n")
	if len(p.Withheld) == 0 {
		b.WriteString("  nothing of this draft\n")
	}
	for _, h := range p.Withheld {
		fold(b, "  "+h.Unit, h.Rule+": "+h.Says)
	}
	b.WriteString("\nNever leaves\n")
	for _, s := range p.Never {
		fold(b, "  -", s)
	}
	if footnote {
		fmt.Fprintf(b, "\n%s\n", gateway.FootnoteXK)
	}
	return b.Flush()
}

func (r Reader) write(b *bufio.Writer) {
	fmt.Fprintf(b, "\n%s sees", r.Party)
	if r.Name != "" {
		fmt.Fprintf(b, " (%s)", r.Name)
	}
	b.WriteString("\n")
	fold(b, "  head", "who, to whom, when, which conversation, on which ground")
	for _, p := range r.Parts {
		name := "  " + p.Unit
		if p.Sealed {
			name += " (sealed to it)"
		}
		fold(b, name, strings.Join(p.Fields, ", "))
	}
	if len(r.Parts) == 0 {
		b.WriteString("  and nothing more\n")
	}
	if len(r.Closed) > 0 {
		fold(b, "  cannot open", strings.Join(r.Closed, ", ")+" (there in every message of this type, full or empty)")
	}
	if len(r.Never) > 0 {
		fold(b, "  never gets", strings.Join(r.Never, ", "))
	}
}

// fold writes a label and a text of lines of at most 100 characters.
func fold(b *bufio.Writer, label, text string) {
	const width, column = 100, 16
	line := label + strings.Repeat(" ", max(1, column-len(label)))
	indent := strings.Repeat(" ", column)
	for i, word := range strings.Fields(text) {
		if i > 0 && len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line = indent + word
			continue
		}
		if i > 0 {
			line += " "
		}
		line += word
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
