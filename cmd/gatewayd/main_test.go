package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"example.org/trm/certs"
)

func TestTheConfigurationIsCheckedWithoutStarting(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-check", "gatewayd.yaml"}, nil, io.Discard, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "well formed") {
		t.Errorf("got %q", out.String())
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("lisen: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-check", bad}, nil, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "lisen") {
		t.Errorf("got %v, want the key that is wrong", err)
	}
	if err := run(t.Context(), nil, nil, io.Discard, io.Discard); err == nil {
		t.Error("without a file it ran")
	}
}

// TestTheProcessServesReloadsAndStops runs all of main but the signals.
func TestTheProcessServesReloadsAndStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := certs.Develop(dir, certs.Options{Now: time.Now().Add(-time.Minute)}); err != nil {
		t.Fatal(err)
	}
	m := miniredis.RunT(t)
	conf := filepath.Join(dir, "gatewayd.yaml")
	text := fmt.Sprintf("listen: 127.0.0.1:0\noperators: 127.0.0.1:0\ncerts: %s\ndevelopment: true\njournal: %s/journal.db\nredis: {addresses: ['%s']}\n", dir, dir, m.Addr())
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	hangup := make(chan os.Signal, 1)
	lines, log := io.Pipe()
	ended := make(chan error, 1)
	go func() { err := run(ctx, []string{conf}, hangup, log, io.Discard); log.Close(); ended <- err }()
	said := bufio.NewScanner(lines)
	await := func(msg string) map[string]any {
		t.Helper()
		for said.Scan() {
			var line map[string]any
			if err := json.Unmarshal(said.Bytes(), &line); err != nil {
				t.Fatalf("the log has a line that is not JSON: %q", said.Text())
			}
			if line["msg"] == msg {
				return line
			}
		}
		t.Fatalf("the log never says %q", msg)
		return nil
	}
	started := await("started")
	for _, url := range []string{fmt.Sprintf("http://%s/readyz", started["listen"]), fmt.Sprintf("http://%s/metrics", started["operators"])} {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("%s got %d", url, res.StatusCode)
		}
	}
	asked := filepath.Join(dir, "asked.yaml")
	if err := os.WriteFile(asked, []byte(strings.Replace(text, "operators: 127.0.0.1:0", fmt.Sprintf("operators: %s", started["operators"]), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-health", asked}, nil, io.Discard, io.Discard); err != nil {
		t.Errorf("-health: got %v", err)
	}
	hangup <- os.Interrupt // whichever: main passes on SIGHUP alone
	await("reloaded")
	cancel()
	await("stopped")
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if err := run(t.Context(), []string{"-health", asked}, nil, io.Discard, io.Discard); err == nil {
		t.Error("-health: a gateway that was stopped is ready")
	}
}
