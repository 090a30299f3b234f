package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

// changeFlags are those that the three commands have in common.
type changeFlags struct {
	officeFlags
	request adapters.ChangeRequest
	state   string // of the agreement
	by      string
	send    bool
	key     string
}

func (f *changeFlags) add(c *cobra.Command) {
	f.officeFlags.add(c)
	r := &f.request
	c.Flags().StringVar(&r.Case, "case", "", "the office's own reference, as given with its drafts")
	c.Flags().StringSliceVar(&r.Threads, "thread", nil, "conversations, where there is no reference")
	c.Flags().StringSliceVar(&r.Messages, "message", nil, "or single messages, by jti")
	c.Flags().StringVar(&r.Reason, "reason", "", "a code of the list reason")
	c.Flags().StringVar((*string)(&r.Lane), "lane", "", "normal, child or urgent (default: that of the message)")
	c.Flags().StringVar(&r.Purpose, "purpose", "", "default: that of the message")
	c.Flags().StringVar(&r.Basis, "basis", "", "default: that of the message")
	c.Flags().StringVar(&f.state, "agreement", "", "given, limited, refused or not-asked (default: as the command says)")
	c.Flags().StringVar(&f.by, "by", "", "who decided: person, guardian or authority")
	c.Flags().BoolVar(&f.send, "send", false, "send it; without, only show whom it would reach")
	c.Flags().StringVar(&f.key, "key", "", "name of this request: the same again tells nobody twice")
}

// changeCommand is one of three commands that differ in what they say.
func (a *app) changeCommand(use, short, long, example string, fill func(*cobra.Command, *changeFlags) (check func() error)) *cobra.Command {
	f := &changeFlags{}
	c := &cobra.Command{Use: use + " PARTY", Short: short, Long: long, Example: example, Args: args("PARTY")}
	check := fill(c, f)
	c.RunE = func(c *cobra.Command, args []string) error {
		p, err := parseParty(args[0])
		if err != nil {
			return err
		}
		f.request.From = p
		if r := f.request; r.Case == "" && len(r.Threads) == 0 && len(r.Messages) == 0 {
			return usage("say which: --case, --thread or --message; see %s --help", c.CommandPath())
		}
		if err := check(); err != nil {
			return err
		}
		if f.state != "" {
			f.request.Agreement = &adapters.Agreement{State: f.state, By: f.by}
		} else if f.by != "" {
			return usage("--by says who decided what --agreement says; give both")
		}
		return a.change(c, p, f)
	}
	f.add(c)
	return c
}

func (a *app) withdrawCommand() *cobra.Command {
	return a.changeCommand("withdraw", "Tell every past recipient that the person withdrew, limited or gave the agreement",
		`withdraw shows whom an office has told about a person, and with --send tells each of them, in one
message for each conversation, that the person withdrew the agreement (or, with --effect, limited
or gave it). The office names the case by its own reference, or conversations.

Nobody is told twice: a second --send with the same --key changes nothing. trm changes shows what
each recipient has done.`,
		"  trm withdraw me/coordinator --case 114 --reason person-declined\n  trm withdraw me/coordinator --case 114 --reason person-declined --send",
		func(c *cobra.Command, f *changeFlags) func() error {
			f.request.Kind = adapters.KindConsent
			c.Flags().StringVar(&f.request.Effect, "effect", "consent-withdrawn", "consent-withdrawn, consent-limited or consent-given")
			return func() error { return nil }
		})
}

func (a *app) recallCommand() *cobra.Command {
	return a.changeCommand("recall", "Take messages back that should not have been sent",
		`recall shows which messages would be taken back, and with --send recalls each of them. The other side
answers whether it was read, and by which role. What was recalled before is not recalled again.`,
		"  trm recall me/coordinator --message 0193a5c1-...\n  trm recall me/coordinator --message 0193a5c1-... --send",
		func(_ *cobra.Command, f *changeFlags) func() error {
			f.request.Kind = adapters.KindRecall
			return func() error { return nil }
		})
}

func (a *app) correctCommand() *cobra.Command {
	var file string
	return a.changeCommand("correct", "Correct a part of what was sent, at everyone who had it",
		`correct shows who was sent something in a block, and with --send sends the whole corrected block to
each of them, sealed to the role that had it. Who did not have it does not get it. Where policy keeps
the new content here, the recipient is told that there is a correction, and the table says so.`,
		"  trm correct me/coordinator --case 114 --block health --content health.json\n  trm correct me/coordinator --case 114 --block health --content health.json --effect safety --send",
		func(c *cobra.Command, f *changeFlags) func() error {
			f.request.Kind = adapters.KindCorrection
			c.Flags().StringVar(&f.request.Effect, "effect", "minor", "minor, identity or safety")
			c.Flags().StringVar(&f.request.Block, "block", "", "the block, such as health or needs")
			c.Flags().StringVar(&file, "content", "", "file with the whole corrected block as JSON; - is standard input")
			return func() error {
				if f.request.Block == "" || file == "" {
					return usage("correct needs --block and --content; see trm correct --help")
				}
				raw, err := a.read(file)
				if err != nil {
					return err
				}
				if !json.Valid(raw) {
					return gateway.Refuse(gateway.CodeMalformed, "/content", "Write the block as a JSON object.")
				}
				f.request.Content = raw
				return nil
			}
		})
}

// change previews a request and, if it is to be sent, sends it.
func (a *app) change(c *cobra.Command, p gateway.Party, f *changeFlags) error {
	o, err := a.office(p.Country(), f.officeFlags)
	if err != nil {
		return err
	}
	if !f.send {
		var reach adapters.Reach
		if err := o.call(c.Context(), http.MethodPost, "/v1/changes/preview", "", f.request, &reach); err != nil {
			return err
		}
		if a.json {
			a.printJSON(a.out, reach)
			return nil
		}
		return a.printReach(reach)
	}
	if f.key == "" {
		f.key = newID()
	}
	var done struct {
		Change string                 `json:"change"`
		Parts  []adapters.ChangeState `json:"parts"`
	}
	if err := o.call(c.Context(), http.MethodPost, "/v1/changes", f.key, f.request, &done); err != nil {
		if p := gateway.AsProblem(err); !a.json && !p.Final() {
			fmt.Fprintf(a.errs, "Where it is not certain that nothing was sent, repeat it with --key %s: nobody is told twice.\n", f.key)
		}
		return err
	}
	if a.json {
		a.printJSON(a.out, done)
		return nil
	}
	return a.printStates(done.Parts, "nobody", localTimes(p.Country()))
}

func (a *app) printReach(r adapters.Reach) error {
	a.printf("would be told\n")
	var rows [][]string
	for _, p := range r.Parts {
		var remarks []string
		for _, x := range p.Readers {
			for _, part := range x.Parts {
				if part.Sealed {
					remarks = append(remarks, part.Unit+" opened by "+string(x.Party))
				}
			}
		}
		for _, h := range p.Withheld {
			remarks = append(remarks, h.Unit+" stays here, by rule "+h.Rule)
		}
		if p.Refused != nil {
			remarks = append(remarks, strings.Join(strings.Fields("cannot be sent: "+p.Refused.Title+" ("+string(p.Refused.Code)+"). "+p.Refused.Fix+" Telephone."), " "))
		}
		rows = append(rows, []string{"  " + string(p.To), ofTarget(p.Target, p.Thread), strings.Join(remarks, "; ")})
	}
	if err := a.columns(rows); err != nil {
		return err
	}
	for _, p := range r.Elsewhere {
		a.printf("  %s keeps the same case: ask it to do the same\n", p)
	}
	a.printf("Nothing was sent. --send sends it.\n")
	a.footnote(slices.ContainsFunc(r.Parts, func(p adapters.ReachPart) bool { return p.To.Country() == "xk" || p.From.Country() == "xk" }))
	return nil
}

// footnote is printed where Kosovo* was.
func (a *app) footnote(needed bool) {
	if needed {
		a.printf("%s\n", gateway.FootnoteXK)
	}
}

func (a *app) changesCommand() *cobra.Command {
	var flags officeFlags
	c := &cobra.Command{
		Use:   "changes COUNTRY|PARTY",
		Short: "Show who was told of recalls, corrections and withdrawals, and what each has done",
		Long: `changes lists, from the journal of a country's adapter, every recall, correction and change of consent
that its offices sent, recipient by recipient: whether it still has to be sent, was received by the
gateway, delivered, applied, or kept for a legal reason, and what is overdue. Then those that came in.`,
		Example: "  trm changes me\n  trm changes me/coordinator --json",
		Args:    args("COUNTRY|PARTY"),
		RunE: func(c *cobra.Command, args []string) error {
			country, p, err := parseOffices(args[0])
			if err != nil {
				return err
			}
			path := "/v1/changes"
			if p != "" {
				path += "?party=" + string(p)
			}
			o, err := a.office(country, flags)
			if err != nil {
				return err
			}
			var all adapters.Changes
			if err := o.call(c.Context(), http.MethodGet, path, "", nil, &all); err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, all)
				return nil
			}
			local := localTimes(country)
			a.printf("sent\n")
			if err := a.printStates(all.Sent, "nothing", local); err != nil {
				return err
			}
			a.printf("received\n")
			return a.printStates(all.Received, "nothing", local)
		},
	}
	flags.add(c)
	return c
}

// printStates prints the table of a change, recipient by recipient.
func (a *app) printStates(list []adapters.ChangeState, none string, local func(time.Time) string) error {
	if len(list) == 0 {
		a.printf("  %s\n", none)
		return nil
	}
	var rows [][]string
	for _, s := range list {
		other := "to " + string(s.Audience)
		if s.Delivery != "" {
			other = "from " + string(s.Issuer)
		}
		rows = append(rows, []string{"  " + changeName(s), other, string(s.State), ofTarget(s.Target, s.Thread), changeRemarks(s, local)})
	}
	if err := a.columns(rows); err != nil {
		return err
	}
	a.footnote(slices.ContainsFunc(list, func(s adapters.ChangeState) bool { return s.Issuer.Country() == "xk" || s.Audience.Country() == "xk" }))
	return nil
}

// changeName is what a change says: of a correction, which has only its effect, its kind too.
func changeName(s adapters.ChangeState) string {
	act := strings.Join(s.Act, " ")
	if strings.HasPrefix(s.Type, "correction.") {
		act = strings.TrimSpace("correction " + act)
	}
	return cmp.Or(act, "recall")
}

// ofTarget says what is changed: a conversation, a message, or a part of one.
func ofTarget(target, thread string) string {
	if target == thread {
		return "of conversation " + target
	}
	if id, part, ok := strings.Cut(target, "#"); ok {
		return "of " + part + " in " + id
	}
	return "of message " + target
}

// changeRemarks are what is special about one recipient.
func changeRemarks(s adapters.ChangeState, local func(time.Time) string) string {
	var out []string
	if s.Delivery != "" && s.Answered.IsZero() {
		out = append(out, "delivery "+s.Delivery) // by which it is answered
	}
	if why := cmp.Or(string(s.Code), s.Reason); why != "" {
		out = append(out, why)
	}
	if s.Withheld != "" {
		out = append(out, "new content stays here, by rule "+s.Withheld)
	}
	if len(s.ReadBy) > 0 {
		out = append(out, "read by "+strings.Join(s.ReadBy, ", "))
	}
	switch {
	case s.Overdue:
		out = append(out, "overdue since "+local(s.Due))
	case !s.Due.IsZero() && s.Answered.IsZero():
		out = append(out, "due "+local(s.Due))
	}
	if s.State == adapters.ChangeNotSent || s.State == adapters.ChangeFailed {
		out = append(out, "telephone")
	}
	return strings.Join(out, "; ")
}
