package trust

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func TestADirectoryThatFourOfSevenSignedOpens(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	raw, err := Sign(r.doc, r.by("rs", "mk")...)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = Cosign(raw, r.by("al", "xk")...); err != nil {
		t.Fatal(err)
	}
	d, err := Open(raw, r.pins, noon, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]gateway.Country{"al", "mk", "rs", "xk"}, d.SignedBy()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(r.doc, d.Document()); diff != "" {
		t.Error(diff)
	}
}

func TestTheDigestDoesNotDependOnWhoSigned(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	a := r.open(t)
	b, err := Open(r.force(t, r.doc, "rs", "xk", "mk", "me"), r.pins, noon, 0)
	if err != nil {
		t.Fatal(err)
	}
	if a.Digest() != b.Digest() {
		t.Error("one document has two digests")
	}
}

func TestTooFewOrWrongHandsAreRefused(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	good := parse(t, r.force(t, r.doc))
	foreign, err := envelope.Generate(gateway.UseDirectory, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	other := r.doc.Clone()
	other.Notice = "another"
	for _, row := range []struct {
		name string
		raw  func(t *testing.T) []byte
		want Reason
	}{
		{"three of seven", func(t *testing.T) []byte { return r.force(t, r.doc, "al", "ba", "md") }, TooFew},
		{"one key four times", func(t *testing.T) []byte {
			s := good
			s.Signatures = slices.Repeat(s.Signatures[:1], 4)
			return form(t, s)
		}, SignedTwice},
		{"one key again beside three others", func(t *testing.T) []byte {
			s := good
			s.Signatures = append(slices.Clone(s.Signatures[:3]), s.Signatures[0])
			return form(t, s)
		}, SignedTwice},
		{"a fourth key that is not pinned", func(t *testing.T) []byte {
			s := parse(t, r.force(t, r.doc, "al", "ba", "md"))
			if err := s.add(payloadOf(t, s), foreign); err != nil {
				t.Fatal(err)
			}
			return form(t, s)
		}, NotPinned},
		{"a signature of another document", func(t *testing.T) []byte {
			s, o := good, parse(t, r.force(t, other))
			s.Signatures = append(slices.Clone(s.Signatures[:3]), o.Signatures[3])
			return form(t, s)
		}, BadSignature},
		{"a changed document", func(t *testing.T) []byte {
			s := good
			s.Payload = parse(t, r.force(t, other)).Payload
			return form(t, s)
		}, BadSignature},
		{"a bad signature beside four good ones", func(t *testing.T) []byte {
			s := parse(t, r.force(t, r.doc, "al", "ba", "md", "me", "rs"))
			s.Signatures[4].Signature = s.Signatures[0].Signature
			return form(t, s)
		}, BadSignature},
		{"the kid of a coordinator over another's signature", func(t *testing.T) []byte {
			s := good
			s.Signatures = slices.Clone(s.Signatures)
			s.Signatures[3].Signature = s.Signatures[2].Signature
			return form(t, s)
		}, BadSignature},
		{"a signature without a header beside four good ones", func(t *testing.T) []byte {
			s := good
			s.Signatures = append(slices.Clone(s.Signatures), signature{Protected: "e30", Signature: "AAAA"})
			return form(t, s)
		}, BadForm},
		{"no signatures", func(t *testing.T) []byte {
			return form(t, signed{Payload: good.Payload, Signatures: []signature{}})
		}, BadForm},
		{"fifteen signatures", func(t *testing.T) []byte {
			s := good
			s.Signatures = slices.Repeat(s.Signatures[:1], maxSignatures+1)
			return form(t, s)
		}, BadForm},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(row.raw(t), r.pins, noon, 0)
			wantReason(t, err, row.want)
			if got := len(Faults(err)); got != 1 && row.want != NotPinned {
				t.Errorf("%d reasons: %v", got, err)
			}
		})
	}
}

func TestAKeyThatIsNotPinnedHarmsNoQuorum(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	s := parse(t, r.force(t, r.doc))
	stranger, err := envelope.Generate(gateway.UseDirectory, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.add(payloadOf(t, s), stranger); err != nil {
		t.Fatal(err)
	}
	d, err := Open(form(t, s), r.pins, noon, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(four, d.SignedBy()); diff != "" {
		t.Error(diff)
	}
}

func TestAnotherKeyOfACoordinatorIsNoHand(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	_, err := Sign(r.doc, r.keys["rs/coordinator"][gateway.UseEvidence])
	wantReason(t, err, WrongUse)
	_, err = Cosign(r.force(t, r.doc), r.hands["al"])
	wantReason(t, err, SignedTwice)
	_, err = Sign(r.doc)
	wantReason(t, err, TooFew)
}

// Two readers that understand different things of the same bytes are how directories get
// past signatures. There is one way to write each.
func TestOnlyTheCanonicalFormIsRead(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	canonical, err := r.doc.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) []byte {
		if !bytes.Contains(canonical, []byte(old)) {
			t.Fatalf("the document has no %s", old)
		}
		return bytes.Replace(canonical, []byte(old), []byte(new), 1)
	}
	for name, payload := range map[string][]byte{
		"an unknown member":          change(`"number":1,`, `"number":1,"quorum":1,`),
		"an unknown member inside":   change(`"on":true,`, `"on":true,"via":"al",`),
		"a member in capitals":       change(`"number":1,`, `"Number":1,`),
		"a member twice":             change(`"number":1,`, `"number":1,"number":2,`),
		"a number in another form":   change(`"number":1,`, `"number":1.0,`),
		"a string with escapes":      change(`TEST KEY`, `\u0054EST KEY`),
		"white space":                change(`"number":1,`, `"number": 1,`),
		"members in another order":   change(`"kind":"directory","notice":"TEST KEY"`, `"notice":"TEST KEY","kind":"directory"`),
		"a null member":              change(`"number":1,`, `"number":1,"revoked":null,`),
		"a term in another form":     change(`"normal":"3wd"`, `"normal":"03wd"`),
		"a term without a unit":      change(`"normal":"3wd"`, `"normal":"3"`),
		"a term that never ends":     change(`"normal":"3wd"`, `"normal":"99999wd"`),
		"a list that is empty":       change(`"trace":true}`, `"trace":true,"terms":[]}`),
		"a list that is null":        change(`["assistance"]`, `null`),
		"a time with an offset":      change(`"2026-11-21T12:00:00Z"`, `"2026-11-21T12:00:00+00:00"`),
		"something behind the end":   append(slices.Clone(canonical), '1'),
		"a line feed behind the end": append(slices.Clone(canonical), '\n'),
		"bytes that are not UTF-8":   change(`TEST KEY`, "TEST \xff"),
		"another kind":               change(`"kind":"directory"`, `"kind":"confirmation"`),
		"no kind":                    change(`"kind":"directory",`, ``),
		"nothing":                    []byte(`{}`),
		"a list":                     []byte(`[]`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Open(r.forcePayload(t, payload, four...), r.pins, noon, 0)
			if err == nil {
				t.Fatalf("it was opened as number %d", d.Number())
			}
			if len(Faults(err)) != 1 {
				t.Errorf("refused with %v, want one named reason", err)
			}
		})
	}
}

func TestTheOuterFormIsStrict(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	raw := string(r.force(t, r.doc))
	for name, raw := range map[string]string{
		"an unknown member":      strings.Replace(raw, `{"payload"`, `{"header":{},"payload"`, 1),
		"an unprotected header":  strings.Replace(raw, `{"protected"`, `{"header":{"kid":"x"},"protected"`, 1),
		"payload twice":          strings.Replace(raw, `{"payload"`, `{"payload":"e30","payload"`, 1),
		"payload in capitals":    strings.Replace(raw, `{"payload"`, `{"PAYLOAD"`, 1),
		"padded base64":          strings.Replace(raw, `","signatures"`, `=","signatures"`, 1),
		"two documents":          raw + raw,
		"a compact JWS":          parse(t, []byte(raw)).compact(0),
		"too long for anybody":   raw[:len(raw)-1] + strings.Repeat(" ", maxBytes) + "}",
		"nothing":                "",
		"deeper than any reader": strings.Repeat("[", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open([]byte(raw), r.pins, noon, 0)
			wantReason(t, err, BadForm)
		})
	}
	if _, err := Open([]byte(raw+"\n"), r.pins, noon, 0); err != nil {
		t.Errorf("a line feed that an editor left: %v", err)
	}
}

func TestADirectoryIsInForceFromItsDayToItsDay(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	first, second := r.force(t, r.doc), r.force(t, r.next())
	for _, row := range []struct {
		name string
		raw  []byte
		now  time.Time
		seen int
		want Reason // empty: opens
	}{
		{"number 1 at once", first, noon, 0, ""},
		{"a clock that is a little behind", first, noon.Add(-gateway.Skew), 0, ""},
		{"before its issue", first, noon.Add(-gateway.Skew - time.Second), 0, FromTheFuture},
		{"number 2 during its delay", second, noon.Add(Delay - time.Hour), 1, NotYetInForce},
		{"number 2 after its delay", second, noon.Add(Delay), 1, ""},
		{"the last second", first, noon.Add(300*day - time.Second), 0, ""},
		{"expired", first, noon.Add(300 * day), 0, NoLongerInForce},
		{"older than seen", first, noon, 2, RolledBack},
		{"the one that was seen", first, noon, 1, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(row.raw, r.pins, row.now, row.seen)
			if row.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantReason(t, err, row.want)
		})
	}
}

func TestPinsNameAMajorityOfOneKeyForEachCountry(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Pins){
		"no majority":          func(p *Pins) { p.K = 3 },
		"more than there are":  func(p *Pins) { p.K = 8 },
		"a country missing":    func(p *Pins) { p.Keys = p.Keys[1:] },
		"a country twice":      func(p *Pins) { p.Keys[0].Country = p.Keys[1].Country },
		"a country of nowhere": func(p *Pins) { p.Keys[0].Country = "zz" },
		"one key for two":      func(p *Pins) { c := p.Keys[0].Country; p.Keys[0] = p.Keys[1]; p.Keys[0].Country = c },
		"an id of another key": func(p *Pins) { p.Keys[0].ID = p.Keys[1].ID },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegion(t)
			change(&r.pins)
			raw, err := json.MarshalIndent(r.pins, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			_, err = ParsePins(raw)
			wantReason(t, err, BadPins)
			_, err = Open(r.force(t, r.doc), r.pins, noon, 0)
			wantReason(t, err, BadPins)
		})
	}
	r := newRegion(t)
	raw, err := json.MarshalIndent(r.pins, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParsePins(raw)
	if err != nil || got.K != 4 || len(got.Keys) != 7 {
		t.Errorf("good pins: %v", err)
	}
	all := r.pins
	all.K = 7
	if _, err := all.keys(); err != nil {
		t.Errorf("seven of seven: %v", err)
	}
	for name, raw := range map[string]string{
		"two numbers":     strings.Replace(string(raw), `"k": 4`, `"k": 7, "k": 4`, 1),
		"a word":          strings.Replace(string(raw), `"k": 4`, `"k": "four"`, 1),
		"behind the end":  string(raw) + "{",
		"nothing":         "",
		"another curve":   strings.Replace(string(raw), "P-256", "P-384", 1),
		"encryption keys": strings.Replace(strings.Replace(string(raw), "ES256", "ECDH-ES+A256KW", 1), `"sig"`, `"enc"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParsePins([]byte(raw))
			wantReason(t, err, BadPins)
		})
	}
	_, err = Pin("rs", r.keys["rs/coordinator"][gateway.UseEvidence])
	wantReason(t, err, WrongUse)
}

func parse(t testing.TB, raw []byte) signed {
	t.Helper()
	s, _, err := parseSigned(raw)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func form(t testing.TB, s signed) []byte {
	t.Helper()
	raw, err := canonical(s)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func payloadOf(t testing.TB, s signed) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
