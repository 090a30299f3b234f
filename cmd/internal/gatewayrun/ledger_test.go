package gatewayrun_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/trust"
)

// unwitnessed lists a log that needs no witness.
func unwitnessed(doc *trust.Document) { doc.Log.Policy = "quorum none\n" }

// year is the origin of the world's clock.
const year = "trm/2026"

// proofs are what the door gives of a message.
func (w *world) proofs(p gateway.Party, id gateway.MessageID) (entries []map[string]any) {
	w.t.Helper()
	a := w.call(p, http.MethodGet, "/v1/messages/"+string(id.Issuer)+"/"+id.ID+"/proofs", nil)
	var out struct{ Entries []map[string]any }
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.StatusCode != http.StatusOK {
		w.t.Fatalf("%d %s: %v", a.StatusCode, a.body, err)
	}
	return out.Entries
}

func TestAMessageIsProvenByTheDirectoryAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sign(w.dir, unwitnessed)
	w.start()
	s := w.signed(capacity, outgoing.Options{}, nil)
	if a := w.submit(s.Head.Issuer, s.Raw); a.StatusCode != http.StatusAccepted {
		t.Fatal(a.StatusCode, a.body)
	}
	id := s.Head.MessageID()
	listed, _ := w.dirs.Log()
	key, err := quorum.ParseKey(listed.Key)
	if err != nil {
		t.Fatal(err)
	}
	var entry map[string]any
	w.until("the entry to be proven", func() bool {
		entry = w.proofs(s.Head.Issuer, id)[0]
		return entry["state"] == "proven"
	})
	text := func(name string) string { s, _ := entry[name].(string); return s }
	if _, err := ledger.VerifyProof([]byte(text("entry")), []byte(text("proof")), key.Named(year).String(), "quorum none\n"); err != nil {
		t.Error(err)
	}
	leaf, err := ledger.ParseEntry([]byte(text("entry")))
	if err != nil || leaf.Event != gateway.SubmissionAcceptance || leaf.Pair != (gateway.PairNumber{From: s.Head.Issuer.Country(), To: s.Head.Audience.Country(), Origin: year, N: 1}) {
		t.Errorf("%+v, %v", leaf, err)
	}
	if entry["concealed"] == nil || !strings.Contains(text("opening"), id.ID) {
		t.Errorf("the sender gets %v", entry)
	}
	if other := w.proofs(s.Head.Audience, id)[0]; other["concealed"] != nil || other["entry"] != entry["entry"] || other["opening"] != entry["opening"] {
		t.Errorf("the recipient gets %v", other)
	}
	a := w.call("selec/liaison", http.MethodGet, "/v1/log/checkpoint", nil)
	c, _, err := ledger.OpenCheckpoint([]byte(a.body), key.Named(year))
	if err != nil || c.Size < 4 {
		t.Errorf("the checkpoint is %+v, %v", c, err)
	}
	bundle := w.call("rs/auditor", http.MethodGet, fmt.Sprintf("/v1/log/%s/tile/entries/000.p/%d", year, c.Size), nil)
	leaves, err := ledger.SplitBundle([]byte(bundle.body))
	if err != nil || int64(len(leaves)) != c.Size {
		t.Fatalf("%d entries, %v", len(leaves), err)
	}
	for i, want := range []gateway.Event{gateway.DirectoryInForce, gateway.PolicyInForce, gateway.SchemasInForce} {
		if e, err := ledger.ParseEntry(leaves[i]); err != nil || e.Event != want {
			t.Errorf("entry %d is %s, %v: what is in force stands before every message", i, e.Event, err)
		}
	}
	if a := w.call("", http.MethodGet, "/readyz", nil); !strings.Contains(a.body, `"log":"`) {
		t.Errorf("readiness says %s", a.body)
	}
	if a := w.call("", http.MethodGet, "/v1/log/checkpoint/daily", nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("today's checkpoint is shown to anybody: %d %s", a.StatusCode, a.body)
	}
	w.now.add(24 * time.Hour)
	if a := w.call("", http.MethodGet, "/v1/log/checkpoint/daily", nil); a.StatusCode != http.StatusOK || !strings.HasPrefix(a.body, year+"\n") {
		t.Errorf("yesterday's checkpoint is not shown: %d %s", a.StatusCode, a.body)
	}
}

// Without its witnesses a message is received and pending, and the gateway ready.
func TestWithoutWitnessesAMessageIsPending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil) // the development directory names three witnesses, who are not here
	w.start()
	s := w.signed(capacity, outgoing.Options{}, nil)
	if a := w.submit(s.Head.Issuer, s.Raw); a.StatusCode != http.StatusAccepted {
		t.Fatal(a.StatusCode, a.body)
	}
	w.until("the entry to have its place", func() bool { return w.proofs(s.Head.Issuer, s.Head.MessageID())[0]["state"] != "waiting" })
	if e := w.proofs(s.Head.Issuer, s.Head.MessageID())[0]; e["state"] != "pending" || e["proof"] != nil {
		t.Errorf("without witnesses the entry is %v", e)
	}
	w.until("readiness to say so", func() bool {
		a := w.call("", http.MethodGet, "/readyz", nil)
		return a.StatusCode == http.StatusOK && strings.Contains(a.body, "not witnessed for")
	})
}

func TestALogThatCannotBeSignedIsNotBegun(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(w *world) error{
		"its key is not there":     func(w *world) error { return os.Remove(filepath.Join(w.dir, certs.LogKeyFile())) },
		"its key is another one":   func(w *world) error { return another(w, certs.LogName) },
		"its key has another name": func(w *world) error { return another(w, "other") },
		"its key is none": func(w *world) error {
			return os.WriteFile(filepath.Join(w.dir, certs.LogKeyFile()), []byte("none\n"), 0o600)
		},
		"its guard has no folder": func(w *world) error {
			w.config.Log.Guard = filepath.Join(w.dir, "nowhere", "log.guard")
			return nil
		},
		"its origin is another region's": func(w *world) error { w.config.Origin = "other/2026"; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			if err := spoil(w); err != nil {
				t.Fatal(err)
			}
			g, err := w.open()
			if err == nil {
				w.discard(g)
				t.Fatal("it begins")
			}
			if strings.Contains(err.Error(), "PRIVATE+KEY+trm") || strings.Contains(err.Error(), "PRIVATE+KEY+other") {
				t.Errorf("the error quotes a key: %v", err)
			}
		})
	}
}

// another puts another key in the place of the log's.
func another(w *world, name string) error {
	path := filepath.Join(w.dir, certs.LogKeyFile())
	line, _, err := quorum.Generate(name, quorum.Log)
	return errors.Join(err, os.WriteFile(path, []byte(line), 0o600))
}

func TestADirectoryWithoutLogLeavesMessagesUnproven(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sign(w.dir, func(doc *trust.Document) { doc.Log = nil })
	w.start()
	s := w.signed(capacity, outgoing.Options{}, nil)
	if a := w.submit(s.Head.Issuer, s.Raw); a.StatusCode != http.StatusAccepted {
		t.Fatal(a.StatusCode, a.body)
	}
	if e := w.proofs(s.Head.Issuer, s.Head.MessageID())[0]; e["state"] != "waiting" {
		t.Errorf("there is no log, and the entry is %v", e)
	}
	for _, path := range []string{"/v1/log/checkpoint", "/v1/log/checkpoint/daily", "/v1/log/trm/2026/checkpoint", "/v1/log/trm/2026/tile/0/000.p/1"} {
		if a := w.call("me/coordinator", http.MethodGet, path, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestAPlaceOfTheLogIsCheckedInTheConfiguration(t *testing.T) {
	t.Parallel()
	c := gatewayrun.Config{Certs: "/c", Journal: "/j", Origin: "2026", Log: gatewayrun.Log{Witnesses: map[string]string{"al": "127.0.0.1:1"}}}
	err := c.Validate()
	if err == nil || !strings.Contains(err.Error(), "origin: ") || !strings.Contains(err.Error(), "log.witnesses: ") {
		t.Error(err)
	}
}
