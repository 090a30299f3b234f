package bench

import (
	"strings"
	"testing"
)

// BenchmarkPath is the gateway's path from the envelope to the record, alone, with its
// stages and the bare cryptography of the same run beside it.
func BenchmarkPath(b *testing.B) {
	d, err := openDesk(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for _, typ := range []string{"referral.request", "capacity.request"} {
		b.Run(typ, func(b *testing.B) {
			load, err := d.load(b.Context(), Options{Type: typ, Messages: 64, Threads: 8, Pairs: []Pair{{"me", "rs"}}})
			if err != nil {
				b.Fatal(err)
			}
			p, err := newPath(d)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if _, err := p.accept(b.Context(), load[n%len(load)]); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.StopTimer()
			c, err := newPrimitives(len(p.journal.last.Bound.Wrapped), len(load[0].raw))
			if err != nil {
				b.Fatal(err)
			}
			r, err := beside(load, func(part []*message) error { return p.walk(b.Context(), part) }, c.accepting())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(r.Bare, "bare-µs")
			b.ReportMetric(r.Times, "times-bare")
			for _, s := range p.split {
				b.ReportMetric(s.Micros, strings.ReplaceAll(s.Name, " ", "-")+"-µs")
			}
		})
	}
}
