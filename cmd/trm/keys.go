package main

import (
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

func (a *app) keysCommand() *cobra.Command {
	c := group(&cobra.Command{Use: "keys", Short: "Make and look at keys"})
	c.AddCommand(
		&cobra.Command{
			Use:     "init DIR",
			Short:   "Make a development set: keys, certificates, directory",
			Example: "  trm keys init home",
			Long: `init fills a folder with everything a region needs to be tried on one machine: keys of every
role in seven countries, the gateway's, the seven coordinators' directory keys, and
directory number 1, signed by four of them. Every key says that it is a test key; private
keys are readable by you alone. An existing set is never overwritten.`,
			Args: args("DIR"),
			RunE: func(_ *cobra.Command, args []string) error { return a.initKeys(args[0]) },
		},
		&cobra.Command{
			Use:     "show PARTY",
			Short:   "List a party's public keys as the directory has them",
			Long:    `show prints each key of a party with its use, algorithm, id and dates, as everybody sees them.`,
			Example: "  trm keys show rs/coordinator",
			Args:    args("PARTY"),
			RunE:    func(_ *cobra.Command, args []string) error { return a.showKeys(args[0]) },
		},
		&cobra.Command{
			Use:     "new PARTY USE",
			Short:   "Make one private key for an office, never over another",
			Example: "  trm keys new rs/coordinator message",
			Long: `new makes a key where it will live. Beside a signing key lies a request for the certificate of the
country's authority; the key is good once a directory lists it. USE is message, evidence,
assertion, approval or encryption.`,
			Args: args("PARTY", "USE"),
			RunE: func(_ *cobra.Command, args []string) error {
				p, err := parseParty(args[0])
				if err != nil {
					return err
				}
				name, err := certs.New(a.home, p, gateway.Use(args[1]))
				if err != nil {
					return err
				}
				if a.json {
					a.printJSON(a.out, map[string]any{"file": name})
					return nil
				}
				a.printf("made %s; trm keys propose %s prints its entry for the next directory\n", name, p)
				return nil
			},
		},
		&cobra.Command{
			Use:   "coordinator COUNTRY",
			Short: "Make a country's directory key, and print its pin for the other six",
			Long: `coordinator makes the key with which a country signs directories and releases of codes, in the home folder,
never over another. The pin that it prints is public: the other six are given it by hand.`,
			Example: "  trm keys coordinator rs",
			Args:    args("COUNTRY"),
			RunE: func(_ *cobra.Command, args []string) error {
				c := gateway.Country(args[0])
				if !c.Valid() {
					return usage("not a country of the mechanism; the codes are %s", countryCodes())
				}
				pin, err := certs.NewCoordinator(a.home, c)
				if err != nil {
					return err
				}
				a.printJSON(a.out, pin)
				return nil
			},
		},
		&cobra.Command{
			Use:   "propose PARTY",
			Short: "Print a party's keys that no directory lists yet, as entries for the next",
			Long: `propose prints the public halves of a party's new keys as the entries that go into the draft of the next
directory. No private key is printed.`,
			Example: "  trm keys propose rs/coordinator",
			Args:    args("PARTY"),
			RunE:    func(_ *cobra.Command, args []string) error { return a.proposeKeys(args[0]) },
		},
		&cobra.Command{
			Use:   "renew",
			Short: "In a development set: make successors of what runs out, and the next directory",
			Long: `renew does on one machine what seven offices do for themselves: it makes new keys and certificates where old
ones end soon, and the directory that lists them.`,
			Example: "  trm keys renew",
			Args:    args(),
			RunE: func(*cobra.Command, []string) error {
				report, err := certs.Renew(a.home, certs.Options{Now: time.Now()})
				if err != nil {
					return err
				}
				if a.json {
					a.printJSON(a.out, report)
					return nil
				}
				a.printf("%s\n", report)
				return nil
			},
		},
		&cobra.Command{
			Use:   "destroy",
			Short: "Destroy encryption keys whose last message has ended",
			Long: `destroy removes private encryption keys that no message can need any more: what was sealed to them cannot be
opened by anybody from then on.`,
			Example: "  trm keys destroy",
			Args:    args(),
			RunE: func(*cobra.Command, []string) error {
				gone, err := certs.Destroy(a.home, certs.Options{Now: time.Now()})
				if err != nil {
					return err
				}
				if a.json {
					a.printJSON(a.out, gone)
					return nil
				}
				for _, name := range gone {
					a.printf("destroyed %s\n", name)
				}
				if len(gone) == 0 {
					a.printf("nothing to destroy\n")
				}
				return nil
			},
		},
	)
	return c
}

func (a *app) initKeys(dir string) error {
	report, err := certs.Develop(dir, certs.Options{Now: time.Now()})
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(a.out, report)
		return nil
	}
	a.printf("made a development set in %s: %s\n", dir, report)
	a.printf("TEST KEYS: synthetic people only; no institution operates or endorses this\n")
	return nil
}

func (a *app) showKeys(name string) error {
	p, err := parseParty(name)
	if err != nil {
		return err
	}
	dir, err := openDirectory(a.home)
	if err != nil {
		return err
	}
	now := time.Now()
	type line struct {
		Use   gateway.Use `json:"use"`
		Alg   string      `json:"alg"`
		ID    string      `json:"kid"`
		Until time.Time   `json:"until"`
	}
	var lines []line
	for _, u := range []gateway.Use{gateway.UseMessage, gateway.UseEvidence, gateway.UseAssertion, gateway.UseApproval, gateway.UseBinding, gateway.UseEncryption} {
		for _, k := range dir.Keys(p, u, now) {
			lines = append(lines, line{u, k.Alg, k.ID, k.NotAfter})
		}
	}
	if a.json {
		a.printJSON(a.out, lines)
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		w.Write([]byte(strings.Join([]string{string(l.Use), l.Alg, l.ID, "until " + l.Until.Format(time.DateOnly)}, "\t") + "\n"))
	}
	return w.Flush()
}

// proposeKeys prints entries that are valid from the day the next directory can be in force.
func (a *app) proposeKeys(name string) error {
	p, err := parseParty(name)
	if err != nil {
		return err
	}
	d, err := openDirectory(a.home)
	if err != nil {
		return err
	}
	entries, err := certs.Propose(a.home, p, d, time.Now().UTC().Truncate(time.Second).Add(trust.Delay))
	if err != nil {
		return err
	}
	a.printJSON(a.out, entries)
	return nil
}

func (a *app) certsCommand() *cobra.Command {
	c := group(&cobra.Command{Use: "certs", Short: "Check keys and certificates"})
	c.AddCommand(&cobra.Command{
		Use:     "check [DIR]",
		Short:   "Report everything that is wrong with a folder of keys",
		Example: "  trm certs check home",
		Long: `check compares the folder's keys, certificates and directory, and reports every finding: what is
missing, does not fit, can be read by others, or expires soon. It exits with 4 if it found
something.`,
		Args: args("[DIR]"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := a.home
			if len(args) == 1 {
				dir = args[0]
			}
			findings, err := certs.Check(dir, time.Now())
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, append([]certs.Finding{}, findings...))
			} else {
				for _, f := range findings {
					a.printf("%s\n", f)
				}
				if len(findings) == 0 {
					a.printf("nothing to report: keys, certificates and directory of %s fit\n", dir)
				}
			}
			if len(findings) > 0 {
				return silentError{exitInvalid}
			}
			return nil
		},
	})
	return c
}

func (a *app) assertCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "assert PARTY",
		Short:   "Print a signed assertion to call the gateway with, for one call",
		Example: "  trm assert ba/coordinator",
		Long: `assert prints a short-lived signed assertion (RFC 7523) of a party. It is good for one call:

  curl -H "Authorization: Bearer $(trm assert ba/coordinator)" ...`,
		Args: args("PARTY"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := parseParty(args[0])
			if err != nil {
				return err
			}
			d, err := a.desk()
			if err != nil {
				return err
			}
			s, err := d.assertion(p)
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, map[string]any{"party": p, "assertion": s})
				return nil
			}
			a.printf("%s\n", s)
			return nil
		},
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
