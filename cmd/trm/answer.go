package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.org/trm/adapters"
)

func (a *app) answerCommand() *cobra.Command {
	var (
		flags           officeFlags
		outcome, reason string
		send            bool
		key             string
	)
	c := &cobra.Command{
		Use:   "answer PARTY REF|DELIVERY",
		Short: "Begin the answer to a recall, correction or change of consent",
		Long: `answer prints the answer to a change that came in, as far as the adapter can write it: to a recall,
which roles are known to have read the message. What was done is for a person to say: with --outcome
it is filled in, for every result alike, and with --send the answer is sent. What was kept, wholly or
in part, has a legal reason: a code that trm codes reason lists.

The adapter erases nothing. Say done once it is done.`,
		Example: "  trm changes rs/coordinator\n  trm answer rs/coordinator 7Q4KXM\n  trm answer rs/coordinator 7Q4KXM --outcome kept --reason duty-to-keep --send",
		Args:    args("PARTY", "REF|DELIVERY"),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := parseParty(args[0])
			if err != nil {
				return err
			}
			if outcome != "" && !slices.Contains([]string{"done", "partly", "kept"}, outcome) {
				return usage("--outcome is done, partly or kept")
			}
			if send && outcome == "" {
				return usage("--send needs --outcome: what was done is for a person to say")
			}
			if reason == "" && (outcome == "kept" || outcome == "partly") {
				return usage("--outcome %s needs --reason, the legal reason: trm codes reason lists them", outcome)
			}
			delivery, err := a.delivery(c, flags, p.Country(), args[1])
			if err != nil {
				return err
			}
			o, err := a.office(p.Country(), flags)
			if err != nil {
				return err
			}
			var b adapters.Begun
			if err := o.call(c.Context(), http.MethodGet, "/v1/deliveries/"+url.PathEscape(delivery)+"/answer", "", nil, &b); err != nil {
				return err
			}
			if outcome != "" {
				fillIn(b.Draft, outcome, reason)
			}
			if !send {
				a.printJSON(a.out, b.Draft)
				a.explainAnswer(b, outcome != "")
				return nil
			}
			if key == "" {
				key = strings.TrimSpace("answer " + delivery + " " + outcome + " " + reason) // a later one may say more
			}
			raw, err := json.Marshal(b.Draft)
			if err != nil {
				return err
			}
			var sent adapters.Sent
			if err := o.call(c.Context(), http.MethodPost, "/v1/drafts", key, raw, &sent); err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, sent)
				return nil
			}
			a.printf("stored %s %s, thread %s\n", sent.Issuer, sent.ID, sent.Thread)
			return nil
		},
	}
	flags.add(c)
	c.Flags().StringVar(&outcome, "outcome", "", "done, partly or kept")
	c.Flags().StringVar(&reason, "reason", "", "why something was kept: a code of the list reason")
	c.Flags().BoolVar(&send, "send", false, "send it")
	c.Flags().StringVar(&key, "key", "", "name of this request (default: one answer for each delivery, outcome and reason)")
	return c
}

// fillIn says in every result what was done.
func fillIn(draft map[string]any, outcome, reason string) {
	draft["outcome"] = outcome
	blocks, _ := draft["blocks"].(map[string]any)
	results, _ := blocks["results"].(map[string]any)
	for _, v := range results {
		if r, ok := v.(map[string]any); ok {
			r["result"] = outcome
			if reason != "" {
				r["reason"] = reason
			}
		}
	}
}

// explainAnswer says beside the draft, not in it, what its reader has to know.
func (a *app) explainAnswer(b adapters.Begun, filled bool) {
	if a.json {
		return
	}
	note := func(s string) { _, _ = a.errs.Write([]byte(s + "\n")) }
	if len(b.Changed) > 0 {
		note("about " + strings.Join(b.Changed, ", "))
	}
	if len(b.ReadBy) == 0 {
		note("nobody is known to have read it, which proves nothing where reading is not reported")
	}
	if !filled {
		note("missing: " + strings.Join(b.Missing, ", "))
	}
}
