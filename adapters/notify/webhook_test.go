package notify_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters"
	"example.org/trm/adapters/notify"
	"example.org/trm/gateway"
)

const hookSecret = "TEST-KEY-of-a-webhook-and-of-no-other"

func hook(t *testing.T, h notify.Hook) *notify.Webhook {
	t.Helper()
	if h.Secret == "" && h.Token == "" {
		h.Secret = hookSecret
	}
	h.Now = func() time.Time { return noon }
	w, err := notify.NewWebhook(h)
	must(t, err)
	return w
}

func TestWebhookIsSignedAndHoldsTheSentenceAndNothingElse(t *testing.T) {
	t.Parallel()
	type call struct {
		header http.Header
		body   []byte
	}
	calls := make(chan call, 2)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		calls <- call{r.Header, raw}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	must(t, hook(t, notify.Hook{URL: s.URL + "/ring", TLS: &tls.Config{RootCAs: roots}}).Notify(t.Context(), notice(t, "rs")))
	got := <-calls
	var body map[string]any
	must(t, json.Unmarshal(got.body, &body))
	want := map[string]any{
		"ref": "7Q4KXM", "answerBy": "2026-11-23T15:00:00Z",
		"text": "Једна порука чека. Ref 7Q4KXM. Одговорите до 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 16:00.\n",
	}
	if diff := cmp.Diff(body, want); diff != "" {
		t.Errorf("got, want: %s", diff)
	}
	id, at := got.header.Get("Webhook-Id"), got.header.Get("Webhook-Timestamp")
	m := hmac.New(sha256.New, []byte(hookSecret))
	m.Write([]byte(id + "." + at + "." + string(got.body)))
	if sig := got.header.Get("Webhook-Signature"); sig != "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)) {
		t.Errorf("got signature %q", sig)
	}
	if id != "5N2V0YQ8ZKX1M3AB" || at != strconv.FormatInt(noon.Unix(), 10) || got.header.Get("Authorization") != "" {
		t.Errorf("got headers %v", got.header)
	}
	// Or with a token, and nothing that is owed.
	n := notice(t, "rs")
	n.AnswerBy = time.Time{}
	must(t, hook(t, notify.Hook{URL: s.URL, Token: hookSecret, TLS: &tls.Config{RootCAs: roots}}).Notify(t.Context(), n))
	got = <-calls
	if got.header.Get("Authorization") != "Bearer "+hookSecret || got.header.Get("Webhook-Signature") != "" || strings.Contains(string(got.body), "answerBy") {
		t.Errorf("got %v %s", got.header, got.body)
	}
}

func TestWebhooksStatusSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for status, want := range map[int]struct{ ok, never, answered bool }{
		200: {ok: true}, 202: {ok: true}, 204: {ok: true}, 409: {ok: true},
		400: {never: true}, 410: {never: true}, 413: {never: true}, 422: {never: true},
		301: {answered: true}, 302: {answered: true}, 307: {answered: true},
		401: {answered: true}, 403: {answered: true}, 404: {answered: true}, 408: {answered: true}, 429: {answered: true},
		500: {}, 502: {}, 503: {},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "Canary-Answer")
		}))
		err := hook(t, notify.Hook{URL: s.URL}).Notify(t.Context(), notice(t, "rs"))
		s.Close()
		var p *gateway.Problem
		switch {
		case want.ok != (err == nil), err != nil && want.never != gateway.IsPermanent(err), adapters.IsUnsent(err):
			t.Errorf("%d: got %v", status, err)
		case err != nil && !want.never && want.answered != errors.As(err, &p):
			t.Errorf("%d: got %v: whether it may have happened is not said", status, err)
		case err != nil && strings.Contains(err.Error(), "Canary"):
			t.Errorf("%d: the error quotes the answer: %v", status, err)
		}
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("followed %d redirects", n)
	}
}

func TestWebhookThatIsCutOff(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]bool{"before it took it": false, "after it took it": true} {
		var got atomic.Int32
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if take {
				_, _ = io.Copy(io.Discard, r.Body)
				got.Add(1)
			}
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		}))
		err := hook(t, notify.Hook{URL: s.URL}).Notify(t.Context(), notice(t, "rs"))
		if err == nil || adapters.IsUnsent(err) || gateway.IsPermanent(err) {
			t.Errorf("%s: got %v, want an error that says nothing", name, err)
		}
		if want := map[bool]int32{true: 1, false: 0}[take]; got.Load() != want {
			t.Errorf("%s: it was called %d times, want %d", name, got.Load(), want)
		}
		s.Close()
	}
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	if err := hook(t, notify.Hook{URL: s.URL}).Notify(t.Context(), notice(t, "rs")); !adapters.IsUnsent(err) {
		t.Errorf("nobody listens: got %v, want that nothing was sent", err)
	}
	slow := make(chan struct{})
	s = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-slow }))
	defer s.Close()
	defer close(slow)
	err := hook(t, notify.Hook{URL: s.URL, Deadline: 100 * time.Millisecond}).Notify(t.Context(), notice(t, "rs"))
	if !errors.Is(err, context.DeadlineExceeded) || adapters.IsUnsent(err) {
		t.Errorf("it says nothing: got %v, want a deadline that proves nothing", err)
	}
}

func TestWebhookIsConfiguredSafely(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]notify.Hook{
		"no address":              {Secret: hookSecret},
		"http to another machine": {URL: "http://office.example/ring", Secret: hookSecret},
		"a password in the URL":   {URL: "https://a:b@office.example/ring", Secret: hookSecret},
		"neither secret":          {URL: "https://office.example/ring"},
		"both secrets":            {URL: "https://office.example/ring", Secret: hookSecret, Token: hookSecret},
		"a short secret":          {URL: "https://office.example/ring", Secret: "short"},
	} {
		if _, err := notify.NewWebhook(h); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	if err := hook(t, notify.Hook{URL: s.URL}).Notify(t.Context(), notice(t, "rs")); err == nil {
		t.Error("a certificate of nobody known: got no error")
	}
}
