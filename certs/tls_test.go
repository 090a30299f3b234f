package certs

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

// serve answers with the party that the directory knows the caller's certificate by.
func serve(t *testing.T, dir string, d *trust.Directory) *httptest.Server {
	t.Helper()
	config, err := ServerTLS(dir, "gateway")
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
		config, err := ClientTLS(dir, p)
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
	if _, err := ClientTLS(dir, gateway.TheGateway); err == nil {
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
	foreign, err := ClientTLS(elsewhere, "rs/coordinator")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, s.URL, foreign); err == nil {
		t.Errorf("it believed a server of another region, which said %q", got)
	}
	own, err := ClientTLS(here, "")
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
	config, err := ServerTLS(develop(t), "rs")
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
