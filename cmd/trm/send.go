package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// client calls the home's gateway.
func (d *desk) client() *adapters.Client {
	return &adapters.Client{
		Base: d.gateway.URL, Audience: d.gateway.Audience, Keys: d.keyring(), Now: d.now, NewID: newID,
		HTTP: d.http,
	}
}

func (a *app) sendCommand() *cobra.Command {
	var (
		file, approval string
		wait           time.Duration
	)
	c := &cobra.Command{
		Use:   "send FILE",
		Short: "Send a signed message and print its receipt",
		Long: `send gives a signed message to the gateway as its sender. The answer is a signed receipt: from then
on the message is delivered, or visibly failed, whatever crashes. Sending the same file again
is harmless and gets the same receipt, byte for byte.

A message that overrides rules needs a second person's approval first: --approval gives it.

With --wait it then waits for the evidence that the message is in the other country's system.`,
		Example: "  trm send message.json\n  trm send message.json --wait 30s",
		Args:    args("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
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
			if approval != "" {
				jws, err := a.read(approval)
				if err != nil {
					return err
				}
				if _, err := d.approve(c.Context(), strings.TrimSpace(string(jws))); err != nil {
					return err
				}
			}
			receipt, err := d.send(c.Context(), p.Head, raw)
			if err != nil {
				return err
			}
			if file != "" {
				if err := a.write(file, []byte(receipt)); err != nil {
					return err
				}
			}
			if p.Head.Override != "" && p.Head.Lane == gateway.Urgent && approval == "" && !a.json {
				a.printf("Rules are overridden: unless it is approved already, a second person does so within 24 hours (trm approve %s --send)\n", args[0])
			}
			// For a program one document: the timeline, where one was asked for.
			if wait == 0 || !a.json {
				if err := a.showEvidence(receipt); err != nil || wait == 0 {
					return err
				}
			}
			return a.await(c.Context(), d, p.Head, wait)
		},
	}
	c.Flags().StringVarP(&file, "out", "o", "", "file for the receipt")
	c.Flags().StringVar(&approval, "approval", "", "file with a second person's approval (trm approve), given to the gateway first")
	c.Flags().DurationVar(&wait, "wait", 0, "wait this long for the delivery, such as 30s")
	return c
}

// send submits an envelope and proves the receipt.
func (d *desk) send(ctx context.Context, h gateway.Head, raw []byte) (receipt string, err error) {
	receipt, problem, err := d.client().Submit(ctx, h.Issuer, raw, h.Lane)
	if problem != nil {
		p := gateway.Refuse(problem.Code, problem.Pointer, problem.Detail)
		p.Rule = problem.Rule
		return "", p
	}
	if err != nil {
		return "", err
	}
	e, err := gateway.Witnessed(receipt, envelope.Codec{}, d.directory)
	if err != nil {
		return "", exitWith(exitInvalid, fmt.Errorf("checking the receipt: %w", err))
	}
	s := e.Statement()
	if s.Event != gateway.SubmissionAcceptance || s.Signer != gateway.TheGateway || s.Message != h.MessageID() {
		return "", exitWith(exitInvalid, fmt.Errorf("the receipt is for something else"))
	}
	return receipt, nil
}

// await waits until the message has final evidence.
func (a *app) await(ctx context.Context, d *desk, h gateway.Head, wait time.Duration) error {
	t, err := d.follow(ctx, h.Issuer, h.MessageID(), wait)
	if err != nil {
		return err
	}
	a.printTrace(t)
	return nil
}

func (a *app) traceCommand() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use:   "trace ISSUER JTI",
		Short: "Say how far a message has come, and prove every step",
		Long: `trace asks the gateway what became of a message, checks the signature of every piece of evidence
and prints the steps. To the sender it also says what was withheld and by which rule; nobody
else can read that.`,
		Example: "  trm trace ba/coordinator 0193a5c1-...\n  trm trace ba/coordinator 0193a5c1-... --as rs/coordinator",
		Args:    args("ISSUER", "JTI"),
		RunE: func(c *cobra.Command, args []string) error {
			iss, err := parseParty(args[0])
			if err != nil {
				return err
			}
			if _, err := uuid.Parse(args[1]); err != nil {
				return usage("JTI is the id of a message, such as 0193a5c1-7d2e-7c41-b0f4-5a6b7c8d9e0f; trm sign, post and due print it")
			}
			caller := iss
			if as != "" {
				if caller, err = parseParty(as); err != nil {
					return err
				}
			}
			d, err := a.desk()
			if err != nil {
				return err
			}
			t, err := d.trace(c.Context(), caller, gateway.MessageID{Issuer: iss, ID: args[1]})
			if err != nil {
				return err
			}
			a.printTrace(t)
			return nil
		},
	}
	c.Flags().StringVar(&as, "as", "", "the party that asks (default: the sender)")
	return c
}

// timeline is what a correspondent may know of a message, every step proven here.
type timeline struct {
	Issuer   gateway.Party       `json:"iss"`
	ID       string              `json:"jti"`
	Audience gateway.Party       `json:"aud"`
	State    gateway.State       `json:"state"`
	Pair     *gateway.PairNumber `json:"pair,omitempty"`
	Steps    []step              `json:"steps"`
	Withheld []gateway.Withheld  `json:"withheld"` // null where it is not the caller's to read
}

type step struct {
	At     time.Time     `json:"at"`
	Event  gateway.Event `json:"event"`
	Signer gateway.Party `json:"signer"`
	Code   gateway.Code  `json:"code,omitempty"`
	SDHash string        `json:"sdHash,omitempty"`
	Due    time.Time     `json:"due,omitzero"` // the date that a step of a duty is about
}

// trace asks about a message and proves what comes back.
func (d *desk) trace(ctx context.Context, as gateway.Party, id gateway.MessageID) (timeline, error) {
	s, err := d.client().Message(ctx, as, id)
	if err != nil {
		return timeline{}, err
	}
	t := timeline{Issuer: id.Issuer, ID: id.ID, Audience: s.Audience, State: s.State, Pair: s.Pair}
	for _, jws := range s.Evidence {
		e, err := gateway.Witnessed(jws, envelope.Codec{}, d.directory)
		if err != nil {
			return t, exitWith(exitInvalid, fmt.Errorf("checking evidence: %w", err))
		}
		st := e.Statement()
		if st.Message != id {
			return t, exitWith(exitInvalid, fmt.Errorf("the gateway showed evidence of another message"))
		}
		t.Steps = append(t.Steps, step{At: st.At, Event: st.Event, Signer: st.Signer, Code: st.Code, SDHash: st.SDHash, Due: st.Due})
	}
	if as != id.Issuer || s.Withheld == "" {
		return t, nil
	}
	k, err := d.keys(as)
	if err != nil {
		return t, err
	}
	for _, enc := range k.Encryption {
		if list, err := envelope.Reveal(s.Withheld, enc, id); err == nil {
			t.Withheld = append([]gateway.Withheld{}, list...)
		}
	}
	return t, nil
}

// follow traces until there is final evidence, at most for wait.
func (d *desk) follow(ctx context.Context, as gateway.Party, id gateway.MessageID, wait time.Duration) (timeline, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		t, err := d.trace(ctx, as, id)
		if err != nil {
			return t, err
		}
		for _, s := range t.Steps {
			if s.Event.Final() {
				return t, nil
			}
		}
		select {
		case <-ctx.Done():
			return t, exitWith(exitPending, fmt.Errorf("not delivered yet: the message is %s", t.State))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// printTrace prints a timeline, for people or for programs.
func (a *app) printTrace(t timeline) {
	if a.json {
		a.printJSON(a.out, t)
		return
	}
	a.printTimeline(t)
}

func because(c gateway.Code) string {
	if c == "" {
		return ""
	}
	return ": " + string(c)
}

// dated says which date a step of a duty is about.
func dated(due time.Time) string {
	if due.IsZero() {
		return ""
	}
	return ", about " + due.Format(time.RFC3339)
}

func (a *app) printTimeline(t timeline) {
	a.printf("%s %s to %s: %s\n", t.Issuer, t.ID, t.Audience, t.State)
	if t.Pair != nil {
		a.printf("  number  %s\n", pairText(*t.Pair))
	}
	for _, s := range t.Steps {
		a.printf("  %s  %s, signed by %s%s%s\n", s.At.Format(time.RFC3339), s.Event, s.Signer, because(s.Code), dated(s.Due))
	}
	if t.Withheld == nil {
		return
	}
	if len(t.Withheld) == 0 {
		a.printf("  withheld: nothing (only the sender and its auditor can read this line)\n")
	}
	for _, w := range t.Withheld {
		a.printf("  withheld: %s, by rule %s (only the sender and its auditor can read this line)\n", w.Unit, w.Rule)
	}
}
