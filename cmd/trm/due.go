package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/sop"
)

func (a *app) dueCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "due PARTY",
		Short: "List what a party of a demo region owes and is owed, and until when",
		Long: `due reads the messages that lie in the folders of a demo region, asks the gateway for the evidence
about each, and lists the answers that are owed: by the party, and to it. Dates are those of the
recipient's calendar and time zone. Days off that are computed and not yet announced are named
where a date was counted over them.

A message that waits for its delivery is not listed: trace shows it.`,
		Args: args("PARTY"),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := parseParty(args[0])
			if err != nil {
				return err
			}
			d, err := a.desk()
			if err != nil {
				return err
			}
			clock := sop.Clock{Types: d.catalogue}
			if clock.Calendars, err = sop.OpenCalendars(); err != nil {
				return err
			}
			found, err := d.correspondence(c.Context(), p)
			if err != nil {
				return err
			}
			return a.printDue(clock, duties(clock, found, all), p, time.Now())
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also what was answered or fell away")
	return c
}

// exchanged is a message and the evidence about it.
type exchanged struct {
	head  gateway.Head
	steps []step
}

// correspondence finds what a party sent and received in the folders of the region, with
// the proven evidence about each, in the order of receipt by the gateway.
func (d *desk) correspondence(ctx context.Context, p gateway.Party) ([]exchanged, error) {
	folders, err := filepath.Glob(filepath.Join(d.home, "offices", "*", "*"))
	if err != nil {
		return nil, err
	}
	var out []exchanged
	for _, dir := range folders {
		reader := gateway.Party(filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir))
		list, err := deliveries(d.home, reader)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range list {
			if f.doc.Envelope == nil { // the addressee's document has it, other roles' have not
				continue
			}
			parts, err := envelope.Codec{}.Decode(f.doc.Envelope)
			if err != nil {
				return nil, fmt.Errorf("reading delivery %s: %w", f.doc.Delivery, err)
			}
			h := parts.Head
			if h.Issuer != p && h.Audience != p {
				continue
			}
			t, err := d.trace(ctx, p, h.MessageID())
			if err != nil {
				return nil, err
			}
			out = append(out, exchanged{h, t.Steps})
		}
	}
	slices.SortStableFunc(out, func(a, b exchanged) int {
		return cmp.Or(a.received().Compare(b.received()), cmp.Compare(a.head.ID, b.head.ID))
	})
	return out, nil
}

// received is when the gateway received the message.
func (x exchanged) received() time.Time {
	for _, s := range x.steps {
		if s.Event == gateway.SubmissionAcceptance {
			return s.At
		}
	}
	return time.Time{}
}

// duties plays what happened to each message, and keeps those that laid a duty on
// somebody: those that stand, the one that is due first at the top, or all.
func duties(c sop.Clock, found []exchanged, all bool) []gateway.Exchange {
	var out []gateway.Exchange
	for _, m := range found {
		x := c.Begin(m.head, m.received())
		for _, s := range m.steps {
			if s.Signer != gateway.TheGateway || s.Event == gateway.ContentConsignmentFailure {
				x, _ = c.Apply(x, sop.Event{At: s.At, Evidence: s.Event})
			}
		}
		for _, o := range found {
			if o.head.MessageID() != m.head.MessageID() && o.head.Thread == m.head.Thread {
				x, _ = c.Apply(x, sop.Event{At: o.received(), Head: o.head})
			}
		}
		if x.Duty.Debtor != "" && (all || x.Duty.Ended.IsZero()) {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b gateway.Exchange) int { return a.Duty.Due.Compare(b.Duty.Due) })
	return out
}

// dueLine is one duty as a program reads it.
type dueLine struct {
	Issuer      gateway.Party    `json:"iss"`
	ID          string           `json:"jti"`
	Thread      string           `json:"thread"`
	Type        string           `json:"type"`
	Answer      string           `json:"answer"`
	Debtor      gateway.Party    `json:"debtor"`
	Creditor    gateway.Party    `json:"creditor"`
	Standing    gateway.Standing `json:"standing"`
	Stage       gateway.Stage    `json:"stage"`
	Begins      time.Time        `json:"begins"`
	Due         time.Time        `json:"due"`
	Local       string           `json:"local"` // in the debtor's time zone
	Wish        *time.Time       `json:"wish,omitempty"`
	Earlier     []time.Time      `json:"earlier,omitempty"`
	Late        bool             `json:"late,omitempty"`
	Provisional []string         `json:"provisional,omitempty"` // days off that may still move
}

func line(c sop.Clock, x gateway.Exchange, now time.Time) dueLine {
	d := x.Duty
	l := dueLine{
		Issuer: d.Message.Issuer, ID: d.Message.ID, Thread: d.Thread, Type: d.Type, Answer: d.Answer, Debtor: d.Debtor, Creditor: d.Creditor,
		Standing: d.Standing(now), Stage: x.Stage, Begins: d.Begins, Due: d.Due, Earlier: d.Earlier, Late: d.Late(now),
	}
	if !d.Wish.IsZero() {
		l.Wish = &d.Wish
	}
	if cal, ok := c.Calendars.Of(d.Debtor.Country()); ok {
		local := d.Due.In(cal.Zone())
		l.Local = local.Format("Mon 2 Jan 2006 15:04 MST")
		for _, h := range cal.Provisional(sop.DateOf(d.Begins.In(cal.Zone())), sop.DateOf(local)) {
			l.Provisional = append(l.Provisional, h.Date.String())
		}
	}
	return l
}

func (a *app) printDue(c sop.Clock, list []gateway.Exchange, p gateway.Party, now time.Time) error {
	lines := make([]dueLine, len(list))
	for i, x := range list {
		lines[i] = line(c, x, now)
	}
	if a.json {
		a.printJSON(a.out, lines)
		return nil
	}
	for _, part := range []struct {
		title, direction string
		mine             func(dueLine) (gateway.Party, bool)
	}{
		{string(p) + " owes", "to", func(l dueLine) (gateway.Party, bool) { return l.Creditor, l.Debtor == p }},
		{string(p) + " is owed", "by", func(l dueLine) (gateway.Party, bool) { return l.Debtor, l.Creditor == p }},
	} {
		a.printf("%s\n", part.title)
		w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		n := 0
		for _, l := range lines {
			other, ok := part.mine(l)
			if !ok {
				continue
			}
			n++
			fmt.Fprintf(w, "  %s\t%s\t%s %s %s\tfor %s%s\n", l.Standing, l.Local, l.Answer, part.direction, other, l.ID, remarks(l))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if n == 0 {
			a.printf("  nothing\n")
		}
	}
	return nil
}

// remarks are what is special about a date.
func remarks(l dueLine) string {
	var s string
	if len(l.Earlier) > 0 {
		s += ", was " + l.Earlier[0].Format(time.DateOnly)
	}
	if l.Wish != nil {
		s += ", asked for by " + l.Wish.Format(time.DateOnly)
	}
	if l.Late {
		s += ", late"
	}
	for _, d := range l.Provisional {
		s += ", over " + d + " which may still move"
	}
	return s
}
