package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

func (a *app) typesCommand() *cobra.Command {
	c := group(&cobra.Command{
		Use:   "types",
		Short: "The message types: list, show, skeleton, example",
	})
	c.AddCommand(
		&cobra.Command{Use: "list",
			Short:   "List every type",
			Long:    `list prints each type of message with the blocks that it carries in the clear and the type that closes it.`,
			Example: "  trm types list",
			Args:    args(), RunE: func(*cobra.Command, []string) error { return a.listTypes() }},
		&cobra.Command{Use: "show TYPE",
			Short: "Explain one type: blocks, roles, deadlines",
			Long: `show says of one type what it is for, what it carries and for whom that is sealed, who may send and receive it,
what it can ask or answer, and within what time it is answered.`,
			Example: "  trm types show referral.request",
			Args:    args("TYPE"), RunE: func(_ *cobra.Command, args []string) error { return a.showType(args[0]) }},
		&cobra.Command{Use: "skeleton TYPE",
			Short:   "Print an empty draft of a type",
			Long:    `skeleton prints an empty draft, to be filled in.`,
			Example: "  trm types skeleton referral.request > draft.json",
			Args:    args("TYPE"), RunE: func(_ *cobra.Command, args []string) error {
				return a.printDraft(args[0], (*schemas.Set).Skeleton)
			}},
		&cobra.Command{Use: "example TYPE",
			Short:   "Print a filled-in draft of a type (invented people)",
			Long:    `example prints a draft as an officer's system writes it: plain JSON, to preview, to change and to sign.`,
			Example: "  trm types example referral.request > draft.json",
			Args:    args("TYPE"), RunE: func(_ *cobra.Command, args []string) error {
				return a.printDraft(args[0], (*schemas.Set).Example)
			}},
	)
	return c
}

func (a *app) listTypes() error {
	set, err := schemas.Open()
	if err != nil {
		return err
	}
	if a.json {
		rows := []typeRow{}
		for _, t := range set.Types() {
			rows = append(rows, rowOf(t))
		}
		a.printJSON(a.out, rows)
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, t := range set.Types() {
		answer := t.Answer
		if answer == "" {
			answer = "-"
		}
		w.Write([]byte(strings.Join([]string{t.Name, "carries " + strings.Join(append(t.Must, t.May...), ", "), "closed by " + answer}, "\t") + "\n"))
	}
	return w.Flush()
}

// findType takes a full name, or one without its version.
func findType(set *schemas.Set, name string) (gateway.Type, error) {
	if t, ok := set.Type(name); ok {
		return t, nil
	}
	for _, t := range set.Types() {
		if strings.HasPrefix(t.Name, name+"/") {
			return t, nil
		}
	}
	return gateway.Type{}, usage("no type has that name; trm types list prints them")
}

func (a *app) showType(name string) error {
	set, err := schemas.Open()
	if err != nil {
		return err
	}
	t, err := findType(set, name)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(a.out, rowOf(t))
		return nil
	}
	row, _ := set.Row(t.Name)
	a.printf("%s\n", t.Name)
	a.paragraph("  ", row.About)
	a.printf("  always carries  %s\n", orNothing(t.Must))
	a.printf("  may carry       %s\n", orNothing(t.May))
	for _, s := range t.Sealed {
		reader := s.Role
		if reader == "aud" {
			reader = "the recipient alone"
		}
		a.printf("  sealed          %s (%s) to %s, padded to %d bytes\n", s.Block, s.Class, reader, s.Size)
	}
	a.paragraph("  from            ", orNothing(t.Senders))
	a.paragraph("  to              ", orNothing(t.Receivers))
	a.printf("  head must have  %s\n", orNothing(append(slices.Clone(t.Bases), row.Head...)))
	a.printf("  may attest      %s\n", orNothing(t.Attests))
	if len(row.Codes) > 0 {
		what := map[string]string{"request": "asks", "answer": "answers", "notice": "reports", "change": "says"}[t.Frame]
		a.paragraph(fmt.Sprintf("  %-16s", what), strings.Join(row.Codes, ", "))
	}
	if len(row.Outcomes) > 0 {
		a.paragraph("  outcome         ", strings.Join(row.Outcomes, ", "))
	}
	if len(row.Results) > 0 {
		a.paragraph("  each result     ", strings.Join(row.Results, ", "))
	}
	if t.Answer != "" {
		a.printf("  answered        within %s, with %s\n", dueText(row.Due), t.Answer)
		for _, code := range slices.Sorted(maps.Keys(row.Terms)) {
			a.printf("                  %s: within %s\n", code, dueText(row.Terms[code]))
		}
	}
	a.printf("  lives           %s at most\n", daysText(t.MaxLife))
	a.printf("  kept            %s\n", daysText(t.Retention))
	return nil
}

// dueText says a term in each lane; the countries of a pair may have agreed on others.
func dueText(d gateway.Due) string {
	term := func(t gateway.Term) string {
		unit := map[string]string{"h": "hours", "d": "days", "wd": "working days"}[t.Unit]
		if t.N == 1 {
			unit = strings.TrimSuffix(unit, "s")
		}
		return fmt.Sprintf("%d %s", t.N, unit)
	}
	return fmt.Sprintf("%s (child %s, urgent %s)", term(d.Normal), term(d.Child), term(d.Urgent))
}

func daysText(d time.Duration) string { return fmt.Sprintf("%d days", int(d/(24*time.Hour))) }

// typeRow is a type for programs, in the words of its row in the table.
type typeRow struct {
	Type    string              `json:"type"`
	Must    []string            `json:"must,omitempty"`
	May     []string            `json:"may,omitempty"`
	Sealed  []sealedRow         `json:"sealed,omitempty"`
	Fields  map[string][]string `json:"fields,omitempty"` // of a clear block, that are units of their own
	From    []string            `json:"from"`
	To      []string            `json:"to"`
	Lanes   []gateway.Lane      `json:"lanes"`
	Head    []string            `json:"head,omitempty"` // members that must be there
	Attests []string            `json:"attests,omitempty"`
	Answer  string              `json:"answer,omitempty"`
	Seconds int64               `json:"maxLifeSeconds"`
}

type sealedRow struct {
	Block string        `json:"block"`
	Role  string        `json:"role"` // "aud" for the recipient itself
	Class gateway.Class `json:"class"`
	Bytes int           `json:"bytes"` // after padding
}

func rowOf(t gateway.Type) typeRow {
	r := typeRow{
		Type: t.Name, Must: t.Must, May: t.May, Fields: t.Fields, From: t.Senders, To: t.Receivers, Lanes: t.Lanes,
		Head: t.Bases, Attests: t.Attests, Answer: t.Answer, Seconds: int64(t.MaxLife.Seconds()),
	}
	for _, s := range t.Sealed {
		r.Sealed = append(r.Sealed, sealedRow{s.Block, s.Role, s.Class, s.Size})
	}
	return r
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func (a *app) printDraft(name string, get func(*schemas.Set, string) ([]byte, bool)) error {
	set, err := schemas.Open()
	if err != nil {
		return err
	}
	t, err := findType(set, name)
	if err != nil {
		return err
	}
	raw, ok := get(set, t.Name)
	if !ok {
		return usage("there is none for %s", t.Name)
	}
	return a.write("", raw)
}
