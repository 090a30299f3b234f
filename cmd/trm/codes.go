package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/cmd/internal/codelists"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

func (a *app) codesCommand() *cobra.Command {
	var (
		lang     string
		releases bool
	)
	c := &cobra.Command{
		Use: "codes [LIST]", Short: "Print the code lists, or the codes of one",
		Long: `codes prints the code lists of the release in force, or the codes of one list with their texts in
a language: en, sq, bs, sr-Latn, sr-Cyrl, cnr, mk or ro. With --releases it prints the releases that
this folder knows and where each stands: announced, current, overlapping, ended.

A next release is made like this; four of seven coordinators sign it as they sign a directory:

  trm codes export lists                          the files of the release in force: edit them
  trm codes pack lists --release 2027-03 -o 2027-03.json
  trm codes sign 2027-03.json --activates 2027-03-01 --overlaps 2028-03-31 --as rs -o 2027-03.signed.json
  trm codes cosign 2027-03.signed.json --as ba    and me, and mk: each in its own office
  trm codes check 2027-03.json 2027-03.signed.json

The gateway takes both files from its folder "codes"; adapters take them from the gateway.`,
		Args: args("[LIST]"),
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := a.codeLists()
			if err != nil {
				return err
			}
			switch {
			case releases:
				return a.printReleases(set)
			case len(args) == 1:
				return a.printCodes(set, args[0], lang)
			case a.json:
				a.printJSON(a.out, set.Lists())
				return nil
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for _, l := range set.Lists() {
				fmt.Fprintf(w, "%s\t%s\n", l.Name, l.About)
			}
			return w.Flush()
		},
	}
	c.Flags().StringVar(&lang, "lang", schemas.English, "language of the texts")
	c.Flags().BoolVar(&releases, "releases", false, "print the releases and where each stands")
	c.AddCommand(a.exportCodesCommand(), a.packCodesCommand(), a.signCodesCommand(), a.cosignCodesCommand(), a.checkCodesCommand())
	return c
}

// codeLists are those in the program and, where the home folder is a region's, what its
// gateway has taken.
func (a *app) codeLists() (*schemas.Set, error) {
	set, err := schemas.Open()
	if err != nil {
		return nil, err
	}
	d, err := openDirectory(a.home)
	if err != nil {
		return set, nil // the lists in the program need no home
	}
	return set, takenBy(a.home, set, d)
}

// takenBy takes the releases that a region's gateway has into the set.
func takenBy(home string, set *schemas.Set, d *trust.Directory) error {
	f := codelists.Folder{Dir: filepath.Join(home, "gateway", "codes"), Set: set, Prove: d.Codes}
	return f.Load()
}

func (a *app) printReleases(set *schemas.Set) error {
	issues := set.Issues()
	if a.json {
		list := make([]map[string]any, len(issues))
		for i, r := range issues {
			list[i] = map[string]any{"release": r.Release, "state": r.State}
			for name, t := range map[string]time.Time{"published": r.Published, "activates": r.Activates, "until": r.Until} {
				if !t.IsZero() {
					list[i][name] = t
				}
			}
		}
		a.printJSON(a.out, list)
		return nil
	}
	var rows [][]string
	for _, r := range issues {
		from, until := "from the beginning", ""
		if !r.Activates.IsZero() {
			from = "from " + r.Activates.UTC().Format(time.DateOnly)
		}
		if !r.Until.IsZero() {
			until = "accepted until " + r.Until.UTC().Format(time.DateOnly)
		}
		rows = append(rows, []string{r.Release, string(r.State), from, until})
	}
	return a.columns(rows)
}

func (a *app) printCodes(set *schemas.Set, name, lang string) error {
	i := slices.IndexFunc(set.Lists(), func(l schemas.List) bool { return l.Name == name })
	if i < 0 {
		return usage("no code list has that name; trm codes prints them")
	}
	if err := knownLanguage(lang); err != nil {
		return err
	}
	l := set.Lists()[i]
	if a.json && lang == schemas.English {
		a.printJSON(a.out, l)
		return nil
	}
	texts := map[string]string{}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, c := range l.Codes {
		text, _ := set.Text(name, c.ID, lang)
		texts[c.ID] = text
		note := ""
		if c.Until != "" {
			note = "deprecated until " + c.Until
			if c.Instead != "" {
				note += ", write " + c.Instead
			}
		}
		if !a.json {
			fmt.Fprintln(w, strings.TrimRight(c.ID+"\t"+text+"\t"+note, "\t"))
		}
	}
	review := ""
	if c, ok := set.Catalogue(lang); ok {
		review = c.Review
	}
	if a.json {
		a.printJSON(a.out, map[string]any{"list": name, "language": lang, "review": review, "texts": texts})
		return nil
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if review == "none" {
		a.printf("\n%s: no native speaker has reviewed these texts yet\n", lang)
	}
	return nil
}

func knownLanguage(lang string) error {
	if lang != schemas.English && !slices.Contains(schemas.Languages[:], lang) {
		return usage("no language of the region has that tag; they are en, %s", strings.Join(schemas.Languages[:], ", "))
	}
	return nil
}

func (a *app) glossaryCommand() *cobra.Command {
	var lang string
	c := &cobra.Command{
		Use:   "glossary",
		Short: "Print the legal terms, in one language or in all",
		Long: `glossary prints forty legal terms in English and in the languages of the region, and says of each language
whether a native speaker has reviewed its texts.`,
		Example: "  trm glossary\n  trm glossary --lang sq",
		Args:    args(),
		RunE: func(*cobra.Command, []string) error {
			set, err := schemas.Open()
			if err != nil {
				return err
			}
			terms, err := set.Glossary()
			if err != nil {
				return err
			}
			if lang != "" {
				if err := knownLanguage(lang); err != nil {
					return err
				}
			}
			if a.json {
				a.printJSON(a.out, terms)
				return nil
			}
			for _, t := range terms {
				a.printf("%s\n", t.ID)
				for _, l := range append([]string{schemas.English}, schemas.Languages[:]...) {
					if lang == "" || l == lang || l == schemas.English {
						a.printf("  %-8s %s\n", l, t.Texts[l])
					}
				}
			}
			var unread []string
			for _, l := range schemas.Languages {
				if c, ok := set.Catalogue(l); ok && c.Review == "none" && (lang == "" || l == lang) {
					unread = append(unread, l)
				}
			}
			if len(unread) > 0 {
				a.printf("\n%s: no native speaker has reviewed these texts yet\n", strings.Join(unread, ", "))
			}
			return nil
		},
	}
	c.Flags().StringVar(&lang, "lang", "", "one language beside English")
	return c
}
