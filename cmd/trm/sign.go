package main

import (
	"os"

	"github.com/spf13/cobra"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
)

func (a *app) previewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "preview DRAFT",
		Short: "Show what each role at the other end will see, before anything is signed",
		Long: `preview reads a draft (plain JSON; - for standard input) and decides as the gateway will:
what each role at the other end will see, what is withheld and by which rule, and what
never leaves for this type. Nothing is sent.`,
		Example: "  trm types example referral.request > draft.json\n  trm preview draft.json",
		Args:    args("DRAFT"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, draft, err := a.draft(args[0])
			if err != nil {
				return err
			}
			p, err := d.outgoing().Preview(draft, gateway.ThreadFacts{})
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, p)
				return nil
			}
			return p.WriteText(a.out)
		},
	}
}

func (a *app) signCommand() *cobra.Command {
	var (
		file     string
		all      bool
		accepted bool
		force    bool
	)
	c := &cobra.Command{
		Use:   "sign DRAFT",
		Short: "Seal and sign a draft: the result is what the gateway takes",
		Long: `sign reads a draft (plain JSON; - for standard input), checks it, seals what identifies or
harms to the role that needs it, signs it with the sender's message key and leaves out what
policy withholds. With --all it leaves nothing out, and the gateway will.

The file that it writes is the message: sending it twice is one message. Signing again makes another
one, so a file that is there is left alone without --force.`,
		Example: "  trm sign draft.json -o message.json\n  trm send message.json",
		Args:    args("DRAFT"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, draft, err := a.draft(args[0])
			if err != nil {
				return err
			}
			if file != "" && file != "-" && !force {
				if _, err := os.Lstat(file); err == nil {
					return usage("%s is there: it may be a message that was sent; name another file, or say --force", file)
				}
			}
			signed, err := d.sign(draft, gateway.ThreadFacts{Accepted: accepted}, all)
			if err != nil {
				return err
			}
			if file == "" || file == "-" {
				return a.write("", append(signed.Raw, '\n'))
			}
			if err := a.write(file, signed.Raw); err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, map[string]any{"iss": signed.ID.Issuer, "jti": signed.ID.ID, "file": file, "bytes": len(signed.Raw), "found": append([]outgoing.Found{}, signed.Preview.Found...)})
				return nil
			}
			a.printf("signed %s %s (%d bytes) to %s\n", signed.ID.Issuer, signed.ID.ID, len(signed.Raw), file)
			for _, w := range signed.Preview.Withheld {
				if all {
					a.printf("  the gateway will withhold %s: %s\n", w.Unit, w.Rule)
				} else {
					a.printf("  left out %s: %s\n", w.Unit, w.Rule)
				}
			}
			a.printFound(signed.Preview.Found)
			return nil
		},
	}
	c.Flags().StringVarP(&file, "out", "o", "", "file to write (default: standard output)")
	c.Flags().BoolVar(&force, "force", false, "write over a file that is there")
	c.Flags().BoolVar(&all, "all", false, "keep what policy withholds; the gateway will leave it out")
	c.Flags().BoolVar(&accepted, "accepted", false, "the referral of this thread was accepted (the adapter knows by itself)")
	return c
}

// printFound warns of what a note tells that was signed because it could not wait.
func (a *app) printFound(found []outgoing.Found) {
	if len(found) > 0 {
		a.printf("  the note would tell, and is signed all the same because the lane is urgent:\n")
	}
	for _, f := range found {
		a.printf("    %s, %s of %s\n", f.Kind, f.Where(), f.Pointer)
	}
}

// draft opens the home folder and reads a draft.
func (a *app) draft(name string) (*desk, outgoing.Draft, error) {
	d, err := a.desk()
	if err != nil {
		return nil, outgoing.Draft{}, err
	}
	raw, err := a.read(name)
	if err != nil {
		return nil, outgoing.Draft{}, err
	}
	draft, err := outgoing.ParseDraft(raw)
	return d, draft, err
}

// sign signs a draft with the keys of its sender.
func (d *desk) sign(draft outgoing.Draft, facts gateway.ThreadFacts, all bool) (outgoing.Signed, error) {
	k, err := d.keys(draft.From)
	if err != nil {
		return outgoing.Signed{}, err
	}
	return d.outgoing().Sign(draft, facts, k, outgoing.Options{All: all})
}
