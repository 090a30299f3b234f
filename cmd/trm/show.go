package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/adapters/incoming"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/schemas"
)

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show FILE",
		Short: "Print what a message or a receipt says, without checking it",
		Long: `show reads a signed message, a receipt or other evidence, or an approval, and prints what it says:
head, clear blocks, and the names of sealed units. It proves nothing: verify does.`,
		Example: "  trm show message.json\n  trm show receipt.jws\n  trm show approval.jws",
		Args:    args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := a.read(args[0])
			if err != nil {
				return err
			}
			raw = bytes.TrimSpace(raw)
			if len(raw) > 0 && raw[0] != '{' {
				return a.showEvidence(string(raw))
			}
			p, err := envelope.Codec{}.Decode(raw)
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			return a.showParts(p)
		},
	}
}

// showEvidence prints a statement; as JSON, its claims as they were signed.
func (a *app) showEvidence(jws string) error {
	s, kid, err := envelope.Codec{}.Examine(jws)
	approval, by, notApproval := envelope.Codec{}.ExamineApproval(jws)
	if err != nil && notApproval != nil {
		return exitWith(exitInvalid, err)
	}
	if a.json {
		_, rest, _ := strings.Cut(jws, ".")
		payload, _, _ := strings.Cut(rest, ".")
		claims, err := base64.RawURLEncoding.DecodeString(payload)
		if err != nil {
			return exitWith(exitInvalid, err)
		}
		a.printJSON(a.out, json.RawMessage(claims))
		return nil
	}
	if notApproval == nil {
		a.showApproval(approval, by)
		return nil
	}
	a.printf("%s\n  signed by  %s (key %s)\n  at         %s\n  message    %s %s\n", s.Event, s.Signer, kid, s.At.Format(time.RFC3339), s.Message.Issuer, s.Message.ID)
	if s.Pair.N > 0 {
		a.printf("  number     %s\n", pairText(s.Pair))
	}
	if s.Code != "" {
		a.printf("  code       %s %s\n", s.Code, s.Pointer)
	}
	return nil
}

// showApproval prints what a second person signed about a message that overrides rules.
func (a *app) showApproval(x gateway.Approval, kid string) {
	what := "Approval"
	if x.Finding != "" {
		what = "Review: " + x.Finding
	}
	a.printf("%s\n  signed by  %s (key %s)\n  at         %s\n  message    %s %s\n  reason     %s\n", what, x.By, kid, x.At.Format(time.RFC3339), x.Message.Issuer, x.Message.ID, x.Reason)
	for _, r := range x.Rules {
		a.printf("  rule       %s\n", r)
	}
}

func pairText(n gateway.PairNumber) string {
	return fmt.Sprintf("%s to %s, %s/%d", n.From, n.To, n.Origin, n.N)
}

func (a *app) showParts(p gateway.Parts) error {
	if a.json {
		a.printJSON(a.out, p.Document)
		return nil
	}
	h := p.Head
	a.printf("%s from %s to %s\n", h.Type, h.Issuer, h.Audience)
	a.printf("  message    %s\n  thread     %s\n  signed     %s, good until %s\n  lane       %s\n", h.ID, h.Thread, h.IssuedAt.Format(time.RFC3339), h.Expires.Format(time.RFC3339), h.Lane)
	for _, m := range headMembers(h) {
		a.printf("  %-10s %s\n", m[0], m[1])
	}
	if p.Bound != "" {
		a.printf("  bound by the gateway: this is a delivery\n")
	}
	for _, u := range p.Units {
		switch block, role, field := gateway.SplitUnit(u.Name); {
		case role != "":
			a.printf("  %s  sealed to %s, %d bytes\n", u.Name, role, u.Seal.Size)
		case field == "":
			raw, err := json.MarshalIndent(p.Document[block], "    ", "  ")
			if err != nil {
				return err
			}
			a.printf("  %s  %s\n", block, raw)
		}
	}
	return nil
}

// headMembers are what a head says beside who, to whom and when, where it says it.
func headMembers(h gateway.Head) [][2]string {
	decided := h.Agreement.State
	for _, more := range []string{h.Agreement.Reason, h.Agreement.By} {
		if more != "" {
			decided += ", " + more
		}
	}
	if h.Agreement.Heard {
		decided += ", heard"
	}
	instant := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	all := [][2]string{
		{"reply to", h.InReplyTo}, {"changes", h.Target}, {"instead of", h.Supersedes}, {"purpose", h.Purpose}, {"basis", h.Basis}, {"agreed", decided},
		{"attests", strings.Join(h.Attests, ", ")}, {"act", strings.Join(h.Act, ", ")}, {"outcome", h.Outcome},
		{"override", h.Override}, {"effective", instant(h.EffectiveAt)}, {"answer by", instant(h.AnswerBy)}, {"take on by", instant(h.AckBy)},
	}
	if h.Test {
		all = append(all, [2]string{"test", "it means nothing"})
	}
	return slices.DeleteFunc(all, func(m [2]string) bool { return m[1] == "" })
}

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a message as the gateway, or a delivery as its recipient",
		Long: `verify proves a file: for a message that is to be sent, everything the gateway checks before
policy; for a delivery (a message that the gateway has bound), the origin's signature over
what is left, and the gateway's over what it released, as of the time of receipt; for a
receipt, other evidence or an approval, its signer. It exits with 4 if something does not hold.`,
		Example: "  trm verify message.json\n  trm verify receipt.jws",
		Args:    args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := a.desk()
			if err != nil {
				return err
			}
			raw, err := a.read(args[0])
			if err != nil {
				return err
			}
			raw = bytes.TrimSpace(raw)
			if len(raw) > 0 && raw[0] != '{' {
				if x, kid, err := (envelope.Codec{}).ExamineApproval(string(raw)); err == nil {
					return a.verifyApproval(d, x, kid, string(raw))
				}
				e, err := gateway.Witnessed(string(raw), envelope.Codec{}, d.directory)
				if err != nil {
					return exitWith(exitInvalid, err)
				}
				return a.verified("evidence", fmt.Sprintf("%s signed by %s", e.Statement().Event, e.Statement().Signer))
			}
			what, err := d.verify(raw, d.now())
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			return a.verified("message", what)
		},
	}
}

// verifyApproval proves that a second person of the sender's party signed it, with a key that
// was good at the time.
func (a *app) verifyApproval(d *desk, x gateway.Approval, kid, jws string) error {
	k, ok := d.directory.Key(kid)
	if !ok || k.Party != x.By || k.Use != gateway.UseApproval || !k.ValidAt(x.At) {
		return exitWith(exitInvalid, gateway.Refuse(gateway.CodeApproval, "", "It is signed with no approval key that the directory lists for the sender's party at that time."))
	}
	if err := (envelope.Codec{}).CheckApproval(jws, k); err != nil {
		return exitWith(exitInvalid, err)
	}
	what := "approval"
	if x.Finding != "" {
		what = "review (" + x.Finding + ")"
	}
	return a.verified("approval", fmt.Sprintf("%s of %s %s, for %s, signed by %s", what, x.Message.Issuer, x.Message.ID, x.Reason, x.By))
}

func (a *app) verified(kind, what string) error {
	if a.json {
		a.printJSON(a.out, map[string]any{"valid": true, "kind": kind, "what": what})
		return nil
	}
	a.printf("valid: %s\n", what)
	return nil
}

// verify proves a message that is to be sent, or one that was delivered.
func (d *desk) verify(raw []byte, now time.Time) (string, error) {
	codec := envelope.Codec{}
	p, err := codec.Decode(raw)
	if err != nil {
		return "", err
	}
	if p.Bound == "" {
		k, err := gateway.Prove(p, codec, d.directory, now)
		if err != nil {
			return "", err
		}
		m, err := gateway.Open(p, k, now, d.catalogue, d.directory)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s signed by %s; %s", m.Head().Type, m.Head().Issuer, units(len(m.Units()))), nil
	}
	// The delivery's id is what its binding says: a file has no other.
	b, err := envelope.ReadBinding(p)
	if err != nil {
		return "", err
	}
	b, err = envelope.CheckBinding(p, d.directory.Key, b.Delivery)
	if err != nil {
		return "", err
	}
	k, err := gateway.Prove(p, codec, d.directory, b.IssuedAt)
	if err != nil {
		return "", err
	}
	m, err := gateway.OpenDelivered(p, k, b.IssuedAt, d.catalogue, d.directory)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s signed by %s; %s released by the gateway to %s at %s, number %s",
		m.Head().Type, m.Head().Issuer, units(len(b.Released)), b.Audience, b.IssuedAt.Format(time.RFC3339), pairText(b.Pair)), nil
}

func units(n int) string {
	if n == 1 {
		return "1 unit"
	}
	return strconv.Itoa(n) + " units"
}

func (a *app) openCommand() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use:   "open FILE",
		Short: "Open a message as one role: what it can read and what it cannot",
		Long: `open proves a message as verify does and unseals what the role named with --as may read, with that
role's key from the home folder. It shows what another role would see only to that role.`,
		Example: "  trm open message.json --as rs/child-protection",
		Args:    args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			reader, err := parseParty(as)
			if err != nil {
				return err
			}
			d, err := a.desk()
			if err != nil {
				return err
			}
			raw, err := a.read(args[0])
			if err != nil {
				return err
			}
			return a.openAs(d, bytes.TrimSpace(raw), reader)
		},
	}
	c.Flags().StringVar(&as, "as", "", "the role that opens, such as rs/coordinator (required)")
	required(c, "as")
	return c
}

func (a *app) openAs(d *desk, raw []byte, reader gateway.Party) error {
	if _, err := d.verify(raw, d.now()); err != nil {
		return exitWith(exitInvalid, err)
	}
	k, err := d.keys(reader)
	if err != nil {
		return err
	}
	v, err := incoming.ViewAs(raw, reader, k, schemas.Reader{Set: d.catalogue})
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(a.out, v)
		return nil
	}
	a.printView(v)
	// What nobody on the way can check stands beside what was opened.
	a.printf("\nWhat the office keeps by itself\n")
	for _, s := range d.policy.Duties(policy.AtOpening) {
		a.printf("  - %s\n", s)
	}
	return nil
}

// printView prints what one role sees.
func (a *app) printView(v incoming.View) {
	a.printf("%s sees\n", v.Party)
	for _, part := range []struct {
		name string
		m    map[string]any
	}{{"clear", v.Clear}, {"opened", v.Sealed}} {
		for _, name := range sortedKeys(part.m) {
			raw, err := json.MarshalIndent(part.m[name], "    ", "  ")
			if err != nil {
				raw = []byte("?")
			}
			a.printf("  %s (%s)  %s\n", name, part.name, raw)
		}
	}
	for _, u := range v.SealedFor {
		a.printf("  %s  sealed for another role\n", u)
	}
	if v.Codes != nil {
		a.printf("  release %s of the code lists is not here\n", v.Codes.Release)
		for _, s := range v.Codes.Strange {
			a.printf("    %s at %s is in no list here (%s)\n", s.Code, s.Pointer, s.List)
		}
	}
}
