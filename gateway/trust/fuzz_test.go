package trust

import (
	"testing"

	"example.org/trm/gateway"
)

// Whatever comes from outside is opened or refused: it never panics, and what opens is
// what four coordinators signed.
func FuzzOpen(f *testing.F) {
	r := newRegion(f)
	good := r.force(f, r.doc)
	want := r.open(f).Digest()
	f.Add(good)
	f.Add([]byte(`{"payload":"e30","signatures":[{"protected":"e30","signature":"AA"}]}`))
	f.Add([]byte(`{"payload":"","signatures":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := Open(raw, r.pins, noon, 0)
		if err == nil && d.Digest() != want {
			t.Fatal("it opened a directory that nobody signed")
		}
		if _, err := Read(raw); err == nil {
			if _, err := Cosign(raw, r.hands["rs"]); err != nil && len(Faults(err)) == 0 {
				t.Fatalf("refused without a reason: %v", err)
			}
		}
	})
}

// A document that was read is written again as the same bytes.
func FuzzParseDocument(f *testing.F) {
	r := newRegion(f)
	canonical, err := r.doc.Canonical()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(canonical)
	f.Add([]byte(`{"kind":"directory","number":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := ParseDocument(raw)
		if err != nil {
			return
		}
		again, err := doc.Canonical()
		if err != nil || string(again) != string(raw) {
			t.Fatal("two forms of one document")
		}
		_ = doc.Check()
		Diff(r.doc, doc)
	})
}

func FuzzReadStatement(f *testing.F) {
	r := newRegion(f)
	d := r.open(f)
	f.Add(r.revoke(f, "rs/coordinator", gateway.UseMessage, noon))
	f.Add(r.switched(f, "rs", "ba", true, noon))
	f.Add("..")
	f.Fuzz(func(t *testing.T, jws string) {
		s, err := ReadStatement(jws)
		if err != nil {
			return
		}
		if err := s.check(); err != nil {
			t.Fatalf("it read a statement that says too much: %v", err)
		}
		_, _ = d.With(jws)
	})
}
