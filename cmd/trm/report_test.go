package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/gateway/policy"
)

// TestTheReportSaysWhoIsMissingAndWhatIsOwed, with the footnote where Kosovo* is named.
func TestTheReportSaysWhoIsMissingAndWhatIsOwed(t *testing.T) {
	t.Parallel()
	rules, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 18, 4, 0, 0, 0, time.UTC)
	row := func(id string, change func(*adapters.Override)) adapters.Override {
		o := adapters.Override{
			ID: id, Issuer: "ba/coordinator", Audience: "rs/coordinator", Reason: "danger-to-life", Rules: []string{"no-means-no"}, ReceivedAt: at,
			ApproveBy: at.Add(24 * time.Hour), ReviewBy: at.Add(72 * time.Hour),
		}
		if change != nil {
			change(&o)
		}
		return o
	}
	list := []adapters.Override{
		row("waiting", nil),
		row("missed", func(o *adapters.Override) { o.Unapproved, o.Overdue = at.Add(25*time.Hour), true }),
		row("settled", func(o *adapters.Override) {
			o.ApproveBy, o.ApprovedAt, o.ReviewedAt, o.Finding, o.Rules = time.Time{}, at, at.Add(time.Hour), "upheld", nil
		}),
	}
	print := func(list []adapters.Override) string {
		var out bytes.Buffer
		(&app{out: &out}).printOverrides("ba", "2026-11", list, rules)
		return out.String()
	}
	got := print(list)
	for _, must := range []string{
		"Overrides by the offices of Bosnia and Herzegovina, 2026-11: 3\n",
		"waiting  2026-11-18 04:00Z  ba/coordinator to rs/coordinator\n    for        danger-to-life\n    set aside  no-means-no\n",
		"waits for approval until 2026-11-19 04:00Z", "review owed by 2026-11-21 04:00Z",
		"NOT APPROVED within 24 hours", "REVIEW OVERDUE since 2026-11-21 04:00Z",
		"no rule stood in the way", "approved 2026-11-18 04:00Z", "reviewed 2026-11-18 05:00Z: upheld",
		"Who overrides a rule gives the reason in the message",
	} {
		if !strings.Contains(got, must) {
			t.Errorf("it does not say %q:\n%s", must, got)
		}
	}
	if strings.Contains(got, "UNSCR") {
		t.Error("the footnote stands where Kosovo* is not named")
	}
	list[0].Audience = "xk/coordinator"
	if !strings.Contains(print(list), "UNSCR 1244/1999") {
		t.Error("the footnote is missing")
	}
}
