package certs

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
)

// New makes one private key for an office's own party, never over another, and returns
// the name of its file. For a signing key a certificate request lies beside it, for the
// authority that the country uses; until the certificate is there too, as name.pem, the
// key is not loaded. It becomes good when a directory lists it: see [Propose].
func New(dir string, p gateway.Party, u gateway.Use) (string, error) {
	if _, err := gateway.ParseParty(string(p)); err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	if u == gateway.UseDirectory {
		return "", errors.New("making a key: a directory key is a coordinator's, see NewCoordinator")
	}
	name, err := freeName(filepath.Join(dir, partyFolder(p)), u)
	if err != nil {
		return "", fmt.Errorf("making a key of %s: %w", p, err)
	}
	base := filepath.Join(partyFolder(p), name)
	k, jwk, err := private(u)
	if err != nil {
		return "", fmt.Errorf("making a key of %s: %w", p, err)
	}
	files := []file{{name: base + ".jwk", data: jwk, private: true}}
	if s := k.Signer(); s != nil {
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: fmt.Sprintf("%s %s", p, u)}}, s)
		if err != nil {
			return "", fmt.Errorf("making a key of %s: %w", p, err)
		}
		request := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
		files = append([]file{{name: base + ".csr", data: request}}, files...)
	}
	for _, f := range files {
		if err := f.write(dir); err != nil {
			return "", fmt.Errorf("making a key of %s: %w", p, err)
		}
	}
	return base + ".jwk", nil
}

// NewCoordinator makes a country's directory key, never over another, and returns its
// pin, which is carried to the other six by hand.
func NewCoordinator(dir string, c gateway.Country) (trust.PinnedKey, error) {
	if !c.Valid() {
		return trust.PinnedKey{}, errors.New("making a directory key: not a country of the mechanism")
	}
	k, jwk, err := private(gateway.UseDirectory)
	if err != nil {
		return trust.PinnedKey{}, fmt.Errorf("making a directory key: %w", err)
	}
	pin, err := trust.Pin(c, k)
	if err != nil {
		return trust.PinnedKey{}, fmt.Errorf("making a directory key: %w", err)
	}
	if err := (file{name: directoryKeyFile(c), data: jwk, private: true}).write(dir); err != nil {
		return trust.PinnedKey{}, fmt.Errorf("making a directory key: %w", err)
	}
	return pin, nil
}

func private(u gateway.Use) (*envelope.Private, []byte, error) {
	alg := "ES256"
	if u == gateway.UseEncryption {
		alg = "ECDH-ES+A256KW"
	}
	k, err := envelope.Generate(u, alg)
	if err != nil {
		return nil, nil, err
	}
	jwk, err := k.Marshal()
	return k, append(jwk, '\n'), err
}

// Propose lists the party's keys here that no directory lists yet, as entries for the
// next one, valid from the given time. d may be nil.
func Propose(dir string, p gateway.Party, d *trust.Directory, from time.Time) ([]trust.Key, error) {
	found, err := stored(filepath.Join(dir, partyFolder(p)))
	if err != nil {
		return nil, fmt.Errorf("proposing keys of %s: %w", p, err)
	}
	from = from.UTC().Truncate(time.Second)
	var out []trust.Key
	for _, s := range found {
		if d != nil {
			if _, listed := d.Key(s.key.ID()); listed {
				continue
			}
		}
		jwk, id, err := envelope.MarshalPublic(s.key.Public(), s.use())
		if err != nil {
			return nil, fmt.Errorf("proposing keys of %s: %w", p, err)
		}
		k := trust.Key{ID: id, Use: s.use(), JWK: jwk, NotBefore: from, NotAfter: from.Add(signingLife)}
		if s.use() == gateway.UseEncryption {
			k.NotAfter = from.Add(trust.MaxEncryption)
		} else {
			k.Thumbprint = Thumbprint(s.certs[0].Raw)
			if end := s.certs[0].NotAfter; end.Before(k.NotAfter) {
				k.NotAfter = end
			}
		}
		out = append(out, k)
	}
	return out, nil
}

// MaxWait is how long after its last day an encryption key may still be needed: the
// longest life of a message, and a week for what is under way.
const MaxWait = (30 + 7) * 24 * time.Hour

// Destroy removes the private encryption keys of a folder whose last message has ended,
// or that were revoked that long ago, and returns the files. What was sealed to them is
// gone for everybody from then on; the inbox keeps what it needs under its own key.
func Destroy(dir string, o Options) ([]string, error) {
	now := o.now()
	d, err := trust.OpenFolder(dir, now)
	if err != nil {
		return nil, fmt.Errorf("destroying keys: %w", err)
	}
	var gone []string
	for _, p := range d.Parties() {
		found, err := stored(filepath.Join(dir, partyFolder(p)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return gone, fmt.Errorf("destroying keys of %s: %w", p, err)
		}
		for _, s := range found {
			k, listed := d.Key(s.key.ID())
			if s.use() != gateway.UseEncryption || !listed || now.Before(lastDay(k).Add(MaxWait)) {
				continue
			}
			name := filepath.Join(partyFolder(p), s.name+".jwk")
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return gone, fmt.Errorf("destroying keys of %s: %w", p, err)
			}
			gone = append(gone, filepath.ToSlash(name))
		}
	}
	return gone, nil
}

func lastDay(k gateway.Key) time.Time {
	if !k.Revoked.IsZero() && k.Revoked.Before(k.NotAfter) {
		return k.Revoked
	}
	return k.NotAfter
}
