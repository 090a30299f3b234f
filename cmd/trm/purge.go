package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/gateway"
)

func (a *app) purgeCommand() *cobra.Command {
	var (
		config string
		dry    bool
	)
	c := &cobra.Command{
		Use:   "purge",
		Short: "Destroy what has come to the end of its retention",
		Long: `purge destroys messages whose retention is over, as the running gateway does by itself every hour:
first their keys, then everything that the journal knows of them; Redis writes its file anew. Their
entries stay in the log and prove that something was there. A message whose delivery has not ended,
or that is held, stays. With --dry-run it says what is due, and changes nothing: do that first.

A purge cannot be undone, also not by a backup: the list of purges beside the journal purges a
journal that is restored before it opens. Keep that list out of what you restore.

It reads the configuration of gatewayd, and may run beside it.`,
		Example: "  trm purge --config gatewayd.yaml --dry-run",
		Args:    args(),
		RunE: func(c *cobra.Command, _ []string) error {
			conf, err := gatewayConfig(config)
			if err != nil {
				return err
			}
			p, err := gatewayrun.PurgeOnce(c.Context(), conf, dry)
			if a.json {
				a.printJSON(a.out, p)
				return err
			}
			verb := "stayed"
			if dry {
				a.printf("due          %d messages\n", p.Due.Messages)
				verb = "would stay"
			} else {
				for _, done := range p.Purged {
					a.printf("purge %-6d %d messages destroyed\n", done.Number, done.Messages)
					if done.Lasting {
						a.printf("             the write-ahead log was in use and is emptied by the next purge\n")
					}
				}
				if len(p.Purged) == 0 {
					a.printf("nothing is due\n")
				}
				a.printf("forgotten    %d deliveries that had ended\n", p.Forgotten)
				if p.Rewriting > 0 {
					a.printf("redis        writes its file anew on %d servers\n", p.Rewriting)
				}
			}
			a.printf("%-12s %d held, %d not ended\n", verb, p.Due.Held, p.Due.Unfinished)
			return err
		},
	}
	c.PersistentFlags().StringVar(&config, "config", "", "configuration of gatewayd")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what is due, and change nothing")
	c.AddCommand(a.holdCommand(&config, false), a.holdCommand(&config, true), a.holdsCommand(&config))
	return c
}

func gatewayConfig(path string) (gatewayrun.Config, error) {
	if path == "" {
		return gatewayrun.Config{}, usage("name the configuration of gatewayd with --config")
	}
	return gatewayrun.Read(path)
}

// holdCommand keeps a message from being purged, or ends that.
func (a *app) holdCommand(config *string, release bool) *cobra.Command {
	var reason, by string
	c := &cobra.Command{
		Use:   "hold PARTY JTI",
		Short: "Keep a message beyond its retention",
		Long: `hold keeps a message from being purged until every hold on it is released. The reason is litigation,
complaint, audit or monitoring. It is an entry of the log.`,
		Example: "  trm purge hold me/coordinator 01a1fffd-3069-75c8-986c-9e174e9d3d52 --reason litigation --by me/auditor --config gatewayd.yaml",
		Args:    args("PARTY", "JTI"),
		RunE: func(c *cobra.Command, args []string) error {
			conf, err := gatewayConfig(*config)
			if err != nil {
				return err
			}
			issuer, err := gateway.ParseParty(args[0])
			if err != nil {
				return usage("%s is no party", args[0])
			}
			who, err := gateway.ParseParty(by)
			if err != nil {
				return usage("say with --by for which party: its auditor or coordinator")
			}
			id := gateway.MessageID{Issuer: issuer, ID: strings.ToLower(args[1])}
			if err := gatewayrun.Hold(c.Context(), conf, id, gateway.Code(reason), who, release); err != nil {
				return err
			}
			if release {
				a.printf("released %s %s: %s\n", id.Issuer, id.ID, reason)
				return nil
			}
			a.printf("held %s %s: %s\n", id.Issuer, id.ID, reason)
			return nil
		},
	}
	if release {
		c.Use, c.Short, c.Long, c.Example = "release PARTY JTI", "End a hold", "release ends a hold. It is an entry of the log.", strings.Replace(c.Example, "hold", "release", 1)
	}
	c.Flags().StringVar(&reason, "reason", "", "litigation, complaint, audit or monitoring")
	c.Flags().StringVar(&by, "by", "", "the party that asked for it")
	return c
}

func (a *app) holdsCommand(config *string) *cobra.Command {
	return &cobra.Command{
		Use:     "holds",
		Short:   "List what is kept beyond its retention",
		Long:    `holds lists the messages that are held, since when and why. Holding and releasing are entries of the log.`,
		Example: "  trm purge holds --config gatewayd.yaml",
		Args:    args(),
		RunE: func(c *cobra.Command, _ []string) error {
			conf, err := gatewayConfig(*config)
			if err != nil {
				return err
			}
			list, err := gatewayrun.Holds(c.Context(), conf)
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, list)
				return nil
			}
			for _, h := range list {
				a.printf("%s  %-11s %s %s\n", h.PlacedAt.Format(time.RFC3339), h.Reason, h.Message.Issuer, h.Message.ID)
			}
			if len(list) == 0 {
				fmt.Fprintln(a.out, "nothing is held")
			}
			return nil
		},
	}
}
