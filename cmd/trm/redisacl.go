package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"example.org/trm/cmd/internal/site"
	"example.org/trm/gateway"
)

func (a *app) redisACLCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "redis-acl DIR",
		Short: "Print the users of Redis: the gateway's, and one for each country",
		Long: `redis-acl prints the ACL file of a region's Redis, for aclfile in its configuration. Each country's
user takes its own deliveries, appends its own evidence, reads its own acknowledgements, and may
nothing else; the gateway's may do its work and not empty or reconfigure Redis; without a user
nobody may anything. Redis 7 or later.

DIR has a file for each user, called gateway, health or as the country: rs.password, one line of 16
characters or more; or rs.sha256 with its hash alone, so that a country may keep its password to
itself:

  head -c 32 /dev/urandom | base64 | tr -d '\n' > rs.password
  sha256sum < rs.password > rs.sha256

A country without a file gets no user. Only hashes are printed. The user health may ping, for
health checks.`,
		Example: "  trm redis-acl secrets > users.acl",
		Args:    args("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			hashes, err := site.ReadHashes(args[0])
			if err != nil {
				return err
			}
			if hashes[site.Gateway] == "" {
				return usage("%s has neither %s.password nor %s.sha256: without the gateway there is nobody to serve", args[0], site.Gateway, site.Gateway)
			}
			file, err := site.Users(hashes)
			if err != nil {
				return err
			}
			var without []string
			for _, c := range gateway.Countries {
				if hashes[string(c)] == "" {
					without = append(without, string(c))
				}
			}
			if len(without) > 0 {
				fmt.Fprintf(a.errs, "no user for %s\n", strings.Join(without, ", "))
			}
			if a.json {
				a.printJSON(a.out, map[string]any{"acl": strings.Split(strings.TrimSpace(string(file)), "\n"), "without": without})
				return nil
			}
			_, err = a.out.Write(file)
			return err
		},
	}
}
