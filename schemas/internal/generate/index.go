package generate

import (
	"maps"
	"slices"
	"strings"

	"example.org/trm/gateway"
	"example.org/trm/schemas/internal/table"
)

// indexPage lists the types and what else there is to read.
func (s *Source) indexPage() []byte {
	p := &page{}
	p.line("%s\n\n# Messages\n", made)
	p.line("Release %s of the code lists. What a message is made of: [blocks](blocks.md), [codes](codes.md). The words of the law in the languages of the region: [glossary](glossary.md).", s.Release)
	p.line("\nFour frames: a *request* is closed by an answer, a *notice* by somebody taking it on, a *change* by what was done about it.")
	p.table("type", "what", "due", "closed by")
	for _, r := range s.Rows {
		p.row("["+r.Name+"]("+pageName(r)+")", r.About, due(r.Due), link(s, r.Answer))
	}
	p.line("\nTerms start at delivery; working days are those of the receiver's calendar.")
	p.line("\n## Classes")
	p.table("class", "what", "where")
	p.row("E", "the head: pseudonymous, not anonymous", "clear")
	p.row("C1", "pseudonymous and coded", "clear")
	p.row("C2", "characteristics that identify where few people live", "sealed")
	p.row("P1", "identifiers", "sealed")
	p.row("P2", "health and other high harm", "sealed")
	p.row("P3", "protective location and movement", "sealed")
	p.line("\n## Countries")
	p.table("code", "name")
	for _, c := range gateway.Countries {
		p.row("`"+string(c)+"`", c.Name())
	}
	p.line("\n%s", gateway.FootnoteXK)
	return p.Bytes()
}

// blocksPage explains every block and its members.
func (s *Source) blocksPage() []byte {
	p := &page{}
	p.line("%s\n\n# Blocks\n", made)
	p.line("Clear blocks hold codes only. Sealed ones are closed to the role that needs them; `{}` is what is sealed where there is nothing to say.")
	for _, name := range slices.Sorted(maps.Keys(s.Blocks)) {
		b := s.Blocks[name]
		state := "clear"
		if text(b, "x-class") != string(gateway.ClassC1) {
			state = "sealed"
		}
		p.line("\n## %s\n\n%s Class %s, %s.", name, text(b, "description"), text(b, "x-class"), state)
		entry, keyed := b["additionalProperties"].(node)
		if keyed {
			p.line("\nUp to %v entries, each under a local id of 6 to 12 random letters and digits (`%s`).", b["maxProperties"], text(b["propertyNames"].(node), "pattern"))
			b = entry
		}
		members(p, b)
		for _, m := range slices.Sorted(maps.Keys(b["properties"].(node))) {
			items, ok := b["properties"].(node)[m].(node)["items"].(node)
			if ok && items["type"] == "object" {
				p.line("\nEach of `%s`:", m)
				members(p, items)
			}
		}
	}
	return p.Bytes()
}

// codesPage prints the code lists with their crosswalks.
func (s *Source) codesPage() []byte {
	p := &page{}
	p.line("%s\n\n# Codes, release %s\n", made, s.Release)
	p.line("Beside each code: the value of HTCDS 2.0 and the variable or value of the CTDC codebooks that comes nearest. The tables of IC-TIP are not public yet: every crosswalk to it is to be confirmed. Texts in the languages of the region: `trm codes LIST --lang mk`.")
	for _, l := range s.Lists {
		p.line("\n## %s\n\n%s.", l.Name, l.About)
		if l.Codes[0].Traits != nil {
			traits(p, l)
			continue
		}
		p.table("code", "text", "HTCDS", "CTDC")
		for _, c := range l.Codes {
			p.row("`"+c.ID+"`", c.En+ending(c), c.HTCDS, c.CTDC)
		}
	}
	return p.Bytes()
}

// traits prints a list whose codes belong somewhere: the indicators.
func traits(p *page, l table.List) {
	p.line("\nThe sector is the form of exploitation that the sign points to, or any; the group, in whom it is observed; the phases, those of the mechanism in which it usually is. An indicator from *regional* has no published list behind it and waits for the coordinators.")
	p.table("code", "text", "sector", "group", "child", "phases", "source", "HTCDS")
	for _, c := range l.Codes {
		t := c.Traits
		if t == nil {
			t = &table.Traits{}
		}
		p.row("`"+c.ID+"`", c.En+ending(c), t.Sector, t.Group, t.Child, strings.Join(t.Phases, ", "), t.Source, c.HTCDS)
	}
}

// ending says that a code is on its way out.
func ending(c table.Code) string {
	switch {
	case c.Until == "":
		return ""
	case c.Instead == "":
		return " (deprecated until " + c.Until + ")"
	}
	return " (deprecated until " + c.Until + ", write `" + c.Instead + "`)"
}
