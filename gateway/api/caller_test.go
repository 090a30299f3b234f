package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// ask calls a route that every known party may call, with these Authorization headers.
func (w *world) ask(authorization ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "GET", w.url+"/v1/directory", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header["Authorization"] = authorization
	return w.do(r)
}

func TestAnAssertionIsUsedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	jwt := "Bearer " + w.assertion("ba/coordinator", nil)
	if a := w.ask(jwt); a.StatusCode != 200 {
		t.Fatalf("a fresh assertion got %d %q", a.StatusCode, a.body)
	}
	w.wantProblem(w.ask(jwt), gateway.CodeAssertionUsed)
	w.now.add(30 * time.Second)
	w.wantProblem(w.ask(jwt), gateway.CodeAssertionUsed)
	w.now.add(time.Minute)
	w.wantProblem(w.ask(jwt), gateway.CodeAssertionUsed) // expired, and forgotten for that reason
}

// TestARestartDoesNotForgetWhatWasUsed opens the door a second time, a minute later: it
// remembers nothing, and still refuses what was used before.
func TestARestartDoesNotForgetWhatWasUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	jwt := "Bearer " + w.assertion("ba/coordinator", func(a *envelope.Assertion) { a.Expires = a.IssuedAt.Add(5 * time.Minute) })
	if a := w.ask(jwt); a.StatusCode != 200 {
		t.Fatalf("a fresh assertion got %d", a.StatusCode)
	}
	w.now.add(time.Minute)
	h, err := w.server.Handler()
	if err != nil {
		t.Fatal(err)
	}
	again := httptest.NewServer(h)
	defer again.Close()
	w.url = again.URL
	w.wantProblem(w.ask(jwt), gateway.CodeAssertionUsed)
	if a := w.get("ba/coordinator", "/v1/directory"); a.StatusCode != 200 {
		t.Errorf("an assertion made after the restart got %d", a.StatusCode)
	}
}

func TestAnAssertionThatProvesNothingIsRefused(t *testing.T) {
	t.Parallel()
	sign := func(p gateway.Party, change func(*envelope.Assertion)) func(*world) []string {
		return func(w *world) []string { return []string{"Bearer " + w.assertion(p, change)} }
	}
	for name, tt := range map[string]struct {
		header func(*world) []string
		want   gateway.Code
	}{
		"nothing":        {func(*world) []string { return nil }, gateway.CodeUnauthenticated},
		"another scheme": {func(*world) []string { return []string{"Basic YTpi"} }, gateway.CodeUnauthenticated},
		"no token":       {func(*world) []string { return []string{"Bearer"} }, gateway.CodeUnauthenticated},
		"not a token":    {func(*world) []string { return []string{"Bearer a.b.c"} }, gateway.CodeUnauthenticated},
		"two headers":    {func(w *world) []string { j := "Bearer " + w.assertion("ba/coordinator", nil); return []string{j, j} }, gateway.CodeUnauthenticated},
		"another reader": {sign("ba/coordinator", func(a *envelope.Assertion) { a.Audience = "https://elsewhere.example" }), gateway.CodeAssertionUsed},
		"expired":        {sign("ba/coordinator", func(a *envelope.Assertion) { a.IssuedAt, a.Expires = noon, noon.Add(time.Second) }), gateway.CodeAssertionUsed},
		"from the future": {sign("ba/coordinator", func(a *envelope.Assertion) {
			a.IssuedAt = a.IssuedAt.Add(time.Minute)
			a.Expires = a.IssuedAt.Add(time.Minute)
		}), gateway.CodeAssertionUsed},
		"from before the start": {sign("ba/coordinator", func(a *envelope.Assertion) {
			a.IssuedAt = noon.Add(-time.Second)
			a.Expires = a.IssuedAt.Add(5 * time.Minute)
		}), gateway.CodeAssertionUsed},
		"in another's name": {func(w *world) []string {
			w.directory.private["rs/coordinator"] = w.directory.private["ba/coordinator"]
			return []string{"Bearer " + w.assertion("rs/coordinator", nil)}
		}, gateway.CodeUnauthenticated},
		"with a key that nobody knows": {func(w *world) []string {
			w.directory.private["ba/coordinator"] = generate(w.t, gateway.UseAssertion)
			return []string{"Bearer " + w.assertion("ba/coordinator", nil)}
		}, gateway.CodeUnauthenticated},
		"with a key for something else": {func(w *world) []string {
			id := w.directory.private["ba/coordinator"].ID()
			k := w.directory.keys[id]
			k.Use = gateway.UseApproval
			w.directory.keys[id] = k
			return []string{"Bearer " + w.assertion("ba/coordinator", nil)}
		}, gateway.CodeUnauthenticated},
		"with a revoked key": {func(w *world) []string {
			id := w.directory.private["ba/coordinator"].ID()
			k := w.directory.keys[id]
			k.Revoked = noon
			w.directory.keys[id] = k
			return []string{"Bearer " + w.assertion("ba/coordinator", nil)}
		}, gateway.CodeUnauthenticated},
		"with another signature": {func(w *world) []string {
			a, b := w.assertion("ba/coordinator", nil), w.assertion("ba/coordinator", nil)
			return []string{"Bearer " + a[:strings.LastIndex(a, ".")] + b[strings.LastIndex(b, "."):]}
		}, gateway.CodeUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.now.add(10 * time.Second)
			a := w.ask(tt.header(w)...)
			w.wantProblem(a, tt.want)
			if a.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Error("a 401 does not say how to authenticate (RFC 9110, Section 11.6.1)")
			}
		})
	}
}

// TestAForgedAssertionUsesNoIDUp keeps a stranger from spending the ids of a party.
func TestAForgedAssertionUsesNoIDUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, other := w.assertion("ba/coordinator", nil), w.assertion("ba/coordinator", nil)
	w.wantProblem(w.ask("Bearer "+good[:strings.LastIndex(good, ".")]+other[strings.LastIndex(other, "."):]), gateway.CodeUnauthenticated)
	if a := w.ask("Bearer " + good); a.StatusCode != 200 {
		t.Errorf("the real assertion got %d after a forged one", a.StatusCode)
	}
}

func TestWhereAnyoneMayCallNoAssertionIsUsedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	jwt := w.assertion("ba/coordinator", nil)
	r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/v1/codes", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+jwt)
	if a := w.do(r); a.StatusCode != 200 {
		t.Fatalf("got %d", a.StatusCode)
	}
	if a := w.ask("Bearer " + jwt); a.StatusCode != 200 {
		t.Errorf("the assertion got %d afterwards", a.StatusCode)
	}
}

func TestACertificateOfTheDirectoryNamesItsParty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listed, stranger, retired := certificate(t), certificate(t), certificate(t)
	id := w.directory.private["ba/coordinator"].ID()
	k := w.directory.keys[id]
	w.directory.callers[thumbprint(listed)] = k
	k.NotAfter = noon
	w.directory.callers[thumbprint(retired)] = k
	h, err := w.server.Handler()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	defer srv.Close()
	for name, tt := range map[string]struct {
		certs []tls.Certificate
		token string
		want  int
	}{
		"listed":                        {[]tls.Certificate{listed}, "", 200},
		"not listed":                    {[]tls.Certificate{stranger}, "", 401},
		"no longer valid":               {[]tls.Certificate{retired}, "", 401},
		"none":                          {nil, "", 401},
		"listed, with a bad assertion":  {[]tls.Certificate{listed}, "a.b.c", 401},
		"not listed, with an assertion": {[]tls.Certificate{stranger}, w.assertion("rs/coordinator", nil), 200},
	} {
		c := srv.Client()
		tr := c.Transport.(*http.Transport).Clone()
		tr.TLSClientConfig.Certificates = tt.certs
		tr.DisableKeepAlives = true
		r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/v1/directory", nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.token != "" {
			r.Header.Set("Authorization", "Bearer "+tt.token)
		}
		res, err := (&http.Client{Transport: tr}).Do(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		res.Body.Close()
		if res.StatusCode != tt.want {
			t.Errorf("%s: got %d, want %d", name, res.StatusCode, tt.want)
		}
		if res.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: a browser is not told to stay with TLS", name)
		}
	}
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}
}

func thumbprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
