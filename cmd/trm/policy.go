package main

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
	"example.org/trm/schemas"
)

func (a *app) policyCommand() *cobra.Command {
	c := group(&cobra.Command{Use: "policy", Short: "The rules of data minimisation, in plain words"})
	c.AddCommand(a.policyListCommand(), a.policyExplainCommand(), a.policyMatrixCommand())
	return c
}

func (a *app) policyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List every rule",
		Long: `list prints every rule of the policy in its own words and in the order in which they are asked, with who
keeps it.`,
		Example: "  trm policy list",
		Args:    args(),
		RunE: func(*cobra.Command, []string) error {
			p, err := policy.Default()
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, p.Rules())
				return nil
			}
			for _, r := range p.Rules() {
				a.printf("%s  (kept by the %s)\n", r.ID, r.Enforcer)
				a.paragraph("    ", r.Says)
			}
			return nil
		},
	}
}

func (a *app) policyExplainCommand() *cobra.Command {
	var draft string
	var accepted bool
	c := &cobra.Command{
		Use:   "explain [RULE]",
		Short: "Explain one rule and its legal basis, or why each part of a draft leaves or stays",
		Long: `explain says one rule in plain words: what it rests on, who keeps it, a message that it decides and one
that it lets pass, and for which reasons two people may set it aside.

With --draft it says of each part of a draft (plain JSON; - for standard input) which rule lets it leave or
keeps it here, or which rule refuses the message, and what would let it travel.`,
		Example: "  trm policy explain names-after-acceptance\n  trm policy explain --draft draft.json",
		Args:    args("[RULE]"),
		RunE: func(c *cobra.Command, args []string) error {
			if (len(args) == 1) == (draft != "") {
				return usage("%[1]s takes RULE or --draft FILE; see %[1]s --help", c.CommandPath())
			}
			if draft != "" {
				return a.explainDraft(draft, gateway.ThreadFacts{Accepted: accepted})
			}
			p, err := policy.Default()
			if err != nil {
				return err
			}
			r, ok := p.Rule(args[0])
			if !ok {
				return usage("no rule has that id; trm policy list prints them")
			}
			if a.json {
				a.printJSON(a.out, r)
				return nil
			}
			a.explainRule(p, r)
			return nil
		},
	}
	c.Flags().StringVar(&draft, "draft", "", "a draft, instead of a rule")
	c.Flags().BoolVar(&accepted, "accepted", false, "the referral of this thread was accepted (the adapter knows by itself)")
	return c
}

func (a *app) explainRule(p *policy.Policy, r policy.Rule) {
	a.printf("%s\n", r.ID)
	a.paragraph("  ", r.Says)
	for _, key := range r.Law {
		a.paragraph("  law:       ", p.Source(key))
	}
	a.printf("  enforced:  by the %s\n", r.Enforcer)
	for _, s := range r.Shown {
		a.printf("  shown:     in the %s\n", s)
	}
	if r.Effect == policy.Duty {
		return
	}
	a.paragraph("  holds:     ", r.Examples.Decides.Says)
	a.paragraph("  lets pass: ", r.Examples.Passes.Says)
	if r.Fix != "" {
		a.paragraph("  do:        ", r.Fix)
	}
	switch {
	case len(r.Override) > 0:
		a.printf("  aside:     two people may set it aside for %s\n", strings.Join(r.Override, ", "))
	case r.Effect != policy.Allow:
		a.printf("  aside:     nobody may set it aside\n")
	}
}

// explainDraft says why each part of a draft leaves or stays.
func (a *app) explainDraft(file string, facts gateway.ThreadFacts) error {
	d, draft, err := a.draft(file)
	if err != nil {
		return err
	}
	q, err := d.outgoing().Question(draft, facts)
	if err != nil {
		return err
	}
	refused, units := d.policy.Because(q)
	if a.json {
		a.printJSON(a.out, map[string]any{"refused": refused, "units": units})
		return nil
	}
	a.printf("%s from %s to %s\n", draft.Type, draft.From, draft.To)
	if refused != "" {
		r, _ := d.policy.Rule(refused)
		a.printf("\ndoes not travel, by ")
		a.explainRule(d.policy, r)
	}
	for _, u := range units {
		verb := "stays here"
		if u.Leaves {
			verb = "leaves"
		}
		a.printf("\n%s %s, by %s\n", u.Unit, verb, u.Rule)
		a.paragraph("  ", d.policy.Explain(u.Rule))
		for _, r := range u.Aside {
			a.printf("  overridden: %s (needs a second person's approval)\n", r)
		}
	}
	if draft.From.Country() == "xk" || draft.To.Country() == "xk" {
		a.printf("\n%s\n", gateway.FootnoteXK)
	}
	return nil
}

func (a *app) policyMatrixCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "matrix",
		Short: "Write what leaves in every case, as a page that a lawyer can sign",
		Long: `matrix asks the policy about every type of message, recipient and question in the situations between
which its rules distinguish, and writes what leaves, what stays by which rule, and what does not travel;
then every rule with its legal basis, and lines for signatures. The page names the release and the digest
of the rules: the digest stands in every delivery, so that what was signed is what decides.

The ending of the file chooses its form: .html (one file, for screen and paper), .md, or text.`,
		Example: "  trm policy matrix -o matrix.html",
		Args:    args(),
		RunE: func(*cobra.Command, []string) error {
			p, err := policy.Default()
			if err != nil {
				return err
			}
			set, err := schemas.Open()
			if err != nil {
				return err
			}
			var kinds []policy.Kind
			for _, t := range set.Types() {
				row, _ := set.Row(t.Name)
				kinds = append(kinds, policy.Kind{Type: t, Codes: row.Codes})
			}
			m := p.Matrix(kinds, policy.Usual(purposes(set)))
			if a.json {
				a.printJSON(a.out, m)
				return nil
			}
			write := map[string]func(io.Writer) error{".html": m.WriteHTML, ".md": m.WriteMarkdown}[filepath.Ext(file)]
			if write == nil {
				write = m.WriteText
			}
			var page bytes.Buffer
			if err := write(&page); err != nil {
				return err
			}
			return a.write(file, page.Bytes())
		},
	}
	c.Flags().StringVarP(&file, "out", "o", "", "file to write: .html, .md or text (default: text on standard output)")
	return c
}

// purposes are all that a pair can agree on.
func purposes(set *schemas.Set) []string {
	var out []string
	for _, l := range set.Lists() {
		if l.Name != "purpose" {
			continue
		}
		for _, c := range l.Codes {
			out = append(out, c.ID)
		}
	}
	return out
}
