package main

import (
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

func (a *app) directoryCommand() *cobra.Command {
	c := &cobra.Command{Use: "directory", Short: "Look at the directory: who may speak"}
	c.AddCommand(
		&cobra.Command{
			Use: "show", Short: "List parties, their classes and the pairs", Args: args(),
			RunE: func(*cobra.Command, []string) error {
				d, err := openDirectory(a.home)
				if err != nil {
					return err
				}
				if a.json {
					a.printJSON(a.out, d.Document())
					return nil
				}
				return trust.Describe(a.out, d, time.Now())
			},
		},
		&cobra.Command{
			Use: "verify", Short: "Check the directory's quorum, dates and keys", Args: args(),
			RunE: func(*cobra.Command, []string) error {
				d, err := openDirectory(a.home)
				if err != nil {
					return exitWith(exitInvalid, err)
				}
				if a.json {
					a.printJSON(a.out, map[string]any{"valid": true, "number": d.Number(), "digest": d.Digest(), "expires": d.Expires()})
					return nil
				}
				a.printf("valid: directory %d, good until %s, digest %s\n", d.Number(), d.Expires().Format("2006-01-02"), d.Digest())
				return nil
			},
		},
		&cobra.Command{
			Use: "diff OLD NEW", Short: "Say in words what differs between two directories", Args: args("OLD", "NEW"),
			RunE: func(_ *cobra.Command, args []string) error { return a.diffDirectories(args[0], args[1]) },
		},
	)
	return c
}

// diffDirectories compares two signed files without asking whether they are in force.
func (a *app) diffDirectories(from, to string) error {
	var docs [2]trust.Document
	for i, name := range []string{from, to} {
		raw, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			return err
		}
		if docs[i], err = trust.Read(raw); err != nil {
			return exitWith(exitInvalid, err)
		}
	}
	changes := trust.Diff(docs[0], docs[1])
	if a.json {
		a.printJSON(a.out, changes)
		return nil
	}
	for _, c := range changes {
		a.printf("%s\n", c)
	}
	return nil
}

func (a *app) codesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "codes [LIST]", Short: "Print the code lists, or the codes of one", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := schemas.Open()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for _, l := range set.Lists() {
				switch {
				case len(args) == 0 && !a.json:
					w.Write([]byte(l.Name + "\t" + l.About + "\n"))
				case len(args) == 0 || l.Name == args[0]:
					if a.json {
						a.printJSON(a.out, l)
						continue
					}
					for _, c := range l.Codes {
						w.Write([]byte(c.ID + "\t" + c.En + "\n"))
					}
				}
			}
			return w.Flush()
		},
	}
}

func (a *app) policyCommand() *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "The rules of data minimisation, in plain words"}
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
