package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

func (a *app) directoryCommand() *cobra.Command {
	c := group(&cobra.Command{
		Use:   "directory",
		Short: "Who may speak: look at the directory, and make the next one",
		Long: `The directory lists parties, their keys, what each may receive, and what each pair of countries
agreed. Four of seven coordinators sign it. The next one is made like this:

  trm directory draft -o next.json           what is in force, with the next number: edit it
  trm directory sign next.json --as rs -o next.signed.json
  trm directory diff home/directory.json next.signed.json
  trm directory cosign next.signed.json --as ba      and me, and mk: each in its own office
  trm directory take next.signed.json        in force 48 hours after its issue

Some things must not wait for four countries: revoke a key, switch a pair off, say how an
office is reached. Each is one signed statement, and holds at once.`,
	})
	c.AddCommand(a.showDirectoryCommand(), a.verifyDirectoryCommand(), a.diffDirectoryCommand(),
		a.draftDirectoryCommand(), a.signDirectoryCommand(), a.cosignDirectoryCommand(), a.takeDirectoryCommand(),
		a.confirmDirectoryCommand(), a.revokeCommand(), a.switchCommand(), a.contactsCommand(), a.tellCommand())
	return c
}

func (a *app) showDirectoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "List parties, their classes and the pairs",
		Long: `show prints the directory in force: its number and dates, each party with the classes of data that it may
receive, and what each pair of countries agreed.`,
		Example: "  trm directory show",
		Args:    args(),
		RunE: func(*cobra.Command, []string) error {
			d, err := openDirectory(a.home)
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, d.Document())
				return nil
			}
			return trust.Describe(a.out, d, time.Now())
		},
	}
}

func (a *app) verifyDirectoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check the directory's quorum, dates and keys",
		Long: `verify proves the directory in force again, from the pinned keys of the coordinators. It exits with 4 if
something does not hold.`,
		Example: "  trm directory verify",
		Args:    args(),
		RunE: func(*cobra.Command, []string) error {
			d, err := openDirectory(a.home)
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			if a.json {
				a.printJSON(a.out, map[string]any{"valid": true, "number": d.Number(), "digest": d.Digest(), "expires": d.Expires(), "signedBy": d.SignedBy()})
				return nil
			}
			a.printf("valid: directory %d, good until %s, digest %s\n", d.Number(), d.Expires().Format(time.DateOnly), d.Digest())
			return nil
		},
	}
}

func (a *app) diffDirectoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say in words what differs between two directories",
		Long: `diff names every party, key, contact, pair and term that is new, gone or different: what a coordinator reads
before signing.`,
		Example: "  trm directory diff home/directory.json next.signed.json",
		Args:    args("OLD", "NEW"),
		RunE: func(_ *cobra.Command, args []string) error {
			var docs [2]trust.Document
			for i, name := range args {
				raw, err := a.read(name)
				if err != nil {
					return err
				}
				if docs[i], err = trust.Read(raw); err != nil {
					return exitWith(exitInvalid, err)
				}
			}
			changes := trust.Diff(docs[0], docs[1])
			if a.json {
				a.printJSON(a.out, changes)
				return nil
			}
			for _, c := range changes {
				a.printf("%s\n", c)
			}
			if len(changes) == 0 {
				a.printf("nothing but number and dates\n")
			}
			return nil
		},
	}
}

func (a *app) draftDirectoryCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "draft",
		Short: "Write what is in force, with the next number, to be edited",
		Long: `draft writes the directory in force as a draft of the next one: the number is
the next one's.`,
		Example: "  trm directory draft -o next.json",
		Args:    args(),
		RunE: func(*cobra.Command, []string) error {
			d, err := openDirectory(a.home)
			if err != nil {
				return err
			}
			doc := d.Document()
			now := time.Now().UTC().Truncate(time.Second)
			doc.Number++
			doc.Issued, doc.Activates, doc.Expires = now, now.Add(trust.Delay), now.AddDate(1, 0, 0)
			raw, err := json.MarshalIndent(doc, "", "  ")
			if err != nil {
				return err
			}
			return a.write(file, append(raw, '\n'))
		},
	}
	c.Flags().StringVarP(&file, "out", "o", "", "file to write (default: standard output)")
	return c
}

func (a *app) signDirectoryCommand() *cobra.Command {
	var (
		file string
		as   []string
	)
	c := &cobra.Command{
		Use:   "sign DRAFT",
		Short: "Check an edited draft and put the first hands under it",
		Long: `sign checks a draft as those do who will take it up, and signs it with the directory keys of the countries
named. Four of seven must sign before anybody takes it.`,
		Example: "  trm directory sign next.json --as rs -o next.signed.json",
		Args:    args("DRAFT"),
		RunE: func(_ *cobra.Command, args []string) error {
			hands, err := a.hands(as)
			if err != nil {
				return err
			}
			raw, err := a.read(args[0])
			if err != nil {
				return err
			}
			// People edit it with line breaks; keys are compared in the one form they have.
			var compact bytes.Buffer
			if err := json.Compact(&compact, raw); err != nil {
				return exitWith(exitInvalid, fmt.Errorf("reading the draft: %w", err))
			}
			var doc trust.Document
			d := json.NewDecoder(&compact)
			d.DisallowUnknownFields()
			if err := d.Decode(&doc); err != nil {
				return exitWith(exitInvalid, fmt.Errorf("reading the draft: %w", err))
			}
			doc.Sort()
			if err := knownTerms(doc); err != nil {
				return exitWith(exitInvalid, err)
			}
			signed, err := trust.Sign(doc, hands...)
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			return a.write(file, signed)
		},
	}
	c.Flags().StringVarP(&file, "out", "o", "", "file to write (default: standard output)")
	c.Flags().StringSliceVar(&as, "as", nil, "countries whose directory key signs, such as rs (required)")
	required(c, "as")
	return c
}

// knownTerms refuses terms for what no type of the table asks: they would change nobody's
// date, and look as if they did.
func knownTerms(doc trust.Document) error {
	set, err := schemas.Open()
	if err != nil {
		return err
	}
	codes := map[string][]string{} // by topic, of all that wants an answer
	for _, t := range set.Types() {
		if row, ok := set.Row(t.Name); ok && row.Due.Normal.N > 0 {
			codes[t.Topic] = append(codes[t.Topic], row.Codes...)
		}
	}
	for _, p := range doc.Pairs {
		for _, t := range p.Terms {
			switch list, known := codes[t.Topic]; {
			case !known:
				return fmt.Errorf("checking the terms of %s-%s: nothing that wants an answer has the topic %q", p.A, p.B, t.Topic)
			case t.Code != "" && !slices.Contains(list, t.Code):
				return fmt.Errorf("checking the terms of %s-%s: %s has no code %q", p.A, p.B, t.Topic, t.Code)
			}
		}
	}
	return nil
}

func (a *app) cosignDirectoryCommand() *cobra.Command {
	var as []string
	c := &cobra.Command{
		Use:     "cosign FILE",
		Short:   "Add hands to a signed directory, in place",
		Long:    `cosign checks a signed directory and adds the signatures of more countries' directory keys to it.`,
		Example: "  trm directory cosign next.signed.json --as ba",
		Args:    args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			hands, err := a.hands(as)
			if err != nil {
				return err
			}
			raw, err := a.read(args[0])
			if err != nil {
				return err
			}
			signed, err := trust.Cosign(raw, hands...)
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			return a.write(args[0], signed)
		},
	}
	c.Flags().StringSliceVar(&as, "as", nil, "countries whose directory key signs (required)")
	required(c, "as")
	return c
}

func (a *app) takeDirectoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "take FILE",
		Short: "Take up the next directory: quorum, number and dates are checked",
		Long: `take puts a signed directory into the home folder, where it comes into force 48 hours after its issue. One
that too few signed, or that does not follow the one in force, is refused.`,
		Example: "  trm directory take next.signed.json",
		Args:    args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := a.read(args[0])
			if err != nil {
				return err
			}
			r, err := a.register()
			if err != nil {
				return err
			}
			if err := r.Take(raw, time.Now()); err != nil {
				return exitWith(exitInvalid, err)
			}
			a.printf("taken: directory %d\n", r.Seen())
			for _, d := range r.Waiting() {
				a.printf("directory %d comes into force at %s\n", d.Number(), d.Activates().Format(time.RFC3339))
			}
			return nil
		},
	}
}

func (a *app) confirmDirectoryCommand() *cobra.Command {
	var as []string
	c := &cobra.Command{
		Use:   "confirm",
		Short: "Confirm, as two coordinators do every day, that the directory is the newest",
		Long: `confirm signs, with the directory keys of two countries, that no newer directory was issued until now. Whoever
is shown an old directory notices that nobody confirms it any more.`,
		Example: "  trm directory confirm --as rs,ba",
		Args:    args(),
		RunE: func(*cobra.Command, []string) error {
			hands, err := a.hands(as)
			if err != nil {
				return err
			}
			d, err := openDirectory(a.home)
			if err != nil {
				return err
			}
			raw, err := trust.Confirm(d, time.Now().UTC().Truncate(time.Second), hands...)
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			r, err := a.register()
			if err != nil {
				return err
			}
			if err := r.Confirm(raw, time.Now()); err != nil {
				return exitWith(exitInvalid, err)
			}
			a.printf("%s\n", r.Standing(time.Now()))
			return nil
		},
	}
	c.Flags().StringSliceVar(&as, "as", nil, "the two countries whose directory keys sign (required)")
	required(c, "as")
	return c
}

// register is what this home folder knows of the directory.
func (a *app) register() (*trust.Register, error) {
	pins, first, err := trust.ReadFolder(a.home)
	if err != nil {
		return nil, err
	}
	return trust.OpenRegister(a.home, pins, first, time.Now())
}

// hands loads coordinators' directory keys.
func (a *app) hands(countries []string) ([]*envelope.Private, error) {
	var out []*envelope.Private
	for _, s := range countries {
		c := gateway.Country(s)
		if !c.Valid() {
			return nil, usage("not a country of the mechanism; the codes are %s", countryCodes())
		}
		k, err := certs.Coordinator(a.home, c)
		if err != nil {
			return nil, fmt.Errorf("the directory key of %s is not in %s: %w", c, filepath.Join(a.home, "keys", "coordinators"), os.ErrNotExist)
		}
		out = append(out, k)
	}
	return out, nil
}
