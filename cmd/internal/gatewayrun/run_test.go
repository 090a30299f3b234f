package gatewayrun_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/trust"
)

// discard ends a gateway that was only opened.
func (w *world) discard(g *gatewayrun.Gateway) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Run(ctx); err != nil {
		w.t.Error(err)
	}
}

// TestStoppingFinishesWhatIsInHand stops the gateway while half of a message is on its
// way: its sender still gets the receipt, and nobody else gets in.
func TestStoppingFinishesWhatIsInHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gatewayrun.Config) { c.Operators = "127.0.0.1:0" })
	w.start()
	m := w.signed(capacity, outgoing.Options{}, nil)
	body, pen := io.Pipe()
	got := make(chan answer, 1)
	token := w.assertion(m.Head.Issuer)
	go func() {
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), "POST", w.url+"/v1/messages", body)
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("Content-Type", api.TypeEnvelope)
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			close(got)
			return
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		got <- answer{res, string(text)}
	}()
	if _, err := pen.Write(m.Raw[:len(m.Raw)/2]); err != nil { // returns when it is on its way
		t.Fatal(err)
	}
	for { // until it is in hand
		res, err := http.Get("http://" + w.gateway.Operators().String() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\ntrm_gateway_requests_active 1\n") {
			break
		}
	}
	stopped := make(chan struct{})
	go func() { w.stop(); close(stopped) }()
	for { // until the door is closed
		c, err := net.Dial("tcp", w.gateway.Addr().String())
		if err != nil {
			break
		}
		c.Close()
	}
	if _, err := pen.Write(m.Raw[len(m.Raw)/2:]); err != nil {
		t.Fatal(err)
	}
	pen.Close()
	a, ok := <-got
	if !ok || a.StatusCode != 202 {
		t.Errorf("the message in hand got %+v", a)
	}
	<-stopped
	w.start()
	if b := w.submit(m.Head.Issuer, m.Raw); b.body != a.body {
		t.Errorf("after the restart it got %d, want its receipt", b.StatusCode)
	}
}

func TestANewDirectoryIsTakenUpWhileTheGatewayRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	before := w.call("rs/coordinator", "GET", "/v1/directory", nil)
	w.sign(w.dir, func(d *trust.Document) { d.Expires = d.Expires.Add(-time.Minute) })
	if err := w.gateway.Reload(); err == nil {
		t.Error("another directory of the same number was taken up")
	}
	w.sign(w.dir, func(d *trust.Document) {
		d.Number, d.Issued = 2, morning
		d.Activates = morning.Add(trust.Delay)
	})
	if err := w.gateway.Reload(); err != nil {
		t.Fatalf("the second directory was refused: %v", err)
	}
	if a := w.call("rs/coordinator", "GET", "/v1/directory", nil); a.body != before.body {
		t.Error("the second directory is in force before its time")
	}
	if err := os.WriteFile(filepath.Join(w.dir, "directory.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.gateway.Reload(); err == nil {
		t.Error("half a directory was taken up")
	}
	if a := w.call("rs/coordinator", "GET", "/v1/directory", nil); a.StatusCode != 200 || a.body != before.body {
		t.Errorf("after a bad file the directory in force is another: %d", a.StatusCode)
	}
}

func TestACertificateIsEnoughWhereTheDoorSpeaksTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.config.TLS = gatewayrun.TLS{Certificate: filepath.Join(w.dir, "tls", "gateway.pem"), Key: filepath.Join(w.dir, "tls", "gateway.key")}
	w.start()
	url := "https://" + w.gateway.Addr().String()
	ask := func(conf *tls.Config, path string) int {
		t.Helper()
		conf.Time = w.now.Now
		tr := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: true}
		defer tr.CloseIdleConnections()
		res, err := (&http.Client{Transport: tr}).Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.ProtoMajor != 2 {
			t.Errorf("got HTTP/%d", res.ProtoMajor)
		}
		return res.StatusCode
	}
	keys, err := certs.Load(w.dir, "rs/coordinator")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := keys.TLS()
	if err != nil {
		t.Fatal(err)
	}
	authorities, err := os.ReadFile(filepath.Join(w.dir, "tls", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	nobody := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: x509.NewCertPool()}
	if !nobody.RootCAs.AppendCertsFromPEM(authorities) {
		t.Fatal("the region has no authority")
	}
	party := nobody.Clone()
	party.Certificates = []tls.Certificate{cert}
	if got := ask(party, "/v1/directory"); got != 200 {
		t.Errorf("with its certificate a party got %d", got)
	}
	if got := ask(nobody, "/v1/directory"); got != 401 {
		t.Errorf("without one a caller got %d", got)
	}
	if err := w.gateway.Reload(); err != nil {
		t.Error(err)
	}
	if got := ask(party, "/v1/directory"); got != 200 {
		t.Errorf("after the certificate was read again a party got %d", got)
	}
	old := &tls.Config{RootCAs: nobody.RootCAs, Time: w.now.Now, MaxVersion: tls.VersionTLS12}
	if _, err := tls.Dial("tcp", w.gateway.Addr().String(), old); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("asked to speak TLS 1.2 the door answers %v", err)
	}
}
