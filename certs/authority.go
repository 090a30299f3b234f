package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.org/trm/gateway"
)

// authority is a country's or the gateway's own root. It issues no intermediate: whom
// anybody believes is the directory's to say, by thumbprint.
type authority struct {
	name string // "rs", "gateway"
	cert *x509.Certificate
	key  crypto.Signer
}

const authorityLife = 5 * 366 * 24 * time.Hour

func newAuthority(name string, notBefore time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making authority %s: %w", name, err)
	}
	t, err := template("TEST KEY development authority "+name, notBefore, notBefore.Add(authorityLife))
	if err != nil {
		return nil, fmt.Errorf("making authority %s: %w", name, err)
	}
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	cert, err := create(t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making authority %s: %w", name, err)
	}
	return &authority{name: name, cert: cert, key: key}, nil
}

// forParty issues the certificate of a signing key. The subject names a role, never a
// person.
func (a *authority) forParty(p gateway.Party, u gateway.Use, pub crypto.PublicKey, notBefore, notAfter time.Time) (*x509.Certificate, error) {
	t, err := template(fmt.Sprintf("TEST KEY %s %s", p, u), notBefore, notAfter)
	if err != nil {
		return nil, fmt.Errorf("certifying %s %s: %w", p, u, err)
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.URIs = []*url.URL{{Scheme: "urn", Opaque: "trm:party:" + strings.ReplaceAll(string(p), "/", ":")}}
	switch u {
	case gateway.UseMessage, gateway.UseEvidence, gateway.UseApproval, gateway.UseBinding:
		t.KeyUsage |= x509.KeyUsageContentCommitment
	case gateway.UseAssertion:
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	cert, err := create(t, a.cert, pub, a.key)
	if err != nil {
		return nil, fmt.Errorf("certifying %s %s: %w", p, u, err)
	}
	return cert, nil
}

// here are the names of this machine.
func here() []string { return []string{"localhost", "127.0.0.1", "::1"} }

// forHost issues a server certificate for hosts, which are names and addresses.
func (a *authority) forHost(name string, hosts []string, pub crypto.PublicKey, notBefore, notAfter time.Time) (*x509.Certificate, error) {
	t, err := template("TEST KEY server "+name, notBefore, notAfter)
	if err != nil {
		return nil, fmt.Errorf("certifying server %s: %w", name, err)
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	cert, err := create(t, a.cert, pub, a.key)
	if err != nil {
		return nil, fmt.Errorf("certifying server %s: %w", name, err)
	}
	return cert, nil
}

func template(name string, notBefore, notAfter time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"TRM development, TEST KEY"}},
		NotBefore:    notBefore, NotAfter: notAfter,
	}, nil
}

func create(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Thumbprint is the x5t#S256 of a certificate (RFC 7515, Section 4.1.8).
func Thumbprint(der []byte) string {
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// certPEM writes certificates with a line in front that says what they are.
func certPEM(certs ...*x509.Certificate) []byte {
	var b []byte
	for _, c := range certs {
		b = append(b, "# "+c.Subject.CommonName+"\n"...)
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return b
}

func keyPEM(k crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("writing a private key: %w", err)
	}
	return append([]byte("# TEST KEY\n"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), nil
}

// parseCerts reads every certificate of a PEM file.
func parseCerts(raw []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for {
		var b *pem.Block
		if b, raw = pem.Decode(raw); b == nil {
			break
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if b.Type != "CERTIFICATE" || err != nil {
			return nil, errors.New("reading certificates: one of them is none")
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("reading certificates: there is none")
	}
	return out, nil
}

// samePublic reports whether the certificate is this key's.
func samePublic(c *x509.Certificate, pub crypto.PublicKey) bool {
	der, err := x509.MarshalPKIXPublicKey(pub)
	return err == nil && bytes.Equal(der, c.RawSubjectPublicKeyInfo)
}

func parseKey(raw []byte) (crypto.Signer, error) {
	b, _ := pem.Decode(raw)
	if b == nil || b.Type != "PRIVATE KEY" {
		return nil, errors.New("reading a private key: not PKCS #8 in PEM")
	}
	k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		return nil, errors.New("reading a private key: not PKCS #8 in PEM")
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, errors.New("reading a private key: it does not sign")
	}
	return s, nil
}

// loadAuthority reads an authority with its private key.
func loadAuthority(dir, name string) (*authority, error) {
	rawCert, err := os.ReadFile(filepath.Join(dir, "ca", name+".pem"))
	if err != nil {
		return nil, fmt.Errorf("loading authority %s: %w", name, err)
	}
	rawKey, err := os.ReadFile(filepath.Join(dir, "ca", name+".key"))
	if err != nil {
		return nil, fmt.Errorf("loading authority %s: %w", name, err)
	}
	certs, err := parseCerts(rawCert)
	if err != nil {
		return nil, fmt.Errorf("loading authority %s: %w", name, err)
	}
	key, err := parseKey(rawKey)
	if err != nil {
		return nil, fmt.Errorf("loading authority %s: %w", name, err)
	}
	if !samePublic(certs[0], key.Public()) {
		return nil, fmt.Errorf("loading authority %s: the key is not its certificate's", name)
	}
	return &authority{name: name, cert: certs[0], key: key}, nil
}
