package trust

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"example.org/trm/gateway"
)

// Describe writes a directory for people: its head, the parties with what they may
// receive and how long their keys last, and the pairs.
func Describe(w io.Writer, d *Directory, now time.Time) error {
	var b strings.Builder
	doc := d.doc
	fmt.Fprintf(&b, "directory %d  %s\n", doc.Number, d.digest)
	if doc.Notice != "" {
		fmt.Fprintf(&b, "%s\n", doc.Notice)
	}
	fmt.Fprintf(&b, "in force %s to %s, signed by %s (%d of %d needed)\n", doc.Activates.Format(time.DateOnly), doc.Expires.Format(time.DateOnly), countries(d.by), d.pins.K, len(d.pins.Keys))
	if n := len(d.told.signed); n > 0 {
		fmt.Fprintf(&b, "with %d statements of single offices\n", n)
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\nparty\tname\tmay receive\tkeys end\n")
	for _, p := range d.Parties() {
		i := d.offices[p]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p, i.Names["en"], classList(i.Classes), d.keysEnd(p, now))
	}
	fmt.Fprint(t, "\npair\tinstrument\tstate\tSELEC traces\n")
	for _, p := range d.Pairs() {
		state := "on"
		if !p.On {
			state = "off"
		}
		fmt.Fprintf(t, "%s-%s\t%s\t%s\t%s\n", p.A, p.B, p.Instrument, state, yes(p.Trace))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("describing a directory: %w", err)
	}
	for _, p := range d.Pairs() {
		for _, term := range p.Terms {
			fmt.Fprintf(&b, "%s-%s: answers to %s are due in %s\n", p.A, p.B, subject(term), within(term))
		}
	}
	if l := doc.Log; l != nil {
		fmt.Fprintf(&b, "\nlog %s\n  key %s\n%s\n", l.Name, l.Key, indented(l.Policy))
	}
	fmt.Fprintf(&b, "\n%s\n", gateway.FootnoteXK)
	_, err := io.WriteString(w, b.String())
	return err
}

// keysEnd is the day on which a party loses the first of its uses, unless somebody
// renews.
func (d *Directory) keysEnd(p gateway.Party, now time.Time) string {
	var first time.Time
	for h, list := range d.held {
		if h.party != p || h.use == gateway.UseDirectory {
			continue
		}
		var last time.Time
		for _, k := range list {
			if k.Revoked.IsZero() && k.NotAfter.After(last) {
				last = k.NotAfter
			}
		}
		if first.IsZero() || last.Before(first) {
			first = last
		}
	}
	if !now.Before(first) {
		return "ended"
	}
	return first.Format(time.DateOnly)
}

func countries(list []gateway.Country) string {
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}
