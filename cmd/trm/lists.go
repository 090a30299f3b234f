package main

import (
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"example.org/trm/gateway/policy"
	"example.org/trm/schemas"
)

func (a *app) codesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "codes [LIST]", Short: "Print the code lists, or the codes of one", Args: args("[LIST]"),
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := schemas.Open()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return a.printCodes(set.Lists(), args[0])
			}
			if a.json {
				a.printJSON(a.out, set.Lists())
				return nil
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for _, l := range set.Lists() {
				w.Write([]byte(l.Name + "\t" + l.About + "\n"))
			}
			return w.Flush()
		},
	}
}

func (a *app) printCodes(lists []schemas.List, name string) error {
	i := slices.IndexFunc(lists, func(l schemas.List) bool { return l.Name == name })
	if i < 0 {
		return usage("no code list has that name; trm codes prints them")
	}
	if a.json {
		a.printJSON(a.out, lists[i])
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, c := range lists[i].Codes {
		w.Write([]byte(c.ID + "\t" + c.En + "\n"))
	}
	return w.Flush()
}

func (a *app) policyCommand() *cobra.Command {
	c := group(&cobra.Command{Use: "policy", Short: "The rules of data minimisation, in plain words"})
	c.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List every rule", Args: args(),
			RunE: func(*cobra.Command, []string) error {
				p, err := policy.Default()
				if err != nil {
					return err
				}
				if a.json {
					a.printJSON(a.out, p.Rules())
					return nil
				}
				w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
				for _, r := range p.Rules() {
					w.Write([]byte(strings.Join([]string{r.ID, string(r.Enforcer), r.Says}, "\t") + "\n"))
				}
				return w.Flush()
			},
		},
		&cobra.Command{
			Use: "explain RULE", Short: "Explain one rule and its legal basis", Args: args("RULE"),
			RunE: func(_ *cobra.Command, args []string) error {
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
				a.printf("%s\n  %s\n", r.ID, r.Says)
				for _, key := range r.Law {
					a.printf("  law:       %s\n", p.Source(key))
				}
				a.printf("  enforced:  by the %s\n", r.Enforcer)
				return nil
			},
		},
	)
	return c
}
