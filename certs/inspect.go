package certs

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

// walk looks at one file below keys.
func (c *check) walk(path string, e fs.DirEntry, err error) error {
	if err != nil || e.IsDir() {
		return err
	}
	rel, err := filepath.Rel(c.dir, path)
	if err != nil {
		return err
	}
	base, ext := strings.TrimSuffix(path, filepath.Ext(path)), filepath.Ext(path)
	switch ext {
	case ".jwk":
		c.mode(path, rel)
		if filepath.Dir(rel) == filepath.Join("keys", "coordinators") {
			c.coordinator(rel, base)
			return nil
		}
		c.key(rel, base)
	case ".key":
		c.mode(path, rel)
		if signsLog(rel) {
			c.signer(path, rel)
			return nil
		}
		c.copyOf(rel, base)
	case ".pem", ".csr":
		if _, err := os.Stat(base + ".jwk"); err != nil {
			c.find(rel, "remove it, or bring its key back", "there is no private key beside it")
		}
	default:
		c.find(rel, "move it elsewhere", "not a file that belongs among keys")
	}
	return nil
}

// mode asks that nobody but the owner can read a private key. Windows has no such bits.
func (c *check) mode(path, rel string) {
	info, err := os.Stat(path)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		c.find(rel, "chmod 600, and replace the key if others could read it", "a private key with mode %04o", info.Mode().Perm())
	}
}

func (c *check) coordinator(rel, base string) {
	country := gateway.Country(filepath.Base(base))
	k, err := Coordinator(c.dir, country)
	if err != nil {
		c.find(rel, "bring the key back", "%s", plain(err))
		return
	}
	if c.inForce == nil {
		return
	}
	if listed, ok := c.listed(k.ID()); !ok || listed.Party.Country() != country {
		c.find(rel, "sign the next directory with the key that is listed", "the directory lists another directory key for %s", country)
	}
}

func (c *check) key(rel, base string) {
	p := gateway.Party(filepath.ToSlash(filepath.Dir(strings.TrimPrefix(rel, "keys"+string(filepath.Separator)))))
	if _, err := gateway.ParseParty(string(p)); err != nil {
		c.find(rel, "move it to keys/country/role", "the folder is not named as a party")
		return
	}
	if !slices.Contains(c.parties, p) {
		c.parties = append(c.parties, p)
	}
	s, err := readKept(base)
	if s.key != nil {
		c.held[s.key.ID()] = true
	}
	if err != nil {
		c.find(rel, "bring the file back, or make a new key", "%s", plain(err))
		return
	}
	if len(s.certs) > 0 {
		c.certificate(strings.TrimSuffix(rel, ".jwk")+".pem", s)
	}
	if c.inForce == nil {
		return
	}
	k, ok := c.listed(s.key.ID())
	switch {
	case !ok:
		c.find(rel, "propose it for the next directory, or destroy it", "the directory does not list this key")
		return
	case k.Party != p || k.Use != s.use():
		c.find(rel, "put it where it belongs", "the directory lists this key for %s, use %s", k.Party, k.Use)
	case !k.Revoked.IsZero():
		c.find(rel, "destroy it", "revoked since %s", k.Revoked.Format(time.RFC3339))
	}
	if len(s.certs) > 0 && Thumbprint(s.certs[0].Raw) != k.Thumbprint {
		c.find(rel, "bring the certificate back that the directory names", "the directory lists another certificate for this key")
	}
	c.runsOut(rel, k)
}

// runsOut warns of a key that ends soon and has no successor in any directory known.
func (c *check) runsOut(rel string, k gateway.Key) {
	warn := soonSigning
	if k.Use == gateway.UseEncryption {
		warn = soonEncryption
	}
	left := k.NotAfter.Sub(c.now)
	if left >= warn || !k.Revoked.IsZero() {
		return
	}
	for _, d := range append([]*trust.Directory{c.inForce}, c.waiting...) {
		for _, next := range d.Keys(k.Party, k.Use, k.NotAfter) {
			if next.ID != k.ID {
				return
			}
		}
	}
	c.find(rel, "make a successor and list it in the next directory", "%s", ends(left))
	c.findings[len(c.findings)-1].Soon = left > 0
}

func (c *check) certificate(rel string, s kept) {
	cert := s.certs[0]
	if !c.now.Before(cert.NotAfter) {
		c.find(rel, "make a successor and list it in the next directory", "the certificate has expired")
	}
	if c.pool != nil && !c.chains(cert) {
		c.find(rel, "have the key certified again", "no authority in tls/ca.pem issued this certificate")
	}
	if c.inForce != nil && !c.inForce.Development() && strings.Contains(cert.Subject.String(), "TEST KEY") {
		c.find(rel, "make a new key", "a TEST KEY among real ones")
	}
}

// chains asks who issued a certificate, as of when it was valid: that it has ended is a
// finding of its own.
func (c *check) chains(cert *x509.Certificate) bool {
	_, err := cert.Verify(x509.VerifyOptions{
		Roots: c.pool, CurrentTime: cert.NotBefore.Add(time.Second), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err == nil
}

// copyOf compares the PKCS #8 form of an assertion key with its JWK.
func (c *check) copyOf(rel, base string) {
	raw, err := os.ReadFile(base + ".key")
	if err == nil {
		k, parseErr := parseKey(raw)
		s, keptErr := readKept(base)
		if err = errors.Join(parseErr, keptErr); err == nil && !samePublic(s.certs[0], k.Public()) {
			err = errors.New("not the key of the JWK beside it")
		}
	}
	if err != nil {
		c.find(rel, "bring the file back", "%s", plain(err))
	}
}

// listed finds a key in the directory in force or one that waits.
func (c *check) listed(id string) (gateway.Key, bool) {
	for _, d := range append([]*trust.Directory{c.inForce}, c.waiting...) {
		if k, ok := d.Key(id); ok {
			return k, true
		}
	}
	return gateway.Key{}, false
}
