package main

import (
	"errors"

	"github.com/spf13/cobra"

	"example.org/trm/certs"
	"example.org/trm/cmd/internal/gatewayrun"
)

func (a *app) ledgerCommand() *cobra.Command {
	var config string
	c := group(&cobra.Command{
		Use:   "ledger",
		Short: "The gateway's log: how it stands, and how it goes on after a roll-back",
		Long: `The gateway keeps a log that nobody can rewrite. It compares its database with the last checkpoint
that it signed, which lies outside the database, and signs nothing that contradicts it.

show and succeed read the configuration of gatewayd, and may run beside it.`,
	})
	c.PersistentFlags().StringVar(&config, "config", "", "configuration of gatewayd")
	c.AddCommand(a.ledgerKeyCommand(), a.ledgerShowCommand(&config), a.ledgerSucceedCommand(&config))
	return c
}

func (a *app) ledgerKeyCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "key",
		Short: "Make the key of a region's log",
		Long: `key makes the log's private key in keys/gateway/log.key of the home folder, never over another, and
prints what the next directory says of the log (member "log"): name, public key, and a policy that asks
for no witness. Put the witnesses there before the coordinators sign; c2sp.org/tlog-policy has the form.`,
		Example: "  trm ledger key --home /etc/trm/certs --name trm",
		Args:    args(),
		RunE: func(*cobra.Command, []string) error {
			l, err := certs.NewLog(a.home, name)
			if err != nil {
				return err
			}
			a.printJSON(a.out, l)
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", certs.LogName, "the log's name, with which each origin begins")
	return c
}

func (a *app) ledgerShowCommand(config *string) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Compare the database with what was signed",
		Long: `show says how many entries the database holds, how many of them are under a signed checkpoint, and
how many under one that the witnesses have cosigned. It changes nothing. Where the database does not
hold what was signed it says so, and exits with 4.`,
		Example: "  trm ledger show --config gatewayd.yaml",
		Args:    args(),
		RunE: func(c *cobra.Command, _ []string) error {
			conf, err := gatewayConfig(*config)
			if err != nil {
				return err
			}
			s, err := gatewayrun.Show(c.Context(), conf)
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, s)
			} else {
				a.printf("log        %s\n", s.Origin)
				a.printf("held       %d entries, and %d wait for their places\n", s.Held, s.Waiting)
				a.printf("signed     %d\n", s.Signed)
				a.printf("witnessed  %d\n", s.Witnessed)
			}
			if s.Wrong != "" {
				return exitWith(exitInvalid, errors.New(s.Wrong))
			}
			return nil
		},
	}
}

func (a *app) ledgerSucceedCommand(config *string) *cobra.Command {
	var checkpoint string
	c := &cobra.Command{
		Use:   "succeed",
		Short: "Begin a new origin of the log after a roll-back",
		Long: `succeed is for a gateway whose database was lost, and brought back from a copy that is older than
what it had signed. It begins a new log, trm/2026.2 after trm/2026, whose first entry commits to the
last checkpoint of the old: what was signed stays provable, and that something was lost is on record.
Where the guard file is lost too, give the last checkpoint that a witness or an auditor has.

Where the database holds everything that was signed it does nothing and says so. A gateway that runs
goes on in the new log within seconds. Before it, tell the witnesses: each adds the new origin to the
logs that it watches. After it, adapters give again by themselves what the gateway no longer knows.
The whole exercise is in gateway/doc/ledger.md.`,
		Example: "  trm ledger succeed --config gatewayd.yaml",
		Args:    args(),
		RunE: func(c *cobra.Command, _ []string) error {
			conf, err := gatewayConfig(*config)
			if err != nil {
				return err
			}
			var last []byte
			if checkpoint != "" {
				if last, err = a.read(checkpoint); err != nil {
					return err
				}
			}
			origin, err := gatewayrun.Succeed(c.Context(), conf, last)
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, map[string]string{"origin": origin})
				return nil
			}
			a.printf("the log goes on as %s\n", origin)
			return nil
		},
	}
	c.Flags().StringVar(&checkpoint, "checkpoint", "", "file with the last signed checkpoint, where the guard file is lost")
	return c
}
