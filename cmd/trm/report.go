package main

import (
	"cmp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
)

func (a *app) reportCommand() *cobra.Command {
	c := group(&cobra.Command{Use: "report", Short: "What a country's offices did, for those who look at it again"})
	c.AddCommand(a.reportOverridesCommand())
	return c
}

func (a *app) reportOverridesCommand() *cobra.Command {
	var month string
	c := &cobra.Command{
		Use:   "overrides PARTY",
		Short: "List what a country's offices set aside in a month, who is missing and what is owed",
		Long: `overrides asks the gateway, as a country's coordinator or auditor, which messages of that country's
offices set rules aside in a month: why, which rules, whether a second person approved it in time, and
what the review came to. It tells nothing of what was in the messages.`,
		Example: "  trm report overrides ba/coordinator --month 2026-11",
		Args:    args("PARTY"),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := parseParty(args[0])
			if err != nil {
				return err
			}
			if _, err := time.Parse("2006-01", cmp.Or(month, "2026-01")); err != nil {
				return usage("--month is a year and a month, such as 2026-11")
			}
			d, err := a.desk()
			if err != nil {
				return err
			}
			list, more, err := d.client().Overrides(c.Context(), p, month)
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, map[string]any{"overrides": list, "more": more})
				return nil
			}
			a.printOverrides(p.Country(), cmp.Or(month, time.Now().UTC().Format("2006-01")), list, d.policy)
			if more {
				a.printf("\nThere are more, later in the month.\n")
			}
			return nil
		},
	}
	c.Flags().StringVar(&month, "month", "", "a month of UTC, such as 2026-11 (default: this one)")
	return c
}

func (a *app) printOverrides(c gateway.Country, month string, list []adapters.Override, rules *policy.Policy) {
	a.printf("Overrides by the offices of %s, %s: %d\n", c.Name(), month, len(list))
	footnote := c == "xk"
	for _, o := range list {
		footnote = footnote || o.Audience.Country() == "xk"
		approval := "approved " + clock(o.ApprovedAt)
		switch {
		case !o.Unapproved.IsZero():
			approval = "NOT APPROVED within 24 hours"
		case o.ApprovedAt.IsZero():
			approval = "waits for approval until " + clock(o.ApproveBy)
		}
		review := "reviewed " + clock(o.ReviewedAt) + ": " + o.Finding
		switch {
		case o.Overdue:
			review = "REVIEW OVERDUE since " + clock(o.ReviewBy)
		case o.ReviewedAt.IsZero():
			review = "review owed by " + clock(o.ReviewBy)
		}
		a.printf("  %s  %s  %s to %s\n", o.ID, clock(o.ReceivedAt), o.Issuer, o.Audience)
		a.printf("    for        %s\n", o.Reason)
		a.paragraph("    set aside  ", cmp.Or(strings.Join(o.Rules, ", "), "nothing: no rule stood in the way"))
		a.printf("    %s\n    %s\n", approval, review)
	}
	for _, s := range rules.Duties(policy.AtReview) {
		a.printf("\n")
		a.paragraph("", s)
	}
	if footnote {
		a.printf("\n%s\n", gateway.FootnoteXK)
	}
}

// clock is a time as reports print it; empty where there is none.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}
