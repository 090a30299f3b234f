package readiness_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.org/trm/cmd/internal/readiness"
)

func TestTheAnswerIsTheProcessesOwn(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer func(http.ResponseWriter)
		want   string // empty: ready
	}{
		"ready":             {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"ready":true}`) }, ""},
		"naming its checks": {func(w http.ResponseWriter) { fail(w, `{"code":"busy","failing":["directory","journal"]}`) }, "not ready: directory, journal"},
		"saying nothing":    {func(w http.ResponseWriter) { fail(w, "") }, "answered 503"},
		"sending elsewhere": {func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(http.StatusFound) }, "answered 302"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/readyz" {
					t.Errorf("asked %s", r.URL.Path)
				}
				row.answer(w)
			}))
			t.Cleanup(s.Close)
			_, port, err := net.SplitHostPort(s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []string{"127.0.0.1:" + port, "0.0.0.0:" + port, ":" + port, "[::]:" + port} {
				err := readiness.Ask(t.Context(), at)
				if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
					t.Errorf("at %s: got %v, want %q", at, err, row.want)
				}
			}
		})
	}
}

func fail(w http.ResponseWriter, body string) {
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, body)
}

func TestNobodyThereIsNotReady(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{at, "off", ""} {
		if err := readiness.Ask(t.Context(), at); err == nil {
			t.Errorf("%q is ready", at)
		}
	}
}
