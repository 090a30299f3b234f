package audit_test

import (
	"bytes"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
)

// BenchmarkVerify judges a bundle of messages, each delivered, read and taken on, as the
// auditor of their sender's country: the dearest case, for which everything is opened.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	for range 500 {
		s := w.send(referral(me, rs))
		w.testify(s, gateway.ContentConsignment, rs, nil)
		w.testify(s, gateway.ContentHandover, rs, nil)
		w.testify(s, gateway.TakenOn, rs, nil)
	}
	bundle := w.bundle("me/auditor")
	b.SetBytes(int64(len(bundle)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := audit.Verify(b.Context(), bytes.NewReader(bundle), audit.Options{Pins: w.pins})
		if err != nil || !r.Clean() {
			b.Fatal(r.Findings, err)
		}
	}
	n := float64(b.N) * float64(len(w.entries))
	b.ReportMetric(n/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(float64(len(bundle))/float64(len(w.entries)), "B/entry")
}
