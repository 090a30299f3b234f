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
	if p.Refused != nil {
		p.Refused.write(b)
	}
	if p.Refused != nil && len(p.Readers) > 0 {
		b.WriteString("\nOnce that is put right:\n")
	}
	for _, u := range p.Unreached {
		b.WriteString("\n")
		fold(b, "", unreached(u))
	}
	for _, r := range p.Readers {
		r.write(b)
	}
	if len(p.Found) > 0 {
		b.WriteString("\nThe note would tell\n")
	}
	for _, f := range p.Found {
		entry(b, string(f.Kind), f.Where()+" of "+f.Pointer)
	}
	if len(p.Deprecated) > 0 {
		b.WriteString("\nOn their way out\n")
	}
	for _, d := range p.Deprecated {
		entry(b, d.List, fmt.Sprintf("at %s, accepted until %s at least; trm codes %s says what to write instead", d.Pointer, d.Until, d.List))
	}
	if len(p.Readers) > 0 {
		b.WriteString("\nStays here\n")
		if len(p.Withheld) == 0 {
			b.WriteString("  nothing of this draft\n")
		}
	}
	for _, h := range p.Withheld {
		entry(b, h.Unit, h.Rule+": "+h.Says)
	}
	if len(p.Overridden) > 0 {
		b.WriteString("\nOverridden: a second person approves it before it is sent (in the urgent lane, within 24 hours)\n")
	}
	for _, o := range p.Overridden {
		entry(b, o.Rule, o.Says)
	}
	b.WriteString("\nWhat the office keeps by itself\n")
	for _, s := range p.Never {
		fold(b, "  - ", s)
	}
	if p.From.Country() == "xk" || p.To.Country() == "xk" {
		b.WriteString("\n")
		fold(b, "", gateway.FootnoteXK)
	}
	return b.Flush()
}

// unreached says whom to telephone.
func unreached(u gateway.Unreached) string {
	s := "Telephone: " + string(u.Party) + " has no reachable channel."
	switch u.Why {
	case gateway.NotTold:
		s = "Telephone: " + string(u.Party) + " could not tell its people of the last message."
	case gateway.NoTelephone:
		s = string(u.Party) + " has no duty telephone."
	}
	if u.Telephone != "" {
		s += " The duty telephone is " + u.Telephone + "."
	}
	return s
}

func (r *Refused) write(b *bufio.Writer) {
	who := "The gateway would refuse it"
	if r.Code == gateway.CodeNoteIdentifies {
		who = "This desk does not sign it"
	}
	fmt.Fprintf(b, "\n%s: %s (%s)\n", who, r.Title, r.Code)
	if r.Pointer != "" {
		entry(b, "where", r.Pointer)
	}
	entry(b, "what to do", r.Fix)
	if r.Rule != "" {
		entry(b, "rule", r.Rule+": "+r.Says)
	}
}

func (r Reader) write(b *bufio.Writer) {
	fmt.Fprintf(b, "\n%s sees", r.Party)
	if r.Name != "" {
		fmt.Fprintf(b, " (%s)", r.Name)
	}
	b.WriteString("\n")
	entry(b, "head", "who, to whom, when, which conversation, on which ground")
	for _, p := range r.Parts {
		text := strings.Join(p.Fields, ", ")
		if p.Sealed {
			text = "sealed: " + text
		}
		entry(b, p.Unit, text)
	}
	if len(r.Parts) == 0 {
		b.WriteString("  and nothing more\n")
	}
	if len(r.Closed) > 0 {
		entry(b, "cannot open", strings.Join(r.Closed, ", ")+" (there in every message of this type, full or empty)")
	}
	if len(r.Never) > 0 {
		entry(b, "never gets", strings.Join(r.Never, ", "))
	}
}

// entry writes a name and what is said of it, in two columns.
func entry(b *bufio.Writer, name, text string) { fold(b, fmt.Sprintf("  %-26s ", name), text) }

// fold writes a text after its label in lines of at most 100 characters.
func fold(b *bufio.Writer, label, text string) {
	const width = 100
	line, indent := label, strings.Repeat(" ", len(label))
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
