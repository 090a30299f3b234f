package main

import (
	"strings"

	"github.com/spf13/cobra"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
	"example.org/trm/schemas"
)

// complete lets a shell offer what an argument can be, by its name in the command's usage
// line: parties of the directory in the home folder, countries, types, rules, code lists.
// Other arguments are files.
func (a *app) complete(c *cobra.Command) {
	for _, sub := range c.Commands() {
		a.complete(sub)
	}
	names := strings.Fields(c.Use)[1:]
	if len(names) == 0 || c.ValidArgs != nil {
		return
	}
	c.ValidArgsFunction = func(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(given) >= len(names) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		switch strings.Trim(names[len(given)], "[]") {
		case "PARTY", "ISSUER":
			return a.parties(), cobra.ShellCompDirectiveNoFileComp
		case "COUNTRY":
			return countries(), cobra.ShellCompDirectiveNoFileComp
		case "COUNTRY|PARTY":
			return append(countries(), a.parties()...), cobra.ShellCompDirectiveNoFileComp
		case "TYPE":
			return typeNames(), cobra.ShellCompDirectiveNoFileComp
		case "LIST":
			return listNames(), cobra.ShellCompDirectiveNoFileComp
		case "RULE":
			return ruleNames(), cobra.ShellCompDirectiveNoFileComp
		case "USE":
			return []string{"message", "evidence", "assertion", "approval", "encryption"}, cobra.ShellCompDirectiveNoFileComp
		case "JTI", "KEY-ID", "REF", "DELIVERY", "REF|DELIVERY":
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
}

// parties are those of the directory in force, none where there is no directory. A shell's
// list has codes alone: it has no room for the footnote that a name may need.
func (a *app) parties() []string {
	d, err := openDirectory(a.home)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range d.Document().Parties {
		if e.Party != gateway.TheGateway {
			out = append(out, string(e.Party))
		}
	}
	return out
}

func countries() []string {
	var out []string
	for _, c := range gateway.Countries {
		out = append(out, string(c))
	}
	return out
}

func typeNames() []string {
	set, err := schemas.Open()
	if err != nil {
		return nil
	}
	var out []string
	for _, t := range set.Types() {
		name, _, _ := strings.Cut(t.Name, "/")
		out = append(out, name)
	}
	return out
}

func listNames() []string {
	set, err := schemas.Open()
	if err != nil {
		return nil
	}
	var out []string
	for _, l := range set.Lists() {
		out = append(out, l.Name)
	}
	return out
}

func ruleNames() []string {
	p, err := policy.Default()
	if err != nil {
		return nil
	}
	var out []string
	for _, r := range p.Rules() {
		out = append(out, r.ID)
	}
	return out
}
