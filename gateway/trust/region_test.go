package trust

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/ledger/quorum"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// region is the smallest whole region: a coordinator for each country, one child
// protection office, and the gateway. Its keys are made once for all tests, its document
// for each.
type region struct {
	doc   Document
	pins  Pins
	hands map[gateway.Country]*envelope.Private
	keys  map[gateway.Party]map[gateway.Use]*envelope.Private
}

var made = sync.OnceValues(func() (region, error) { return makeRegion() })

func newRegion(t testing.TB) region {
	t.Helper()
	r, err := made()
	if err != nil {
		t.Fatal(err)
	}
	r.doc = r.doc.Clone()
	r.pins.Keys = slices.Clone(r.pins.Keys)
	return r
}

func makeRegion() (region, error) {
	r := region{
		hands: map[gateway.Country]*envelope.Private{}, keys: map[gateway.Party]map[gateway.Use]*envelope.Private{},
		doc: Document{Notice: "TEST KEY", Development: true, Number: 1, Issued: noon, Activates: noon, Expires: noon.Add(300 * day)},
	}
	r.pins.K = 4
	for _, c := range gateway.Countries {
		k, err := envelope.Generate(gateway.UseDirectory, "ES256")
		if err != nil {
			return r, err
		}
		pin, err := Pin(c, k)
		if err != nil {
			return r, err
		}
		r.hands[c], r.pins.Keys = k, append(r.pins.Keys, pin)
		for _, b := range gateway.Countries {
			if c < b {
				r.doc.Pairs = append(r.doc.Pairs, Agreed{A: c, B: b, On: true, Instrument: "invented", Articles: []string{"art-12", "art-33"}, Purposes: []string{"assistance"}, Trace: true})
			}
		}
		if err := r.add(coordinator(c), gateway.UseMessage, gateway.UseEvidence, gateway.UseAssertion, gateway.UseApproval, gateway.UseEncryption); err != nil {
			return r, err
		}
	}
	r.doc.Pairs[0].Terms = terms("info", "referral")
	r.doc.Pairs[0].Terms[0].Code, r.doc.Pairs[0].Terms[0].From = "family-risk", "ba"
	r.doc.Coordinators = slices.Clone(r.pins.Keys)
	if err := r.add("rs/child-protection", gateway.UseEvidence, gateway.UseApproval, gateway.UseEncryption); err != nil {
		return r, err
	}
	_, log, err := quorum.Generate("trm", quorum.Log)
	if err != nil {
		return r, err
	}
	_, witness, err := quorum.Generate("one.example.org", quorum.Witness)
	if err != nil {
		return r, err
	}
	r.doc.Log = &Log{Name: "trm", Key: log.String(), Policy: "witness one " + witness.String() + "\nquorum one\n"}
	err = r.add(gateway.TheGateway, gateway.UseEvidence, gateway.UseBinding, gateway.UseApproval)
	r.doc.Sort()
	return r, err
}

func (r *region) add(p gateway.Party, uses ...gateway.Use) error {
	e := Entry{
		Party: p, Names: map[string]string{"en": "Office"}, Classes: []gateway.Class{gateway.ClassE, gateway.ClassC1},
		Mailbox: "office@example.org", Duty: "+9990010001",
	}
	if p.Country() == "xk" {
		e.Names["en"] = "Office, Kosovo*"
	}
	r.keys[p] = map[gateway.Use]*envelope.Private{}
	for _, u := range uses {
		k, entry, err := newKey(u, noon.Add(-time.Hour))
		if err != nil {
			return err
		}
		r.keys[p][u] = k
		e.Keys = append(e.Keys, entry)
	}
	r.doc.Parties = append(r.doc.Parties, e)
	return nil
}

func newKey(u gateway.Use, from time.Time) (*envelope.Private, Key, error) {
	alg, life := "ES256", 365*day
	if u == gateway.UseEncryption {
		alg, life = "ECDH-ES+A256KW", 90*day
	}
	k, err := envelope.Generate(u, alg)
	if err != nil {
		return nil, Key{}, err
	}
	jwk, id, err := envelope.MarshalPublic(k.Public(), u)
	entry := Key{ID: id, Use: u, JWK: jwk, NotBefore: from, NotAfter: from.Add(life)}
	if u != gateway.UseEncryption {
		entry.Thumbprint = gateway.DigestString(id) // stands for a certificate's
	}
	return k, entry, err
}

// fresh is a key like those of the region, for tests that add one.
func fresh(t testing.TB, u gateway.Use, from time.Time) (*envelope.Private, Key) {
	t.Helper()
	k, entry, err := newKey(u, from)
	if err != nil {
		t.Fatal(err)
	}
	return k, entry
}

// by are the directory keys of some countries.
func (r region) by(countries ...gateway.Country) []*envelope.Private {
	var out []*envelope.Private
	for _, c := range countries {
		out = append(out, r.hands[c])
	}
	return out
}

var four = []gateway.Country{"al", "ba", "md", "me"}

// force signs a document whatever is wrong with it, as four coordinators with other
// software could.
func (r region) force(t testing.TB, doc Document, countries ...gateway.Country) []byte {
	t.Helper()
	if len(countries) == 0 {
		countries = four
	}
	payload, err := doc.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	return r.forcePayload(t, payload, countries...)
}

func (r region) forcePayload(t testing.TB, payload []byte, countries ...gateway.Country) []byte {
	t.Helper()
	var s signed
	raw, err := s.sign(payload, r.by(countries...))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (r region) open(t testing.TB) *Directory {
	t.Helper()
	d, err := Open(r.force(t, r.doc), r.pins, noon, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// next is the document of the directory that could follow, in force two days later.
func (r region) next() Document {
	doc := r.doc.Clone()
	doc.Number++
	doc.Issued, doc.Activates = noon, noon.Add(Delay)
	return doc
}

// register is one that has taken number 1.
func (r region) register(t testing.TB) (*Register, string) {
	t.Helper()
	folder := t.TempDir()
	reg, err := OpenRegister(folder, r.pins, r.force(t, r.doc), noon)
	if err != nil {
		t.Fatal(err)
	}
	return reg, folder
}

func wantReason(t testing.TB, err error, want Reason) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("refused with %v, want the reason %q", err, want)
	}
}
