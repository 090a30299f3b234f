package main

import (
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

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
