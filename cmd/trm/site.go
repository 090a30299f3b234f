package main

import (
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/cmd/internal/site"
	"example.org/trm/gateway"
)

func (a *app) siteCommand() *cobra.Command {
	var countries []string
	c := &cobra.Command{
		Use:     "site DIR",
		Short:   "Lay out what docker-compose.yml needs before its first start",
		Example: "  trm site site --country rs,ba",
		Long: `site makes a development region in DIR and beside it a folder for each process: its own keys and
nobody else's, its certificate, its password at Redis; and for Redis the users that may call
it. What is there already is kept. docker-compose.yml runs it by itself.

TEST KEYS: synthetic people only; no institution operates or endorses this.`,
		Args: args("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			o := site.Options{Countries: gateway.Countries[:], Now: time.Now()}
			if len(countries) > 0 {
				o.Countries = nil
			}
			for _, c := range countries {
				if !gateway.Country(c).Valid() {
					return usage("--country: give one of %v", gateway.Countries)
				}
				o.Countries = append(o.Countries, gateway.Country(c))
			}
			made, err := site.Make(args[0], o)
			if err != nil {
				return err
			}
			// For the commands that call the gateway, with --home DIR/region.
			if err := writeGatewayAddress(site.Region(args[0]), gatewayAddress{
				URL: "https://gateway:8440", Audience: gateway.Audience, CA: "ca/gateway.pem",
			}); err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, map[string]any{"dir": args[0], "made": append([]string{}, made...)})
				return nil
			}
			for _, m := range made {
				a.printf("made %s\n", m)
			}
			if len(made) == 0 {
				a.printf("everything is there already\n")
			}
			return nil
		},
	}
	c.Flags().StringSliceVar(&countries, "country", nil, "a country that has an adapter here (default: all)")
	return c
}
