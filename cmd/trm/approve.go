package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func (a *app) approveCommand() *cobra.Command {
	var (
		file, review string
		rules        []string
		send         bool
	)
	c := &cobra.Command{
		Use:   "approve FILE",
		Short: "Approve, as the second person, a message that overrides rules",
		Long: `approve shows what a signed message sets aside and why, and signs the approval with the approval
key of the sender's party, which another person holds than the one who signed the message. It is of
exactly these bytes, this reason and these rules.

The gateway receives the message only when the approval is there; in the urgent lane the approval may
follow within 24 hours. With --review it signs instead what looking at it again came to, which is owed
within 72 hours: upheld, or not-upheld.`,
		Example: "  trm approve message.json -o approval.jws\n  trm send message.json --approval approval.jws\n  trm approve message.json --review upheld --send",
		Args:    args("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if review != "" && !slices.Contains(gateway.Findings[:], review) {
				return usage("a review comes to %s", strings.Join(gateway.Findings[:], " or "))
			}
			d, err := a.desk()
			if err != nil {
				return err
			}
			raw, err := a.read(args[0])
			if err != nil {
				return err
			}
			p, err := envelope.Codec{}.Decode(raw)
			if err != nil {
				return err
			}
			approval, err := d.approval(p, rules, review)
			if err != nil {
				return err
			}
			k, err := d.keys(p.Head.Issuer)
			if err != nil {
				return err
			}
			if k.Approval == nil {
				return fmt.Errorf("the approval key of %s is not in %s: a second person holds it", p.Head.Issuer, d.home)
			}
			jws, err := envelope.SignApproval(approval, k.Approval)
			if err != nil {
				return err
			}
			answer := ""
			if send {
				if answer, err = d.approve(c.Context(), jws); err != nil {
					return err
				}
			}
			return a.printApproval(d, approval, p, jws, file, answer)
		},
	}
	c.Flags().StringVarP(&file, "out", "o", "", "file for the approval (default: standard output, unless it is sent)")
	c.Flags().StringVar(&review, "review", "", "sign what the review came to: upheld or not-upheld")
	c.Flags().StringSliceVar(&rules, "rule", nil, "approve these rules only (default: all that the message may need set aside)")
	c.Flags().BoolVar(&send, "send", false, "give the approval to the gateway at once")
	return c
}

var errNothingOverridden = errors.New("the message overrides nothing: its head has no override")

// approval is what is to be signed about a message.
func (d *desk) approval(p gateway.Parts, rules []string, review string) (gateway.Approval, error) {
	h := p.Head
	if h.Override == "" {
		return gateway.Approval{}, usage("%w", errNothingOverridden)
	}
	needs, err := d.overridden(p)
	if err != nil {
		return gateway.Approval{}, err
	}
	if len(rules) == 0 {
		rules = needs
	}
	slices.Sort(rules)
	for _, r := range rules {
		if !slices.Contains(needs, r) {
			return gateway.Approval{}, usage("%s is no rule that this message sets aside: %s", r, cmp.Or(strings.Join(needs, ", "), "none"))
		}
	}
	return gateway.Approval{
		ID: newID(), By: h.Issuer, At: time.Now().UTC().Truncate(time.Second), Message: h.MessageID(),
		Envelope: p.Digest.String(), Reason: h.Override, Rules: slices.Compact(rules), Finding: review,
	}, nil
}

// overridden are the rules that the message may need set aside, whatever its conversation
// has established, which this tool does not know.
func (d *desk) overridden(p gateway.Parts) ([]string, error) {
	t, ok := d.catalogue.Type(p.Head.Type)
	if !ok {
		return nil, gateway.Refuse(gateway.CodeTypeUnknown, "/type", "")
	}
	units := make([]string, len(p.Units))
	for i, u := range p.Units {
		units[i] = u.Name
	}
	var out []string
	begun := gateway.ThreadFacts{Opener: p.Head.Issuer, Other: p.Head.Audience}
	accepted, closed, withdrawn := begun, begun, begun
	accepted.Accepted, closed.Accepted, closed.Closed, withdrawn.Accepted, withdrawn.Withdrawn = true, true, true, true, true
	for _, f := range []gateway.ThreadFacts{{}, begun, accepted, closed, withdrawn} {
		q, err := gateway.AskAbout(p.Head, t, units, f, d.directory)
		if err != nil {
			return nil, err
		}
		out = append(out, d.policy.Decide(q).Overridden...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// approve gives an approval to the gateway and proves the answer.
func (d *desk) approve(ctx context.Context, jws string) (string, error) {
	p, _, err := envelope.Codec{}.ExamineApproval(jws)
	if err != nil {
		return "", err
	}
	answer, err := d.client().Approve(ctx, p.By, jws)
	if err != nil {
		return "", err
	}
	e, err := gateway.Witnessed(answer, envelope.Codec{}, d.directory)
	if err != nil {
		return "", exitWith(exitInvalid, fmt.Errorf("checking the answer: %w", err))
	}
	s := e.Statement()
	if s.Signer != gateway.TheGateway || s.Of != gateway.DigestString(jws) || s.Event != gateway.ApprovalRecorded && s.Event != gateway.ReviewRecorded {
		return "", exitWith(exitInvalid, fmt.Errorf("the answer is to something else"))
	}
	return answer, nil
}

func (a *app) printApproval(d *desk, x gateway.Approval, p gateway.Parts, jws, file, answer string) error {
	if file != "" {
		if err := a.write(file, []byte(jws)); err != nil {
			return err
		}
	}
	if a.json {
		a.printJSON(a.out, map[string]any{"iss": x.Message.Issuer, "jti": x.Message.ID, "reason": x.Reason, "rules": x.Rules, "finding": x.Finding, "approval": jws, "recorded": answer != ""})
		return nil
	}
	if file == "" && answer == "" {
		return a.write("", []byte(jws+"\n"))
	}
	what := "approved"
	if x.Finding != "" {
		what = "reviewed (" + x.Finding + ")"
	}
	a.printf("%s %s %s from %s to %s, for %s\n", what, p.Head.Type, x.Message.ID, p.Head.Issuer, p.Head.Audience, x.Reason)
	for _, r := range x.Rules {
		a.paragraph("  may set aside "+r+": ", d.policy.Explain(r))
	}
	if answer != "" {
		a.printf("  the gateway holds it\n")
	}
	return nil
}
