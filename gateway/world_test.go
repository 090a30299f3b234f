package gateway_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/trm/gateway"
)

// The world of these tests is the receiver over stand-ins that do as little as their
// interfaces promise: an "envelope" is a JSON form of its parts, a signature is the word
// "signed", and the journal is a map under one lock.

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type world struct {
	*gateway.Receiver
	journal   *memory
	policy    *stubPolicy
	directory *stubDirectory
	now       time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{journal: &memory{recorded: map[gateway.MessageID]gateway.Recorded{}, facts: map[string]gateway.ThreadFacts{}}, policy: &stubPolicy{}, directory: newStubDirectory(), now: noon}
	ids := 0
	w.Receiver = &gateway.Receiver{
		Opener: stubOpener{}, Directory: w.directory, Catalogue: stubCatalogue{}, Procedure: stubProcedure{}, Policy: w.policy,
		Binder: stubBinder{}, Notary: stubNotary{}, Journal: w.journal, Origin: "test/2026",
		Now:     func() time.Time { return w.now },
		NewID:   func() string { ids++; return fmt.Sprintf("id-%d", ids) },
		Auditor: func(c gateway.Country) gateway.Party { return gateway.Party(c) + "/auditor" },
	}
	return w
}

// submission is the stand-in for an envelope.
type submission struct {
	Alg        string // empty: the one that the directory lists
	Thumbprint string // x5t#S256; empty: the one that the directory lists
	Head       gateway.Head
	KeyID      string
	Signature  string
	HeaderIat  time.Time
	Units      []string
	Seals      map[string]gateway.Seal
	Bound      string
}

func referral(change func(*submission)) []byte {
	s := submission{
		Head: gateway.Head{
			ID: "m-1", Issuer: "ba/coordinator", Audience: "rs/coordinator", IssuedAt: noon.Add(-time.Minute), Expires: noon.Add(time.Hour),
			Confirmation: "gw-binding", Type: "referral.request/1.0", Thread: "t-1", Lane: gateway.Normal, Purpose: "assistance", Basis: "art-1",
		},
		KeyID: "ba-message", Signature: "signed", HeaderIat: noon.Add(-time.Minute),
		Units: []string{"health@child-protection", "identity@coordinator", "needs", "subject"},
		Seals: map[string]gateway.Seal{},
	}
	s.seal("health@child-protection", "cp-enc", 4096)
	s.seal("identity@coordinator", "rs-enc", 4096)
	if change != nil {
		change(&s)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return raw
}

func (s *submission) seal(unit, key string, size int) {
	_, role, _ := gateway.SplitUnit(unit)
	s.Seals[unit] = gateway.Seal{KeyID: key, Issuer: s.Head.Issuer, ID: s.Head.ID, Role: role, Pointer: "/" + unit, Size: size}
}

func (w *world) accept(t *testing.T, raw []byte) (gateway.Answer, error) {
	t.Helper()
	return w.Accept(t.Context(), "ba/coordinator", gateway.Normal, gateway.Received(raw, w.now), "")
}

type stubOpener struct{}

func (stubOpener) Decode(raw []byte) (gateway.Parts, error) {
	var s submission
	if err := json.Unmarshal(raw, &s); err != nil {
		return gateway.Parts{}, gateway.Refuse(gateway.CodeMalformed, "", "").Because(err)
	}
	p := gateway.Parts{
		Head: s.Head, Header: gateway.Header{Alg: cmp.Or(s.Alg, "ES256"), KeyID: s.KeyID, IssuedAt: s.HeaderIat, Thumbprint: cmp.Or(s.Thumbprint, "x5t")},
		Core: gateway.Core{Signature: s.Signature}, Digest: sha256.Sum256(raw), Bound: s.Bound, Document: map[string]any{},
	}
	slices.Sort(s.Units)
	for _, u := range s.Units {
		unit := gateway.Unit{Name: u}
		if seal, ok := s.Seals[u]; ok {
			unit.Seal = &seal
		}
		p.Units = append(p.Units, unit)
	}
	return p, nil
}

func (stubOpener) Verify(p gateway.Parts, _ gateway.Key) error {
	if p.Core.Signature != "signed" {
		return gateway.Refuse(gateway.CodeSignature, "", "")
	}
	return nil
}

type stubCatalogue struct{}

func (stubCatalogue) Type(name string) (gateway.Type, bool) {
	if name != "referral.request/1.0" && name != "referral.answer/1.0" {
		return gateway.Type{}, false
	}
	return gateway.Type{
		Name: name, Topic: "referral", Must: []string{"subject", "needs"}, MaxLife: 48 * time.Hour,
		Fields: map[string][]string{"subject": {"decidedBy"}},
		Sealed: []gateway.SealedBlock{
			{Block: "identity", Role: "aud", Class: gateway.ClassP1, Size: 4096},
			{Block: "health", Role: "child-protection", Class: gateway.ClassP2, Size: 4096},
		},
	}, true
}

func (stubCatalogue) Validate(h gateway.Head, _ map[string]any) error {
	if h.Codes == "bad" {
		return gateway.Refuse(gateway.CodeSchema, "/subject/phase", "")
	}
	return nil
}

type stubDirectory struct {
	keys  map[string]gateway.Key
	pair  gateway.Pair
	roles map[gateway.Party][]gateway.Class
}

func newStubDirectory() *stubDirectory {
	d := &stubDirectory{
		keys:  map[string]gateway.Key{},
		pair:  gateway.Pair{A: "ba", B: "rs", On: true},
		roles: map[gateway.Party][]gateway.Class{"ba/coordinator": {"C1"}, "rs/coordinator": {"C1", "P1"}, "rs/child-protection": {"C1", "P2"}},
	}
	add := func(id string, p gateway.Party, u gateway.Use) {
		d.keys[id] = gateway.Key{ID: id, Party: p, Use: u, Alg: "ES256", Thumbprint: "x5t", NotBefore: noon.AddDate(0, -1, 0), NotAfter: noon.AddDate(0, 1, 0)}
	}
	add("ba-message", "ba/coordinator", gateway.UseMessage)
	// Its thief dates messages back to before the revocation.
	add("ba-stolen", "ba/coordinator", gateway.UseMessage)
	stolen := d.keys["ba-stolen"]
	stolen.Revoked = noon.Add(-30 * time.Second)
	d.keys["ba-stolen"] = stolen
	add("ba-evidence", "ba/coordinator", gateway.UseEvidence)
	add("ba-enc", "ba/coordinator", gateway.UseEncryption)
	add("ba-auditor", "ba/auditor", gateway.UseEncryption)
	add("rs-message", "rs/coordinator", gateway.UseMessage)
	add("rs-evidence", "rs/coordinator", gateway.UseEvidence)
	add("rs-enc", "rs/coordinator", gateway.UseEncryption)
	add("cp-evidence", "rs/child-protection", gateway.UseEvidence)
	add("cp-enc", "rs/child-protection", gateway.UseEncryption)
	add("gw-binding", gateway.TheGateway, gateway.UseBinding)
	add("gw-evidence", gateway.TheGateway, gateway.UseEvidence)
	return d
}

func (d *stubDirectory) Key(id string) (gateway.Key, bool) { k, ok := d.keys[id]; return k, ok }

func (d *stubDirectory) Keys(p gateway.Party, u gateway.Use, t time.Time) []gateway.Key {
	var out []gateway.Key
	for _, k := range d.keys {
		if k.Party == p && k.Use == u && k.ValidAt(t) {
			out = append(out, k)
		}
	}
	return out
}

func (d *stubDirectory) Institution(p gateway.Party) (gateway.Institution, bool) {
	c, ok := d.roles[p]
	return gateway.Institution{Party: p, Classes: c}, ok
}

func (d *stubDirectory) Pair(a, b gateway.Country) (gateway.Pair, bool) {
	return d.pair, min(a, b) == d.pair.A && max(a, b) == d.pair.B
}

// stubProcedure wants a reply to name a message of the same thread that its sender got.
type stubProcedure struct{}

func (stubProcedure) Admit(h gateway.Head, earlier func(gateway.MessageID) (gateway.Earlier, error)) error {
	if h.InReplyTo == "" {
		return nil
	}
	e, err := earlier(gateway.MessageID{Issuer: h.Audience, ID: h.InReplyTo})
	if err == nil && (e.Audience != h.Issuer || e.Thread != h.Thread) {
		return gateway.Refuse(gateway.CodeReplyUnknown, "/inReplyTo", "")
	}
	return err
}

// stubPolicy withholds what it is told to.
type stubPolicy struct{ withhold, overridden []string }

func (p *stubPolicy) Decide(q gateway.Question) gateway.Decision {
	d := gateway.Decision{Policy: "policy-digest", Overridden: p.overridden}
	for _, u := range q.Units {
		if slices.Contains(p.withhold, u) {
			d.Withheld = append(d.Withheld, gateway.Withheld{Unit: u, Rule: "test-rule"})
		} else {
			d.Released = append(d.Released, u)
		}
	}
	return d
}

type stubBinder struct{}

func (stubBinder) Bind(_ gateway.Core, _ []gateway.Unit, b gateway.Binding, k gateway.Key) (gateway.Bound, error) {
	b.SDHash = strings.Join(b.Released, ",")
	return gateway.Bound{Binding: b, Wrapped: "wrapped for " + k.ID, KeyID: k.ID}, nil
}

func (stubBinder) Conceal(list []gateway.Withheld, _ gateway.MessageID, k gateway.Key) (string, error) {
	return fmt.Sprintf("%v for %s", list, k.ID), nil
}

type stubNotary struct{}

func (stubNotary) Testify(s gateway.Statement) (string, error) {
	raw, err := json.Marshal(s)
	return string(raw), err
}

type stubExaminer struct{}

func (stubExaminer) Examine(jws string) (gateway.Statement, string, error) {
	var s gateway.Statement
	if err := json.Unmarshal([]byte(jws), &s); err != nil {
		return s, "", gateway.Refuse(gateway.CodeEvidence, "", "").Because(err)
	}
	return s, strings.TrimSuffix(string(s.Signer.Country()), "/") + "-evidence", nil
}

func (stubExaminer) Check(string, gateway.Key) error { return nil }

// memory is a journal that keeps its promises until the process ends.
type memory struct {
	mu        sync.Mutex
	recorded  map[gateway.MessageID]gateway.Recorded
	facts     map[string]gateway.ThreadFacts
	records   []gateway.Record
	approvals []gateway.Approval
	numbers   int64
	fail      error
}

func (m *memory) Find(_ context.Context, id gateway.MessageID) (gateway.Recorded, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.recorded[id]
	return r, ok, m.fail
}

func (m *memory) Receive(_ context.Context, id gateway.MessageID, thread string, from, to gateway.Country, record func(gateway.Slot) (gateway.Record, error)) (gateway.Recorded, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.recorded[id]; ok {
		r.Answer.Repeat = true
		return r, nil
	}
	r, err := record(gateway.Slot{
		Number: gateway.PairNumber{From: from, To: to, Origin: "test/2026", N: m.numbers + 1}, Facts: m.facts[thread], Earlier: m.earlier,
		Approvals: func(gateway.Digest) ([]gateway.Approval, error) { return m.approvals, nil },
	})
	if err != nil {
		return gateway.Recorded{}, err
	}
	if r.Answer.Refusal == nil {
		m.numbers++
		m.facts[thread] = r.Facts
	}
	m.records = append(m.records, r)
	m.recorded[id] = gateway.Recorded{Digest: r.Digest, Answer: r.Answer}
	return m.recorded[id], nil
}

// earlier finds a message that was not refused. The look-up breaks where the id says so.
func (m *memory) earlier(id gateway.MessageID) (gateway.Earlier, error) {
	if id.ID == "m-broken" {
		return gateway.Earlier{}, errors.New("disk full")
	}
	for _, r := range m.records {
		if h := r.Head; h.MessageID() == id && r.Answer.Refusal == nil {
			return gateway.Earlier{Audience: h.Audience, Thread: h.Thread, Type: h.Type}, nil
		}
	}
	return gateway.Earlier{}, nil
}

func wantCode(t *testing.T, err error, code gateway.Code) {
	t.Helper()
	var p *gateway.Problem
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want the problem %s", err, code)
	}
	if p.Code != code {
		t.Fatalf("got the problem %s, want %s", p, code)
	}
}
