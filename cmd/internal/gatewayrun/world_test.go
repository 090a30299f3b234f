package gatewayrun_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/cmd/internal/telemetry"
	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/queue"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// The world of these tests is the whole gateway with nothing of it replaced, over a Redis
// inside the test and development keys, and both countries' sides as their adapters have
// them.

const audience = gateway.Audience

// morning is when the examples that the schemas carry were written.
var morning = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

type world struct {
	t      testing.TB
	quiet  bool // logs nothing
	dir    string
	redis  *redis.Client
	set    *schemas.Set
	dirs   *trust.Directory
	config gatewayrun.Config
	logged *buffer
	now    *clock

	gateway *gatewayrun.Gateway
	url     string
	stop    func()
}

func newWorld(t testing.TB, change func(*gatewayrun.Config)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), logged: &buffer{}, now: &clock{at: morning}}
	if _, err := certs.Develop(w.dir, certs.Options{Now: morning.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	pins, first, err := trust.ReadFolder(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	if w.dirs, err = trust.Open(first, pins, morning, 0); err != nil {
		t.Fatal(err)
	}
	if w.set, err = schemas.Open(); err != nil {
		t.Fatal(err)
	}
	m := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: m.Addr()})
	w.redis = client
	t.Cleanup(func() { client.Close() })
	w.config = gatewayrun.Config{
		Listen: "127.0.0.1:0", Operators: "off", Certs: w.dir, Development: true,
		Journal: filepath.Join(w.dir, "gateway", "journal.db"),
	}
	if change != nil {
		change(&w.config)
	}
	return w
}

func (w *world) open() (*gatewayrun.Gateway, error) {
	env := gatewayrun.Environment{
		Log:     telemetry.Logger(io.MultiWriter(w.logged, w.t.Output()), slog.LevelDebug),
		Schemas: w.set, Now: w.now.Now,
	}
	if w.quiet {
		env.Log = nil
	}
	if w.redis != nil {
		env.Redis = w.redis
	}
	return gatewayrun.New(w.t.Context(), w.config, env)
}

// start runs the gateway until the test ends or stop is called.
func (w *world) start() {
	w.t.Helper()
	g, err := w.open()
	if err != nil {
		w.t.Fatal(err)
	}
	w.gateway, w.url = g, "http://"+g.Addr().String()
	// Not the test's context: that ends before the clean-up that waits.
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the gateway ended with %v", err)
		}
	})
	w.t.Cleanup(w.stop)
}

// sign puts a changed directory into the folder, under four hands.
func (w *world) sign(dir string, change func(*trust.Document)) {
	w.t.Helper()
	doc := w.dirs.Document()
	change(&doc)
	var hands []*envelope.Private
	for _, c := range []gateway.Country{"al", "ba", "md", "rs"} {
		k, err := certs.Coordinator(w.dir, c)
		if err != nil {
			w.t.Fatal(err)
		}
		hands = append(hands, k)
	}
	raw, err := trust.Sign(doc, hands...)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "directory.json"), raw, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) keys(p gateway.Party) *certs.Keys {
	w.t.Helper()
	k, err := certs.LoadAt(w.dir, p, w.now.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return k
}

// signed is the type's example as a signed envelope of its sender.
func (w *world) signed(typ string, o outgoing.Options, change func(map[string]any)) outgoing.Signed {
	w.t.Helper()
	return w.signedBy(w.dirs, typ, o, change)
}

// signedBy is signed by a desk that goes by another directory.
func (w *world) signedBy(directory gateway.Directory, typ string, o outgoing.Options, change func(map[string]any)) outgoing.Signed {
	w.t.Helper()
	raw, ok := w.set.Example(typ)
	if !ok {
		w.t.Fatalf("no example of %s", typ)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		w.t.Fatal(err)
	}
	if change != nil {
		change(m)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := outgoing.ParseDraft(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := policy.Default()
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := outgoing.Desk{Directory: directory, Catalogue: w.set, Policy: p, Now: w.now.Now, NewID: newID}.Sign(d, gateway.ThreadFacts{}, w.keys(d.From), o)
	if err != nil {
		w.t.Fatalf("signing the example of %s: %v", typ, err)
	}
	return s
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
}

func (w *world) call(p gateway.Party, method, path string, body []byte, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if p != "" {
		r.Header.Set("Authorization", "Bearer "+w.assertion(p))
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{res, string(got)}
}

// assertion is a fresh one of the party.
func (w *world) assertion(p gateway.Party) string {
	w.t.Helper()
	now := w.now.Now()
	jwt, err := envelope.SignAssertion(envelope.Assertion{Party: p, Audience: audience, ID: newID(), IssuedAt: now, Expires: now.Add(time.Minute)}, w.keys(p).Assertion)
	if err != nil {
		w.t.Fatal(err)
	}
	return jwt
}

func (w *world) submit(p gateway.Party, raw []byte, headers ...string) answer {
	w.t.Helper()
	return w.call(p, "POST", "/v1/messages", raw, append([]string{"Content-Type", api.TypeEnvelope}, headers...)...)
}

// state asks for a message until it is in the state; the test's own deadline ends it.
func (w *world) state(p gateway.Party, path string, want gateway.State) map[string]any {
	w.t.Helper()
	for {
		a := w.call(p, "GET", path, nil)
		var m map[string]any
		if err := json.Unmarshal([]byte(a.body), &m); err != nil || a.StatusCode != 200 {
			w.t.Fatalf("asking for the state got %d %q", a.StatusCode, a.body)
		}
		if m["state"] == string(want) {
			return m
		}
		select {
		case <-w.t.Context().Done():
			w.t.Fatalf("the state is %v, want %s", m["state"], want)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// deliver is the adapter of a country as thin as it can be: it takes one delivery, opens
// it, signs that it arrived, and waits for the gateway's acknowledgement.
func (w *world) deliver(c gateway.Country) incoming.Opened {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	office := incoming.Office{Country: c, Directory: w.dirs, Catalogue: w.set, Keys: func(p gateway.Party) (*certs.Keys, bool) {
		k, err := certs.LoadAt(w.dir, p, w.now.Now())
		return k, err == nil
	}}
	consumer := &queue.Consumer{Client: w.redis, Country: c, Name: "test", Log: slog.New(slog.DiscardHandler)}
	got, failed := make(chan incoming.Opened, 1), make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() {
		err := consumer.Run(ctx, func(ctx context.Context, it queue.Item) error {
			o, err := office.Open(it.Wrapped)
			if err != nil {
				select {
				case failed <- err:
				default:
				}
				return err
			}
			aud := o.Head.Audience
			jws, err := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{aud: w.keys(aud).Evidence}}.Testify(gateway.Statement{
				ID: newID(), Signer: aud, At: w.now.Now(), Event: gateway.ContentConsignment, Message: o.Head.MessageID(),
				Delivery: it.Delivery, SDHash: o.Binding.SDHash, Pair: o.Binding.Pair,
			})
			if err != nil {
				return err
			}
			if err := consumer.Testify(ctx, jws); err != nil {
				return err
			}
			got <- o
			return nil
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			w.t.Error(err)
		}
	})
	acked := make(chan string, 1)
	running.Go(func() {
		_ = consumer.Acks(ctx, func(_ context.Context, ack string) error {
			select {
			case acked <- ack:
			default:
			}
			return nil
		})
	})
	var o incoming.Opened
	select {
	case o = <-got:
	case err := <-failed:
		w.t.Fatalf("opening the delivery: %v", err)
	}
	s, _, err := envelope.Codec{}.Examine(<-acked)
	if err != nil || s.Event != gateway.EvidenceRecorded {
		w.t.Errorf("the gateway acknowledged with %+v, %v", s, err)
	}
	cancel()
	running.Wait()
	return o
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *buffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *buffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
