package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
)

// Options say what [Develop] and [Renew] go by. The zero value is the clock's time.
type Options struct {
	Now time.Time
}

func (o Options) now() time.Time {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	return o.Now.UTC().Truncate(time.Second)
}

// Report is what was made.
type Report struct {
	Dir          string            `json:"dir"`
	Parties      int               `json:"parties"`
	Keys         int               `json:"keys"`
	Certificates int               `json:"certificates"`
	Number       int               `json:"number"`
	Digest       string            `json:"digest"`
	SignedBy     []gateway.Country `json:"signedBy"`
	Activates    time.Time         `json:"activates"`
	Expires      time.Time         `json:"expires"`
}

// String is the report in one sentence.
func (r Report) String() string {
	return fmt.Sprintf("TEST KEYS in %s: %d parties, %d keys, %d certificates; directory %d signed by %d coordinators, in force from %s to %s",
		r.Dir, r.Parties, r.Keys, r.Certificates, r.Number, len(r.SignedBy), r.Activates.Format(time.DateOnly), r.Expires.Format(time.DateOnly))
}

// The terms of the development region. Keys are valid from a little before they are made,
// for clocks that are behind.
const (
	needed        = 4
	early         = time.Hour
	signingLife   = 365 * 24 * time.Hour
	directoryLife = 365 * 24 * time.Hour
)

// Develop makes the development region in dir, which may exist but must hold no keys:
// otherwise the error is [ErrExists] and nothing was written. It makes all seven
// directory keys and signs number 1 with four of them. It takes a fraction of a second.
func Develop(dir string, o Options) (Report, error) {
	m, err := newMaker(o.now())
	if err != nil {
		return Report{}, fmt.Errorf("making the development region: %w", err)
	}
	if err := m.region(); err != nil {
		return Report{}, fmt.Errorf("making the development region: %w", err)
	}
	if err := place(dir, m.files); err != nil {
		return Report{}, fmt.Errorf("making the development region in %s: %w", dir, err)
	}
	m.report.Dir = dir
	return m.report, nil
}

// maker gathers what will be written.
type maker struct {
	now         time.Time
	wording     wording
	authorities map[string]*authority
	doc         trust.Document
	files       []file
	report      Report
}

func newMaker(now time.Time) (*maker, error) {
	w, err := readWording()
	return &maker{now: now, wording: w, authorities: map[string]*authority{}}, err
}

func (m *maker) region() error {
	if err := m.makeAuthorities(); err != nil {
		return err
	}
	m.doc = trust.Document{
		Notice: notice, Development: true, Number: 1,
		Issued: m.now, Activates: m.now, Expires: m.now.Add(directoryLife), Pairs: pairs(),
	}
	for i, p := range members() {
		if err := m.party(p, i); err != nil {
			return err
		}
	}
	m.report.Parties = len(m.doc.Parties)
	if err := m.log(); err != nil {
		return err
	}
	hands, err := m.coordinators()
	if err != nil {
		return err
	}
	if err := m.sign(hands[:needed]); err != nil {
		return err
	}
	m.add(noticeFile, []byte(notice+"\n"), false)
	return nil
}

func (m *maker) add(name string, data []byte, private bool) {
	m.files = append(m.files, file{name, data, private})
}

// makeAuthorities makes a root for each country and one for the gateway, and a server
// certificate for this machine under each.
func (m *maker) makeAuthorities() error {
	from := m.now.Add(-early)
	var all []byte
	for _, name := range authorities() {
		a, err := newAuthority(name, from)
		if err != nil {
			return err
		}
		m.authorities[name] = a
		all = append(all, certPEM(a.cert)...)
		m.add(filepath.Join("ca", name+".pem"), certPEM(a.cert), false)
		if err := m.addKey(filepath.Join("ca", name+".key"), a.key.(*ecdsa.PrivateKey)); err != nil {
			return err
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return fmt.Errorf("making a server key: %w", err)
		}
		cert, err := a.forHost(name, here(), key.Public(), from, from.Add(signingLife))
		if err != nil {
			return err
		}
		m.add(filepath.Join("tls", name+".pem"), certPEM(cert, a.cert), false)
		if err := m.addKey(filepath.Join("tls", name+".key"), key); err != nil {
			return err
		}
		m.report.Certificates += 2
		m.report.Keys += 2
	}
	m.add(filepath.Join("tls", "ca.pem"), all, false)
	return nil
}

func (m *maker) addKey(name string, k *ecdsa.PrivateKey) error {
	f, err := privatePEM(name, k)
	m.files = append(m.files, f)
	return err
}

func (m *maker) party(p member, i int) error {
	e := trust.Entry{
		Party: p.party, Names: m.wording.of(p.party), Classes: p.classes,
		Mailbox: mailbox(p.party), Duty: duty(i), Alternate: p.alternate,
	}
	for _, u := range p.uses {
		k, err := m.key(p.party, u, string(u), m.now.Add(-early))
		if err != nil {
			return err
		}
		e.Keys = append(e.Keys, k)
	}
	m.doc.Parties = append(m.doc.Parties, e)
	return nil
}

// key makes a key of a party, its certificate where it signs, and its entry.
func (m *maker) key(p gateway.Party, u gateway.Use, name string, from time.Time) (trust.Key, error) {
	alg, until := "ES256", from.Add(signingLife)
	if u == gateway.UseEncryption {
		alg, until = "ECDH-ES+A256KW", from.Add(trust.MaxEncryption)
	}
	k, err := envelope.Generate(u, alg)
	if err != nil {
		return trust.Key{}, fmt.Errorf("making %s %s: %w", p, u, err)
	}
	jwk, err := k.Marshal()
	if err != nil {
		return trust.Key{}, fmt.Errorf("making %s %s: %w", p, u, err)
	}
	base := filepath.Join(partyFolder(p), name)
	m.add(base+".jwk", append(jwk, '\n'), true)
	m.report.Keys++
	var thumbprint string
	if u != gateway.UseEncryption {
		a := m.authorities[authorityOf(p)]
		cert, err := a.forParty(p, u, k.Public(), from, until)
		if err != nil {
			return trust.Key{}, err
		}
		thumbprint = Thumbprint(cert.Raw)
		m.add(base+".pem", certPEM(cert, a.cert), false)
		m.report.Certificates++
	}
	if u == gateway.UseAssertion {
		f, err := privatePEM(base+".key", k.Signer())
		if err != nil {
			return trust.Key{}, err
		}
		m.files = append(m.files, f)
	}
	pub, id, err := envelope.MarshalPublic(k.Public(), u)
	if err != nil {
		return trust.Key{}, fmt.Errorf("making %s %s: %w", p, u, err)
	}
	return trust.Key{ID: id, Use: u, JWK: pub, Thumbprint: thumbprint, NotBefore: from, NotAfter: until}, nil
}

// coordinators makes the seven directory keys and the pins.
func (m *maker) coordinators() ([]*envelope.Private, error) {
	pins := trust.Pins{Notice: notice, K: needed}
	var hands []*envelope.Private
	for _, c := range gateway.Countries {
		k, err := envelope.Generate(gateway.UseDirectory, "ES256")
		if err != nil {
			return nil, fmt.Errorf("making a directory key: %w", err)
		}
		jwk, err := k.Marshal()
		if err != nil {
			return nil, fmt.Errorf("making a directory key: %w", err)
		}
		pin, err := trust.Pin(c, k)
		if err != nil {
			return nil, fmt.Errorf("making a directory key: %w", err)
		}
		m.add(directoryKeyFile(c), append(jwk, '\n'), true)
		m.report.Keys++
		pins.Keys = append(pins.Keys, pin)
		hands = append(hands, k)
	}
	m.doc.Coordinators = pins.Keys
	raw, err := json.MarshalIndent(pins, "", "  ")
	m.add(pinsFile, append(raw, '\n'), false)
	return hands, err
}

func (m *maker) sign(hands []*envelope.Private) error {
	m.doc.Sort()
	raw, err := trust.Sign(m.doc, hands...)
	if err != nil {
		return err
	}
	payload, err := m.doc.Canonical()
	if err != nil {
		return err
	}
	m.add(directoryFile, raw, false)
	m.report.Number, m.report.Digest = m.doc.Number, trust.DocumentDigest(payload)
	m.report.Activates, m.report.Expires = m.doc.Activates, m.doc.Expires
	m.report.SignedBy = append([]gateway.Country(nil), gateway.Countries[:len(hands)]...)
	return nil
}
