package main

import (
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
)

func (a *app) dueCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "due PARTY",
		Short: "List what a party owes and is owed, until when, and whom to telephone",
		Long: `due asks the gateway, as the party, which answers are owed: by the party, and to it. A date is
counted in the calendar of the office that owes the answer, and shown in the time zone of the
party that asks. A date that was moved is shown with the one that stood before. Days off that
are computed and not yet announced are named where a date was counted over them.

Of what is overdue or escalated it says whom to telephone: the duty officer of the office that
owes the answer, and its alternate, as the directory lists them.

A message that waits for its delivery is listed in the urgent lane alone, whose minutes count
from receipt; trace shows the others.`,
		Example: "  trm due rs/coordinator\n  trm due rs/coordinator --json",
		Args:    args("PARTY"),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := parseParty(args[0])
			if err != nil {
				return err
			}
			d, err := a.desk()
			if err != nil {
				return err
			}
			calendars, err := sop.OpenCalendars()
			if err != nil {
				return err
			}
			list, err := d.client().Duties(c.Context(), p)
			if err != nil {
				return err
			}
			return a.printDue(dueFor(p, list, calendars, d.directory), p)
		},
	}
}

// owing is what a party owes and is owed.
type owing struct {
	Owes []dueLine `json:"owes"`
	Owed []dueLine `json:"owed"`
	More bool      `json:"more,omitempty"` // there may be more, due later
}

// dueLine is a duty with what the reader's own office adds to it.
type dueLine struct {
	adapters.Duty
	Local       string      `json:"local,omitempty"`       // the date in the reader's time zone
	There       string      `json:"there,omitempty"`       // the date in the debtor's, where that is another
	Provisional []string    `json:"provisional,omitempty"` // days off that may still move
	Telephone   []telephone `json:"telephone,omitempty"`   // of what is owed to the reader and late
}

const shortForm = "Mon 2 Jan 15:04"

// telephone is somebody who can be called.
type telephone struct {
	Party  gateway.Party `json:"party"`
	Number string        `json:"number"`
}

// offices is the directory as far as it tells whom to call.
type offices interface {
	Institution(p gateway.Party) (gateway.Institution, bool)
}

func dueFor(reader gateway.Party, list adapters.Duties, calendars sop.Calendars, directory offices) owing {
	out := owing{Owes: []dueLine{}, Owed: []dueLine{}, More: list.More}
	for _, d := range list.Owes {
		out.Owes = append(out.Owes, lineFor(reader, d, calendars))
	}
	for _, d := range list.Owed {
		l := lineFor(reader, d, calendars)
		if d.Standing == gateway.StandingOverdue || d.Standing == gateway.StandingEscalated {
			l.Telephone = toCall(d.Debtor, directory)
		}
		out.Owed = append(out.Owed, l)
	}
	return out
}

func lineFor(reader gateway.Party, d adapters.Duty, calendars sop.Calendars) dueLine {
	l := dueLine{Duty: d}
	here, ok := calendars.Of(reader.Country())
	there, known := calendars.Of(d.Debtor.Country())
	if !ok || !known || d.Due.IsZero() {
		return l
	}
	l.Local = d.Due.In(here.Zone()).Format(localForm)
	if other := d.Due.In(there.Zone()).Format(localForm); other != l.Local {
		l.There = other
	}
	for _, h := range there.Provisional(sop.DateOf(d.Begins.In(there.Zone())), sop.DateOf(d.Due.In(there.Zone()))) {
		l.Provisional = append(l.Provisional, h.Date.String())
	}
	return l
}

// toCall are the duty officer of a party and of its alternate.
func toCall(p gateway.Party, directory offices) []telephone {
	i, ok := directory.Institution(p)
	if !ok {
		return nil
	}
	out := []telephone{{p, i.Duty}}
	if other, ok := directory.Institution(i.Alternate); ok {
		out = append(out, telephone{other.Party, other.Duty})
	}
	return slices.DeleteFunc(out, func(t telephone) bool { return t.Number == "" })
}

func (a *app) printDue(all owing, p gateway.Party) error {
	if a.json {
		a.printJSON(a.out, all)
		return nil
	}
	zone := zoneOf(p.Country())
	for _, part := range []struct {
		title, direction string
		lines            []dueLine
		other            func(dueLine) gateway.Party
	}{
		{string(p) + " owes", "to", all.Owes, func(l dueLine) gateway.Party { return l.Issuer }},
		{string(p) + " is owed", "by", all.Owed, func(l dueLine) gateway.Party { return l.Debtor }},
	} {
		a.printf("%s\n", part.title)
		w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		for _, l := range part.lines {
			date := l.Local
			if date == "" {
				date = "not delivered yet"
			}
			fmt.Fprintf(w, "  %s\t%s\t%s %s %s\tfor %s%s\n", l.Standing, date, l.Answer, part.direction, part.other(l), l.ID, remarks(l, zone))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if len(part.lines) == 0 {
			a.printf("  nothing\n")
		}
		a.printCalls(part.lines)
	}
	if all.More {
		a.printf("and more, due later\n")
	}
	a.footnote(p.Country() == "xk" || slices.ContainsFunc(append(slices.Clone(all.Owes), all.Owed...), func(l dueLine) bool {
		return l.Issuer.Country() == "xk" || l.Debtor.Country() == "xk"
	}))
	return nil
}

// printCalls says whom to telephone, each office once.
func (a *app) printCalls(lines []dueLine) {
	said := map[gateway.Party]bool{}
	for _, l := range lines {
		if len(l.Telephone) == 0 || said[l.Debtor] {
			continue
		}
		said[l.Debtor] = true
		a.printf("  telephone")
		for i, t := range l.Telephone {
			if i > 0 {
				a.printf(", or its alternate")
			}
			a.printf(" %s %s", t.Party, t.Number)
		}
		a.printf("\n")
	}
}

// remarks are what is special about a date.
func remarks(l dueLine, zone *time.Location) string {
	var s string
	if l.There != "" {
		s += ", there " + l.There
	}
	for _, t := range l.Earlier {
		s += ", was " + t.In(zone).Format(shortForm)
	}
	if !l.Wish.IsZero() {
		s += ", asked for by " + l.Wish.In(zone).Format(shortForm)
	}
	if l.Late {
		s += ", late"
	}
	for _, d := range l.Provisional {
		s += ", over " + d + " which may still move"
	}
	return s
}
