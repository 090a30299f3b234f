package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// published is a checkpoint that the Go checksum database published, and publisher is that log.
const (
	published = "go.sum database tree\n15067302\ngJyioq6dwR9n+NjEWORfYmH+ubeYm3kH42BBQ0bTpYI=\n\n" +
		"— sum.golang.org Az3grp1rvWOs5NKlr/xR4GLN/CDyzzakmt1o61uSxYKpK1SerqOP2ClbX/peKUZjYnyomH5Xz7GZG3TpB7OeKn4E2ww=\n"
	publisher = "go.sum database tree sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
)

// TestAWitnessServesUntilItIsStopped, remembers what it cosigned, and takes a log that its
// file of logs names later.
func TestAWitnessServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, logs := filepath.Join(dir, "witness.key"), filepath.Join(dir, "logs")
	if code := run(t.Context(), []string{"witness", "new", "--name", "audit.example/trm", "-o", key}, nil, io.Discard, t.Output()); code != exitOK {
		t.Fatalf("making it: exit %d", code)
	}
	if err := os.WriteFile(logs, []byte("# none yet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for life := range 2 {
		ctx, stop := context.WithCancel(t.Context())
		r, w := io.Pipe()
		ended := make(chan int, 1)
		go func() {
			ended <- run(ctx, []string{"--json", "witness", "serve", "--key", key, "--logs", logs, "--listen", "127.0.0.1:0"}, nil, w, t.Output())
			_ = w.Close()
		}()
		var said struct{ URL string }
		if err := json.NewDecoder(r).Decode(&said); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, r) }()
		if life == 0 {
			if status, _ := cosign(t, said.URL, "old 0\n\n"+published); status != http.StatusNotFound {
				t.Errorf("a log that is not listed: answered %d", status)
			}
			if err := os.WriteFile(logs, []byte(publisher+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			await(t, func() bool {
				status, _ := cosign(t, said.URL, "old 0\n\n"+published)
				return status != http.StatusNotFound
			})
		}
		if status, says := cosign(t, said.URL, "old 15067302\n\n"+published); status != http.StatusOK || !strings.HasPrefix(says, "— audit.example/trm ") {
			t.Errorf("life %d: answered %d %q", life, status, says)
		}
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("life %d: exit %d", life, code)
		}
	}
}

// TestAWitnessServesTLS for networks that ask for it.
func TestAWitnessServesTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, cert, certKey := filepath.Join(dir, "witness.key"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if code := run(t.Context(), []string{"witness", "new", "--name", "audit.example/trm", "-o", key}, nil, io.Discard, t.Output()); code != exitOK {
		t.Fatalf("making it: exit %d", code)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, certKey: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"--json", "witness", "serve", "--key", key, "--log", publisher, "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", certKey}, nil, w, t.Output())
		_ = w.Close()
	}()
	var said struct{ URL string }
	if err := json.NewDecoder(r).Decode(&said); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, said.URL+"/add-checkpoint", strings.NewReader("old 0\n\n"+published))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil || !strings.HasPrefix(said.URL, "https://") || resp.StatusCode != http.StatusOK {
		t.Errorf("at %s: %v, %v", said.URL, resp, err)
	}
	if resp != nil {
		_ = resp.Body.Close()
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("exit %d", code)
	}
}

func cosign(t *testing.T, url, body string) (status int, says string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/add-checkpoint", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); !done(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not come true within 30 seconds")
		}
	}
}
