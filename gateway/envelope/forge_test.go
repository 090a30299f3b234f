package envelope_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// forgery is a good message taken apart into texts, so that each case can spoil one.
type forgery struct {
	t           testing.TB
	protected   string // JSON
	payload     string // JSON
	disclosures []string
	signature   string
	header      string                   // members of the unprotected header after disclosures
	encode      func(text string) string // of protected and payload
	envelope    func(text string) string // of the whole
}

func forge(t testing.TB, raw []byte) *forgery {
	t.Helper()
	var e struct {
		Payload, Protected, Signature string
		Header                        struct{ Disclosures []string }
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return &forgery{
		t: t, protected: un64(t, e.Protected), payload: un64(t, e.Payload), disclosures: e.Header.Disclosures, signature: e.Signature,
		encode: b64, envelope: func(s string) string { return s },
	}
}

func (f *forgery) bytes() []byte {
	d, err := json.Marshal(f.disclosures)
	if err != nil {
		f.t.Fatal(err)
	}
	return []byte(f.envelope(fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q,"header":{"disclosures":%s%s}}`,
		f.encode(f.payload), f.encode(f.protected), f.signature, d, f.header)))
}

// swap replaces one text by another and fails where there is none to replace: a case that
// spoils nothing proves nothing.
func (f *forgery) swap(in *string, from, to string) {
	f.t.Helper()
	if strings.Count(*in, from) != 1 {
		f.t.Fatalf("%q is there %d times, want once", from, strings.Count(*in, from))
	}
	*in = strings.Replace(*in, from, to, 1)
}

func (f *forgery) inPayload(from, to string)   { f.t.Helper(); f.swap(&f.payload, from, to) }
func (f *forgery) inProtected(from, to string) { f.t.Helper(); f.swap(&f.protected, from, to) }

// find is the place of the disclosure with the name.
func (f *forgery) find(name string) int {
	f.t.Helper()
	i := slices.IndexFunc(f.disclosures, func(d string) bool { return strings.Contains(un64(f.t, d), `",`+fmt.Sprintf("%q,", name)) })
	if i < 0 {
		f.t.Fatalf("no disclosure %q", name)
	}
	return i
}

// redisclose changes a disclosure and the digest that names it, in the payload or in the
// block that holds it, so that both still fit.
func (f *forgery) redisclose(name string, change func(text string) string) {
	f.t.Helper()
	i := f.find(name)
	f.replace(i, b64(change(un64(f.t, f.disclosures[i]))))
}

func (f *forgery) replace(i int, disclosure string) {
	f.t.Helper()
	old := f.disclosures[i]
	f.disclosures[i] = disclosure
	if strings.Contains(f.payload, sum(old)) {
		f.inPayload(sum(old), sum(disclosure))
		return
	}
	for j, d := range f.disclosures {
		if text := un64(f.t, d); strings.Contains(text, sum(old)) {
			f.replace(j, b64(strings.Replace(text, sum(old), sum(disclosure), 1)))
			return
		}
	}
	f.t.Fatal("no digest names the disclosure")
}

// edit swaps a text inside a disclosure.
func (f *forgery) edit(name, from, to string) {
	f.t.Helper()
	f.redisclose(name, func(text string) string { f.swap(&text, from, to); return text })
}

// add discloses one more, named by a digest that takes a decoy's place.
func (f *forgery) add(text string) {
	f.t.Helper()
	d := b64(text)
	f.inPayload(f.decoy(), sum(d))
	f.disclosures = append(f.disclosures, d)
}

// decoys are the digests of the payload that name no disclosure.
func (f *forgery) decoys() []string {
	f.t.Helper()
	var p struct {
		SD []string `json:"_sd"`
	}
	if err := json.Unmarshal([]byte(f.payload), &p); err != nil {
		f.t.Fatal(err)
	}
	return slices.DeleteFunc(p.SD, func(s string) bool {
		return slices.ContainsFunc(f.disclosures, func(d string) bool { return sum(d) == s })
	})
}

func (f *forgery) decoy() string {
	f.t.Helper()
	return f.decoys()[0]
}

// reseal changes the outside of the sealed health unit: its header as text, its parts.
func (f *forgery) reseal(header func(text string) string, parts func(p []string)) {
	f.t.Helper()
	f.redisclose("health@child-protection", func(text string) string {
		var d []string
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			f.t.Fatal(err)
		}
		p := strings.Split(d[2], ".")
		if header != nil {
			p[0] = b64(header(un64(f.t, p[0])))
		}
		if parts != nil {
			parts(p)
		}
		out, err := json.Marshal([]string{d[0], d[1], strings.Join(p, ".")})
		if err != nil {
			f.t.Fatal(err)
		}
		return string(out)
	})
}

// inSeal swaps a text inside the header of the sealed health unit.
func (f *forgery) inSeal(from, to string) {
	f.t.Helper()
	f.reseal(func(text string) string { f.swap(&text, from, to); return text }, nil)
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func un64(t testing.TB, s string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func sum(disclosure string) string {
	h := sha256.Sum256([]byte(disclosure))
	return base64.RawURLEncoding.EncodeToString(h[:])
}
