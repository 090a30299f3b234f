package gatewayrun_test

import (
	"os"
	"path/filepath"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

// TestAStatementPutBesideTheJournalHoldsFromTheNextStart is how an operator obeys a
// revocation that came by hand; and a file that says nothing provable keeps the gateway
// from starting, so that nobody believes it counts.
func TestAStatementPutBesideTheJournalHoldsFromTheNextStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	const p = gateway.Party("rs/coordinator")
	if a := w.call(p, "GET", "/v1/duties", nil); a.StatusCode != 200 {
		t.Fatalf("before: got %d %q", a.StatusCode, a.body)
	}
	keys := w.keys(p)
	revoked, err := trust.Statement{Kind: trust.Revocation, By: p, Key: keys.Assertion.ID(), Reason: "stolen", Issued: morning}.Sign(keys.Approval)
	if err != nil {
		t.Fatal(err)
	}
	w.stop()
	folder := filepath.Join(filepath.Dir(w.config.Journal), "directory", "statements")
	put := func(name, text string) {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("revoked.jws", revoked+"\n")
	w.start()
	if a := w.call(p, "GET", "/v1/duties", nil); a.StatusCode != 401 {
		t.Errorf("a key that was revoked got %d %q", a.StatusCode, a.body)
	}
	if a := w.call("ba/coordinator", "GET", "/v1/duties", nil); a.StatusCode != 200 {
		t.Errorf("another party got %d %q", a.StatusCode, a.body)
	}
	w.stop()
	put("nonsense.jws", "nobody signed this\n")
	if g, err := w.open(); err == nil {
		w.discard(g)
		t.Error("the gateway opened over what nobody signed")
	}
}
