package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"example.org/trm/adapters"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/envelope"
	"example.org/trm/schemas"
)

func (a *app) auditCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Export, prove and compare bundles of the log, as an auditor",
		Long: `An auditor fetches a bundle of the log for some days (export), proves it offline, with the pins
of the coordinators' directory keys and nothing else (verify), and holds two countries'
bundles against each other (match). No bundle says anything about a person. What was withheld
from its own country's messages an auditor reads with its own key (withheld).`,
	}
	group(c)
	c.AddCommand(a.auditExportCommand(), a.auditVerifyCommand(), a.auditMatchCommand(), a.auditWithheldCommand())
	return c
}

func (a *app) auditExportCommand() *cobra.Command {
	var from, to, file, as, origin string
	c := &cobra.Command{
		Use:   "export",
		Short: "Fetch the bundle of some days",
		Long: `export fetches every entry of the log from the first day to the last, whole days of UTC, with what
opens those of the auditor's own country, and everything that proves them. The same days are
the same bytes, whenever they are fetched, once they have passed.`,
		Example: "  trm audit export --as rs/auditor --from 2026-11-01 --to 2026-11-30 -o november.trmaudit",
		Args:    args(),
		RunE: func(c *cobra.Command, _ []string) error {
			viewer, err := parseParty(as)
			if err != nil {
				return err
			}
			first, err := parseDay(from)
			if err != nil {
				return err
			}
			last, err := parseDay(to)
			if err != nil {
				return err
			}
			d, err := a.desk()
			if err != nil {
				return err
			}
			size, err := d.export(c.Context(), viewer, adapters.AuditDays(origin, first, last), file)
			if p := gateway.AsProblem(err); err != nil && p.Code == gateway.CodeNotFound {
				return gateway.Refuse(p.Code, "", "There is no such log, or no witnessed checkpoint of these days: ask for days that have passed.")
			}
			if err != nil {
				return err
			}
			if a.json {
				a.printJSON(a.out, map[string]any{"file": file, "bytes": size})
				return nil
			}
			a.printf("%s: %d bytes; prove it with trm audit verify\n", file, size)
			return nil
		},
	}
	c.Flags().StringVar(&as, "as", "", "the auditor, such as rs/auditor (required)")
	c.Flags().StringVar(&from, "from", "", "the first day, such as 2026-11-01 (required)")
	c.Flags().StringVar(&to, "to", "", "the last day (required)")
	c.Flags().StringVar(&origin, "log", "", "the log, such as trm/2026 (default: the running one)")
	c.Flags().StringVarP(&file, "out", "o", "", "file for the bundle (required)")
	required(c, "as", "from", "to", "out")
	return c
}

func parseDay(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, usage("%q is not a day: write 2026-11-30", s)
	}
	return t, nil
}

// export writes a bundle beside its place, page by page, and moves it there when it is
// whole.
func (d *desk) export(ctx context.Context, viewer gateway.Party, address, file string) (int64, error) {
	f, err := os.CreateTemp(filepath.Dir(file), ".fetching-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	for address != "" {
		var page []byte
		if page, address, err = d.page(ctx, viewer, address); err != nil {
			return 0, err
		}
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
	}
	if err := audit.End(f); err != nil {
		return 0, err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	return size, os.Rename(f.Name(), file)
}

// page fetches a page, and waits where the gateway is busy.
func (d *desk) page(ctx context.Context, viewer gateway.Party, address string) (page []byte, next string, err error) {
	for wait := time.Second; ; wait *= 2 {
		page, next, err = d.client().AuditPage(ctx, viewer, address)
		var p *gateway.Problem
		if !errors.As(err, &p) || p.Code != gateway.CodeBusy || wait > 30*time.Second {
			return page, next, err
		}
		select {
		case <-ctx.Done():
			return nil, "", ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var (
		pins  string
		since []string
		rules bool
	)
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Prove a bundle offline, and name everything that does not hold",
		Long: `verify asks of a bundle: did the log and enough witnesses sign it, is every entry there and
unaltered, does it continue the earlier bundle (--since), are deliveries numbered without
gaps, did things happen in an order that can be, were keys valid when they were used, did
each sign what it is said to have signed, and was nothing released that the policy then in
force would have withheld. It needs the pins and nothing else.

Every finding is printed, not only the first: the entry, the rule, what it means, and whether
the entry violates the rule or can no longer be checked. The exit code is 0 only without any.`,
		Example: "  trm audit verify november.trmaudit --pins pins.json --since october.trmaudit",
		Args:    args("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			known, err := a.pins(pins)
			if err != nil {
				return err
			}
			set, err := schemas.Open()
			if err != nil {
				return err
			}
			o := audit.Options{Pins: known, Types: func(digest string) (audit.Types, bool) { return set, digest == set.Digest() }}
			for _, name := range since {
				r, err := verifyFile(c.Context(), name, o)
				if err != nil {
					return err
				}
				o.Since = r.Mark()
			}
			r, err := verifyFile(c.Context(), args[0], o)
			if err != nil {
				return err
			}
			return a.printAudit(filepath.Base(args[0]), r, rules)
		},
	}
	c.Flags().StringVar(&pins, "pins", "", "file with the coordinators' directory keys (default: pins.json in the home folder)")
	c.Flags().StringArrayVar(&since, "since", nil, "the earlier bundle, which this one must continue; several, the oldest first, where each continues the one before")
	c.Flags().BoolVar(&rules, "rules", false, "also list every rule, and how often the bundle conforms to it")
	return c
}

func verifyFile(ctx context.Context, name string, o audit.Options) (*audit.Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return audit.Verify(ctx, f, o)
}

// printAudit prints a report, and ends with the exit code that says whether it is clean.
func (a *app) printAudit(name string, r *audit.Report, rules bool) error {
	code := exitOK
	if !r.Clean() {
		code = exitInvalid
	}
	if a.json {
		a.printJSON(a.out, r)
		return ended(code)
	}
	if b := r.Bundle; b.Format != "" {
		a.printf("%s: %s, entries %d to %d, for %s\n", name, b.Origin, b.First, b.Size-1, b.Viewer)
	}
	if len(r.Cosigned) > 0 {
		a.printf("  seen      %s\n", seenBy(r.Cosigned))
	}
	asked := 0
	for _, n := range r.Conform {
		asked += n
	}
	a.printf("  read       %s, %s opened for this auditor\n", entriesText(r.Entries), count(r.Messages, "message"))
	a.printf("  conforms   %s of %d rules\n", count(asked, "check"), len(r.Conform))
	if rules {
		for _, row := range audit.Rules() {
			a.printf("  %8d   %s: %s\n", r.Conform[row.Rule], row.Rule, row.Asks)
		}
	}
	for _, f := range r.Findings {
		a.printFinding(f)
	}
	if r.More > 0 {
		a.printf("and %d more\n", r.More)
	}
	if code == exitOK {
		a.printf("no findings: whatever can be asked of this bundle conforms\n")
		return nil
	}
	a.printf("%s: %d violate, %d cannot be checked\n", count(len(r.Findings)+r.More, "finding"), r.Count(audit.Violates)+r.More, r.Count(audit.NotCheckable))
	return ended(code)
}

func entriesText(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func (a *app) printFinding(f audit.Finding) {
	where := "the whole"
	if f.Entry >= 0 {
		where = fmt.Sprintf("entry %d", f.Entry)
	}
	if f.Pair.N > 0 {
		where += ", " + pairText(f.Pair)
	}
	a.printf("%-13s  %s\n    %s: %s\n", f.Verdict, where, f.Rule, f.Says)
}

func (a *app) auditMatchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "match A B",
		Short: "Say what one bundle has and the other lacks, by number",
		Long: `match holds two auditors' bundles against each other: whether both were shown one log, and whether
both were given the same of every delivery between their two countries. It judges neither:
verify does.`,
		Example: "  trm audit match rs-november.trmaudit me-november.trmaudit",
		Args:    args("A", "B"),
		RunE: func(c *cobra.Command, args []string) error {
			first, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer first.Close()
			second, err := os.Open(args[1])
			if err != nil {
				return err
			}
			defer second.Close()
			m, err := audit.Match(c.Context(), first, second)
			if errors.Is(err, audit.ErrArchive) {
				return exitWith(exitInvalid, err)
			}
			if err != nil {
				return err
			}
			return a.printMatch(m)
		},
	}
}

func (a *app) printMatch(m *audit.Matching) error {
	code := exitOK
	if len(m.Differences) > 0 {
		code = exitInvalid
	}
	if a.json {
		a.printJSON(a.out, m)
		return ended(code)
	}
	a.printf("first   %s, entries %d to %d, for %s\n", m.First.Origin, m.First.First, m.First.Size-1, m.First.Viewer)
	a.printf("second  %s, entries %d to %d, for %s\n", m.Second.Origin, m.Second.First, m.Second.Size-1, m.Second.Viewer)
	if m.From < m.To {
		a.printf("both    entries %d to %d, %s that both may open\n", m.From, m.To-1, deliveriesText(m.Deliveries))
	}
	for _, d := range m.Differences {
		where := "the whole"
		if d.Pair.N > 0 {
			where = pairText(d.Pair)
		}
		if d.Entry >= 0 {
			where += fmt.Sprintf(", entry %d %s", d.Entry, d.Event)
		}
		a.printf("%s\n    %s\n", where, d.Says)
	}
	if code == exitOK {
		a.printf("they agree\n")
		return nil
	}
	a.printf("%s\n", count(len(m.Differences), "difference"))
	return ended(code)
}

func deliveriesText(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return fmt.Sprintf("%d deliveries", n)
}

func (a *app) auditWithheldCommand() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use:   "withheld FILE",
		Short: "Read what was withheld from the messages that your country sent",
		Long: `withheld opens, with the auditor's own key from the home folder, what the gateway decided about each
message that the auditor's country sent: which units did not leave, and by which rule. Nobody
else but the sender can. It judges nothing: verify does.`,
		Example: "  trm audit withheld november.trmaudit --as me/auditor",
		Args:    args("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			viewer, err := parseParty(as)
			if err != nil {
				return err
			}
			k, err := certs.Load(a.home, viewer)
			if err != nil {
				return fmt.Errorf("%s has no keys in %s: %w", viewer, a.home, err)
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			list, err := audit.Decisions(c.Context(), f)
			if errors.Is(err, audit.ErrArchive) {
				return exitWith(exitInvalid, err)
			}
			if err != nil {
				return err
			}
			return a.printDecisions(list, k)
		},
	}
	c.Flags().StringVar(&as, "as", "", "the auditor, such as me/auditor (required)")
	required(c, "as")
	return c
}

// printDecisions opens and prints each decision, and fails at the end if one did not open.
func (a *app) printDecisions(list []audit.Decision, k *certs.Keys) error {
	type row struct {
		Entry    int64              `json:"entry"`
		Pair     gateway.PairNumber `json:"pair"`
		Message  string             `json:"jti"`
		Withheld []gateway.Withheld `json:"withheld"`
	}
	rows := []row{}
	closed := 0
	for _, d := range list {
		r := row{Entry: d.Entry, Pair: d.Pair, Message: d.Message.ID}
		for _, enc := range k.Encryption {
			if w, err := envelope.Reveal(d.Closed, enc, d.Message); err == nil {
				r.Withheld = append([]gateway.Withheld{}, w...)
			}
		}
		if r.Withheld == nil {
			closed++
			continue
		}
		rows = append(rows, r)
	}
	if a.json {
		a.printJSON(a.out, rows)
	} else {
		for _, r := range rows {
			a.printf("entry %d, %s, %s\n", r.Entry, pairText(r.Pair), r.Message)
			for _, w := range r.Withheld {
				a.printf("    %s, by rule %s\n", w.Unit, w.Rule)
			}
			if len(r.Withheld) == 0 {
				a.printf("    nothing\n")
			}
		}
	}
	if closed > 0 {
		return exitWith(exitInvalid, fmt.Errorf("%s closed for a key that is not here", count(closed, "decision")))
	}
	return nil
}
