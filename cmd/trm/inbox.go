package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

func (a *app) inboxCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inbox PARTY [DELIVERY]",
		Short: "List what was delivered to a role's folder of a demo region, or print one",
		Long: `inbox lists the files that the adapter of a demo region put into a role's folder, the oldest first, or
prints one: what that role can read of the message. It is a stand-in for the case system of an office.`,
		Example: "  trm inbox rs/coordinator\n  trm inbox rs/coordinator 0193a5c1-...",
		Args:    args("PARTY", "[DELIVERY]"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := parseParty(args[0])
			if err != nil {
				return err
			}
			list, err := deliveries(a.home, p)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if len(list) == 0 && !a.json {
					a.printf("nothing\n")
					return nil
				}
				return a.listInbox(list)
			}
			for _, f := range list {
				if f.doc.Delivery == args[1] {
					raw, err := os.ReadFile(f.name)
					if err != nil {
						return err
					}
					return a.write("", raw)
				}
			}
			return usage("no such delivery; trm inbox %s lists them", p)
		},
	}
}

// delivered is a file that an adapter put into a role's folder.
type delivered struct {
	name string
	doc  adapters.Document
}

// deliveries reads a role's folder, the oldest first.
func deliveries(home string, p gateway.Party) ([]delivered, error) {
	dir := filepath.Join(home, "offices", string(p.Country()), p.Role())
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []delivered
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		f := delivered{name: filepath.Join(dir, e.Name())}
		raw, err := os.ReadFile(f.name)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &f.doc); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].doc.Delivery < out[j].doc.Delivery })
	return out, nil
}

func (a *app) listInbox(list []delivered) error {
	if a.json {
		docs := make([]adapters.Document, len(list))
		for i, f := range list {
			docs[i] = f.doc
		}
		a.printJSON(a.out, docs)
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, f := range list {
		w.Write([]byte(strings.Join([]string{
			f.doc.ReceivedAt.Format(time.RFC3339), text(f.doc.Head["type"]), "from " + text(f.doc.Head["iss"]), f.doc.Delivery,
		}, "\t") + "\n"))
	}
	return w.Flush()
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
