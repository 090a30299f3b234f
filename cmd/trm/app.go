package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"example.org/trm/gateway"
)

// app is one run of the tool: where it reads and writes, and the flags that every
// command has.
type app struct {
	in        io.Reader
	out, errs io.Writer
	home      string
	json      bool
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "trm",
		Short: "Send, trace and open referral messages of the Transnational Referral Mechanism",
		Long: `trm is the desk tool of the exchange between the anti-trafficking coordinator offices.

Start a region on this machine and follow what it prints:

  trm demo

or make a first message by hand:

  trm keys init home                          keys and a directory for development
  trm types example referral.request > d.json a draft, plain JSON
  trm preview d.json                          what each role at the other end will see
  trm sign d.json -o message.json             a signed message
  trm verify message.json                     check it as the gateway will

Synthetic people only; no institution operates or endorses this.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	group(root)
	root.SetVersionTemplate("trm {{.Version}}\n")
	home := os.Getenv("TRM_HOME")
	if home == "" {
		home = "home"
	}
	root.PersistentFlags().StringVar(&a.home, "home", home, "folder with directory, keys and the gateway's address (TRM_HOME)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON for programs instead of text for people")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%w", err) })
	root.AddCommand(
		a.demoCommand(),
		a.keysCommand(), a.certsCommand(), a.directoryCommand(),
		a.typesCommand(), a.codesCommand(), a.glossaryCommand(), a.policyCommand(),
		a.previewCommand(), a.signCommand(), a.showCommand(), a.verifyCommand(), a.openCommand(),
		a.assertCommand(), a.approveCommand(), a.sendCommand(), a.traceCommand(), a.inboxCommand(), a.dueCommand(),
		a.postCommand(), a.withdrawCommand(), a.correctCommand(), a.recallCommand(), a.changesCommand(), a.answerCommand(),
		a.noticesCommand(), a.refCommand(), a.takeOnCommand(),
		a.reportCommand(),
		a.receiptCommand(), a.auditCommand(),
		a.benchCommand(),
		a.siteCommand(), a.redisACLCommand(), a.witnessCommand(), a.ledgerCommand(), a.purgeCommand(),
		exitCodesTopic(),
	)
	a.complete(root)
	return root
}

// version is what the build knows of itself: the module's version, or the commit that it was
// made of.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of an unknown build"
	}
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	text := cmp.Or(info.Main.Version, "(devel)")
	if commit := setting["vcs.revision"]; commit != "" && !strings.Contains(text, commit[:min(12, len(commit))]) {
		text += " " + commit[:min(12, len(commit))]
		if setting["vcs.modified"] == "true" {
			text += " with changes"
		}
	}
	return text + ", " + info.GoVersion
}

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `0  done
1  the tool or its surroundings failed (file, network, disk, no region where one is needed)
2  the command line is wrong
3  the message was refused; the problem's code says what to change
4  something that was checked is not valid
5  asked to wait, and it has not arrived yet`,
	}
}

// args is a cobra check that fails with the usage exit code and names what is missing. A
// name in brackets may be left out.
func args(names ...string) cobra.PositionalArgs {
	least := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, "[") })
	if least < 0 {
		least = len(names)
	}
	takes := cmp.Or(strings.Join(names, " "), "no arguments")
	return func(c *cobra.Command, got []string) error {
		if least <= len(got) && len(got) <= len(names) {
			return nil
		}
		return usage("%[1]s takes %[2]s; see %[1]s --help", c.CommandPath(), takes)
	}
}

// group makes a command that only holds others print its help, and answer a name that it
// does not hold with the usage exit code: cobra's own answer is help and 0, or 1.
func group(c *cobra.Command) *cobra.Command {
	c.Args = func(c *cobra.Command, got []string) error {
		if len(got) == 0 {
			return nil
		}
		return usage("unknown command %q; %s --help lists them", got[0], c.CommandPath())
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return c
}

// required makes flags required, with the usage exit code where one is missing.
func required(c *cobra.Command, flags ...string) {
	rest := c.Args
	c.Args = func(c *cobra.Command, got []string) error {
		if err := rest(c, got); err != nil {
			return err
		}
		for _, f := range flags {
			if !c.Flags().Changed(f) {
				return usage("%[1]s needs --%[2]s; see %[1]s --help", c.CommandPath(), f)
			}
		}
		return nil
	}
	for _, f := range flags {
		_ = c.MarkFlagRequired(f) // for completion, which offers it first
	}
}

// read reads a file, or standard input for "-".
func (a *app) read(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(a.in, 1<<20))
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return raw, nil
}

// write writes a result to a file that only its owner may read, or to standard output
// where no file is named.
func (a *app) write(name string, raw []byte) error {
	if name == "" || name == "-" {
		_, err := a.out.Write(raw)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return os.WriteFile(name, raw, 0o600)
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }

// paragraph prints a text in lines of at most a hundred characters, the first after lead and
// the others under it, or where that is long, a little in.
func (a *app) paragraph(lead, s string) {
	line, under := lead, strings.Repeat(" ", utf8.RuneCountInString(lead))
	if len(under) > 20 {
		under = under[:4]
	}
	for i, word := range strings.Fields(s) {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > 100:
			a.printf("%s\n", line)
			line = under + word
		default:
			line += " " + word
		}
	}
	a.printf("%s\n", line)
}

// columns prints rows with their cells under each other, and no blanks at the end of a line.
func (a *app) columns(rows [][]string) error {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(out.String()) {
		a.printf("%s\n", strings.TrimRight(line, " \n"))
	}
	return nil
}

func (a *app) printJSON(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}

// printProblem prints a refusal for its sender.
func (a *app) printProblem(d gateway.Document) {
	if a.json {
		a.printJSON(a.errs, d)
		return
	}
	fmt.Fprintf(a.errs, "refused: %s (%s)\n", d.Title, d.Code)
	if d.Pointer != "" {
		fmt.Fprintf(a.errs, "  where: %s\n", d.Pointer)
	}
	if d.Rule != "" {
		fmt.Fprintf(a.errs, "  rule:  %s\n", d.Rule)
	}
	fmt.Fprintf(a.errs, "  do:    %s\n", d.Detail)
}
