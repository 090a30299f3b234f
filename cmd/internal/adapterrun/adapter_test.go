package adapterrun_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"example.org/trm/certs"
	"example.org/trm/cmd/internal/adapterrun"
	"example.org/trm/cmd/internal/readiness"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// config is one that works, over a Redis inside the test.
func config(t *testing.T) adapterrun.Config {
	t.Helper()
	dir := t.TempDir()
	_, err := certs.Develop(filepath.Join(dir, "certs"), certs.Options{})
	must(t, err)
	token := filepath.Join(dir, "token")
	must(t, os.WriteFile(token, []byte(strings.Repeat("t", 32)+"\n"), 0o600))
	return adapterrun.Config{
		Country: "rs", Certs: filepath.Join(dir, "certs"), Data: filepath.Join(dir, "data"), Development: true,
		Gateway: adapterrun.Gateway{URL: "http://127.0.0.1:1"},
		Redis:   adapterrun.Redis{Addresses: []string{miniredis.RunT(t).Addr()}},
		Deliver: adapterrun.Deliver{Filedrop: &adapterrun.Filedrop{Dir: filepath.Join(dir, "drop")}},
		Listen:  "127.0.0.1:0", Operators: "127.0.0.1:0",
		Callers: []adapterrun.Caller{{TokenFile: token}},
	}
}

func TestAdapterServesUntilItIsStoppedAndOpensAgain(t *testing.T) {
	t.Parallel()
	c := config(t)
	for range 2 {
		a, err := adapterrun.New(t.Context(), c, adapterrun.Environment{})
		must(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/v1/alarms": 200, "/v1/nothing": 404} {
			if got := get(t, http.DefaultClient, "http://"+a.Addr().String()+path); got != want {
				t.Errorf("%s: got %d, want %d", path, got, want)
			}
		}
		for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/v1/alarms": 404} {
			if got := get(t, http.DefaultClient, "http://"+a.Operators().String()+path); got != want {
				t.Errorf("for operators, %s: got %d, want %d", path, got, want)
			}
		}
		must(t, readiness.Ask(t.Context(), a.Operators().String()))
		stop()
		must(t, <-done)
		if _, err := net.Dial("tcp", a.Addr().String()); err == nil {
			t.Error("it listens after it stopped")
		}
	}
}

func get(t *testing.T, h *http.Client, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+strings.Repeat("t", 32))
	resp, err := h.Do(req)
	must(t, err)
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	must(t, err)
	return resp.StatusCode
}

func TestSocketIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	c := config(t)
	path := filepath.Join(t.TempDir(), "s")
	c.Listen = "unix:" + path
	a, err := adapterrun.New(t.Context(), c, adapterrun.Environment{})
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v", info.Mode())
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	h := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	if got := get(t, h, "http://adapter/v1/alarms"); got != 200 {
		t.Errorf("got %d", got)
	}
	stop()
	must(t, <-done)
}

func TestAdapterDoesNotOpen(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		spoil func(t *testing.T, c *adapterrun.Config)
		want  string
	}{
		"with development keys": {func(_ *testing.T, c *adapterrun.Config) { c.Development = false }, "development keys"},
		"with another country's keys": {func(t *testing.T, c *adapterrun.Config) {
			must(t, os.RemoveAll(filepath.Join(c.Certs, "keys", "rs")))
		}, "none of rs"},
		"with a short token": {func(t *testing.T, c *adapterrun.Config) {
			must(t, os.WriteFile(c.Callers[0].TokenFile, []byte("short"), 0o600))
		}, "fewer than 32"},
		"without pins": {func(t *testing.T, c *adapterrun.Config) {
			must(t, os.Remove(filepath.Join(c.Certs, "pins.json")))
		}, "pins.json"},
		"with a case system without TLS": {func(_ *testing.T, c *adapterrun.Config) {
			c.Deliver = adapterrun.Deliver{REST: &adapterrun.REST{URL: "http://cases.example"}}
		}, "not https"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(t)
			row.spoil(t, &c)
			if _, err := adapterrun.New(t.Context(), c, adapterrun.Environment{}); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want it to say %q", err, row.want)
			}
		})
	}
}
