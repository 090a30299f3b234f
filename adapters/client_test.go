package adapters

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// calling is a client of a gateway that answers as h does, and the key that it calls with.
func calling(t *testing.T, h http.HandlerFunc) (*Client, *envelope.Private) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	k, err := envelope.Generate(gateway.UseAssertion, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return &Client{
		Base: server.URL, Audience: "urn:trm:gateway", HTTP: &http.Client{CheckRedirect: NoRedirects, Timeout: 10 * time.Second},
		Keys: func(p gateway.Party) (*certs.Keys, bool) {
			return &certs.Keys{Party: p, Assertion: k}, p == "rs/coordinator"
		},
		Now: func() time.Time { return noon }, NewID: func() string { return "019ab3c4-0000-7000-8000-000000000001" },
	}, k
}

func refusing(status int, code gateway.Code, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(gateway.Document{Code: code, Status: 200, Title: "t"})
	}
}

func TestSubmissionCarriesAFreshAssertionTheLaneAndTheBytes(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	c, k := calling(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/jwt")
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte("a.b.c"))
	})
	receipt, problem, err := c.Submit(t.Context(), "rs/coordinator", []byte(`{"x":1}`), gateway.Urgent)
	if err != nil || problem != nil || receipt != "a.b.c" {
		t.Fatalf("got %q %v %v", receipt, problem, err)
	}
	if got.Header.Get("TRM-Lane") != "urgent" || got.Header.Get("Content-Type") != "application/trm+sd-jwt+json" || string(body) != `{"x":1}` {
		t.Errorf("got %v with %s", got.Header, body)
	}
	jwt, ok := strings.CutPrefix(got.Header.Get("Authorization"), "Bearer ")
	if !ok {
		t.Fatal("no assertion")
	}
	a, err := envelope.ReadAssertion(jwt)
	if err != nil {
		t.Fatal(err)
	}
	if a.Party != "rs/coordinator" || a.Audience != "urn:trm:gateway" || a.Expires.Sub(a.IssuedAt) > 5*time.Minute || a.KeyID != k.ID() {
		t.Errorf("got %+v", a)
	}
	if err := envelope.CheckAssertion(jwt, k.Key("rs/coordinator", noon.Add(-time.Hour), noon.Add(time.Hour), "")); err != nil {
		t.Error(err)
	}
	if _, _, err := c.Submit(t.Context(), "rs/coordinator", nil, gateway.Child); err != nil || got.Header.Get("TRM-Lane") != "" {
		t.Errorf("a lane that is not urgent was announced: %v", err)
	}
}

func TestAnswerToASubmissionIsFinalOrNot(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer  http.HandlerFunc
		problem gateway.Code
		err     bool
		wait    time.Duration
	}{
		"refused":            {refusing(422, gateway.CodePairOff), gateway.CodePairOff, false, 0},
		"another has the id": {refusing(409, gateway.CodeIDReused), gateway.CodeIDReused, false, 0},
		"not known":          {refusing(401, gateway.CodeUnauthenticated), gateway.CodeUnauthenticated, true, 0},
		"too many":           {refusing(429, gateway.CodeRateLimited, "Retry-After", "3"), gateway.CodeRateLimited, true, 3 * time.Second},
		"busy":               {refusing(503, gateway.CodeBusy, "Retry-After", "7"), gateway.CodeBusy, true, 7 * time.Second},
		"broken":             {refusing(500, gateway.CodeInternal), gateway.CodeInternal, true, 0},
		"a proxy's own page": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", 404) }, "", true, 0},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusTemporaryRedirect)
		}, "", true, 0},
		"a page instead":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("welcome")) }, "", true, 0},
		"an answer without end": {func(w http.ResponseWriter, _ *http.Request) { endless(w) }, "", true, 0},
		"a cut":                 {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := calling(t, row.answer)
			receipt, problem, err := c.Submit(t.Context(), "rs/coordinator", []byte("{}"), gateway.Normal)
			var code gateway.Code
			if problem != nil {
				code = problem.Code
			}
			if receipt != "" || code != row.problem || (err != nil) != row.err || WaitOf(err) != row.wait {
				t.Errorf("got %q, %q, %v with a wait of %s", receipt, code, err, WaitOf(err))
			}
			if err != nil && strings.Contains(err.Error(), c.Base) {
				t.Errorf("the error names the address: %v", err)
			}
		})
	}
}

func endless(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/jwt")
	w.WriteHeader(http.StatusAccepted)
	for range 1 << 10 {
		if _, err := w.Write(make([]byte, 1<<10)); err != nil {
			return
		}
	}
}

func TestMessageAndNumberAreAskedForByTheirNames(t *testing.T) {
	t.Parallel()
	var path string
	c, _ := calling(t, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.EscapedPath()
		_ = json.NewEncoder(w).Encode(Status{State: gateway.StateDelivered, Evidence: []string{"a.b.c"}})
	})
	s, err := c.Message(t.Context(), "rs/coordinator", gateway.MessageID{Issuer: "ba/coordinator", ID: "m-1"})
	if err != nil || s.State != gateway.StateDelivered || path != "/v1/messages/ba/coordinator/m-1" {
		t.Errorf("got %+v %v at %s", s, err, path)
	}
	f, err := c.Number(t.Context(), "rs/coordinator", gateway.PairNumber{From: "ba", To: "rs", Origin: "trm/2026", N: 7})
	if err != nil || !f.Known || f.waits() || path != "/v1/pairs/ba/rs/trm%2F2026/7" {
		t.Errorf("got %+v %v at %s", f, err, path)
	}
}

func TestProblemOfAQuestionIsTheGatewaysOwn(t *testing.T) {
	t.Parallel()
	c, _ := calling(t, refusing(404, gateway.CodeNotFound))
	_, err := c.Message(t.Context(), "rs/coordinator", gateway.MessageID{Issuer: "ba/coordinator", ID: "m-1"})
	var p *gateway.Problem
	if !errors.As(err, &p) || p.Code != gateway.CodeNotFound {
		t.Errorf("got %v", err)
	}
	if f, err := c.Number(t.Context(), "rs/coordinator", gateway.PairNumber{}); err != nil || f.Known {
		t.Errorf("got %+v, %v, want a number that is not known", f, err)
	}
}

func TestNobodyCallsWithoutAKey(t *testing.T) {
	t.Parallel()
	c, _ := calling(t, func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	if _, _, err := c.Submit(t.Context(), "rs/auditor", nil, gateway.Normal); err == nil {
		t.Error("a party without a key called")
	}
}
