package audit

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/trust"
)

// Told is what a receipt proves, and what it does not.
type Told struct {
	Message  MessageName        `json:"message"`
	Audience gateway.Party      `json:"aud,omitempty"`
	Type     string             `json:"type,omitempty"`
	Pair     gateway.PairNumber `json:"pair,omitzero"`
	Steps    []Proven           `json:"steps"`
	Findings []Finding          `json:"findings"`
}

// Proven is one step of the story.
type Proven struct {
	Event    gateway.Event `json:"event"`
	At       time.Time     `json:"at"`     // as its signer dates it; of an acceptance without receipt, as the log has it
	Signer   gateway.Party `json:"signer"` // who says so; empty where only the log does
	Code     gateway.Code  `json:"code,omitempty"`
	Role     string        `json:"role,omitempty"`
	Origin   string        `json:"origin,omitempty"`
	Index    int64         `json:"index"`
	Size     int64         `json:"size,omitempty"` // of the tree that the witnesses saw it in
	Cosigned []Cosigned    `json:"cosigned,omitempty"`
	Pending  bool          `json:"pending,omitempty"` // no witnessed checkpoint covers it yet
}

// Pending reports whether something is not witnessed yet.
func (t Told) Pending() bool {
	return slices.ContainsFunc(t.Steps, func(p Proven) bool { return p.Pending })
}

// Verify proves everything that the receipt says with the pins alone, and goes on after
// what it finds.
func (r Receipt) Verify(pins trust.Pins) Told {
	report := &Report{Findings: []Finding{}}
	p := parts{contents: Contents{Viewer: gateway.Party(r.Viewer.Country()) + "/auditor"}, statements: r.Statements}
	for i, d := range r.Directories {
		p.directories = append(p.directories, member{strconv.Itoa(i + 1), []byte(d)})
	}
	v := &verifier{
		options: Options{Pins: pins}, parts: p, report: report, receipt: true, purges: map[int64]int64{}, holes: map[[2]gateway.Country]bool{},
		numbers: map[pairKey]*numbering{}, stories: map[gateway.PairNumber]*story{}, messages: map[gateway.MessageID]int64{},
		said: map[statementKey]said{}, threads: map[string]*thread{},
	}
	v.directories()
	t := Told{Message: r.Message, Steps: []Proven{}}
	for i, s := range r.Steps {
		if proven, ok := v.step(r, s, int64(i)); ok {
			t.Steps = append(t.Steps, proven)
			t.learn(s)
		}
	}
	for pair, s := range v.stories {
		t.Pair = pair
		v.contradictions(pair, s)
		v.order(pair, s)
	}
	report.sort()
	t.Findings = report.Findings
	return t
}

// learn takes from the acceptance what the message was.
func (t *Told) learn(s Step) {
	if o, err := readOpening(s.Opening); err == nil && o.Audience != "" {
		t.Audience, t.Type = o.Audience, o.Type
	}
}

// step proves one entry: where it stands, what it commits to, and who signed that.
func (v *verifier) step(r Receipt, s Step, place int64) (Proven, bool) {
	index := s.Index
	if s.Origin == "" {
		index = place
	}
	body, err := readOpening(s.Opening)
	if err != nil {
		v.find(index, OpeningAgrees, Violates, "what the entry commits to cannot be read: "+err.Error())
		return Proven{}, false
	}
	if body.Message() != (gateway.MessageID{Issuer: r.Message.Issuer, ID: r.Message.ID}) {
		v.find(index, OpeningAgrees, Violates, "it is about another message than the receipt")
		return Proven{}, false
	}
	p := Proven{Event: body.Event, At: s.when(), Origin: s.Origin, Index: s.Index, Pending: s.Proof == ""}
	if jws := s.statement(body); jws != "" {
		if st, _, err := codec.Examine(jws); err == nil {
			p.Signer, p.At, p.Code, p.Role = st.Signer, st.At, st.Code, st.Role
		}
	}
	l := &leaf{index: index, altered: s.Entry == ""}
	if s.Entry == "" {
		// It waits for its place: only what was signed can be proven yet.
		l.Event = body.Event
		if st, _, err := codec.Examine(s.statement(body)); err == nil {
			l.Pair = st.Pair
		}
		p.Pending = true
		v.waiting(l, s, body)
		return p, true
	}
	e, err := parseEntry([]byte(s.Entry))
	if err != nil {
		v.find(index, EntryForm, Violates, "it is no entry of a log")
		return p, true
	}
	l.Entry = e
	if e.Event == gateway.SubmissionAcceptance && v.stories[e.Pair] == nil {
		v.stories[e.Pair] = &story{accepted: index, consigned: -1, failed: -1, person: -1}
	} else if v.stories[e.Pair] == nil {
		v.find(index, EvidenceOrder, Violates, "the receipt does not say that the message was accepted before this")
	}
	v.opening(l, Opened{Index: index, Nonce: s.Nonce, Opening: s.Opening, Secret: s.Secret}, true)
	if s.Proof != "" {
		v.proof(l, s, &p)
	}
	return p, true
}

// statement is the signed statement of a step, empty where the viewer may not have it.
func (s Step) statement(body Opening) string {
	if body.Evidence != "" || s.Secret == nil {
		return body.Evidence
	}
	c, err := readConcealed(s.Secret.Opening)
	if err != nil {
		return ""
	}
	return c.Evidence
}

// waiting proves what was signed about an entry that has no place in the log yet.
func (v *verifier) waiting(l *leaf, s Step, body Opening) {
	jws := s.statement(body)
	if jws == "" {
		return // the recipient learns of an acceptance from the log alone
	}
	if st, ok := v.statement(l, jws); ok {
		v.hold(l, EvidenceAgrees, st.Event == body.Event && st.Message == body.Message(), "the statement is about something else than the entry")
	}
}

// proof proves that the entry is in a checkpoint that log and witnesses signed.
func (v *verifier) proof(l *leaf, s Step, p *Proven) {
	log, rule, ok := v.log()
	if !ok {
		v.at(l, LogSignature, Violates, "no directory here names the log")
		return
	}
	proof, err := ledger.ParseProof([]byte(s.Proof))
	if err != nil || proof.Index != s.Index {
		v.at(l, LogRoot, Violates, "the proof cannot be read, or is of another entry")
		return
	}
	c, n, err := ledger.OpenCheckpoint(proof.Checkpoint, log.Named(s.Origin), ledger.WitnessKeys(rule)...)
	if err != nil {
		v.at(l, LogSignature, Violates, "the log did not sign this checkpoint")
		return
	}
	for _, w := range rule.Witnesses {
		if at := ledger.CosignedAt(n, w.Key); !at.IsZero() {
			p.Cosigned = append(p.Cosigned, Cosigned{w.Name, at})
		}
	}
	p.Size = c.Size
	if !ledger.Satisfied(rule, n) {
		v.at(l, WitnessQuorum, Violates, "fewer witnesses cosigned than the directory asks")
	}
	if _, err := proof.Verify([]byte(s.Entry), log.Named(s.Origin), rule); err != nil && ledger.Satisfied(rule, n) {
		v.at(l, LogRoot, Violates, "the proof does not prove that the entry is in the log")
	}
}

// strictly reads JSON in which every member is known and none is there twice.
func strictly(raw []byte, v any) error {
	if _, err := envelope.DecodeJSON(raw); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return errForm
	}
	return nil
}
