package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/envelope"
	"example.org/trm/schemas"
)

// The world of these tests is the door over stand-ins for what lies behind it. Keys,
// assertions and receipts are real; an "envelope" is a JSON object that says what the
// receiver is to answer.

const audience = gateway.Audience

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// parties are one of each kind that calls, and a second office.
var parties = []gateway.Party{"ba/coordinator", "rs/coordinator", "rs/child-protection", "me/mobile-team.2", "rs/auditor", "selec/liaison", gateway.TheGateway}

type world struct {
	t         *testing.T
	server    api.Server
	url       string
	now       *clock
	directory *directory
	receiver  *receiver
	messages  *messages
	duties    *duties
	queue     *line
	collector *collector
	previewer *previewer
	overseer  *overseer
	ledger    *book
	logged    *safeBuffer
	ids       int
}

type option func(*world)

func newWorld(t *testing.T, opts ...option) *world {
	t.Helper()
	set, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: &clock{at: noon}, logged: &safeBuffer{}, messages: &messages{}, duties: &duties{}, queue: newLine(), collector: &collector{}, previewer: &previewer{}, overseer: &overseer{}, ledger: &book{}}
	w.directory = newDirectory(t)
	w.receiver = &receiver{notary: envelope.Notary{Keys: map[gateway.Party]*envelope.Private{gateway.TheGateway: w.directory.evidence}}, answers: map[gateway.MessageID]recorded{}}
	w.server = api.Server{
		Receiver: w.receiver, Messages: w.messages, Ledger: w.ledger, Audits: &archives{}, Duties: w.duties, Queue: w.queue, Collector: w.collector, Previewer: w.previewer, Overseer: w.overseer, Overrides: w.overseer, Directory: w.directory, Schemas: set, Examiner: envelope.Codec{},
		Policy: []byte(`{"digest":"x","rules":[]}`), Audience: audience, Now: w.now.Now,
		Log: slog.New(slog.NewJSONHandler(io.MultiWriter(w.logged, t.Output()), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, o := range opts {
		o(w)
	}
	h, err := w.server.Handler()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

func withLimits(l api.Limits) option { return func(w *world) { w.server.Limits = l } }
func withChecks(c ...api.Check) option {
	return func(w *world) { w.server.Checks = c }
}
func withTelemetry(tp trace.TracerProvider, mp metric.MeterProvider) option {
	return func(w *world) { w.server.Tracer, w.server.Meter = tp, mp }
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
}

func (a answer) document(t *testing.T) gateway.Document {
	t.Helper()
	var d gateway.Document
	if err := json.Unmarshal([]byte(a.body), &d); err != nil {
		t.Fatalf("reading the problem in %d %q: %v", a.StatusCode, a.body, err)
	}
	return d
}

func (w *world) wantProblem(a answer, code gateway.Code) {
	w.t.Helper()
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		w.t.Fatalf("got %d with content type %q and %q, want the problem %s", a.StatusCode, got, a.body, code)
	}
	d := a.document(w.t)
	if d.Code != code || a.StatusCode != gateway.Codes[code].Status || d.Status != a.StatusCode {
		w.t.Fatalf("got %d and %q, want the problem %s", a.StatusCode, a.body, code)
	}
}

// call sends a request with a fresh assertion of the party; without one if it is empty.
func (w *world) call(p gateway.Party, method, path string, body io.Reader, headers ...string) answer {
	w.t.Helper()
	return w.do(w.request(w.t.Context(), p, method, path, body, headers...))
}

func (w *world) request(ctx context.Context, p gateway.Party, method, path string, body io.Reader, headers ...string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, w.url+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if p != "" {
		r.Header.Set("Authorization", "Bearer "+w.assertion(p, nil))
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// async sends a request on another goroutine; nothing comes where it gets no answer.
func (w *world) async(r *http.Request) <-chan answer {
	got := make(chan answer, 1)
	go func() {
		defer close(got)
		if res, err := http.DefaultClient.Do(r); err == nil {
			got <- read(w.t, res)
		}
	}()
	return got
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return read(w.t, res)
}

// read reads an answer to its end. It may be called on any goroutine.
func read(t *testing.T, res *http.Response) answer {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return answer{res, string(body)}
}

func (w *world) get(p gateway.Party, path string) answer { return w.call(p, "GET", path, nil) }

func (w *world) submit(p gateway.Party, body string, headers ...string) answer {
	return w.call(p, "POST", "/v1/messages", strings.NewReader(body), append([]string{"Content-Type", api.TypeEnvelope}, headers...)...)
}

// assertion is a fresh one of the party, after change.
func (w *world) assertion(p gateway.Party, change func(*envelope.Assertion)) string {
	w.t.Helper()
	w.ids++
	a := envelope.Assertion{Party: p, Audience: audience, ID: fmt.Sprintf("assertion-%d", w.ids), IssuedAt: w.now.Now(), Expires: w.now.Now().Add(time.Minute)}
	if change != nil {
		change(&a)
	}
	jwt, err := envelope.SignAssertion(a, w.directory.private[p])
	if err != nil {
		w.t.Fatal(err)
	}
	return jwt
}

// submission is the stand-in for an envelope.
type submission struct {
	Issuer gateway.Party `json:"iss"`
	ID     string        `json:"jti"`
	Refuse gateway.Code  `json:"refuse,omitempty"` // recorded
	Fail   gateway.Code  `json:"fail,omitempty"`   // not recorded
	Text   string        `json:"text,omitempty"`
}

func (s submission) String() string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func message(n int) submission {
	return submission{Issuer: "ba/coordinator", ID: fmt.Sprintf("019a0000-0000-7000-8000-%012d", n)}
}

type recorded struct {
	digest [32]byte
	answer gateway.Answer
}

// receiver answers as it is told, and the same bytes with the same answer.
type receiver struct {
	notary  envelope.Notary
	hold    chan struct{} // if it is there, an answer waits for it
	entered chan gateway.Lane

	mu      sync.Mutex
	answers map[gateway.MessageID]recorded
	traces  []string
	n       int
}

func (r *receiver) Accept(ctx context.Context, caller gateway.Party, lane gateway.Lane, e gateway.Envelope, traceparent string) (gateway.Answer, error) {
	if r.entered != nil {
		r.entered <- lane
	}
	if r.hold != nil {
		select {
		case <-r.hold:
		case <-ctx.Done():
			return gateway.Answer{}, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.traces = append(r.traces, traceparent)
	var raw []byte
	if _, err := gateway.Decode(e, opener(func(b []byte) { raw = b })); err != nil {
		return gateway.Answer{}, err
	}
	var s submission
	if err := json.Unmarshal(raw, &s); err != nil {
		return gateway.Answer{}, gateway.Refuse(gateway.CodeMalformed, "", "").Because(err)
	}
	switch s.Fail {
	case "":
	case "panic":
		panic(s.Text)
	case gateway.CodeInternal:
		return gateway.Answer{}, fmt.Errorf("opening the vault: %s", "no such door")
	case gateway.CodeBusy:
		return gateway.Answer{}, gateway.Unavailable(gateway.CodeBusy, 5*time.Second, fmt.Errorf("disk full"))
	default:
		return gateway.Answer{}, &gateway.Problem{Code: s.Fail, Wait: time.Minute}
	}
	if s.Issuer != caller {
		return gateway.Answer{}, gateway.Refuse(gateway.CodeCallerMismatch, "/iss", "")
	}
	id := gateway.MessageID{Issuer: s.Issuer, ID: s.ID}
	digest := sha256.Sum256(raw)
	if old, ok := r.answers[id]; ok {
		if old.digest != digest {
			return gateway.Answer{}, gateway.Refuse(gateway.CodeIDReused, "/jti", "")
		}
		old.answer.Repeat = true
		return old.answer, nil
	}
	r.n++
	st := gateway.Statement{ID: fmt.Sprintf("019a0000-0000-7000-9000-%012d", r.n), Signer: gateway.TheGateway, At: noon, Message: id, Envelope: gateway.Digest(digest).String()}
	var a gateway.Answer
	var err error
	if s.Refuse != "" {
		st.Event, st.Code = gateway.SubmissionRejection, s.Refuse
		a.Refusal = gateway.Refuse(s.Refuse, "/agreement", "")
		a.Signed, err = r.notary.Testify(st)
	} else {
		var jws string
		st.Event, st.Expires = gateway.SubmissionAcceptance, noon.Add(time.Hour)
		st.Pair = gateway.PairNumber{From: "ba", To: "rs", Origin: "test/2026", N: int64(r.n)}
		st.SDHash, st.Decision = gateway.DigestString("sd"), gateway.DigestString("decision")
		jws, err = r.notary.Testify(st)
		a.Receipt = []byte(jws)
	}
	if err != nil {
		return gateway.Answer{}, err
	}
	r.answers[id] = recorded{digest, a}
	return a, nil
}

// opener gets at the bytes of an envelope, which nothing else can.
type opener func([]byte)

func (o opener) Decode(raw []byte) (gateway.Parts, error) { o(raw); return gateway.Parts{}, nil }
func (o opener) Verify(gateway.Parts, gateway.Key) error  { return nil }

// messages is a journal that knows what it was given.
type messages struct {
	mu    sync.Mutex
	known map[gateway.MessageID]api.Status
	feed  map[gateway.Party][]api.Event
	err   error
}

func (m *messages) put(s api.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[gateway.MessageID]api.Status{}
	}
	m.known[s.Message] = s
}

func (m *messages) Status(_ context.Context, id gateway.MessageID) (api.Status, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.known[id]
	return s, ok, m.err
}

func (m *messages) Pair(_ context.Context, n gateway.PairNumber) (api.Status, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.known {
		if s.Pair == n {
			return s, true, m.err
		}
	}
	return api.Status{}, false, m.err
}

// Events makes one of each statement; its cursors leave gaps, as a real journal's do.
func (m *messages) Events(_ context.Context, sender gateway.Party, after int64, n int) ([]api.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	var out []api.Event
	for i, e := range m.feed[sender] {
		if e.Cursor = int64(i+1) * 3; e.Cursor > after && len(out) < n {
			out = append(out, e)
		}
	}
	return out, nil
}

// directory knows an assertion key for each of the parties, and the gateway's keys.
type directory struct {
	keys     map[string]gateway.Key
	callers  map[string]gateway.Key
	private  map[gateway.Party]*envelope.Private
	evidence *envelope.Private // the gateway's
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	d := &directory{keys: map[string]gateway.Key{}, callers: map[string]gateway.Key{}, private: map[gateway.Party]*envelope.Private{}}
	for _, p := range parties {
		k := generate(t, gateway.UseAssertion)
		d.private[p] = k
		d.keys[k.ID()] = k.Key(p, noon.AddDate(0, -1, 0), noon.AddDate(0, 1, 0), "")
	}
	d.evidence = generate(t, gateway.UseEvidence)
	return d
}

func generate(t *testing.T, u gateway.Use) *envelope.Private {
	t.Helper()
	k, err := envelope.Generate(u, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (d *directory) Key(id string) (gateway.Key, bool)       { k, ok := d.keys[id]; return k, ok }
func (d *directory) Caller(thumb string) (gateway.Key, bool) { k, ok := d.callers[thumb]; return k, ok }
func (d *directory) Signed() []byte                          { return []byte(`{"payload":"e30","signatures":[]}`) }

// clock is moved by hand.
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

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
