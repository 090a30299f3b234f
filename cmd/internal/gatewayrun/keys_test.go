package gatewayrun_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
)

// rotate lets most of a year pass: every key of the region has a successor, and the
// directory that lists both is in force.
func (w *world) rotate() {
	w.t.Helper()
	pins, first, err := trust.ReadFolder(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	own, err := trust.OpenRegister(filepath.Join(w.dir, "gateway", "directory"), pins, first, w.now.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	for range 4 { // encryption keys do not live longer
		w.now.add(80 * 24 * time.Hour)
		if _, err := certs.Renew(w.dir, certs.Options{Now: w.now.Now()}); err != nil {
			w.t.Fatal(err)
		}
		if err := own.TakeFolder(w.dir, w.now.Now()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.now.add(trust.Delay)
	if w.dirs, err = trust.OpenFolder(w.dir, w.now.Now()); err != nil {
		w.t.Fatal(err)
	}
}

// elder is a directory as a desk has it that has not seen the gateway's new binding key.
type elder struct{ *trust.Directory }

func (e elder) Keys(p gateway.Party, u gateway.Use, t time.Time) []gateway.Key {
	keys := slices.Clone(e.Directory.Keys(p, u, t))
	if u == gateway.UseBinding {
		slices.Reverse(keys)
	}
	return keys
}

func TestWhileKeysOverlapEachMessageIsBoundByTheOneThatItNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.signed(capacity, outgoing.Options{}, nil)
	first := w.submit(m.Head.Issuer, m.Raw)
	if first.StatusCode != 202 {
		t.Fatalf("got %d %q", first.StatusCode, first.body)
	}
	w.deliver("rs")
	w.stop()
	w.rotate()
	listed := w.dirs.Keys(gateway.TheGateway, gateway.UseBinding, w.now.Now())
	if len(listed) != 2 {
		t.Fatalf("the directory lists %d binding keys, want two that overlap", len(listed))
	}
	w.start()
	if a := w.submit(m.Head.Issuer, m.Raw); a.StatusCode != 202 || a.body != first.body {
		t.Errorf("after new keys and exp the same bytes got %d, want the first receipt", a.StatusCode)
	}
	if a := w.call("", "GET", "/readyz", nil); a.StatusCode != 200 {
		t.Errorf("with two keys the gateway is not ready: %s", a.body)
	}
	for i, d := range []gateway.Directory{w.dirs, elder{w.dirs}} {
		m := w.signedBy(d, capacity, outgoing.Options{}, nil)
		if m.Head.Confirmation != listed[i].ID {
			t.Fatal("the message does not name the key that this test is about")
		}
		a := w.submit(m.Head.Issuer, m.Raw)
		if a.StatusCode != 202 {
			t.Fatalf("got %d %q", a.StatusCode, a.body)
		}
		// The office opens nothing that another key than cnf's has bound.
		if o := w.deliver("rs"); o.Head.ID != m.ID.ID || o.Binding.KeyID != listed[i].ID {
			t.Errorf("bound by %q, want the key that the message names", o.Binding.KeyID)
		}
		newest := w.dirs.Keys(gateway.TheGateway, gateway.UseEvidence, w.now.Now())[0]
		if _, kid, err := (envelope.Codec{}).Examine(a.body); err != nil || kid != newest.ID {
			t.Errorf("the receipt is signed by %q (%v), want the newest key of use evidence", kid, err)
		}
	}
}

// TestAKeyThatIsNotHereYetIsAskedForAgain: nothing is wrong with a message that names a
// key which the directory lists and this process has not got.
func TestAKeyThatIsNotHereYetIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start() // makes the journal's folder
	w.stop()
	w.rotate()
	key := filepath.Join(w.dir, "keys", "gateway", "binding-2.jwk")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	w.start()
	if a := w.call("", "GET", "/readyz", nil); a.StatusCode != 503 || !strings.Contains(a.body, `"failing":["keys"]`) {
		t.Errorf("without a listed key the gateway is ready: %d %s", a.StatusCode, a.body)
	}
	m := w.signed(capacity, outgoing.Options{}, nil)
	if a := w.submit(m.Head.Issuer, m.Raw); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Fatalf("got %d %q, want to be asked to come again", a.StatusCode, a.body)
	}
	if old := w.signedBy(elder{w.dirs}, capacity, outgoing.Options{}, nil); w.submit(old.Head.Issuer, old.Raw).StatusCode != 202 {
		t.Error("a message that names the key which is here was not received")
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	if err := w.gateway.Reload(); err != nil {
		t.Fatal(err)
	}
	if a := w.submit(m.Head.Issuer, m.Raw); a.StatusCode != 202 {
		t.Errorf("once the key was here the same bytes got %d %q", a.StatusCode, a.body)
	}
}
