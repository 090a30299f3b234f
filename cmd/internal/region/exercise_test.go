package region

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"example.org/trm/adapters"
	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/ledger/quorum"
	"example.org/trm/gateway/trust"
)

// exercise is the disaster exercise of gateway/doc/ledger.md, played with a whole region.
type exercise struct {
	t      *testing.T
	dir    string
	region *Region
}

func (e *exercise) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *exercise) start() {
	e.t.Helper()
	var err error
	e.region, err = Start(e.t.Context(), Options{Dir: e.dir, Embedded: true, follow: 50 * time.Millisecond})
	e.must(err)
}

func (e *exercise) stop() {
	e.t.Helper()
	e.must(e.region.Stop())
}

func (e *exercise) call(c gateway.Country, method, path string, in []byte) (out adapters.Sent, err error) {
	office := e.region.Adapters[c]
	req, err := http.NewRequestWithContext(e.t.Context(), method, office.API+path, bytes.NewReader(in))
	if err != nil {
		return out, err
	}
	req.Header.Set("Authorization", "Bearer "+office.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return out, fmt.Errorf("the adapter answers %d", resp.StatusCode)
	}
	return out, json.NewDecoder(resp.Body).Decode(&out)
}

// send gives a question to the sender's adapter and waits until it is answered for as
// delivered.
func (e *exercise) send(to gateway.Party) gateway.MessageID {
	e.t.Helper()
	draft, err := json.Marshal(map[string]any{
		"type": "capacity.request/1.0", "from": "me/coordinator", "to": to, "thread": uuid.Must(uuid.NewV7()).String(), "lane": "child",
		"purpose": "protection", "basis": "cets197-32", "answerBy": time.Now().UTC().Add(20 * time.Hour).Truncate(time.Second).Format(time.RFC3339),
		"blocks": map[string]any{
			"subject": map[string]any{"phase": 1, "victimStatus": "presumed", "decidedBy": "ngo", "effect": "informal", "child": "age-disputed"},
			"needs":   map[string]any{"n4k2p9": map[string]any{"code": "foster-care", "urgency": "soon"}},
			"asks":    map[string]any{"a5t8d2": map[string]any{"code": "place-available", "why": "to-find-a-place"}},
		},
	})
	e.must(err)
	sent, err := e.call("me", http.MethodPost, "/v1/drafts", draft)
	e.must(err)
	id := gateway.MessageID{Issuer: sent.Issuer, ID: sent.ID}
	e.delivered(id, "")
	return id
}

// delivered waits until the gateway says that a message was delivered and its sender holds
// a receipt of the origin.
func (e *exercise) delivered(id gateway.MessageID, origin string) {
	e.t.Helper()
	e.await("a message to be delivered", func() error {
		s, err := e.call("me", http.MethodGet, "/v1/outbox/"+id.ID, nil)
		if err != nil {
			return err
		}
		receipt, _, err := envelope.Codec{}.Examine(s.Receipt)
		if err != nil || s.Gateway != gateway.StateDelivered || origin != "" && receipt.Pair.Origin != origin {
			return fmt.Errorf("it is %s, at the gateway %q, with number %v: %w", s.State, s.Gateway, receipt.Pair, err)
		}
		return nil
	})
}

func (e *exercise) await(what string, done func() error) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			e.t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

func (e *exercise) config() gatewayrun.Config {
	return gatewayrun.Config{Certs: e.dir, Development: true, Journal: filepath.Join(e.dir, "gateway", "journal.db")}
}

// files are what lies in a country's folders, by the message's id.
func (e *exercise) files(c gateway.Country) map[string]int {
	e.t.Helper()
	n := map[string]int{}
	e.must(filepath.WalkDir(e.region.Adapters[c].Files, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var doc adapters.Document
		if err := json.Unmarshal(raw, &doc); err != nil {
			return nil // not a delivery
		}
		if id, ok := doc.Head["jti"].(string); ok {
			n[id]++
		}
		return nil
	}))
	return n
}

// TestTheJournalIsLostAndYesterdaysCopyIsAllThereIs plays the exercise of the operator's
// page: what was lost comes back from those who sent it, takes no second effect, and is
// proven in a log that commits to the old one.
func TestTheJournalIsLostAndYesterdaysCopyIsAllThereIs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs a region three times")
	}
	e := &exercise{t: t, dir: t.TempDir()}
	e.start()
	before := e.send("rs/coordinator")
	e.stop()
	copied := filepath.Join(t.TempDir(), "yesterday")
	e.must(os.CopyFS(copied, os.DirFS(filepath.Join(e.dir, "gateway"))))

	e.start()
	lost := []gateway.MessageID{e.send("rs/coordinator"), e.send("ba/coordinator"), e.send("rs/coordinator")}
	seen := map[gateway.Country]map[string]int{"rs": e.files("rs"), "ba": e.files("ba")}
	e.stop()
	if seen["rs"][before.ID] == 0 || seen["rs"][lost[0].ID] == 0 || seen["ba"][lost[1].ID] == 0 {
		t.Fatalf("what was delivered does not lie in the folders: %v", seen)
	}

	// The copy comes back; guard and list of purges stay as they are.
	e.must(os.RemoveAll(filepath.Join(e.dir, "gateway")))
	e.must(os.CopyFS(filepath.Join(e.dir, "gateway"), os.DirFS(copied)))
	shown, err := gatewayrun.Show(t.Context(), e.config())
	if err != nil || !strings.Contains(shown.Wrong, "rolled back") {
		t.Fatalf("%+v, %v", shown, err)
	}
	origin, err := gatewayrun.Succeed(t.Context(), e.config(), nil)
	e.must(err)
	if !strings.HasSuffix(origin, ".2") {
		t.Errorf("the log goes on as %s", origin)
	}
	if _, err := gatewayrun.Succeed(t.Context(), e.config(), nil); err == nil {
		t.Error("it was succeeded twice")
	}

	e.start()
	for _, id := range lost {
		e.delivered(id, origin)
	}
	after := e.send("rs/coordinator")
	for c, was := range seen {
		now := e.files(c)
		for id, n := range was {
			if now[id] != n {
				t.Errorf("in %s, message %s lies there %d times, and %d times before", c, id, now[id], n)
			}
		}
	}
	e.proven(origin, append(lost, after))
	e.stop()
}

// proven waits until every entry about the messages is proven in the log of the origin, by
// the directory alone.
func (e *exercise) proven(origin string, ids []gateway.MessageID) {
	e.t.Helper()
	d, err := trust.OpenFolder(e.dir, time.Now())
	e.must(err)
	listed, _ := d.Log()
	key, err := quorum.ParseKey(listed.Key)
	e.must(err)
	j, err := journal.Open(e.config().Journal, journal.Options{Origin: origin})
	e.must(err)
	defer func() { e.must(j.Close()) }()
	s, err := ledger.Began(e.t.Context(), j, origin)
	if err != nil || s.Of == "" || s.Of == origin {
		e.t.Errorf("the log begins with %+v, %v", s, err)
	}
	l, err := ledger.New(ledger.Options{Origin: s.Of, Store: j, Signer: e.signer(), Guard: e.guard()})
	e.must(err)
	for _, id := range ids {
		list, err := j.Entries(e.t.Context(), id)
		e.must(err)
		var events []gateway.Event
		for _, entry := range list {
			events = append(events, entry.Event)
			var p ledger.Proof
			e.await("an entry to be proven", func() error {
				if entry.Leaf == nil {
					return errors.New("it had no place")
				}
				p, err = l.Prove(e.t.Context(), entry.Origin, entry.Index)
				return err
			})
			if _, err := ledger.VerifyProof(entry.Leaf, p.Marshal(), key.Named(origin).String(), listed.Policy); err != nil {
				e.t.Errorf("message %s, %s: %v", id.ID, entry.Event, err)
			}
		}
		if !slices.Contains(events, gateway.SubmissionAcceptance) || !slices.Contains(events, gateway.ContentConsignment) {
			e.t.Errorf("of message %s the log has %v", id.ID, events)
		}
	}
}

func (e *exercise) signer() *ledger.Signer {
	e.t.Helper()
	raw, err := os.ReadFile(filepath.Join(e.dir, "keys", "gateway", "log.key"))
	e.must(err)
	s, err := ledger.ParseSigner(string(raw), nil)
	e.must(err)
	return s
}

func (e *exercise) guard() *ledger.Guard {
	e.t.Helper()
	g, err := ledger.OpenGuard(filepath.Join(e.dir, "log.guard"))
	e.must(err)
	return g
}
