package generate

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/schemas/internal/table"
)

// page is a page in Markdown that is being written.
type page struct{ bytes.Buffer }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) row(cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	p.line("| %s |", strings.Join(cells, " | "))
}

func (p *page) table(head ...string) {
	p.line("")
	p.row(head...)
	p.line("|%s", strings.Repeat(" --- |", len(head)))
}

const made = "<!-- Made by go generate ./schemas from types.csv, blocks, codes and examples. Do not edit. -->"

func pageName(r table.Row) string { return r.Topic + "." + r.Frame + ".md" }

// typePage explains a type: what it is, who sends it, what it carries, who sees what.
func (s *Source) typePage(r table.Row, schema node) []byte {
	p := &page{}
	p.line("%s\n\n# %s\n\n%s", made, r.Name, r.About)
	p.table("", "")
	p.row("frame", r.Frame+": "+text(s.Frames[r.Frame], "description"))
	p.row("from", words(r.Senders))
	p.row("to", words(r.Receivers))
	p.row("due", due(r.Due))
	for _, code := range slices.Sorted(maps.Keys(r.Terms)) {
		p.row("due, "+code, due(r.Terms[code]))
	}
	p.row("closed by", link(s, r.Answer))
	p.row("needs in the head", words(r.Bases))
	p.row("may attest", words(r.Attests))
	p.row("lives at most", days(r.MaxLife))
	p.row("kept", days(r.Retention))
	p.row("`_sd` has", fmt.Sprintf("%d digests, decoys included", r.Digests))

	if len(r.Codes) > 0 {
		what := map[string]string{"request": "Questions", "answer": "Answers to", "notice": "Reports", "change": "Changes"}[r.Frame]
		p.line("\n## %s\n\nThe head's `act` lists these codes, sorted.", what)
		p.table("code", "text")
		for _, c := range r.Codes {
			p.row("`"+c+"`", s.textOf(c, "askCode", "act"))
		}
	}
	if len(r.Outcomes) > 0 {
		p.line("\n## Outcomes")
		p.table("outcome", "text")
		for _, c := range r.Outcomes {
			p.row("`"+c+"`", s.textOf(c, "outcome"))
		}
	}
	s.carried(p, r, schema)
	s.seen(p, r)
	p.line("\n## Example\n\nA draft, as an officer's system writes it. The people are invented.\n\n```json\n%s```", s.examples[r.Name])
	return p.Bytes()
}

// carried lists the blocks, and their members as this type narrows them.
func (s *Source) carried(p *page, r table.Row, schema node) {
	p.line("\n## What it carries")
	p.table("part", "class", "", "what")
	props := schema["properties"].(node)
	for _, b := range r.Must {
		p.row(blockLink(b), "C1", "always", text(s.Blocks[b], "description"))
	}
	for _, b := range r.May {
		p.row(blockLink(b), "C1", "optional", text(s.Blocks[b], "description"))
	}
	for _, sb := range r.Sealed {
		p.row(blockLink(sb.Block)+" sealed to "+reader(sb.Role), string(sb.Class), presence(sb)+fmt.Sprintf(", %d KiB", sb.Size/1024), text(s.Blocks[sb.Block], "description"))
	}
	if n, ok := props["report"].(node); ok {
		p.line("\nIts report says:")
		members(p, n)
	}
	if len(r.Fields) > 0 {
		p.line("\nUnits of their own, which a rule can withhold without the rest of the block:")
		for _, b := range slices.Sorted(maps.Keys(r.Fields)) {
			for _, f := range r.Fields[b] {
				p.line("- `%s/%s`", b, f)
			}
		}
	}
}

func presence(sb gateway.SealedBlock) string {
	if sb.Role == "aud" {
		return "optional"
	}
	return "always there, over {} where there is nothing to say, unless that role is the recipient"
}

func reader(role string) string {
	if role == "aud" {
		return "the recipient"
	}
	return role
}

// seen says who can read what, which is the question that officers ask first.
func (s *Source) seen(p *page, r table.Row) {
	p.line("\n## Who sees what")
	p.table("who", "sees")
	p.row("the gateway", "the head and the clear parts, in memory; of a sealed part its size and the role it is for")
	own, others := []string{}, map[string][]string{}
	for _, sb := range r.Sealed {
		if sb.Role == "aud" {
			own = append(own, sb.Block)
			continue
		}
		others[sb.Role] = append(others[sb.Role], sb.Block)
	}
	recipient := "the head and the clear parts that policy lets through"
	if len(own) > 0 {
		recipient += "; and opens " + words(own) + ", where policy lets them through"
	}
	p.row("the recipient", recipient)
	for _, role := range slices.Sorted(maps.Keys(others)) {
		p.row(role+" in the recipient's country", "opens "+words(others[role])+", which the recipient itself cannot")
	}
	p.row("SELEC, auditors", "that a message passed and when; nothing of its content")
}

// members lists the members of an object, the required ones first.
func members(p *page, n node) {
	p.table("member", "class", "", "what", "values")
	props := n["properties"].(node)
	required := texts(n["required"])
	names := slices.SortedFunc(maps.Keys(props), func(a, b string) int {
		ra, rb := slices.Contains(required, a), slices.Contains(required, b)
		if ra != rb {
			if ra {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		m := props[name].(node)
		need := "optional"
		if slices.Contains(required, name) {
			need = "required"
		}
		p.row("`"+name+"`", text(m, "x-class"), need, text(m, "description"), takes(m))
	}
}

// takes says what a member may hold.
func takes(n node) string {
	if list, ok := n[listName].(string); ok {
		var links []string
		for _, l := range strings.Split(list, "|") {
			links = append(links, "["+l+"](codes.md#"+strings.ToLower(l)+")")
		}
		return strings.Join(links, " or ")
	}
	switch {
	case n["type"] == "array":
		return fmt.Sprintf("up to %v of: %s", n["maxItems"], takes(n["items"].(node)))
	case n["type"] == "object":
		return "members " + words(slices.Sorted(maps.Keys(n["properties"].(node))))
	case n["enum"] != nil:
		return codes(n)
	case n["format"] != nil:
		return text(n, "format")
	case n["pattern"] != nil:
		return "`" + text(n, "pattern") + "`"
	case n["maxLength"] != nil:
		return fmt.Sprintf("at most %v characters", n["maxLength"])
	case n["maximum"] != nil:
		return fmt.Sprintf("%v to %v", n["minimum"], n["maximum"])
	}
	return text(n, "type")
}

func (s *Source) textOf(code string, lists ...string) string {
	for _, l := range s.Lists {
		if slices.Contains(lists, l.Name) {
			if c, ok := l.Find(code); ok {
				return c.En
			}
		}
	}
	return ""
}

func link(s *Source, typ string) string {
	for _, r := range s.Rows {
		if r.Name == typ {
			return "[" + typ + "](" + pageName(r) + ")"
		}
	}
	return "–"
}

func blockLink(b string) string { return "[" + b + "](blocks.md#" + b + ")" }

func words(list []string) string {
	if len(list) == 0 {
		return "–"
	}
	return strings.Join(list, ", ")
}

func due(d gateway.Due) string {
	if d.Normal.N == 0 {
		return "–"
	}
	return fmt.Sprintf("%s; child %s; urgent %s", term(d.Normal), term(d.Child), term(d.Urgent))
}

func term(t gateway.Term) string {
	unit := map[string]string{"h": "hours", "d": "days", "wd": "working days"}[t.Unit]
	if t.N == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	return fmt.Sprintf("%d %s", t.N, unit)
}

func days(d time.Duration) string { return fmt.Sprintf("%d days", int(d/(24*time.Hour))) }

func text(n node, member string) string {
	t, _ := n[member].(string)
	return t
}
