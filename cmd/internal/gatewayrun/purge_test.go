package gatewayrun_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/test/redistest"
)

// find says in which files below a folder something is.
func find(t *testing.T, dir, what string) (in []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // Redis puts a new file in the place of an old one
		}
		if bytes.Contains(raw, []byte(what)) {
			in = append(in, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// TestWhatIsPurgedIsInNoFile of the gateway or of Redis, once retention is over: not in the
// database, not in its log, not in the file that Redis appends to.
func TestWhatIsPurgedIsInNoFile(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w := newWorld(t, nil)
	w.redis = server.Client()
	w.start()
	_, stop := w.adapter()
	m := w.signed("enquiry.request/1.0", outgoing.Options{}, func(m map[string]any) { m["to"] = "rs/coordinator" })
	a := w.submit(m.Head.Issuer, m.Raw)
	if a.StatusCode != http.StatusAccepted {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	path := a.Header.Get("Location")
	shown := w.state(m.Head.Issuer, path, gateway.StateDelivered)
	var signed struct{ Payload string }
	if err := json.Unmarshal(m.Raw, &signed); err != nil {
		t.Fatal(err)
	}
	evidence, _ := shown["evidence"].([]any)
	if len(evidence) < 2 {
		t.Fatalf("%d pieces of evidence, want the recipient's too", len(evidence))
	}
	consigned, _, err := envelope.Codec{}.Examine(evidence[1].(string))
	if err != nil {
		t.Fatal(err)
	}
	delivery := consigned.Delivery
	traces := map[string]string{"its id": m.Head.ID, "its thread": m.Head.Thread, "its delivery": delivery, "what was signed": signed.Payload[:60]}
	gatewayDir := filepath.Dir(w.config.Journal)
	if len(find(t, gatewayDir, m.Head.ID)) == 0 || len(find(t, server.Dir(), delivery)) == 0 {
		t.Fatal("the search does not find what is there")
	}
	if in := find(t, gatewayDir, traces["what was signed"]); len(in) > 0 {
		t.Errorf("what was signed lies under no key in %q", in)
	}

	// Not a day too early, and not while its entry is in the stream.
	w.until("the entry to leave the stream", func() bool {
		w.now.add(time.Second) // the dispatcher goes by this clock
		return w.redis.XLen(t.Context(), "trm:{rs}:deliveries").Val() == 0
	})
	stop()
	w.stop()
	w.now.add(29 * 24 * time.Hour)
	w.start()
	if a := w.call(m.Head.Issuer, "GET", path, nil); a.StatusCode != http.StatusOK {
		t.Errorf("before its time: got %d", a.StatusCode)
	}
	w.stop()
	w.now.add(10 * 24 * time.Hour)
	w.start() // purges at once
	w.until("the message to be purged", func() bool { return strings.Contains(w.logged.String(), `"msg":"purged"`) })
	if a := w.call(m.Head.Issuer, "GET", path, nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("after its time: got %d", a.StatusCode)
	}
	w.until("redis to have written its file", func() bool {
		return len(find(t, server.Dir(), delivery)) == 0
	})
	w.stop() // SQLite empties its log at the end, if the purge could not
	for what, trace := range traces {
		for _, dir := range []string{gatewayDir, server.Dir()} {
			if in := find(t, dir, trace); len(in) > 0 {
				t.Errorf("%s is still in %q", what, in)
			}
		}
	}
}

// TestADryRunChangesNothing and needs no Redis.
func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	from, path := w.sent()
	w.config.Redis = gatewayrun.Redis{Addresses: []string{"127.0.0.1:1"}}
	p, err := gatewayrun.PurgeOnce(t.Context(), w.config, true)
	if err != nil || p.Due.Messages != 0 || len(p.Purged) != 0 {
		t.Errorf("got %+v, %v", p, err)
	}
	if a := w.call(from, "GET", path, nil); a.StatusCode != http.StatusOK {
		t.Errorf("afterwards the message is %d", a.StatusCode)
	}
	w.config.Journal = filepath.Join(t.TempDir(), "none.db")
	if _, err := gatewayrun.PurgeOnce(t.Context(), w.config, true); err == nil {
		t.Error("a journal that is not there was purged")
	}
}

// until waits for something that comes by itself.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
