package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/trust"
)

func (a *app) receiptCommand() *cobra.Command {
	var pins string
	c := &cobra.Command{
		Use:   "receipt FILE",
		Short: "Prove a receipt: who signed what, where it stands in the log, who saw it there",
		Long: `receipt verifies a receipt file offline, with the pins of the coordinators' directory keys and
nothing else: the directories in the file, every statement's signature, that each opens its
entry of the log, that the log and enough witnesses signed a tree in which the entry stands.
What no witness has seen yet is pending, and the exit code is 5. Whatever does not hold is
named, and the exit code is 4.

A message's correspondents fetch their receipt with trm receipt get.`,
		Args: args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			known, err := a.pins(pins)
			if err != nil {
				return err
			}
			raw, err := a.readLong(args[0])
			if err != nil {
				return err
			}
			r, err := audit.ParseReceipt(bytes.TrimSpace(raw))
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			return a.printReceipt(r, r.Verify(known))
		},
	}
	c.Flags().StringVar(&pins, "pins", "", "file with the coordinators' directory keys (default: pins.json in the home folder)")
	c.AddCommand(a.receiptGetCommand())
	return c
}

func (a *app) receiptGetCommand() *cobra.Command {
	var (
		as, file string
		wait     time.Duration
	)
	c := &cobra.Command{
		Use:   "get ISSUER JTI",
		Short: "Fetch the receipt of a message that you sent or received",
		Long: `get asks the gateway for the entries about a message and writes them, with the directories that
prove who signed them, into one file that stands alone. The sender's receipt also holds what
was concealed from everybody else. Fetch it again later for what happened since; with --wait it
waits until witnesses have seen all of it, and exits with 5 if they have not by then.`,
		Example: "  trm receipt get ba/coordinator 0193a5c1-... -o receipt.json\n  trm receipt get ba/coordinator 0193a5c1-... --as rs/coordinator -o receipt.json",
		Args:    args("ISSUER", "JTI"),
		RunE: func(c *cobra.Command, args []string) error {
			iss, err := parseParty(args[0])
			if err != nil {
				return err
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
			r, err := d.receipt(c.Context(), caller, gateway.MessageID{Issuer: iss, ID: args[1]})
			for late := time.Now().Add(wait); err == nil && r.Pending() && time.Now().Before(late) && c.Context().Err() == nil; {
				time.Sleep(200 * time.Millisecond)
				r, err = d.receipt(c.Context(), caller, gateway.MessageID{Issuer: iss, ID: args[1]})
			}
			if err != nil {
				return err
			}
			raw, err := json.MarshalIndent(r, "", " ")
			if err != nil {
				return err
			}
			if err := a.write(file, append(raw, '\n')); err != nil {
				return err
			}
			if wait > 0 && r.Pending() {
				return exitWith(exitPending, errors.New("pending: witnesses have not seen all of it yet"))
			}
			return nil
		},
	}
	c.Flags().DurationVar(&wait, "wait", 0, "wait this long for witnesses, such as 30s")
	c.Flags().StringVar(&as, "as", "", "the party that asks (default: the sender)")
	c.Flags().StringVarP(&file, "out", "o", "", "file for the receipt (default: standard output)")
	return c
}

// receipt fetches what a correspondent may have of a message.
func (d *desk) receipt(ctx context.Context, as gateway.Party, id gateway.MessageID) (audit.Receipt, error) {
	list, err := d.client().Proofs(ctx, as, id)
	if err != nil {
		return audit.Receipt{}, err
	}
	taken, err := trust.LookBack(d.home, time.Now())
	if err != nil {
		return audit.Receipt{}, err
	}
	// One that waits for its time proves nothing yet, and may name other witnesses.
	taken = slices.DeleteFunc(taken, func(d *trust.Directory) bool { return d.Activates().After(time.Now().Add(gateway.Skew)) })
	steps := make([]audit.Step, len(list))
	for i, p := range list {
		steps[i] = audit.Step{Origin: p.Origin, Index: p.Index, Entry: p.Entry, Nonce: p.Nonce, Opening: p.Opening, Proof: p.Proof}
		if p.Concealed != nil {
			steps[i].Secret = &audit.Secret{Nonce: p.Concealed.Nonce, Opening: p.Concealed.Opening}
		}
	}
	return audit.Issue(as, id, steps, taken), nil
}

// pins reads whose directories are believed.
func (a *app) pins(file string) (trust.Pins, error) {
	if file == "" {
		file = filepath.Join(a.home, "pins.json")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return trust.Pins{}, fmt.Errorf("reading pins: %w; name the file with --pins", err)
	}
	return trust.ParsePins(raw)
}

// readLong reads a file that may be longer than a message.
func (a *app) readLong(name string) ([]byte, error) {
	if name == "-" {
		return a.read(name)
	}
	return os.ReadFile(name)
}

// printReceipt tells what is proven, and ends with the exit code that says how well.
func (a *app) printReceipt(r audit.Receipt, t audit.Told) error {
	code := exitOK
	switch {
	case len(t.Findings) > 0:
		code = exitInvalid
	case t.Pending():
		code = exitPending
	}
	if a.json {
		a.printJSON(a.out, t)
		return ended(code)
	}
	a.printf("%s %s", t.Message.Issuer, t.Message.ID)
	if t.Audience != "" {
		a.printf(" to %s, %s", t.Audience, t.Type)
	}
	a.printf("\n  receipt of %s\n", r.Viewer)
	if t.Pair.N > 0 {
		a.printf("  number     %s\n", pairText(t.Pair))
	}
	for _, s := range t.Steps {
		a.printProven(s)
	}
	for _, f := range t.Findings {
		a.printFinding(f)
	}
	switch code {
	case exitOK:
		a.printf("proven: every step was signed by whom it names, stands in the log, and was seen there by witnesses\n")
	case exitPending:
		a.printf("pending: no witnessed proof exists yet of some steps; fetch the receipt again later\n")
	default:
		a.printf("not proven: %s\n", count(len(t.Findings), "finding"))
	}
	return ended(code)
}

func (a *app) printProven(s audit.Proven) {
	who := "signed by " + string(s.Signer)
	if s.Signer == "" {
		who = "said by the log; the gateway's receipt is the sender's"
	}
	if s.Role != "" {
		who += " as " + s.Role
	}
	a.printf("  %s  %s%s, %s\n", s.At.Format(time.RFC3339), s.Event, because(s.Code), who)
	switch {
	case s.Pending && s.Origin == "":
		a.printf("      pending: it waits for its place in the log\n")
	case s.Pending:
		a.printf("      pending: entry %d of %s, which witnesses have not seen yet\n", s.Index, s.Origin)
	default:
		a.printf("      entry %d of %s, seen among %d entries%s\n", s.Index, s.Origin, s.Size, seenBy(s.Cosigned))
	}
}

func seenBy(list []audit.Cosigned) string {
	text := ""
	for i, c := range list {
		if i == 0 {
			text += " by"
		} else {
			text += ","
		}
		text += " " + c.Witness + " at " + c.At.Format(time.RFC3339)
	}
	return text
}

// ended is the end of a command that has said everything.
func ended(code int) error {
	if code == exitOK {
		return nil
	}
	return silentError{code}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
