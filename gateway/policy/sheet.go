package policy

import (
	"bufio"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"example.org/trm/gateway"
)

// How the matrix is read, in every form in which it is written.
const (
	sheetTitle = "What may leave: the data minimisation rules, case by case"
	sheetIntro = "Each table is one type of message to the recipients named. Each row says what the policy decides in the situations beside it: " +
		"which parts leave the sender's country, which stay and by which rule, or by which rule the message does not travel at all. " +
		"What ends in @aud is sealed to the recipient itself, in @role to that role in its country; a part without @ is coded and pseudonymous. " +
		"Where a row says nothing else, everything that can be attested is attested, and purpose and article are of the pair. " +
		"What the directory does not grant a role it does not get, whatever stands here. " +
		"The tables are made by asking the policy itself; nobody wrote them."
	sheetSign = "I have read these tables and the rules that they name. They are the rules whose release and digest stand above."
)

// spoken is a rule as the sheet lists it.
type spoken struct {
	Rule
	Laws []string // full titles
}

// spoken are all rules with the full titles of what they rest on.
func (p *Policy) spoken() []spoken {
	out := make([]spoken, len(p.rules))
	for i, r := range p.rules {
		out[i].Rule = r
		for _, l := range r.Law {
			out[i].Laws = append(out[i].Laws, p.sources[l])
		}
	}
	return out
}

// WriteText writes the matrix for a terminal.
func (m Matrix) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\nRelease %s, digest %s\n\n", sheetTitle, m.Release, m.Digest)
	wrap(b, "", sheetIntro)
	b.WriteString("\nThe situations\n")
	for i, s := range Situations() {
		wrap(b, fmt.Sprintf("%4d  ", i+1), s.Says)
	}
	for _, t := range m.Tables {
		fmt.Fprintf(b, "\n== %s\n", t.Heading())
		for i, c := range t.Cases {
			for _, s := range t.In(i) {
				fmt.Fprintf(b, "  %s\n", s)
			}
			for _, line := range c.lines() {
				fmt.Fprintf(b, "      %s\n", line)
			}
		}
	}
	b.WriteString("\n== The rules\n")
	for _, r := range m.policy.spoken() {
		fmt.Fprintf(b, "\n%s (%s, by the %s)\n", r.ID, r.Effect, r.Enforcer)
		wrap(b, "  ", r.Says)
		for _, l := range r.Laws {
			wrap(b, "  law: ", l)
		}
		if len(r.Override) > 0 {
			fmt.Fprintf(b, "  may be overridden for: %s\n", strings.Join(r.Override, ", "))
		}
	}
	fmt.Fprintf(b, "\n== Signatures\n\n%s\n\n", sheetSign)
	for _, c := range gateway.Countries {
		fmt.Fprintf(b, "%-24s  name ______________________  date ____________  signature ______________________\n", c.Name())
	}
	fmt.Fprintf(b, "\n%s\n", gateway.FootnoteXK)
	return b.Flush()
}

// lines say a case in words.
func (c Case) lines() []string {
	if c.Refused != "" {
		return []string{"does not travel: " + c.Refused}
	}
	var leaves, out []string
	stays := make(map[string][]string)
	for _, cell := range c.Cells {
		if cell.Leaves {
			leaves = append(leaves, cell.Unit)
		} else {
			stays[cell.Rule] = append(stays[cell.Rule], cell.Unit)
		}
	}
	out = append(out, "leaves: "+orHead(leaves))
	for _, cell := range c.Cells {
		if units := stays[cell.Rule]; !cell.Leaves && len(units) > 0 {
			out = append(out, "stays:  "+strings.Join(units, ", ")+" ("+cell.Rule+")")
			delete(stays, cell.Rule)
		}
	}
	if len(c.Overridden) > 0 {
		out = append(out, "overridden: "+strings.Join(c.Overridden, ", "))
	}
	return out
}

func orHead(leaves []string) string {
	if len(leaves) == 0 {
		return "the head alone"
	}
	return strings.Join(leaves, ", ")
}

// wrap folds a text at about a hundred characters, the lines after the first indented like
// it.
func wrap(b *bufio.Writer, lead, s string) {
	indent := strings.Repeat(" ", len(lead))
	n := len(lead)
	b.WriteString(lead)
	for i, word := range strings.Fields(s) {
		if i > 0 && n+1+len(word) > 100 {
			b.WriteString("\n" + indent)
			n = len(indent)
		} else if i > 0 {
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	b.WriteByte('\n')
}

// WriteMarkdown writes the matrix as Markdown.
func (m Matrix) WriteMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "# %s\n\nRelease %s, digest `%s`\n\n%s\n\n", sheetTitle, m.Release, m.Digest, sheetIntro)
	for i, s := range Situations() {
		fmt.Fprintf(b, "%d. %s\n", i+1, s.Says)
	}
	for _, t := range m.Tables {
		fmt.Fprintf(b, "\n## %s\n\n| situation | decision |\n| --- | --- |\n", t.Heading())
		for i, c := range t.Cases {
			fmt.Fprintf(b, "| %s | %s |\n", strings.Join(t.In(i), "<br>"), strings.Join(c.lines(), "<br>"))
		}
	}
	b.WriteString("\n# The rules\n")
	m.policy.list(b)
	fmt.Fprintf(b, "\n# Signatures\n\n%s\n\n| country | name | date | signature |\n| --- | --- | --- | --- |\n", sheetSign)
	for _, c := range gateway.Countries {
		fmt.Fprintf(b, "| %s | | | |\n", strings.ReplaceAll(c.Name(), "*", `\*`))
	}
	fmt.Fprintf(b, "\n%s\n", strings.Replace(gateway.FootnoteXK, "*", `\*`, 1))
	return b.Flush()
}

// list writes every rule as Markdown.
func (p *Policy) list(b *bufio.Writer) {
	for _, r := range p.spoken() {
		fmt.Fprintf(b, "\n### %s\n\n%s\n\n", r.ID, r.Says)
		fmt.Fprintf(b, "- %s\n", capital(effects[r.Effect]))
		if r.Effect == Duty {
			fmt.Fprintf(b, "- Kept by: the %s. Nobody on the way can see it, so it stands before the eyes of whoever keeps it: %s\n", r.Enforcer, list(r.Shown, places))
		} else {
			fmt.Fprintf(b, "- Kept by: the %s, and the sender's own tool before it\n", r.Enforcer)
		}
		for _, l := range r.Laws {
			fmt.Fprintf(b, "- Law: %s\n", l)
		}
		if len(r.Override) > 0 {
			fmt.Fprintf(b, "- Two people may override it for: %s\n", strings.Join(r.Override, ", "))
		}
		if r.Effect != Duty {
			decides, passes := "Holds", "Does not hold"
			if r.Effect == Allow {
				decides, passes = "Lets leave", "Lets not leave"
			}
			fmt.Fprintf(b, "- %s, for example: %s. %s: %s.\n", decides, r.Examples.Decides.Says, passes, r.Examples.Passes.Says)
		}
		if r.Fix != "" {
			fmt.Fprintf(b, "- What to do: %s\n", r.Fix)
		}
	}
}

var effects = map[Effect]string{
	Refuse: "the message does not travel", Withhold: "the part does not leave, whatever else allows it",
	Allow: "the part may leave", Duty: "a duty of an office",
}

var places = map[Place]string{
	InPreview: "the preview, before a message is signed", AtOpening: "beside a message that was opened", AtReview: "in the report of overrides",
}

func list(shown []Place, words map[Place]string) string {
	out := make([]string, len(shown))
	for i, s := range shown {
		out[i] = words[s]
	}
	return strings.Join(out, "; ")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// WriteRules writes every rule as Markdown: the reference page.
func (p *Policy) WriteRules(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, `# The rules

<!-- Generated from gateway/policy/policy.yaml: go test ./gateway/policy -update -->

What may leave, in the words of the rules themselves (release %s). Whatever no rule allows stays with its sender. First it is asked
whether a message may travel, then of each part whether a rule withholds it, then whether one allows it; of several, the first here is
named. The rules see the head, the names of parts and what the conversation established, never content. Each is tested on both of its
examples, and none can be taken away without one of them being decided otherwise. `+"`trm policy explain RULE`"+` says one,
`+"`trm policy explain --draft FILE`"+` says why each part of a draft leaves or stays, and `+"`trm policy matrix`"+` is the page to sign.

What a conversation established is a closed list: whether a referral was accepted or declined, whether the case is closed, whether the
agreement was withdrawn (at either side; only a change of consent gives it back), and whether the person came of age (nothing takes that
back: where it was said in error, a new conversation begins).

## Setting a rule aside

Some rules can be overridden, for the reasons that they name, and never for another. The officer writes the reason into the head
(`+"`override`"+`, in requests and answers); it sets aside whatever lets itself be set aside for that reason, and nothing else: no part goes
to a role that no rule allows it for. A second person of the same party signs an approval (typ `+"`trm-approval+jwt`"+`, key use approval)
that names the message, the SHA-256 of its exact bytes, the reason and each rule, and posts it to `+"`/v1/approvals`"+`
(`+"`trm approve`, `trm send --approval`"+`; an adapter hands out the bytes at `+"`/v1/outbox/{jti}/envelope`"+`, takes the approval at `+"`/v1/approvals`"+` and
passes it on). Without it the gateway answers `+"`approval-missing`"+`, records nothing, and takes the same bytes once
it is there. In the urgent lane it may follow within 24 hours; after that the gateway signs `+"`OverrideUnapproved`"+`, tells its operator, and the
override stays unapproved. Within 72 hours the sender looks at it again and signs what that came to
(`+"`trm approve --review`"+`). Each step is an entry of the log. `+"`trm report overrides`"+` lists a month for the country's own coordinator and auditor.
The recipient sees the reason and no more: not which rules, not the approval. What a missing attestation would tell is never overridden.

## The rules, one by one
`, p.release)
	p.list(b)
	b.WriteString("\n## What they rest on\n\n")
	for _, key := range sortedKeys(p.sources) {
		fmt.Fprintf(b, "- `%s` %s\n", key, p.sources[key])
	}
	return b.Flush()
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

//go:embed sheet.html
var sheetHTML string

// WriteHTML writes the matrix as one HTML file that needs nothing else, for a screen and for
// paper.
func (m Matrix) WriteHTML(w io.Writer) error {
	t, err := template.New("sheet").Funcs(template.FuncMap{
		"join": func(l []string) string { return strings.Join(l, ", ") },
		"text": func(e Effect) string { return effects[e] },
	}).Parse(sheetHTML)
	if err != nil {
		return fmt.Errorf("writing the matrix: %w", err)
	}
	err = t.Execute(w, struct {
		Matrix
		Title, Intro, Sign, Footnote string
		Rules                        []spoken
		Situations                   []Situation
		Countries                    []gateway.Country
	}{m, sheetTitle, sheetIntro, sheetSign, gateway.FootnoteXK, m.policy.spoken(), Situations(), gateway.Countries[:]})
	if err != nil {
		return fmt.Errorf("writing the matrix: %w", err)
	}
	return nil
}
