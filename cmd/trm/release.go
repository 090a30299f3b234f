package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/cmd/internal/codelists"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

func (a *app) exportCodesCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "export FOLDER",
		Short:   "Write the code lists in force as files to be edited",
		Long:    `export writes each code list of the release in force into a file of the folder: what pack reads.`,
		Example: "  trm codes export lists",
		Args:    args("FOLDER"),
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := a.codeLists()
			if err != nil {
				return err
			}
			r, _ := set.Published(set.Release())
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			files := r.Files()
			for _, name := range slices.Sorted(maps.Keys(files)) {
				if err := os.WriteFile(filepath.Join(args[0], name), files[name], 0o644); err != nil {
					return err
				}
			}
			a.printf("%d files of release %s in %s\n", len(files), r.Name, args[0])
			return nil
		},
	}
}

func (a *app) packCodesCommand() *cobra.Command {
	var name, file string
	c := &cobra.Command{
		Use:   "pack FOLDER",
		Short: "Make a release of edited files, once they are in order",
		Long: `pack reads the files that export wrote and somebody edited, checks them against the release in force, and
writes one file: the release, which still has to be signed.`,
		Example: "  trm codes pack lists --release 2027-03 -o 2027-03.json",
		Args:    args("FOLDER"),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := schemas.ReadRelease(os.DirFS(args[0]), name)
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			raw, err := r.Marshal()
			if err != nil {
				return err
			}
			return a.write(file, raw)
		},
	}
	c.Flags().StringVar(&name, "release", "", "year and month, such as 2027-03 (required)")
	c.Flags().StringVarP(&file, "out", "o", "", "file to write (default: standard output)")
	required(c, "release")
	return c
}

func (a *app) signCodesCommand() *cobra.Command {
	var (
		activates, overlaps, file string
		as                        []string
	)
	c := &cobra.Command{
		Use:     "sign RELEASE",
		Short:   "Put the first hands under a release",
		Example: "  trm codes sign 2027-03.json --activates 2027-03-01 --overlaps 2028-03-31 --as rs -o 2027-03.signed.json",
		Long: `sign writes the manifest of a release: the digest of every list, when it comes into force, and until
when the one before is accepted beside it. A release comes into force fourteen days after it is
published at the earliest, and overlaps with the one before for a year at least.`,
		Args: args("RELEASE"),
		RunE: func(_ *cobra.Command, args []string) error {
			hands, err := a.hands(as)
			if err != nil {
				return err
			}
			raw, err := a.read(args[0])
			if err != nil {
				return err
			}
			r, err := schemas.ParseRelease(raw)
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			set, err := a.codeLists()
			if err != nil {
				return err
			}
			before := set.Issues()
			m := trust.Codes{
				Release: r.Name, Supersedes: before[len(before)-1].Release, Digests: r.Digests(), Published: time.Now().UTC().Truncate(time.Second),
			}
			for _, day := range []struct {
				written string
				into    *time.Time
			}{{activates, &m.Activates}, {overlaps, &m.Overlaps}} {
				if *day.into, err = time.Parse(time.DateOnly, day.written); err != nil {
					return usage("write days as 2027-03-01")
				}
			}
			if err := set.Take(r, lifeOf(m), nil); err != nil {
				return exitWith(exitInvalid, err)
			}
			signed, err := trust.SignCodes(m, hands...)
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			return a.write(file, signed)
		},
	}
	c.Flags().StringVar(&activates, "activates", "", "day on which it comes into force (required)")
	c.Flags().StringVar(&overlaps, "overlaps", "", "day until which the release before is accepted (required)")
	c.Flags().StringSliceVar(&as, "as", nil, "countries whose directory key signs, such as rs (required)")
	c.Flags().StringVarP(&file, "out", "o", "", "file to write (default: standard output)")
	required(c, "activates", "overlaps", "as")
	return c
}

func lifeOf(m trust.Codes) schemas.Life {
	return schemas.Life{Published: m.Published, Activates: m.Activates, Supersedes: m.Supersedes, Overlaps: m.Overlaps}
}

func (a *app) cosignCodesCommand() *cobra.Command {
	var as []string
	c := &cobra.Command{
		Use:     "cosign FILE",
		Short:   "Add hands to a signed release, in place",
		Long:    `cosign checks a signed release and adds the signatures of more countries' directory keys to it.`,
		Example: "  trm codes cosign 2027-03.signed.json --as ba",
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
			signed, err := trust.CosignCodes(raw, hands...)
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

func (a *app) checkCodesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check RELEASE SIGNED",
		Short: "Check a release as a gateway does before it takes it",
		Long: `check reads both files of a release and says what is wrong: digests, signatures of four coordinators, dates,
and what no release may do to the one before. It exits with 4 if something is.`,
		Example: "  trm codes check 2027-03.json 2027-03.signed.json",
		Args:    args("RELEASE", "SIGNED"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := openDirectory(a.home)
			if err != nil {
				return err
			}
			var raw [2][]byte
			for i, name := range args {
				if raw[i], err = a.read(name); err != nil {
					return err
				}
			}
			set, err := a.codeLists()
			if err != nil {
				return err
			}
			folder, err := os.MkdirTemp("", "trm-codes-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(folder)
			f := codelists.Folder{Dir: folder, Set: set, Prove: d.Codes}
			name, err := f.Add(raw[0], raw[1])
			if err != nil {
				return exitWith(exitInvalid, fmt.Errorf("checking a release: %w", err))
			}
			m, err := trust.ReadCodes(raw[1])
			if err != nil {
				return exitWith(exitInvalid, err)
			}
			if a.json {
				text, err := json.Marshal(m)
				if err != nil {
					return err
				}
				a.printJSON(a.out, json.RawMessage(text))
				return nil
			}
			a.printf("valid: release %s, in force from %s; %s is accepted until %s\n", name, m.Activates.Format(time.DateOnly), m.Supersedes, m.Overlaps.Format(time.DateOnly))
			return nil
		},
	}
}
