package adapters_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"example.org/trm/adapters"
	"example.org/trm/adapters/filedrop"
	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/sop"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
	"example.org/trm/test/canary"
)

// region is a whole region around a test: a real gateway without its door and its queue,
// and two real adapters. The queue between them is a slice.
type region struct {
	t         *testing.T
	dir       string
	directory *trust.Directory
	schemas   *schemas.Set
	receiver  *gateway.Receiver
	collector *gateway.Collector
	journal   *journal.Journal
	log       *bytes.Buffer // of the adapters
	countries map[gateway.Country]*country

	mu    sync.Mutex
	given []string // ids of deliveries that were put into a queue
}

type country struct {
	*adapters.Adapter
	r     *region
	name  gateway.Country
	store *store.Store
	keys  map[gateway.Party]*certs.Keys
	items chan adapters.Item
	acks  chan string
	stop  func()
}

func newRegion(t *testing.T) *region {
	t.Helper()
	r := &region{t: t, dir: t.TempDir(), log: &bytes.Buffer{}, countries: map[gateway.Country]*country{}}
	keys := filepath.Join(r.dir, "certs")
	_, err := certs.Develop(keys, certs.Options{})
	must(t, err)
	r.directory, err = trust.OpenFolder(keys, time.Now())
	must(t, err)
	r.schemas, err = schemas.Open()
	must(t, err)
	rules, err := policy.Default()
	must(t, err)
	own, err := certs.Load(keys, gateway.TheGateway)
	must(t, err)
	r.journal, err = journal.Open(filepath.Join(r.dir, "gateway.db"), journal.Options{Origin: "trm-2026"})
	must(t, err)
	t.Cleanup(func() { _ = r.journal.Close() })
	notary := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{gateway.TheGateway: own.Evidence}}
	r.receiver = &gateway.Receiver{
		Opener: envelope.Codec{}, Directory: r.directory, Catalogue: r.schemas, Procedure: sop.Rules{Types: r.schemas}, Policy: rules, Binder: envelope.Binder{Keys: []*envelope.Private{own.Binding}},
		Notary: notary, Journal: r.journal, Origin: "trm-2026", Now: time.Now, NewID: newID,
		Auditor: func(c gateway.Country) gateway.Party { return gateway.Party(c) + "/auditor" },
	}
	r.collector = &gateway.Collector{
		Examiner: envelope.Codec{}, Notary: notary, Directory: r.directory, Book: r.journal,
		Log: slog.New(slog.DiscardHandler), Now: time.Now, NewID: newID,
	}
	for _, c := range []gateway.Country{"ba", "rs"} {
		r.countries[c] = r.open(c, rules)
	}
	return r
}

// open starts a country's adapter.
func (r *region) open(c gateway.Country, rules *policy.Policy) *country {
	t := r.t
	keys := map[gateway.Party]*certs.Keys{}
	notary := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{}}
	for _, p := range r.directory.Parties() {
		if p.Country() == c {
			k, err := certs.Load(filepath.Join(r.dir, "certs"), p)
			must(t, err)
			keys[p], notary.Keys[p] = k, k.Evidence
		}
	}
	find := func(p gateway.Party) (*certs.Keys, bool) { k, ok := keys[p]; return k, ok }
	s := &country{r: r, name: c, keys: keys, items: make(chan adapters.Item, 16), acks: make(chan string, 64)}
	var err error
	s.store, err = store.Open(t.Context(), filepath.Join(r.dir, string(c)+".db"))
	must(t, err)
	drop := filepath.Join(r.dir, "drop", string(c))
	must(t, os.MkdirAll(drop, 0o700))
	s.Adapter, err = adapters.New(adapters.Config{
		Country: c, Source: s, Transport: filedrop.Drop{Dir: drop}, Store: s.store, Gate: s, Keys: find,
		Office: incoming.Office{Country: c, Keys: find, Directory: r.directory, Catalogue: r.schemas},
		Desk:   outgoing.Desk{Directory: r.directory, Catalogue: r.schemas, Policy: rules, Now: time.Now, NewID: newID},
		Notary: notary, Examiner: envelope.Codec{}, Opener: envelope.Codec{}, Directory: r.directory, Now: time.Now, NewID: newID,
		Log: slog.New(slog.NewJSONHandler(&locked{w: r.log}, nil)), Callers: []adapters.Caller{{Token: token}},
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Adapter.Run(ctx) })
	s.stop = sync.OnceFunc(func() { cancel(); wg.Wait(); must(t, s.store.Close()) })
	t.Cleanup(s.stop)
	return s
}

const token = "0123456789abcdef0123456789abcdef"

// Run is the queue as the adapter sees it.
func (c *country) Run(ctx context.Context, take func(context.Context, adapters.Item) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case it := <-c.items:
			if err := take(ctx, it); err != nil && ctx.Err() == nil {
				c.items <- it
			}
		}
	}
}

func (c *country) Testify(ctx context.Context, jws string) error {
	ack, err := c.r.collector.Collect(ctx, c.name, jws)
	if err == nil {
		c.acks <- ack
	}
	return err
}

func (c *country) Acks(ctx context.Context, handle func(context.Context, string) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case ack := <-c.acks:
			if err := handle(ctx, ack); err != nil {
				return err
			}
		}
	}
}

// Submit is the door: it receives, and puts what was recorded into the destination's
// queue, as the dispatcher does.
func (c *country) Submit(ctx context.Context, as gateway.Party, raw []byte, lane gateway.Lane) (string, *gateway.Document, error) {
	a, err := c.r.receiver.Accept(ctx, as, announced(lane), gateway.Received(raw, time.Now()), "")
	if err != nil {
		d := gateway.AsProblem(err).Document()
		return "", &d, nil
	}
	if a.Refusal != nil {
		d := a.Refusal.Document()
		return "", &d, nil
	}
	for name, to := range c.r.countries {
		ws, err := c.r.journal.Next(ctx, name, time.Now(), 16)
		if err != nil {
			return "", nil, err
		}
		if ws, err = c.r.journal.Place(ctx, ws, false); err != nil {
			return "", nil, err
		}
		for _, w := range ws {
			c.r.mu.Lock()
			c.r.given = append(c.r.given, w.ID)
			c.r.mu.Unlock()
			to.items <- adapters.Item{Delivery: w.ID, Wrapped: w.Wrapped}
		}
	}
	return string(a.Receipt), nil, nil
}

func announced(l gateway.Lane) gateway.Lane {
	if l == gateway.Urgent {
		return l
	}
	return gateway.Normal
}

func (c *country) Message(ctx context.Context, _ gateway.Party, id gateway.MessageID) (adapters.Status, error) {
	s, ok, err := c.r.journal.Status(ctx, id)
	if err != nil || !ok {
		return adapters.Status{}, errors.Join(err, errors.New("no such message"))
	}
	return adapters.Status{Issuer: id.Issuer, ID: id.ID, State: s.State, Evidence: s.Evidence}, nil
}

func (c *country) Number(context.Context, gateway.Party, gateway.PairNumber) (adapters.Fate, error) {
	return adapters.Fate{}, errors.New("not asked in this test")
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for what other goroutines do, and fails the test if they do not.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// deliveries are those to a country that were put into its queue, as its journal has them.
func (c *country) deliveries(t *testing.T) []store.Delivery {
	t.Helper()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	var out []store.Delivery
	for _, id := range c.r.given {
		if d, err := c.store.Delivery(t.Context(), id); err == nil {
			out = append(out, d)
		}
	}
	return out
}

// locked lets two adapters write into one buffer.
type locked struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// referral is the example of the type as a draft from BA to RS, and the canaries that its
// sealed blocks hold.
func referral(t *testing.T, set *schemas.Set) ([]byte, canary.Flock) {
	t.Helper()
	raw, ok := set.Example("referral.request/1.0")
	if !ok {
		t.Fatal("no example of a referral")
	}
	var d map[string]any
	must(t, json.Unmarshal(raw, &d))
	d["from"], d["to"] = "ba/coordinator", "rs/coordinator"
	delete(d, "thread")
	delete(d, "inReplyTo")
	var flock canary.Flock
	sealed, ok := d["sealed"].(map[string]any)
	if !ok {
		t.Fatal("the example seals nothing")
	}
	for unit, content := range sealed {
		texts(content, func(path, s string) {
			if strings.Contains(strings.ToLower(s), "canary") {
				must(t, flock.Add(unit+path, s))
			}
		})
	}
	out, err := json.Marshal(d)
	must(t, err)
	return out, flock
}

func texts(v any, found func(path, s string)) {
	switch v := v.(type) {
	case string:
		found("", v)
	case map[string]any:
		for k, w := range v {
			texts(w, func(p, s string) { found("/"+k+p, s) })
		}
	case []any:
		for i, w := range v {
			texts(w, func(p, s string) { found(fmt.Sprintf("/%d%s", i, p), s) })
		}
	}
}

// files are the names of the files below a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, strings.TrimPrefix(p, dir+string(filepath.Separator)))
		}
		return err
	}))
	return out
}
