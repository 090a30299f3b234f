package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
)

func (a *app) revokeCommand() *cobra.Command {
	var reason, file string
	c := &cobra.Command{
		Use:     "revoke PARTY KEY-ID",
		Short:   "Revoke a party's own key, with the approval key that a second person holds",
		Example: "  trm directory revoke rs/coordinator KEY-ID --reason lost -o revoked.jws",
		Long: `revoke makes the statement that a key is no longer the party's, from now on and for ever, and takes
it up in the home folder. What the key signed before stays good. trm keys show lists the ids.

The file that -o writes goes to every operator, of the gateway and of each adapter, who put it into the
folder directory/statements beside the journal and restart (gateway/doc/operate.md).`,
		Args: args("PARTY", "KEY-ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := parseParty(args[0])
			if err != nil {
				return err
			}
			return a.state(trust.Statement{Kind: trust.Revocation, By: p, Key: args[1], Reason: reason}, file)
		},
	}
	c.Flags().StringVar(&reason, "reason", "suspected", "one of "+strings.Join(trust.Reasons[:], ", "))
	c.Flags().StringVarP(&file, "out", "o", "", "file for the signed statement")
	return c
}

func (a *app) switchCommand() *cobra.Command {
	var file, as string
	c := &cobra.Command{
		Use:   "switch COUNTRY on|off",
		Short: "Switch one's own pair with a country off, alone, or on again",
		Long: `switch signs, with a coordinator's key, that nothing is exchanged with a country from now on, or again. It
needs nobody else's signature.`,
		Example:   "  trm directory switch ba off --as rs -o off.jws",
		Args:      args("COUNTRY", "on|off"),
		ValidArgs: []string{"on", "off"},
		RunE: func(_ *cobra.Command, args []string) error {
			own, with := gateway.Country(as), gateway.Country(args[0])
			if !own.Valid() || !with.Valid() || own == with {
				return usage("name two countries of the mechanism; the codes are al, ba, xk, md, me, mk, rs")
			}
			if args[1] != "on" && args[1] != "off" {
				return usage("say on or off")
			}
			return a.state(trust.Statement{
				Kind: trust.Switch, By: gateway.Party(string(own) + "/coordinator"), With: with, Off: args[1] == "off",
			}, file)
		},
	}
	c.Flags().StringVar(&as, "as", "", "the country whose side it is (required)")
	c.Flags().StringVarP(&file, "out", "o", "", "file for the signed statement")
	required(c, "as")
	return c
}

func (a *app) contactsCommand() *cobra.Command {
	var (
		s    trust.Statement
		file string
		alt  string
	)
	c := &cobra.Command{
		Use:     "contacts PARTY",
		Short:   "Say how a party is reached: mailbox, duty telephone, alternate",
		Example: "  trm directory contacts rs/child-protection --no-mailbox --duty +99900010001",
		Long: `contacts makes the statement of how a party's people are reached, and takes it up in the home folder.
With --no-mailbox it says that no machine tells them of a message: whoever sends to the party is shown
its telephone before.`,
		Args: args("PARTY"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := parseParty(args[0])
			if err != nil {
				return err
			}
			if alt != "" {
				if s.Alternate, err = parseParty(alt); err != nil {
					return err
				}
			}
			if s.Unreached == (s.Mailbox != "") {
				return usage("give --mailbox or --no-mailbox")
			}
			s.Kind, s.By = trust.Contacts, p
			return a.state(s, file)
		},
	}
	c.Flags().StringVar(&s.Mailbox, "mailbox", "", "e-mail address")
	c.Flags().BoolVar(&s.Unreached, "no-mailbox", false, "the party has none, and no other channel")
	c.Flags().StringVar(&s.Duty, "duty", "", "duty telephone, such as +99900010001 (required)")
	c.Flags().StringVar(&alt, "alternate", "", "another party of the same country")
	c.Flags().StringVarP(&file, "out", "o", "", "file for the signed statement")
	required(c, "duty")
	return c
}

func (a *app) tellCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "tell FILE",
		Short: "Take up a signed statement of another office",
		Long: `tell takes up what an office alone has signed: a revoked key, a pair that was switched off, contacts. The
signature is checked.`,
		Example: "  trm directory tell off.jws",
		Args:    args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := a.read(args[0])
			if err != nil {
				return err
			}
			return a.tellStatement(strings.TrimSpace(string(raw)))
		},
	}
}

// state signs what an office says alone, with the key whose matter it is, and takes it up.
func (a *app) state(s trust.Statement, file string) error {
	var err error
	if s.Issued, err = a.dateAfterLast(s.By); err != nil {
		return err
	}
	k, err := a.statementKey(s)
	if err != nil {
		return err
	}
	jws, err := s.Sign(k)
	if err != nil {
		return exitWith(exitInvalid, err)
	}
	if err := a.tellStatement(jws); err != nil {
		return err
	}
	if file == "" {
		return nil
	}
	return a.write(file, []byte(jws+"\n"))
}

// dateAfterLast is now, and later than what the party stated before: dates are whole
// seconds, and of two statements with one date the more careful would stand, not the last.
func (a *app) dateAfterLast(by gateway.Party) (time.Time, error) {
	d, err := openDirectory(a.home)
	if err != nil {
		return time.Time{}, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	for _, jws := range d.Statements() {
		last, err := trust.ReadStatement(jws)
		if err != nil {
			return time.Time{}, err
		}
		if last.By == by && !now.After(last.Issued) {
			now = last.Issued.Add(time.Second)
		}
	}
	return now, nil
}

func (a *app) statementKey(s trust.Statement) (*envelope.Private, error) {
	if s.Kind == trust.Switch {
		hands, err := a.hands([]string{string(s.By.Country())})
		if err != nil {
			return nil, err
		}
		return hands[0], nil
	}
	k, err := certs.Load(a.home, s.By)
	if err != nil || k.Approval == nil {
		return nil, fmt.Errorf("the approval key of %s is not in %s", s.By, a.home)
	}
	return k.Approval, nil
}

func (a *app) tellStatement(jws string) error {
	r, err := a.register()
	if err != nil {
		return err
	}
	if err := r.Tell(jws, time.Now()); err != nil {
		return exitWith(exitInvalid, err)
	}
	s, err := trust.ReadStatement(jws)
	if err != nil {
		return err
	}
	a.printf("in force: %s of %s, issued %s\n", s.Kind, s.By, s.Issued.Format(time.RFC3339))
	return nil
}
