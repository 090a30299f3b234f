package envelope_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// kept reads a file that an earlier release made.
func kept(tb testing.TB, name string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.TrimSuffix(raw, []byte("\n"))
}

// FuzzDecode puts texts into an envelope with good encoding and good digests, so that the
// fuzzer reaches what lies behind them: {{1}} and {{2}} are the digests of the two
// disclosures.
func FuzzDecode(f *testing.F) {
	good := forge(f, kept(f, "message.json"))
	one, two := good.find("subject"), good.find("phase")
	payload := strings.Replace(good.payload, sum(good.disclosures[one]), "{{1}}", 1)
	first := strings.Replace(un64(f, good.disclosures[one]), sum(good.disclosures[two]), "{{2}}", 1)
	f.Add(good.protected, payload, first, un64(f, good.disclosures[two]))
	f.Add(good.protected, payload, un64(f, good.disclosures[good.find("health@child-protection")]), `["`+salt+`","a",1]`)
	f.Add(good.protected, strings.Replace(payload, `"lane"`, `"test":true,"lane"`, 1), `["`+salt+`","needs",{"_sd":["{{2}}"],"a":[{}]}]`, `["`+salt+`","b",{"c":0.5}]`)
	f.Fuzz(func(t *testing.T, protected, payload, first, second string) {
		d2 := b64(second)
		d1 := b64(strings.ReplaceAll(first, "{{2}}", sum(d2)))
		payload = strings.NewReplacer("{{1}}", sum(d1), "{{2}}", sum(d2)).Replace(payload)
		raw := fmt.Appendf(nil, `{"payload":%q,"protected":%q,"signature":%q,"header":{"disclosures":[%q,%q]}}`,
			b64(payload), b64(protected), strings.Repeat("A", 86), d1, d2)
		before := bytes.Clone(raw)
		p, err := envelope.Codec{}.Decode(raw)
		if !bytes.Equal(raw, before) {
			t.Fatal("decoding changed its input")
		}
		if err != nil {
			checkProblem(t, err)
			return
		}
		checkParts(t, p, []string{d1, d2})
		again, err := envelope.Drop(raw, all)
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("written again it differs: %v", err)
		}
	})
}

// checkProblem: every refusal has a code of the catalogue and points no deeper than what
// the format knows.
func checkProblem(t *testing.T, err error) {
	t.Helper()
	p := gateway.AsProblem(err)
	if _, ok := gateway.Codes[p.Code]; !ok || p.Code == gateway.CodeInternal {
		t.Fatalf("refused with %q: %v", p.Code, err)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(p.Pointer, "/"), "/")
	known := []string{
		"", "header", "protected", "payload", "signature", "_sd", "_sd_alg", "jti", "iss", "aud", "iat", "exp", "cnf", "type", "codes", "thread",
		"inReplyTo", "lane", "answerBy", "purpose", "basis", "agreement", "attests", "act", "outcome", "target", "effectiveAt", "ackBy", "test",
		"supersedes", "via",
	}
	if !slices.Contains(known, first) {
		t.Fatalf("the pointer %q is not the format's", p.Pointer)
	}
}

func checkParts(t *testing.T, p gateway.Parts, sent []string) {
	t.Helper()
	names := unitNames(p)
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) || len(names) != len(sent) {
		t.Fatalf("units: %v", names)
	}
	for _, u := range p.Units {
		if !slices.Contains(sent, u.Disclosure) {
			t.Fatalf("unit %s was not sent", u.Name)
		}
		block, role, field := gateway.SplitUnit(u.Name)
		if (role != "") != (u.Seal != nil) || u.Seal != nil && u.Seal.Role != role {
			t.Fatalf("unit %s has seal %v", u.Name, u.Seal)
		}
		if role != "" {
			block += "@" + role
		}
		v, ok := p.Document[block]
		if m, is := v.(map[string]any); field != "" && is {
			_, ok = m[field]
		}
		if !ok {
			t.Fatalf("unit %s is not in the document", u.Name)
		}
	}
	text, err := json.Marshal(p.Document)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`"_sd":`, `"_sd_alg":`, `"...":`} {
		if bytes.Contains(text, []byte(name)) {
			t.Fatalf("the document still has %s", name)
		}
	}
}

// FuzzOpen changes the outside and inside of a sealed unit: whatever is changed, it does
// not open, and says so with a code.
func FuzzOpen(f *testing.F) {
	w := oldWorld(f)
	sealed := strings.Split(string(kept(f, "unit.jwe")), ".")
	wrapped := w.bind(f, kept(f, "message.json"), all).Wrapped
	f.Add(un64(f, sealed[0]), sealed[1], sealed[2], sealed[3], sealed[4])
	f.Add(strings.Replace(un64(f, sealed[0]), `"alg"`, `"zip":"DEF","alg"`, 1), sealed[1], sealed[2], sealed[3], sealed[4])
	f.Add(un64(f, strings.Split(wrapped, ".")[0]), sealed[1], sealed[2], sealed[3], sealed[4])
	f.Fuzz(func(t *testing.T, header, key, iv, ciphertext, tag string) {
		parts := []string{b64(header), key, iv, ciphertext, tag}
		s := strings.Join(parts, ".")
		plain, err := envelope.Unseal(s, w.protection, w.place("health", "child-protection"))
		switch {
		case err != nil:
			checkProblem(t, err)
		case !slices.Equal(parts, sealed):
			t.Fatal("a changed unit was opened")
		case string(plain) != `{"finding":"`+canary+`"}`:
			t.Fatalf("opened to %d bytes", len(plain))
		}
		if _, _, err := envelope.WrapKeyID(s); err != nil {
			checkProblem(t, err)
		}
		if _, err := envelope.Unwrap(s, w.coordinator); err == nil {
			t.Fatal("what was no delivery was unwrapped")
		}
	})
}

// FuzzMinimise leaves out any choice of units: the message never grows, leaving the same
// out again changes nothing, what stays is what was named, and of what was left out
// nothing is there.
func FuzzMinimise(f *testing.F) {
	w := oldWorld(f)
	whole := kept(f, "message.json")
	for _, mask := range []uint64{0, 1, 0b101010, ^uint64(0)} {
		f.Add(whole, mask)
		f.Add(w.unwrap(f, w.bind(f, whole, but("needs")).Wrapped), mask)
	}
	f.Fuzz(func(t *testing.T, raw []byte, mask uint64) {
		p, err := envelope.Codec{}.Decode(raw)
		if err != nil {
			if _, derr := envelope.Drop(raw, all); derr == nil {
				t.Fatal("dropped from what cannot be decoded")
			}
			return
		}
		keep := func(unit string) bool {
			i := slices.IndexFunc(p.Units, func(u gateway.Unit) bool { return u.Name == unit })
			return mask>>i&1 == 1
		}
		out, err := envelope.Drop(raw, keep)
		if err != nil {
			t.Fatal(err)
		}
		if len(out) > len(raw) {
			t.Fatalf("grew from %d to %d bytes", len(raw), len(out))
		}
		again, err := envelope.Drop(out, keep)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("not idempotent: %v", err)
		}
		q, err := envelope.Codec{}.Decode(out)
		if err != nil {
			t.Fatal(err)
		}
		if q.Core != p.Core {
			t.Fatal("the signed part changed")
		}
		var want []string
		for _, u := range p.Units {
			block, _, isField := strings.Cut(u.Name, "/")
			kept := keep(u.Name) && (!isField || keep(block))
			if kept {
				want = append(want, u.Name)
			} else if bytes.Contains(out, []byte(u.Disclosure)) {
				t.Fatalf("the disclosure of %s is still there", u.Name)
			}
			if _, there := q.Document[u.Name]; !isField && there != kept {
				t.Fatalf("%s in the document: %t", u.Name, there)
			}
		}
		if !slices.Equal(unitNames(q), want) {
			t.Fatalf("got %v, want %v", unitNames(q), want)
		}
	})
}
