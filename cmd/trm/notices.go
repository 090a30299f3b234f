package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/adapters"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

func (a *app) noticesCommand() *cobra.Command {
	var (
		flags officeFlags
		all   bool
	)
	c := &cobra.Command{
		Use:   "notices COUNTRY|PARTY",
		Short: "Show which messages wait for an office, and who was told what and when",
		Long: `notices lists, from the journal of a country's adapter, the messages that wait for its offices, each
under its short reference, with every step: whom it told, when, by which channel, and what came of it.
Of a message that went from here and that nobody at the other end answers for, it says whom to
telephone. The date is until when an answer is owed, on the clock of the office.`,
		Example: "  trm notices rs\n  trm notices rs/coordinator --all",
		Args:    args("COUNTRY|PARTY"),
		RunE: func(c *cobra.Command, args []string) error {
			country, p, err := parseOffices(args[0])
			if err != nil {
				return err
			}
			query := url.Values{}
			if p != "" {
				query.Set("party", string(p))
			}
			if all {
				query.Set("all", "true")
			}
			o, err := a.office(country, flags)
			if err != nil {
				return err
			}
			var list struct {
				Notices []adapters.Waiting `json:"notices"`
			}
			if err := o.call(c.Context(), http.MethodGet, "/v1/notices?"+query.Encode(), "", nil, &list); err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, list.Notices)
				return nil
			}
			if len(list.Notices) == 0 {
				a.printf("nothing waits\n")
				return nil
			}
			return a.printNotices(list.Notices, localTimes(country))
		},
	}
	flags.add(c)
	c.Flags().BoolVar(&all, "all", false, "also what was answered or has ended")
	return c
}

func (a *app) refCommand() *cobra.Command {
	var flags officeFlags
	c := &cobra.Command{
		Use:     "ref COUNTRY REF",
		Short:   "Say which message a reference stands for, inside the office that it was said to",
		Long:    "ref asks the adapter of a country for the message that a reference from one of its notices stands for. Nobody else can.",
		Example: "  trm ref rs 7Q4KXM",
		Args:    args("COUNTRY", "REF"),
		RunE: func(c *cobra.Command, args []string) error {
			x, err := a.reference(c, flags, args[0], args[1])
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, x)
				return nil
			}
			return a.printNotices([]adapters.Waiting{x}, localTimes(gateway.Country(args[0])))
		},
	}
	flags.add(c)
	return c
}

// reference asks a country's adapter for what a reference stands for.
func (a *app) reference(c *cobra.Command, flags officeFlags, country, ref string) (x adapters.Waiting, err error) {
	from, err := parseCountry(country)
	if err != nil {
		return x, err
	}
	o, err := a.office(from, flags)
	if err != nil {
		return x, err
	}
	return x, o.call(c.Context(), http.MethodGet, "/v1/refs/"+url.PathEscape(ref), "", nil, &x)
}

// delivery is the id of a delivery, given as it is or by the reference of its notice.
func (a *app) delivery(c *cobra.Command, flags officeFlags, country gateway.Country, name string) (string, error) {
	if len(adapters.ParseRef(name)) != adapters.RefLen {
		return name, nil
	}
	x, err := a.reference(c, flags, string(country), name)
	if err != nil {
		return "", err
	}
	if x.Delivery == "" {
		return "", usage("the reference stands for a message that this office sent: the other end takes it on and answers")
	}
	return x.Delivery, nil
}

func (a *app) takeOnCommand() *cobra.Command {
	var flags officeFlags
	c := &cobra.Command{
		Use:   "take-on PARTY REF|DELIVERY",
		Short: "Say that a person of the role has taken a message on, which ends the ringing",
		Long: `take-on makes the signed evidence that a person of the role takes care of a message. Nobody is rung
for it any more, here or at its sender. For a notice it also makes and sends the answer that closes it,
signed by the addressee's own key. The same again changes nothing.`,
		Example: "  trm take-on rs/coordinator 7Q4KXM",
		Args:    args("PARTY", "REF|DELIVERY"),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := parseParty(args[0])
			if err != nil {
				return err
			}
			delivery, err := a.delivery(c, flags, p.Country(), args[1])
			if err != nil {
				return err
			}
			o, err := a.office(p.Country(), flags)
			if err != nil {
				return err
			}
			var got adapters.Arrival
			err = o.call(c.Context(), http.MethodPost, "/v1/deliveries/"+url.PathEscape(delivery)+"/taken-on", "", map[string]string{"role": p.Role()}, &got)
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, got)
				return nil
			}
			a.printf("taken on by %s: %s %s\n", p, got.Issuer, got.ID)
			switch got.Acknowledgement {
			case "sent":
				a.printf("  the answer that closes it is on its way\n")
			case "refused":
				a.printf("  the answer that closes it could not be made: write it\n")
			}
			return nil
		},
	}
	flags.add(c)
	return c
}

// printNotices prints each message that waits, and below it who was told.
func (a *app) printNotices(list []adapters.Waiting, local func(time.Time) string) error {
	kosovo := func(p gateway.Party) bool { return p.Country() == "xk" }
	noted := false
	for _, n := range list {
		from := "from " + string(n.Other)
		if n.Delivery == "" {
			from = "sent to " + string(n.Other)
		}
		a.printf("%s  %s  %s, %s\n", n.Ref, n.State, n.Party, from)
		a.printf("  message    %s %s\n", n.Issuer, n.ID)
		if n.Delivery != "" {
			a.printf("  delivery   %s\n", n.Delivery)
		}
		if !n.AnswerBy.IsZero() {
			a.printf("  answer by  %s\n", local(n.AnswerBy))
		}
		if !n.TakenOn.IsZero() {
			a.printf("  taken on   %s\n", local(n.TakenOn))
		}
		var rows [][]string
		for _, t := range n.Told {
			at := t.At
			if at.IsZero() {
				at = t.Due
			}
			rows = append(rows, []string{"  " + local(at), string(t.State), string(t.Party), stepText(t.Step), tries(t)})
		}
		if err := a.columns(rows); err != nil {
			return err
		}
		for _, t := range n.Telephone {
			a.printf("  telephone  %s  %s\n", t.Telephone, t.Party)
		}
		noted = noted || kosovo(n.Other) || kosovo(n.Party) || slices.ContainsFunc(n.Told, func(t adapters.Telling) bool { return kosovo(t.Party) })
	}
	a.footnote(noted)
	return nil
}

// stepText is the name of a step for people.
func stepText(step string) string {
	if step == "waiting" {
		return "arrived"
	}
	return strings.ReplaceAll(step, "-", " ")
}

// tries says by what a step was told, or what was tried in vain.
func tries(t adapters.Telling) string {
	for i, c := range t.Calls {
		if c.Done && i == 0 {
			return "by " + c.Channel
		}
		if c.Done {
			return fmt.Sprintf("by %s, at attempt %d", c.Channel, i+1)
		}
	}
	if len(t.Calls) == 0 {
		return ""
	}
	last := t.Calls[len(t.Calls)-1]
	switch {
	case t.State == store.RingPending && last.Mark == store.Ambiguous:
		return fmt.Sprintf("by %s, attempt %d: not known yet", last.Channel, len(t.Calls)) // also while it is under way
	case len(t.Calls) == 1:
		return "1 attempt in vain, by " + last.Channel
	}
	return fmt.Sprintf("%d attempts in vain, the last by %s", len(t.Calls), last.Channel)
}
