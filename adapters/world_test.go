package adapters

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/certs"
	"example.org/trm/gateway"
)

// The world of these tests is one adapter over a real store and stand-ins that do as
// little as their interfaces promise. What it promises is tried against them; that the
// real parts fit together is tried in path_test.go.

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const (
	deliveryID = "019ab3c4-0000-7000-8000-00000000000d"
	canaryText = "Canary-Diagnosis-7K"
)

// crash is what the process dies of: a panic at a place where a real one could be killed.
type crash struct{}

// world is what outlives the process: the store's file, the national system, the queue.
type world struct {
	t    testing.TB
	path string
	log  bytes.Buffer

	mu       sync.Mutex // guards what follows
	now      time.Time
	steps    int // in this life: what the process asked of others
	dieAt    int // step at which it dies; 0 never
	ids      int
	opened   map[string]incoming.Opened
	refusals map[string]error
	effects  map[string]int // by consignment key
	order    []string       // of effects
	faults   []func(take func()) error
	told     []string // evidence that reached the gateway
	untold   int      // sendings that fail
	submits  [][]byte
	answers  []func() (string, *gateway.Document, error)
	fates    map[int64]Fate // by a pair's number
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{
		t: t, path: filepath.Join(t.TempDir(), "adapter.db"), now: noon,
		opened: map[string]incoming.Opened{}, refusals: map[string]error{}, effects: map[string]int{},
	}
}

// live is one life of the process. It ends with the test, or with end.
func (w *world) live(change func(*Config)) (a *Adapter, end func()) {
	w.t.Helper()
	s, err := store.Open(w.t.Context(), w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(end)
	c := Config{
		Country: "rs", Source: (*stubSource)(w), Office: (*stubOffice)(w), Transport: (*stubTransport)(w), Store: s,
		Desk: stubDesk{}, Gate: (*stubGate)(w), Keys: func(p gateway.Party) (*certs.Keys, bool) { return &certs.Keys{Party: p}, p.Country() == "rs" },
		Notary: (*stubNotary)(w), Examiner: stubExaminer{}, Opener: stubOpener{}, Directory: stubDirectory{},
		Now: w.clock, NewID: w.newID, Log: slog.New(slog.NewTextHandler(&w.log, nil)), Attempt: time.Minute,
		Retry: Pace{time.Second, time.Second}, Retell: Pace{time.Millisecond, time.Millisecond}, Resubmit: Pace{time.Millisecond, time.Millisecond},
		Callers: []Caller{{Token: "all"}, {Token: "child", Parties: []gateway.Party{"rs/child-protection"}}},
	}
	if change != nil {
		change(&c)
	}
	a, err = New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.steps = 0
	w.mu.Unlock()
	return a, end
}

// step is a place where the process may die: before and after what it asks of others. The
// world's mutex is held.
func (w *world) step() {
	if w.steps++; w.steps == w.dieAt {
		panic(crash{})
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.step()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("id-%d", w.ids)
}

// offer gives the item to one life, which may die of it.
func (w *world) offer(a *Adapter, it Item) (err error, died bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
			died = true
		}
	}()
	return a.take(w.t.Context(), it), false
}

// arrive makes a delivery that opens, and returns its entry in the queue.
func (w *world) arrive(id string, n int64, change func(*incoming.Opened)) Item {
	h := gateway.Head{ID: "m-" + id, Issuer: "ba/coordinator", Audience: "rs/coordinator", Thread: "t-1", Type: "referral.request/1.0", IssuedAt: noon, Expires: noon.Add(time.Hour)}
	o := incoming.Opened{
		Head: h,
		Binding: gateway.Binding{
			Delivery: id, Audience: h.Audience, IssuedAt: noon, Released: []string{"needs"}, Policy: "p",
			Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "o", N: n}, SDHash: "hash-" + id,
		},
		Views: []incoming.View{
			{Party: "rs/coordinator", Head: map[string]any{"jti": h.ID}, Clear: map[string]any{"needs": map[string]any{}}, SealedFor: []string{"health@child-protection"}},
			{Party: "rs/child-protection", Head: map[string]any{"jti": h.ID}, Sealed: map[string]any{"health@child-protection": canaryText}},
		},
	}
	if change != nil {
		change(&o)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened["wrapped-"+id] = o
	return Item{Delivery: id, Wrapped: "wrapped-" + id}
}

type stubOffice world

func (o *stubOffice) Open(wrapped string) (incoming.Opened, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	(*world)(o).step()
	return o.opened[wrapped], o.refusals[wrapped]
}

// stubTransport is a national system that takes effect once for each key.
type stubTransport world

func (s *stubTransport) Deliver(_ context.Context, c Consignment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	take := func() {
		if s.effects[c.Key()] == 0 {
			s.order = append(s.order, c.Key())
		}
		s.effects[c.Key()]++
	}
	if len(s.faults) == 0 {
		take()
		return nil
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f(take)
}

type stubSource world

func (s *stubSource) Run(ctx context.Context, _ func(context.Context, Item) error) error {
	<-ctx.Done()
	return nil
}

func (s *stubSource) Testify(_ context.Context, jws string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.untold > 0 {
		s.untold--
		return errors.New("the queue is away")
	}
	(*world)(s).step()
	s.told = append(s.told, jws)
	(*world)(s).step()
	return nil
}

func (s *stubSource) Acks(ctx context.Context, _ func(context.Context, string) error) error {
	<-ctx.Done()
	return nil
}

// stubNotary signs no two statements alike, as ECDSA does.
type stubNotary world

func (n *stubNotary) Testify(s gateway.Statement) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	(*world)(n).step()
	n.ids++
	raw, err := json.Marshal(map[string]any{"statement": s, "signature": n.ids})
	return string(raw), err
}

type stubExaminer struct{}

func (stubExaminer) Examine(jws string) (gateway.Statement, string, error) {
	var v struct{ Statement gateway.Statement }
	if err := json.Unmarshal([]byte(jws), &v); err != nil {
		return v.Statement, "", gateway.Refuse(gateway.CodeEvidence, "", "")
	}
	return v.Statement, "evidence " + string(v.Statement.Signer), nil
}

func (stubExaminer) Check(jws string, _ gateway.Key) error {
	if bytes.Contains([]byte(jws), []byte("forged")) {
		return gateway.Refuse(gateway.CodeSignature, "", "")
	}
	return nil
}

// statement reads a stand-in for evidence.
func statement(t testing.TB, jws string) gateway.Statement {
	t.Helper()
	s, _, err := stubExaminer{}.Examine(jws)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type stubDirectory struct{ gateway.Directory }

func (stubDirectory) Key(id string) (gateway.Key, bool) {
	var p gateway.Party
	if _, err := fmt.Sscanf(id, "evidence %s", &p); err != nil {
		return gateway.Key{}, false
	}
	return gateway.Key{ID: id, Party: p, Use: gateway.UseEvidence, NotBefore: noon.Add(-time.Hour), NotAfter: noon.AddDate(1, 0, 0)}, true
}

// stubDesk signs by writing the head as JSON.
type stubDesk struct{}

func (stubDesk) Preview(outgoing.Draft, gateway.ThreadFacts) (outgoing.Preview, error) {
	return outgoing.Preview{}, nil
}

func (stubDesk) Sign(d outgoing.Draft, f gateway.ThreadFacts, k *certs.Keys, _ outgoing.Options) (outgoing.Signed, error) {
	if d.Type == "" {
		return outgoing.Signed{}, gateway.Refuse(gateway.CodeTypeUnknown, "/type", "")
	}
	if d.To == "ba/prosecution" && d.Target != "" {
		return outgoing.Signed{}, gateway.Refuse(gateway.CodeReceiverMayNot, "/to", "")
	}
	h := gateway.Head{
		ID: "out-" + d.Thread + d.InReplyTo + d.Target, Issuer: d.From, Audience: d.To, Thread: d.Thread, Lane: d.Lane, Type: d.Type, Outcome: d.Outcome,
		Act: d.Act, Target: d.Target, InReplyTo: d.InReplyTo, Basis: d.Basis, IssuedAt: noon, Expires: noon.Add(time.Hour),
	}
	raw, err := json.Marshal(h)
	s := outgoing.Signed{Raw: raw, ID: h.MessageID(), Head: h}
	for unit, content := range d.Sealed {
		if len(content) > 0 {
			s.Preview.Readers = append(s.Preview.Readers, outgoing.Reader{Party: d.To, Parts: []outgoing.Part{{Unit: unit, Sealed: true}}})
		}
	}
	return s, err
}

type stubOpener struct{}

func (stubOpener) Decode(raw []byte) (gateway.Parts, error) {
	var h gateway.Head
	if err := json.Unmarshal(raw, &h); err != nil {
		return gateway.Parts{}, err
	}
	return gateway.Parts{Head: h, Digest: gateway.Digest(slices.Repeat([]byte{7}, 32))}, nil
}

func (stubOpener) Verify(gateway.Parts, gateway.Key) error { return nil }

// stubGate is a gateway whose answers are prepared; without one it gives a receipt.
type stubGate world

func (g *stubGate) Submit(_ context.Context, _ gateway.Party, raw []byte, _ gateway.Lane) (string, *gateway.Document, error) {
	g.mu.Lock()
	g.submits = append(g.submits, bytes.Clone(raw))
	if len(g.answers) > 0 {
		f := g.answers[0]
		g.answers = g.answers[1:]
		g.mu.Unlock()
		return f()
	}
	g.mu.Unlock()
	return (*world)(g).receipt(raw), nil, nil
}

// receipt is the gateway's for an envelope.
func (w *world) receipt(raw []byte) string {
	p, err := stubOpener{}.Decode(raw)
	if err != nil {
		w.t.Error(err)
	}
	jws, err := (*stubNotary)(w).Testify(gateway.Statement{
		Signer: gateway.TheGateway, At: noon, Event: gateway.SubmissionAcceptance, Message: p.Head.MessageID(), Envelope: p.Digest.String(),
	})
	if err != nil {
		w.t.Error(err)
	}
	return jws
}

func (g *stubGate) Message(context.Context, gateway.Party, gateway.MessageID) (Status, error) {
	return Status{}, errors.New("the gateway is away")
}

func (g *stubGate) Number(_ context.Context, _ gateway.Party, n gateway.PairNumber) (Fate, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fates == nil {
		return Fate{}, errors.New("the gateway is away")
	}
	return g.fates[n.N], nil
}

// final is the one final event that the store holds for a delivery.
func final(t testing.TB, a *Adapter, id string) gateway.Statement {
	t.Helper()
	f, err := a.Store.Final(t.Context(), id)
	if err != nil {
		t.Fatalf("no final evidence: %v", err)
	}
	return statement(t, f.JWS)
}

func alarms(t testing.TB, a *Adapter) map[string]string {
	t.Helper()
	list, err := a.Store.Alarms(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, x := range list {
		out[x.Kind] = x.Ref
	}
	return out
}
