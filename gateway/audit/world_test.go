package audit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/sop"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// The world of these tests is a gateway whose verbs, keys, signatures, policy and schemas
// are the real ones, over a log that lies in memory, so that it can be made to lie.

const (
	origin = "trm/2026"
	me     = gateway.Party("me/coordinator")
	rs     = gateway.Party("rs/coordinator")
	al     = gateway.Party("al/coordinator")
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type world struct {
	t         testing.TB
	folder    string
	pins      trust.Pins
	directory *trust.Directory
	before    []*trust.Directory // those that were in force before it
	set       *schemas.Set
	policy    *policy.Policy
	keys      map[gateway.Party]*certs.Keys
	now       time.Time
	told      []string // statements

	numbers  map[[2]gateway.Country]int64
	facts    map[string]gateway.ThreadFacts
	earlier  map[gateway.MessageID]gateway.Earlier
	entries  []gateway.LogEntry // by index, with what opens them
	cores    map[int64]audit.Core
	deeds    []audit.Deed
	gone     map[int64]int64 // by which purge; 0 is nobody's
	closeFor string          // the id of the key that the gateway says it closed the next deliveries for
	lenient  bool            // the gateway releases everything, against its policy
	hash     map[int64]tlog.Hash
	stored   int64
	unsigned bool // witnesses are away
	origin   string
}

// region is a folder of keys and a directory, made once: no test writes there.
var region = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "trm-audit-")
	if err != nil {
		return "", err
	}
	_, err = certs.Develop(dir, certs.Options{Now: noon.AddDate(0, 0, -1)})
	return dir, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := region(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, now: noon, keys: map[gateway.Party]*certs.Keys{}, numbers: map[[2]gateway.Country]int64{},
		facts: map[string]gateway.ThreadFacts{}, earlier: map[gateway.MessageID]gateway.Earlier{}, cores: map[int64]audit.Core{}, gone: map[int64]int64{},
		hash: map[int64]tlog.Hash{}, origin: origin,
	}
	var err error
	w.folder, err = region()
	w.ok(err)
	pins, first, err := trust.ReadFolder(w.folder)
	w.ok(err)
	w.pins = pins
	w.directory, err = trust.Open(first, pins, noon, 0)
	w.ok(err)
	w.set, err = schemas.Open()
	w.ok(err)
	w.policy, err = policy.Default()
	w.ok(err)
	w.inForce()
	return w
}

// inForce enters what is.
func (w *world) inForce() {
	w.deed(gateway.Deed{Event: gateway.DirectoryInForce, At: noon, Number: 1, Digest: w.directory.Digest()})
	w.deed(gateway.Deed{Event: gateway.PolicyInForce, At: noon, Digest: w.policy.Digest()})
	w.deed(gateway.Deed{Event: gateway.SchemasInForce, At: noon, Digest: w.set.Digest()})
}

// begin begins another log. What was said before it stays so.
func (w *world) begin(origin string) {
	w.origin, w.entries, w.stored = origin, nil, 0
	w.numbers, w.cores, w.hash = map[[2]gateway.Country]int64{}, map[int64]audit.Core{}, map[int64]tlog.Hash{}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func (w *world) key(p gateway.Party) *certs.Keys {
	w.t.Helper()
	if k, ok := w.keys[p]; ok {
		return k
	}
	k, err := certs.LoadAt(w.folder, p, w.now)
	w.ok(err)
	w.keys[p] = k
	return k
}

func (w *world) notary() envelope.Notary {
	return envelope.Notary{Keys: map[gateway.Party]*envelope.Private{
		gateway.TheGateway: w.key(gateway.TheGateway).Evidence,
	}}
}

// lax is a policy that lets everything leave and says that the real one decided.
type lax struct{ gateway.Policy }

func (l lax) Decide(q gateway.Question) gateway.Decision {
	return gateway.Decision{Released: q.Units, Policy: l.Policy.Decide(q).Policy}
}

// sent is a message and what the log says of it.
type sent struct {
	gateway.Record
	index int64 // of its acceptance
}

func (s sent) id() gateway.MessageID      { return s.Head.MessageID() }
func (s sent) number() gateway.PairNumber { return s.Bound.Binding.Pair }

// signedAt dates a message back.
type signedAt time.Time

// send lets the gateway receive a draft, all units of it.
func (w *world) send(d map[string]any, at ...signedAt) sent {
	w.t.Helper()
	return w.accept(w.sign(d, at...), d["from"].(gateway.Party))
}

func (w *world) sign(d map[string]any, at ...signedAt) []byte {
	w.t.Helper()
	raw, err := json.Marshal(d)
	w.ok(err)
	draft, err := outgoing.ParseDraft(raw)
	w.ok(err)
	now := w.now
	if len(at) > 0 {
		now = time.Time(at[0])
	}
	desk := outgoing.Desk{Directory: w.directory, Catalogue: w.set, Policy: w.policy, Now: func() time.Time { return now }, NewID: newID}
	signed, err := desk.Sign(draft, w.facts[draft.Thread], w.key(draft.From), outgoing.Options{All: true})
	w.ok(err)
	return signed.Raw
}

func (w *world) accept(raw []byte, from gateway.Party) sent {
	w.t.Helper()
	var rules gateway.Policy = w.policy
	if w.lenient {
		rules = lax{w.policy}
	}
	gw := w.key(gateway.TheGateway)
	j := &memory{world: w}
	r := gateway.Receiver{
		Opener: envelope.Codec{}, Directory: w.directory, Catalogue: w.set, Procedure: sop.Rules{Types: w.set}, Policy: rules,
		Binder: envelope.Binder{Keys: gw.All(gateway.UseBinding)}, Notary: w.notary(), Journal: j, Origin: w.origin,
		Now: func() time.Time { return w.now }, NewID: newID, Auditor: func(c gateway.Country) gateway.Party { return gateway.Party(c) + "/auditor" },
	}
	answer, err := r.Accept(context.Background(), from, "", gateway.Received(raw, w.now), "")
	w.ok(err)
	if answer.Refusal != nil && j.record.Answer.Refusal == nil {
		w.t.Fatalf("refused: %v", answer.Refusal)
	}
	return sent{j.record, int64(len(w.entries)) - 1}
}

// memory is the journal that the receiver writes to.
type memory struct {
	*world
	record gateway.Record
}

func (m *memory) Find(context.Context, gateway.MessageID) (gateway.Recorded, bool, error) {
	return gateway.Recorded{}, false, nil
}

func (m *memory) Receive(_ context.Context, id gateway.MessageID, thread string, from, to gateway.Country, record func(gateway.Slot) (gateway.Record, error)) (gateway.Recorded, error) {
	n := gateway.PairNumber{From: from, To: to, Origin: m.origin, N: m.numbers[[2]gateway.Country{from, to}] + 1}
	r, err := record(gateway.Slot{Number: n, Facts: m.facts[thread], Earlier: func(id gateway.MessageID) (gateway.Earlier, error) { return m.earlier[id], nil },
		Approvals: func(gateway.Digest) ([]gateway.Approval, error) { return nil, nil },
	})
	if err != nil {
		return gateway.Recorded{}, err
	}
	m.record = r
	h, b := r.Head, r.Bound
	o := audit.Opening{
		Event: r.Evidence.Event, Issuer: h.Issuer, ID: h.ID, Audience: h.Audience, Thread: h.Thread, Type: h.Type,
		IssuedAt: h.IssuedAt.Unix(), Expires: h.Expires.Unix(), ReceivedAt: r.At.Unix(), Delivery: b.Binding.Delivery,
		SDHash: b.Binding.SDHash, Policy: b.Binding.Policy, KeyID: b.KeyID,
	}
	if m.closeFor != "" {
		o.KeyID = m.closeFor
	}
	if r.Answer.Refusal != nil {
		o.Envelope, o.Evidence = r.Digest.String(), r.Answer.Signed
		m.enter(gateway.SubmissionRejection, gateway.PairNumber{}, o, nil)
		return gateway.Recorded{Digest: r.Digest, Answer: r.Answer}, nil
	}
	m.numbers[[2]gateway.Country{from, to}]++
	m.facts[thread] = r.Facts
	m.earlier[id] = gateway.Earlier{Audience: h.Audience, Thread: thread, Type: h.Type}
	m.enter(gateway.SubmissionAcceptance, n, o, &audit.Concealed{Envelope: r.Digest.String(), Evidence: string(r.Answer.Receipt), Sender: r.Sender, Auditor: r.Auditor})
	c := audit.Core{Protected: r.Core.Protected, Payload: r.Core.Payload, Signature: r.Core.Signature, Bound: b.Binding.Serialized, Released: []string{}}
	for _, u := range r.Units {
		d := sha256.Sum256([]byte(u.Disclosure))
		c.Released = append(c.Released, base64.RawURLEncoding.EncodeToString(d[:]))
	}
	m.cores[int64(len(m.entries))-1] = c
	return gateway.Recorded{Digest: r.Digest, Answer: r.Answer}, nil
}

// statement is evidence of a delivery, after change, signed by its signer.
func (w *world) statement(s sent, e gateway.Event, signer gateway.Party, change func(*gateway.Statement)) string {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	st := gateway.Statement{ID: newID(), Signer: signer, At: w.now, Event: e, Message: s.id(), Delivery: s.Bound.Binding.Delivery, SDHash: s.Bound.Binding.SDHash}
	if signer == gateway.TheGateway {
		st.Pair, st.SDHash = s.number(), ""
	}
	if change != nil {
		change(&st)
	}
	jws, err := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{signer: w.key(signer).Evidence}}.Testify(st)
	w.ok(err)
	return jws
}

// testify records evidence.
func (w *world) testify(s sent, e gateway.Event, signer gateway.Party, change func(*gateway.Statement)) int64 {
	w.t.Helper()
	return w.evidence(s, e, w.statement(s, e, signer, change))
}

// forge records evidence in one party's name that another signed.
func (w *world) forge(s sent, e gateway.Event, name, by gateway.Party) int64 {
	w.t.Helper()
	jws, err := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{name: w.key(by).Evidence}}.Testify(gateway.Statement{
		ID: newID(), Signer: name, At: w.now, Event: e, Message: s.id(), Delivery: s.Bound.Binding.Delivery, SDHash: s.Bound.Binding.SDHash,
	})
	w.ok(err)
	return w.evidence(s, e, jws)
}

// revoke lets a party revoke its key; the gateway does not listen.
func (w *world) revoke(p gateway.Party, key string, at time.Time) {
	w.t.Helper()
	jws, err := trust.Statement{Kind: trust.Revocation, By: p, Issued: at, Key: key, Reason: "lost"}.Sign(w.key(p).Approval)
	w.ok(err)
	w.told = append(w.told, jws)
}

// take lets the gateway say that it took what was told last.
func (w *world) take() int64 {
	w.t.Helper()
	return w.deed(gateway.Deed{Event: gateway.StatementTaken, At: w.now, Digest: trust.StatementID(w.told[len(w.told)-1])})
}

func (w *world) evidence(s sent, e gateway.Event, jws string) int64 {
	return w.enter(e, s.number(), audit.Opening{Event: e, Issuer: s.Head.Issuer, ID: s.Head.ID, Delivery: s.Bound.Binding.Delivery, Evidence: jws}, nil)
}

func (w *world) deed(d gateway.Deed) int64 {
	body, err := json.Marshal(d)
	w.ok(err)
	i := w.append(ledger.Entry{Event: d.Event}, body, nil)
	w.deeds = append(w.deeds, audit.Deed{Origin: w.origin, Index: i, Deed: d})
	return i
}

func (w *world) enter(e gateway.Event, n gateway.PairNumber, o audit.Opening, c *audit.Concealed) int64 {
	w.t.Helper()
	body, err := json.Marshal(o)
	w.ok(err)
	var secret []byte
	if c != nil {
		secret, err = json.Marshal(c)
		w.ok(err)
	}
	return w.append(ledger.Entry{Event: e, Pair: n}, body, secret)
}

// append adds an entry to the log, with commitments to what opens it.
func (w *world) append(e ledger.Entry, opening, secret []byte) int64 {
	w.t.Helper()
	row := gateway.LogEntry{Event: e.Event, Origin: w.origin, Index: int64(len(w.entries)), Opening: opening, Nonce: fresh(), Concealed: secret}
	e.Commitment = ledger.Commit(row.Nonce, opening)
	if secret != nil {
		row.ConcealedNonce = fresh()
		e.Withheld = ledger.Commit(row.ConcealedNonce, secret)
	}
	row.Leaf = e.Bytes()
	w.entries = append(w.entries, row)
	return row.Index
}

func fresh() []byte {
	b := make([]byte, 32)
	rand.Read(b)
	return b
}

// bundle exports the whole log for a country's auditor.
func (w *world) bundle(viewer gateway.Party) []byte {
	w.t.Helper()
	return w.bundleFrom(viewer, 0, int64(len(w.entries)))
}

func (w *world) bundleFrom(viewer gateway.Party, first, size int64) []byte {
	w.t.Helper()
	x := audit.Exporter{Log: log{w}, Records: log{w}, Editions: log{w}}
	var b bytes.Buffer
	w.ok(x.Write(context.Background(), &b, viewer, audit.Range{Origin: w.origin, First: first, Size: size, Checkpoint: w.checkpoint(size)}))
	return b.Bytes()
}

// verify judges a bundle by the world's pins.
func (w *world) verify(bundle []byte, since *audit.Mark) *audit.Report {
	w.t.Helper()
	r, err := audit.Verify(context.Background(), bytes.NewReader(bundle), audit.Options{Pins: w.pins, Since: since})
	w.ok(err)
	return r
}

// referral is a draft about an invented child.
func referral(from, to gateway.Party) map[string]any {
	return map[string]any{
		"type": "referral.request/1.0", "from": from, "to": to, "thread": newID(), "lane": "child",
		"purpose": "protection", "basis": "cets197-32", "answerBy": noon.Add(20 * time.Hour).Format(time.RFC3339),
		"agreement": map[string]any{"state": "given", "by": "authority", "heard": true},
		"attests":   []string{"guardian-appointed", "protection-checked"},
		"blocks": map[string]any{
			"subject": map[string]any{"phase": 2, "victimStatus": "presumed", "decidedBy": "ngo", "effect": "informal", "child": "yes"},
			"needs":   map[string]any{"n4k2p9": map[string]any{"code": "foster-care", "urgency": "now"}},
			"asks":    map[string]any{"a3r7h5": map[string]any{"code": "accept-referral", "why": "to-find-a-place"}},
		},
		"sealed": map[string]any{
			"identity@coordinator": map[string]any{
				"names": []any{map[string]any{"script": "latn", "given": "Invented", "family": "Name"}},
			},
		},
	}
}

// accepted is the answer that accepts it.
func accepted(to sent) map[string]any {
	return map[string]any{
		"type": "referral.answer/1.0", "from": to.Head.Audience, "to": to.Head.Issuer, "thread": to.Head.Thread, "inReplyTo": to.Head.ID,
		"lane": "child", "purpose": "protection", "outcome": "accepted",
		"blocks": map[string]any{
			"results": map[string]any{"a3r7h5": map[string]any{"code": "accept-referral", "result": "given"}},
			"contact": map[string]any{"role": "child-protection", "alternate": "coordinator"},
		},
	}
}

// conversation is a referral that is delivered, read, taken on and answered, and a few
// others' messages beside it.
func (w *world) conversation() (request, answer sent) {
	w.t.Helper()
	request = w.send(referral(me, rs))
	w.testify(request, gateway.ContentConsignment, rs, nil)
	other := w.send(referral(al, rs))
	w.testify(request, gateway.ContentHandover, rs, nil)
	w.testify(request, gateway.TakenOn, rs, nil)
	answer = w.send(accepted(request))
	w.testify(other, gateway.ContentConsignment, rs, nil)
	w.testify(answer, gateway.ContentConsignment, me, nil)
	w.testify(answer, gateway.ContentHandover, me, nil)
	return request, answer
}
