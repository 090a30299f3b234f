package bench

import (
	"fmt"
	"io"
	"strings"

	"example.org/trm/gateway"
)

// WriteText prints the report for people.
func (r Report) WriteText(w io.Writer) error {
	t := &table{}
	l, b, p := r.Load, r.Bare, r.Proven
	t.say("%d messages %s of %s over %d threads, %s\n", l.Messages, l.Type, kilobytes(l.Bytes), l.Threads, r.pace())
	t.say("pairs %s; %d sent before as a warm-up\n", joined(l.Pairs), l.Warmup)
	t.say("redis: %s; %d processors, %s, %s\n\n", l.Redis, r.Machine.Processors, r.Machine.System, r.Machine.Go)

	t.row("milliseconds", "p50", "p90", "p99", "max")
	t.spread("receive", r.Receive)
	t.spread("deliver", r.Deliver)
	t.spread("evidence", r.Evidence)
	t.spread("published, after the receipt", r.Published)
	t.spread("bare: flushed append of "+kilobytes(b.RecordBytes), b.Append)
	t.spread("bare: XADD of "+kilobytes(b.EntryBytes), b.XAdd)
	t.say("%.1f received and %.1f delivered in a second%s\n\n", r.Received, r.Delivered, r.disturbed())

	t.row("processor, microseconds a message", "user", "system", "all", "RSS", "PSS")
	for _, c := range r.Processes {
		t.row(r.who(c.Name), whole(c.User), whole(c.System), whole(c.CPU()), megabytes(c.RSS), megabytes(c.PSS))
	}
	t.say("bare cryptography: sign %.0f, verify %.0f, close %.0f, open %.0f, cipher %.0f, digest %.0f\n\n",
		b.Sign, b.Verify, b.Agree, b.Derive, b.Cipher, b.Digest)

	t.row("alone on a processor, without door and disk", "µs", "bare", "times")
	for _, s := range b.Path {
		t.row("  "+s.Name, whole(s.Micros))
	}
	t.ratio("the gateway's path, all of these", b.Gateway)
	t.ratio("opening at the adapter", b.Adapter)
	t.say("\nproven: %d receipts, %d messages delivered once to every role (%d consignments),\nevidence of %d, order in %d threads, no gap in %d pairs\n",
		p.Receipts, p.Delivered, p.Consignments, p.Evidence, p.Threads, p.Pairs)
	_, err := io.WriteString(w, t.text.String())
	return err
}

// table is text in columns: a name, and figures at the right.
type table struct{ text strings.Builder }

func (t *table) say(format string, args ...any) { fmt.Fprintf(&t.text, format, args...) }

func (t *table) row(name string, cells ...string) {
	t.say("%-44s", name)
	for _, c := range cells {
		t.say("%10s", c)
	}
	t.say("\n")
}

func (t *table) spread(name string, s Spread) {
	t.row(name, fmt.Sprintf("%.2f", s.P50), fmt.Sprintf("%.2f", s.P90), fmt.Sprintf("%.2f", s.P99), fmt.Sprintf("%.2f", s.Max))
}

func (t *table) ratio(name string, r Ratio) {
	t.row(name, whole(r.Micros), whole(r.Bare), fmt.Sprintf("%.2f", r.Times))
}

func (r Report) pace() string {
	if r.Load.Rate == 0 {
		return fmt.Sprintf("%d senders, each as fast as it is answered", r.Load.Senders)
	}
	return fmt.Sprintf("%g a second", r.Load.Rate)
}

// disturbed says how much of the machine others took: latencies beside a neighbour are
// the neighbour's too.
func (r Report) disturbed() string {
	if r.Others < 0 {
		return ""
	}
	return fmt.Sprintf("; others took %.0f%% of the processors meanwhile", 100*r.Others)
}

// who says in words what a process is.
func (r Report) who(name string) string {
	switch name {
	case "adapters":
		return fmt.Sprintf("adapters (%d)", len(r.Load.Adapters))
	case "bench":
		return "this program: senders, national systems"
	}
	return name
}

// joined lists pairs, and says what belongs to the code of Kosovo* wherever it stands.
func joined(pairs []Pair) string {
	var out []string
	noted := false
	for _, p := range pairs {
		out = append(out, p.String())
		noted = noted || p.From == "xk" || p.To == "xk"
	}
	s := strings.Join(out, " ")
	if noted {
		s += " (xk: Kosovo" + gateway.FootnoteXK + ")"
	}
	return s
}

func whole(f float64) string { return fmt.Sprintf("%.0f", f) }

func kilobytes(n int) string { return fmt.Sprintf("%.1f KB", float64(n)/1000) }

func megabytes(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
