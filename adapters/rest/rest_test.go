package rest_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/adapters/adaptertest"
	"example.org/trm/adapters/rest"
	"example.org/trm/gateway"
	"example.org/trm/test/nation"
)

func open(t *testing.T, c rest.Config) *rest.System {
	t.Helper()
	s, err := rest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func caseOf(n *nation.System, c adapters.Consignment) (nation.Case, bool) {
	for _, x := range n.Cases() {
		if x.Key == c.Key() {
			return x, true
		}
	}
	return nation.Case{}, false
}

func harness(t *testing.T, n *nation.System, s adapters.Transport) adaptertest.Harness {
	return adaptertest.Harness{
		Transport: s,
		Effects:   func(c adapters.Consignment) int { x, _ := caseOf(n, c); return x.Effect },
		Content:   func(c adapters.Consignment) []byte { x, _ := caseOf(n, c); return x.Body },
		Refuse:    func() { n.Always(nation.Echo(http.StatusUnprocessableEntity)) },
		Trouble:   func() { n.Always(nation.Answer(http.StatusServiceUnavailable)) },
		Lose:      func() { n.Always(nation.Lost) },
		Hang:      func() { n.Always(nation.Silent) },
		Hostile: func() {
			n.Next(nation.Garbage, nation.Flood, nation.Echo(400), nation.Echo(500), nation.Elsewhere("http://192.0.2.1/"), nation.Cut, nation.Echo(302), nation.Garbage)
		},
		Recover: func() { n.Always(nil) },
	}
}

func TestRestPassesTheSuiteOfTransports(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
		n := nation.New(t)
		return harness(t, n, open(t, rest.Config{URL: n.URL()}))
	})
}

func TestSystemThatForgetsKeysIsAskedBeforeARepeat(t *testing.T) {
	t.Parallel()
	n := nation.New(t)
	n.Forgetful = true
	s := open(t, rest.Config{URL: n.URL(), Query: n.Query()})
	c := adaptertest.Sample(1)
	n.Next(nation.Lost)
	if err := s.Deliver(t.Context(), c); err == nil {
		t.Fatal("a lost answer is no error")
	}
	c.Repeat = true
	for range 2 {
		if err := s.Deliver(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if x, _ := caseOf(n, c); x.Effect != 1 {
		t.Errorf("it took effect %d times", x.Effect)
	}
	// One that it has not is delivered.
	other := adaptertest.Sample(2)
	other.Repeat = true
	if err := s.Deliver(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if x, _ := caseOf(n, other); x.Effect != 1 {
		t.Errorf("it took effect %d times", x.Effect)
	}
}

func TestAnswersMeanWhatTheTableSays(t *testing.T) {
	t.Parallel()
	type meaning string
	const (
		has, never, notNow, unclear meaning = "it has it", "never", "not now", "unclear"
	)
	for status, want := range map[int]meaning{
		200: has, 201: has, 202: has, 204: has, 409: has,
		400: never, 410: never, 413: never, 415: never, 422: never,
		401: notNow, 403: notNow, 404: notNow, 405: notNow, 407: notNow, 408: notNow, 425: notNow, 429: notNow, 301: notNow, 307: notNow,
		500: unclear, 502: unclear, 503: unclear, 504: unclear,
	} {
		n := nation.New(t)
		n.Always(nation.Answer(status))
		err := open(t, rest.Config{URL: n.URL()}).Deliver(t.Context(), adaptertest.Sample(1))
		var p *gateway.Problem
		got := unclear
		switch {
		case err == nil:
			got = has
		case gateway.IsPermanent(err):
			got = never
		case errors.As(err, &p):
			got = notNow
		}
		if got != want {
			t.Errorf("%d: got %q, want %q (%v)", status, got, want, err)
		}
	}
}

func TestWaitThatTheSystemAsksForIsKnown(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"7": 7 * time.Second, "Sat, 21 Nov 2026 12:01:00 GMT": time.Minute, "999999": time.Hour, "-1": 0, "soon": 0, "": 0,
		"Sat, 21 Nov 2020 12:01:00 GMT": 0, "99999999999999999999": 0,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		err := open(t, rest.Config{URL: server.URL, Now: func() time.Time { return now }}).Deliver(t.Context(), adaptertest.Sample(1))
		server.Close()
		if got := adapters.WaitOf(err); got != want {
			t.Errorf("Retry-After %q: got %s, want %s", value, got, want)
		}
	}
}

func TestRequestCarriesItsKeyAndNothingOfTheMessageInItsAddress(t *testing.T) {
	t.Parallel()
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
	defer server.Close()
	c := adaptertest.Sample(1)
	if err := open(t, rest.Config{URL: server.URL + "/in/{role}", Token: "s3cret"}).Deliver(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got.URL.Path != "/in/coordinator" || got.Header.Get("Idempotency-Key") != c.Key() || got.Header.Get("Authorization") != "Bearer s3cret" ||
		got.Header.Get("Content-Type") != "application/json" || got.Method != http.MethodPost {
		t.Errorf("got %s %s %v", got.Method, got.URL, got.Header)
	}
}

func TestSystemIsReachedOverTLSWithItsOwnAuthorityOnly(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	stranger := open(t, rest.Config{URL: server.URL})
	err := stranger.Deliver(t.Context(), adaptertest.Sample(1))
	if err == nil || gateway.IsPermanent(err) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want a temporary error about the certificate", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	if err := open(t, rest.Config{URL: server.URL, TLS: &tls.Config{RootCAs: pool}}).Deliver(t.Context(), adaptertest.Sample(1)); err != nil {
		t.Error(err)
	}
}

func TestAddressIsCheckedWhenItIsDialled(t *testing.T) {
	t.Parallel()
	n := nation.New(t)
	err := open(t, rest.Config{URL: n.URL(), Networks: []string{"10.20.0.0/16"}}).Deliver(t.Context(), adaptertest.Sample(1))
	if !adapters.IsUnsent(err) || n.Requests() != 0 {
		t.Errorf("got %v with %d requests, want it unsent", err, n.Requests())
	}
	if err := open(t, rest.Config{URL: n.URL(), Networks: []string{"127.0.0.0/8", "::1/128"}}).Deliver(t.Context(), adaptertest.Sample(1)); err != nil {
		t.Error(err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a stranger was called") }))
	defer stranger.Close()
	n := nation.New(t)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		n.Next(func(w http.ResponseWriter, r *http.Request, _ []byte, _ func()) {
			http.Redirect(w, r, stranger.URL, status)
		})
		if err := open(t, rest.Config{URL: n.URL()}).Deliver(t.Context(), adaptertest.Sample(1)); err == nil || gateway.IsPermanent(err) {
			t.Errorf("%d: got %v, want a temporary error", status, err)
		}
	}
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	n := nation.New(t)
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	t.Setenv("http_proxy", "http://192.0.2.1:1")
	if err := open(t, rest.Config{URL: n.URL()}).Deliver(t.Context(), adaptertest.Sample(1)); err != nil {
		t.Error(err)
	}
}

func TestConfigurationIsRefusedWithEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		c    rest.Config
		want []string
	}{
		"plain http":         {rest.Config{URL: "http://cases.example/"}, []string{"url is not https"}},
		"password":           {rest.Config{URL: "https://u:p@cases.example/"}, []string{"url holds a password"}},
		"query":              {rest.Config{URL: "https://cases.example/?id=1"}, []string{"url holds a query"}},
		"nothing":            {rest.Config{}, []string{"url is not an address"}},
		"networks and query": {rest.Config{URL: "https://cases.example", Networks: []string{"x"}, Query: "https://cases.example/a"}, []string{"networks", "{key}"}},
	} {
		_, err := rest.New(row.c)
		for _, want := range row.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want it to say %q", name, err, want)
			}
		}
	}
}
