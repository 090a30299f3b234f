package certs

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
)

// How long before its end [Renew] replaces a key.
const (
	renewEncryption = 30 * 24 * time.Hour
	renewSigning    = 60 * 24 * time.Hour
)

// Renew makes a successor for every key of a development region that runs out soon, lists
// them in the next directory, signs that with the coordinators' keys in the folder, and
// has the folder's register take it. The new keys are valid from the day the directory
// comes into force ([trust.Delay] from now); the old ones stay, and overlap. Server
// certificates are issued again for the same keys.
//
// Where nothing runs out, nothing is written and the report has no keys. A folder whose
// directory has expired cannot be renewed: make a new region.
func Renew(dir string, o Options) (Report, error) {
	r, err := renew(dir, o.now())
	if err != nil {
		return Report{}, fmt.Errorf("renewing keys in %s: %w", dir, err)
	}
	return r, nil
}

func renew(dir string, now time.Time) (Report, error) {
	last, waiting, err := trust.Look(dir, now)
	if err != nil {
		return Report{}, err
	}
	if !last.Development() {
		return Report{}, errors.New("these are not development keys: each office renews its own")
	}
	if len(waiting) > 0 {
		last = waiting[len(waiting)-1]
	}
	m, err := newMaker(now)
	if err != nil {
		return Report{}, err
	}
	for _, name := range authorities() {
		if m.authorities[name], err = loadAuthority(dir, name); err != nil {
			return Report{}, err
		}
	}
	m.report = Report{Dir: dir, Number: last.Number(), Digest: last.Digest(), SignedBy: last.SignedBy(), Activates: last.Activates(), Expires: last.Expires()}
	m.succeed(last)
	for i := range m.doc.Parties {
		if err := m.renewParty(dir, &m.doc.Parties[i]); err != nil {
			return Report{}, err
		}
	}
	m.report.Parties = len(m.doc.Parties)
	if err := m.renewServers(dir); err != nil {
		return Report{}, err
	}
	if m.report.Keys == 0 {
		return m.report, nil
	}
	return m.report, m.publish(dir)
}

// succeed begins the next directory with the content of the last.
func (m *maker) succeed(last *trust.Directory) {
	m.doc = last.Document()
	m.doc.Number++
	m.doc.Issued = m.now
	m.doc.Activates = m.now.Add(trust.Delay)
	m.doc.Expires = m.doc.Activates.Add(directoryLife)
}

// renewParty makes a successor for each use of a party whose newest key runs out.
func (m *maker) renewParty(dir string, e *trust.Entry) error {
	newest := map[gateway.Use]trust.Key{}
	for _, k := range e.Keys {
		if last, ok := newest[k.Use]; !ok || k.NotAfter.After(last.NotAfter) {
			newest[k.Use] = k
		}
	}
	for _, use := range slices.Sorted(maps.Keys(newest)) {
		before := renewSigning
		if use == gateway.UseEncryption {
			before = renewEncryption
		}
		if k := newest[use]; k.Revoked.IsZero() && k.NotAfter.Sub(m.doc.Activates) > before {
			continue
		}
		name, err := freeName(filepath.Join(dir, partyFolder(e.Party)), use)
		if err != nil {
			return err
		}
		k, err := m.key(e.Party, use, name, m.doc.Activates)
		if err != nil {
			return err
		}
		e.Keys = append(e.Keys, k)
	}
	return nil
}

// freeName is "message", or the first "message-2", "message-3" that no file has.
func freeName(folder string, use gateway.Use) (string, error) {
	name := string(use)
	for n := 2; ; n++ {
		_, err := os.Lstat(filepath.Join(folder, name+".jwk"))
		if errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		name = fmt.Sprintf("%s-%d", use, n)
	}
}

// renewServers certifies server keys again whose certificates run out.
func (m *maker) renewServers(dir string) error {
	for _, name := range authorities() {
		path := filepath.Join(dir, "tls", name)
		raw, err := os.ReadFile(path + ".pem")
		if err != nil {
			return err
		}
		old, err := parseCerts(raw)
		if err != nil {
			return err
		}
		if old[0].NotAfter.Sub(m.now) > renewSigning {
			continue
		}
		pub, ok := old[0].PublicKey.(*ecdsa.PublicKey)
		if !ok {
			return fmt.Errorf("tls/%s.pem: not a key of P-256", name)
		}
		from := m.now.Add(-early)
		a := m.authorities[name]
		cert, err := a.forHost(name, here(), pub, from, from.Add(signingLife))
		if err != nil {
			return err
		}
		if err := replace(path+".pem", certPEM(cert, a.cert)); err != nil {
			return err
		}
		m.report.Certificates++
	}
	return nil
}

// publish writes the new keys first and then the directory that lists them, so that no
// directory is ever in force whose keys are not on disk.
func (m *maker) publish(dir string) error {
	hands, by, err := allHands(dir)
	if err != nil {
		return err
	}
	m.doc.Sort()
	raw, err := trust.Sign(m.doc, hands...)
	if err != nil {
		return err
	}
	pins, first, err := trust.ReadFolder(dir)
	if err != nil {
		return err
	}
	for _, f := range m.files {
		if err := f.write(dir); err != nil {
			return err
		}
	}
	r, err := trust.OpenRegister(dir, pins, first, m.now)
	if err != nil {
		return err
	}
	if err := r.Take(raw, m.now); err != nil {
		return err
	}
	payload, err := m.doc.Canonical()
	if err != nil {
		return err
	}
	m.report.Number, m.report.Digest, m.report.SignedBy = m.doc.Number, trust.DocumentDigest(payload), by
	m.report.Activates, m.report.Expires = m.doc.Activates, m.doc.Expires
	return nil
}

// allHands are the directory keys that lie in the folder.
func allHands(dir string) (hands []*envelope.Private, by []gateway.Country, err error) {
	for _, c := range gateway.Countries {
		k, err := Coordinator(dir, c)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		hands, by = append(hands, k), append(by, c)
	}
	return hands, by, nil
}

// replace writes a public file over another, whole.
func replace(path string, data []byte) error {
	f := file{name: filepath.Base(path) + ".new", data: data}
	if err := f.write(filepath.Dir(path)); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
