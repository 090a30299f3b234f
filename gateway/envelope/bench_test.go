package envelope_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// BenchmarkBare is the cryptography that the others cannot do without, in the same run.
func BenchmarkBare(b *testing.B) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	hash := sha256.Sum256([]byte("x"))
	sig, err := ecdsa.SignASN1(rand.Reader, k, hash[:])
	if err != nil {
		b.Fatal(err)
	}
	peer, err := k.PublicKey.ECDH()
	if err != nil {
		b.Fatal(err)
	}
	sign := func() {
		if _, err := ecdsa.SignASN1(rand.Reader, k, hash[:]); err != nil {
			b.Fatal(err)
		}
	}
	verify := func() {
		if !ecdsa.VerifyASN1(&k.PublicKey, hash[:], sig) {
			b.Fatal("not verified")
		}
	}
	agree := func() {
		e, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.ECDH(peer); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			sign()
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			verify()
		}
	})
	b.Run("agree", func(b *testing.B) {
		for b.Loop() {
			agree()
		}
	})
	b.Run("whole", func(b *testing.B) { // what BenchmarkWhole needs
		for b.Loop() {
			verify()
			sign()
			sign()
			agree()
			agree()
			agree()
		}
	})
}

func BenchmarkSteps(b *testing.B) {
	w := newWorld(b, "ES256")
	raw := w.message(b)
	p := decode(b, raw)
	office := w.key(w.office, "ba/coordinator")
	reader := w.key(w.coordinator, "rs/coordinator")
	bound := w.bind(b, raw, all)
	delivered := decode(b, w.unwrap(b, bound.Wrapped))
	sealed := w.seal(b, "health", "child-protection", `{}`, 1024)
	draft := w.draft(b)
	notary := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{"rs/coordinator": w.evidence}}
	signed, err := notary.Testify(statement())
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range []struct {
		name string
		step func() error
	}{
		{"decode", func() error { _, err := envelope.Codec{}.Decode(raw); return err }},
		{"verify", func() error { return envelope.Codec{}.Verify(p, office) }},
		{"minimise", func() error { _, err := envelope.Drop(raw, but("subject/phase")); return err }},
		{"bind", func() error { // kb_jwt and wrapping
			_, err := envelope.Binder{Keys: []*envelope.Private{w.binding}}.Bind(p.Core, p.Units, bound.Binding, reader)
			return err
		}},
		{"conceal", func() error {
			_, err := envelope.Binder{}.Conceal(nil, p.Head.MessageID(), reader)
			return err
		}},
		{"testify", func() error { _, err := notary.Testify(statement()); return err }},
		{"examine", func() error { _, _, err := envelope.Codec{}.Examine(signed); return err }},
		{"unwrap", func() error { _, err := envelope.Unwrap(bound.Wrapped, w.coordinator); return err }},
		{"check-binding", func() error {
			_, err := envelope.CheckBinding(delivered, w.lookup, bound.Binding.Delivery)
			return err
		}},
		{"seal", func() error {
			_, err := envelope.Seal([]byte(`{}`), 1024, w.key(w.protection, "rs/child-protection"), w.place("health", "child-protection"))
			return err
		}},
		{"unseal", func() error {
			_, err := envelope.Unseal(sealed, w.protection, w.place("health", "child-protection"))
			return err
		}},
		{"sign", func() error { _, err := envelope.Sign(draft, w.office, w.thumbprint, nil); return err }},
	} {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := s.step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWhole is all that the gateway does with a message inside this package: decode,
// verify, bind, wrap, conceal for two readers, sign the receipt.
func BenchmarkWhole(b *testing.B) {
	w := newWorld(b, "ES256")
	raw := w.message(b)
	office, reader := w.key(w.office, "ba/coordinator"), w.key(w.coordinator, "rs/coordinator")
	template := w.bind(b, raw, but("subject/phase")).Binding
	notary := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{"rs/coordinator": w.evidence}}
	binder := envelope.Binder{Keys: []*envelope.Private{w.binding}}
	withheld := []gateway.Withheld{{Unit: "subject/phase", Rule: "no-field-for-it"}}
	b.ReportAllocs()
	for b.Loop() {
		p, err := envelope.Codec{}.Decode(raw)
		if err != nil {
			b.Fatal(err)
		}
		if err := (envelope.Codec{}).Verify(p, office); err != nil {
			b.Fatal(err)
		}
		units := slices.DeleteFunc(p.Units, func(u gateway.Unit) bool { return u.Name == "subject/phase" })
		if _, err := binder.Bind(p.Core, units, template, reader); err != nil {
			b.Fatal(err)
		}
		for range 2 {
			if _, err := binder.Conceal(withheld, p.Head.MessageID(), reader); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := notary.Testify(statement()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostile compares envelopes at the size limit: the costliest that is accepted,
// and those that are made to cost and are refused.
func BenchmarkHostile(b *testing.B) {
	w := newWorld(b, "ES256")
	fill := func(unit string, n int) string { // as many bytes as fit
		return strings.Repeat(unit, 3*n/4/len(unit))
	}
	room := 256<<10 - len(w.message(b)) - 1<<10
	spoil := func(change func(f *forgery)) []byte {
		f := forge(b, w.message(b))
		change(f)
		return f.bytes()
	}
	many := func() []byte { // 58 more disclosures that no digest names
		return spoil(func(f *forgery) {
			i := f.find("health@child-protection")
			text := un64(b, f.disclosures[i])
			for n := range 58 {
				d := b64(strings.Replace(text, `","health`, string(rune('A'+n%26))+string(rune('a'+n/26))+`","health`, 1))
				f.disclosures = append(f.disclosures, d)
			}
		})
	}
	for _, c := range []struct {
		name     string
		accepted bool
		raw      []byte
	}{
		{"accepted-long-strings", true, spoil(func(f *forgery) { f.edit("needs", `"days":14`, `"days":"`+fill("ab", room)+`"`) })},
		{"accepted-escapes", true, spoil(func(f *forgery) { f.edit("needs", `"days":14`, `"days":"`+fill(`\u00e9`, room)+`"`) })},
		{"accepted-many-values", true, spoil(func(f *forgery) { f.edit("needs", `"days":14`, `"days":[`+strings.Repeat(`{"a":0},`, 1900)+`0]`) })},
		{"many-values", false, spoil(func(f *forgery) { f.edit("needs", `"days":14`, `"days":[`+fill("0,", room)+`0]`) })},
		{"many-names", false, spoil(func(f *forgery) { f.edit("needs", `"days":14`, `"days":{`+fill(`"A":0,`, room)+`"a":0}`) })},
		{"nesting", false, spoil(func(f *forgery) { f.edit("needs", `"days":14`, `"days":`+fill("[", room)) })},
		{"number", false, spoil(func(f *forgery) { f.edit("needs", `"days":14`, `"days":`+fill("9", room)) })},
		{"bombs", false, spoil(func(f *forgery) { f.edit("needs", `"days":14`, `"days":[`+fill("1e999999,", room)+`0]`) })},
		{"white-space-then-nothing", false, []byte(strings.Repeat(" ", 256<<10))},
		{"unreferenced-units", false, many()},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.raw)))
			for b.Loop() {
				if _, err := (envelope.Codec{}).Decode(c.raw); (err == nil) != c.accepted {
					b.Fatal(err)
				}
			}
		})
	}
}
