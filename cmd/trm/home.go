package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"example.org/trm/adapters"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// desk is what an office's tool works with: the directory in force, the types, the
// policy, and the keys in the home folder.
type desk struct {
	home      string
	directory *trust.Directory
	catalogue *schemas.Set
	policy    *policy.Policy
	gateway   gatewayAddress
	http      *http.Client
	now       func() time.Time
}

// gatewayAddress is the file gateway.json of a home folder.
type gatewayAddress struct {
	URL      string `json:"url"`          // where the gateway answers
	Audience string `json:"audience"`     // what an assertion names as its reader
	CA       string `json:"ca,omitempty"` // PEM file in the home folder of the authorities that may certify it; default: the system's
}

// client calls the gateway and nobody else.
func (g gatewayAddress) client(home string) (*http.Client, error) {
	c := &http.Client{Timeout: 30 * time.Second, CheckRedirect: adapters.NoRedirects}
	if g.CA == "" {
		return c, nil
	}
	raw, err := os.ReadFile(filepath.Join(home, filepath.FromSlash(g.CA)))
	if err != nil {
		return nil, fmt.Errorf("reading the gateway's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("reading the gateway's authority: %s holds no certificate", g.CA)
	}
	c.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}
	return c, nil
}

// desk opens the home folder. Its directory is checked as the gateway checks it: quorum
// of the pinned coordinators, dates, number.
func (a *app) desk() (*desk, error) { return a.deskAt(time.Now) }

// deskAt is the desk under another clock: a story's.
func (a *app) deskAt(now func() time.Time) (*desk, error) {
	d := &desk{home: a.home, now: now}
	var err error
	if d.directory, err = openDirectoryAt(a.home, now()); err != nil {
		return nil, err
	}
	if d.catalogue, err = schemas.Open(); err != nil {
		return nil, err
	}
	d.catalogue = d.catalogue.Under(now)
	if err := takenBy(a.home, d.catalogue, d.directory); err != nil {
		return nil, err
	}
	if d.policy, err = policy.Default(); err != nil {
		return nil, err
	}
	if d.gateway, err = readGatewayAddress(a.home); err != nil {
		return nil, err
	}
	d.http, err = d.gateway.client(a.home)
	return d, err
}

// openDirectory opens the directory in force of a home folder, with the statements over it.
func openDirectory(home string) (*trust.Directory, error) { return openDirectoryAt(home, time.Now()) }

func openDirectoryAt(home string, now time.Time) (*trust.Directory, error) {
	d, err := trust.OpenFolder(home, now)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no directory in %s: run trm keys init %s, or name another folder with --home", home, home)
	}
	return d, err
}

func readGatewayAddress(home string) (gatewayAddress, error) {
	g := gatewayAddress{URL: "http://127.0.0.1:8440", Audience: gateway.Audience}
	raw, err := os.ReadFile(filepath.Join(home, "gateway.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err != nil {
		return g, err
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		return g, fmt.Errorf("reading gateway.json: %w", err)
	}
	return g, nil
}

func writeGatewayAddress(home string, g gatewayAddress) error {
	raw, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(home, "gateway.json"), append(raw, '\n'), 0o600)
}

// outgoing is the desk's way out.
func (d *desk) outgoing() outgoing.Desk {
	return outgoing.Desk{Directory: d.directory, Catalogue: d.catalogue, Policy: d.policy, Now: d.now, NewID: newID}
}

// keys loads a party's keys.
func (d *desk) keys(p gateway.Party) (*certs.Keys, error) {
	k, err := certs.LoadAt(d.home, p, d.now())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no keys in %s", p, d.home)
	}
	return k, err
}

func (d *desk) keyring() func(gateway.Party) (*certs.Keys, bool) {
	return func(p gateway.Party) (*certs.Keys, bool) {
		k, err := certs.LoadAt(d.home, p, d.now())
		return k, err == nil
	}
}

// assertion is a fresh signed assertion of a party for this home's gateway.
func (d *desk) assertion(p gateway.Party) (string, error) {
	k, err := d.keys(p)
	if err != nil {
		return "", err
	}
	now := d.now().UTC().Truncate(time.Second)
	return envelope.SignAssertion(envelope.Assertion{
		Party: p, Audience: d.gateway.Audience, ID: newID(), IssuedAt: now, Expires: now.Add(2 * time.Minute),
	}, k.Assertion)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
