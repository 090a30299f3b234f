package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"example.org/trm/gateway"
)

// ServerTLS is the TLS side of a server of this folder, named as its authority: "gateway",
// or a country for its adapter. Client certificates are asked for, and verified where
// given; who they are is for the directory to say, by thumbprint
// ([trust.Directory.Caller]).
func ServerTLS(dir, name string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls", name+".pem"), filepath.Join(dir, "tls", name+".key"))
	if err != nil {
		return nil, fmt.Errorf("loading the server certificate %s: %w", name, err)
	}
	roots, err := loadRoots(dir)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert},
		ClientCAs: roots, ClientAuth: tls.VerifyClientCertIfGiven,
	}, nil
}

// ClientTLS is the TLS side of a party that calls: it shows the certificate of its
// assertion key. With an empty party it shows none.
func ClientTLS(dir string, p gateway.Party) (*tls.Config, error) {
	roots, err := loadRoots(dir)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}
	if p == "" {
		return c, nil
	}
	k, err := Load(dir, p)
	if err != nil {
		return nil, err
	}
	cert, err := k.TLS()
	if err != nil {
		return nil, fmt.Errorf("loading a client certificate: %w", err)
	}
	c.Certificates = []tls.Certificate{cert}
	return c, nil
}

func loadRoots(dir string) (*x509.CertPool, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
	if err != nil {
		return nil, fmt.Errorf("loading authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, errors.New("loading authorities: there is none")
	}
	return pool, nil
}
