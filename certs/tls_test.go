package certs

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

// serve answers with the party that the directory knows the caller's certificate by.
func serve(t *testing.T, dir string, d *trust.Directory) *httptest.Server {
	t.Helper()
	config, err := serverTLS(dir, "gateway")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			io.WriteString(w, "nobody")
			return
		}
		k, _ := d.Caller(Thumbprint(r.TLS.PeerCertificates[0].Raw))
		io.WriteString(w, string(k.Party))
	}))
	s.TLS = config
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestACallerIsKnownByItsCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Develop(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir, time.Now())
	s := serve(t, dir, d)
	for _, p := range []gateway.Party{"rs/coordinator", "selec/liaison", "xk/auditor", ""} {
		config, err := clientTLS(dir, p)
		if err != nil {
			t.Fatal(err)
		}
		want := string(p)
		if p == "" {
			want = "nobody"
		}
		if got, err := get(t, s.URL, config); err != nil || got != want {
			t.Errorf("%s is known as %q: %v", p, got, err)
		}
	}
	if _, err := clientTLS(dir, gateway.TheGateway); err == nil {
		t.Error("the gateway calls without an assertion key")
	}
}

func TestServersAndCallersOfAnotherRegionAreNotBelieved(t *testing.T) {
	t.Parallel()
	here, elsewhere := t.TempDir(), t.TempDir()
	for _, dir := range []string{here, elsewhere} {
		if _, err := Develop(dir, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, here, open(t, here, time.Now()))
	foreign, err := clientTLS(elsewhere, "rs/coordinator")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, s.URL, foreign); err == nil {
		t.Errorf("it believed a server of another region, which said %q", got)
	}
	own, err := clientTLS(here, "")
	if err != nil {
		t.Fatal(err)
	}
	foreign.RootCAs = own.RootCAs
	if got, err := get(t, s.URL, foreign); err == nil {
		t.Errorf("the server believed a caller of another region, and said %q", got)
	}
	old := own.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, err := get(t, s.URL, old); err == nil {
		t.Error("the server spoke TLS 1.2")
	}
}

func TestServersAreOfThisMachineAlone(t *testing.T) {
	t.Parallel()
	config, err := serverTLS(develop(t), "rs")
	if err != nil {
		t.Fatal(err)
	}
	leaf := config.Certificates[0].Leaf
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := leaf.VerifyHostname(host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"gateway.example.org", "10.0.0.1"} {
		if leaf.VerifyHostname(host) == nil {
			t.Errorf("it is good for %s", host)
		}
	}
}

func get(t *testing.T, url string, config *tls.Config) (string, error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// serverTLS is the TLS side of a server of this folder, named as its authority: "gateway",
// or a country for its adapter.
func serverTLS(dir, name string) (*tls.Config, error) {
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

// clientTLS is the TLS side of a party that calls: it shows the certificate of its
// assertion key. With an empty party it shows none.
func clientTLS(dir string, p gateway.Party) (*tls.Config, error) {
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
