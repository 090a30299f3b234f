package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
)

// cabinet is a journal of approvals that may break before or after it wrote.
type cabinet struct {
	known          *gateway.Override // the message that was received
	answers        map[string]string
	list           []gateway.Override
	lapsed         []gateway.Statement
	before, after  error
	approvedAtOnce bool // an approval comes between the look and the record
}

func (s *cabinet) Answered(_ context.Context, jws string) (string, bool, error) {
	a, ok := s.answers[jws]
	return a, ok, nil
}

func (s *cabinet) Approve(_ context.Context, _ gateway.Approval, jws string, record func(gateway.Override, bool) (string, error)) (string, error) {
	if s.before != nil {
		return "", s.before
	}
	var o gateway.Override
	if s.known != nil {
		o = *s.known
	}
	a, err := record(o, s.known != nil)
	if err != nil {
		return "", err
	}
	s.answers[jws] = a
	return a, s.after
}

func (s *cabinet) Unapproved(_ context.Context, t time.Time, n int) ([]gateway.Override, error) {
	var out []gateway.Override
	for _, o := range s.list {
		if o.At.Before(t) && len(out) < n {
			out = append(out, o)
		}
	}
	return out, s.before
}

func (s *cabinet) Lapse(_ context.Context, _ gateway.Override, e gateway.Evidence) (bool, error) {
	if s.before != nil {
		return false, s.before
	}
	if s.approvedAtOnce {
		return false, nil
	}
	s.lapsed = append(s.lapsed, e.Statement())
	return true, s.after
}

// stubApprovals reads approvals that are JSON; the key that signed one is the third part of
// its id.
type stubApprovals struct{}

func (stubApprovals) ExamineApproval(jws string) (gateway.Approval, string, error) {
	var a struct {
		gateway.Approval
		Key string
	}
	if err := json.Unmarshal([]byte(jws), &a); err != nil {
		return a.Approval, "", gateway.Refuse(gateway.CodeMalformed, "", "").Because(err)
	}
	return a.Approval, a.Key, nil
}

func (stubApprovals) CheckApproval(jws string, _ gateway.Key) error {
	if a, _, _ := (stubApprovals{}).ExamineApproval(jws); a.ID == "forged" {
		return gateway.Refuse(gateway.CodeSignature, "", "")
	}
	return nil
}

func newOverseer() (*gateway.Overseer, *cabinet, *stubDirectory) {
	s, d := &cabinet{answers: map[string]string{}}, newStubDirectory()
	for id, k := range map[string]gateway.Key{
		"ba-approval": {Party: "ba/coordinator", Use: gateway.UseApproval}, "rs-approval": {Party: "rs/coordinator", Use: gateway.UseApproval},
		"ba-lost": {Party: "ba/coordinator", Use: gateway.UseApproval, Revoked: noon.Add(-time.Second)},
	} {
		k.ID, k.NotBefore, k.NotAfter = id, noon.AddDate(0, -1, 0), noon.AddDate(0, 1, 0)
		d.keys[id] = k
	}
	n := 0
	return &gateway.Overseer{
		Examiner: stubApprovals{}, Notary: stubNotary{}, Directory: d, Overrides: s, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return noon }, NewID: func() string { n++; return string(rune('a' + n)) },
	}, s, d
}

var set = gateway.Digest{7}

func ofMessage(change func(*gateway.Approval), key string) string {
	a := gateway.Approval{
		ID: "a-1", By: "ba/coordinator", At: noon.Add(-time.Hour), Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "m-1"},
		Envelope: set.String(), Reason: "danger-to-life", Rules: []string{"rule-a", "rule-b"},
	}
	if change != nil {
		change(&a)
	}
	raw, err := json.Marshal(struct {
		gateway.Approval
		Key string
	}{a, key})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// received is the override of the message that the approvals speak of.
func received(change func(*gateway.Override)) *gateway.Override {
	o := &gateway.Override{
		Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "m-1"}, Audience: "rs/coordinator", Envelope: set, Reason: "danger-to-life",
		Rules: []string{"rule-a"}, At: noon.Add(-2 * time.Hour), Delivery: "d-1",
	}
	if change != nil {
		change(o)
	}
	return o
}

func TestAnApprovalIsAcceptedOrRefusedForWhatItIs(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		jws    string
		caller gateway.Party
		known  *gateway.Override
		code   gateway.Code // empty: recorded
	}{
		"before its message":                 {jws: ofMessage(nil, "ba-approval")},
		"of an urgent message":               {jws: ofMessage(nil, "ba-approval"), known: received(nil)},
		"one more than was needed":           {jws: ofMessage(nil, "ba-approval"), known: received(func(o *gateway.Override) { o.Approved, o.At = noon.Add(-90*time.Hour), noon.Add(-90*time.Hour) })},
		"to the last second":                 {jws: ofMessage(nil, "ba-approval"), known: received(func(o *gateway.Override) { o.At = noon.Add(-gateway.ApproveWithin) })},
		"a second too late":                  {ofMessage(nil, "ba-approval"), "", received(func(o *gateway.Override) { o.At = noon.Add(-gateway.ApproveWithin - time.Second) }), gateway.CodeApprovalLate},
		"after it was said that none came":   {ofMessage(nil, "ba-approval"), "", received(func(o *gateway.Override) { o.Lapsed = noon.Add(-time.Minute) }), gateway.CodeApprovalLate},
		"of rules that it does not need":     {ofMessage(nil, "ba-approval"), "", received(func(o *gateway.Override) { o.Rules = []string{"rule-c"} }), gateway.CodeApproval},
		"for another reason":                 {ofMessage(nil, "ba-approval"), "", received(func(o *gateway.Override) { o.Reason = "duty-in-law" }), gateway.CodeApproval},
		"by another's key":                   {ofMessage(nil, "rs-approval"), "", nil, gateway.CodeApproval},
		"by the key that signs messages":     {ofMessage(nil, "ba-message"), "", nil, gateway.CodeApproval},
		"by a key that nobody knows":         {ofMessage(nil, "nobody"), "", nil, gateway.CodeApproval},
		"by a key that was revoked":          {ofMessage(nil, "ba-lost"), "", nil, gateway.CodeApproval},
		"before the key was valid":           {ofMessage(func(a *gateway.Approval) { a.At = noon.AddDate(0, -2, 0) }, "ba-approval"), "", nil, gateway.CodeApproval},
		"signed four days ago":               {ofMessage(func(a *gateway.Approval) { a.At = noon.AddDate(0, 0, -4) }, "ba-approval"), "", nil, gateway.CodeApproval},
		"dated in the future":                {ofMessage(func(a *gateway.Approval) { a.At = noon.Add(6 * time.Minute) }, "ba-approval"), "", nil, gateway.CodeTimeFuture},
		"with a signature that fits nothing": {ofMessage(func(a *gateway.Approval) { a.ID = "forged" }, "ba-approval"), "", nil, gateway.CodeSignature},
		"given by somebody else":             {ofMessage(nil, "ba-approval"), "rs/coordinator", nil, gateway.CodeCallerMismatch},
		"of another party's message":         {ofMessage(func(a *gateway.Approval) { a.Message.Issuer = "rs/coordinator" }, "ba-approval"), "", nil, gateway.CodeCallerMismatch},
		"not to be read":                     {"{", "", nil, gateway.CodeMalformed},
		"a review":                           {jws: ofMessage(func(a *gateway.Approval) { a.Finding = "upheld" }, "ba-approval"), known: received(nil)},
		"a review of nothing":                {ofMessage(func(a *gateway.Approval) { a.Finding = "upheld" }, "ba-approval"), "", nil, gateway.CodeApproval},
		"a second review":                    {ofMessage(func(a *gateway.Approval) { a.Finding = "upheld" }, "ba-approval"), "", received(func(o *gateway.Override) { o.Reviewed = noon }), gateway.CodeApproval},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, s, _ := newOverseer()
			s.known = row.known
			if row.caller == "" {
				row.caller = "ba/coordinator"
			}
			answer, err := o.Approve(t.Context(), row.caller, row.jws)
			if row.code != "" {
				wantCode(t, err, row.code)
				if len(s.answers) > 0 {
					t.Error("it was recorded all the same")
				}
				return
			}
			var got gateway.Statement
			if err != nil || json.Unmarshal([]byte(answer), &got) != nil || got.Signer != gateway.TheGateway || got.Of != gateway.DigestString(row.jws) || got.Message.ID != "m-1" || got.Envelope != "" {
				t.Fatalf("answered %q, %v", answer, err)
			}
			want := gateway.ApprovalRecorded
			if a, _, _ := (stubApprovals{}).ExamineApproval(row.jws); a.Finding != "" {
				want = gateway.ReviewRecorded
			}
			if got.Event != want {
				t.Errorf("answered with %s, want %s", got.Event, want)
			}
		})
	}
}

// TestAnApprovalWhoseAnswerWasLostGetsTheSameOne, although the key was revoked meanwhile.
func TestAnApprovalWhoseAnswerWasLostGetsTheSameOne(t *testing.T) {
	t.Parallel()
	o, s, d := newOverseer()
	jws := ofMessage(nil, "ba-approval")
	s.before = errors.New("disk full")
	_, err := o.Approve(t.Context(), "ba/coordinator", jws)
	wantCode(t, err, gateway.CodeBusy)
	if len(s.answers) != 0 {
		t.Fatal("what was not recorded has an answer")
	}
	s.before, s.after = nil, errors.New("connection lost")
	_, err = o.Approve(t.Context(), "ba/coordinator", jws)
	wantCode(t, err, gateway.CodeBusy)
	s.after = nil
	k := d.keys["ba-approval"]
	k.Revoked = noon.Add(-time.Second)
	d.keys["ba-approval"] = k
	again, err := o.Approve(t.Context(), "ba/coordinator", jws)
	if err != nil || again != s.answers[jws] {
		t.Errorf("answered %q, %v, want %q", again, err, s.answers[jws])
	}
	if _, err := o.Approve(t.Context(), "rs/coordinator", jws); err == nil {
		t.Error("another party is given the answer")
	}
}

func TestWhatNobodyApprovedInTimeIsSignedOnce(t *testing.T) {
	t.Parallel()
	o, s, _ := newOverseer()
	s.list = []gateway.Override{*received(func(o *gateway.Override) { o.At = noon.Add(-25 * time.Hour) }), *received(nil)}
	if n, err := o.Lapse(t.Context()); n != 1 || err != nil {
		t.Fatalf("looked at %d, %v", n, err)
	}
	if len(s.lapsed) != 1 || s.lapsed[0].Event != gateway.OverrideUnapproved || s.lapsed[0].Delivery != "d-1" || s.lapsed[0].Envelope != "" || s.lapsed[0].Signer != gateway.TheGateway {
		t.Errorf("signed %+v", s.lapsed)
	}
	for name, change := range map[string]func(){
		"the journal breaks":          func() { s.before = errors.New("disk full") },
		"the clock is not to believe": func() { o.Doubt = func(context.Context) error { return errors.New("moved") } },
	} {
		s.before, o.Doubt = nil, nil
		change()
		if _, err := o.Lapse(t.Context()); err == nil {
			t.Errorf("%s: nothing is said", name)
		}
	}
	s.before, o.Doubt, s.approvedAtOnce, s.lapsed = nil, nil, true, nil
	if n, err := o.Lapse(t.Context()); n != 1 || err != nil || len(s.lapsed) != 0 {
		t.Errorf("of what was approved meanwhile it says %v", s.lapsed)
	}
}

// TestAWithdrawalAndAComingOfAgeAreRememberedAsThreadFacts in any order, from either side,
// and the same whoever replays them.
func TestAWithdrawalAndAComingOfAgeAreRememberedAsThreadFacts(t *testing.T) {
	t.Parallel()
	said := func(iss, aud gateway.Party, typ, act string) gateway.Head {
		return gateway.Head{ID: "m", Issuer: iss, Audience: aud, Type: typ, Thread: "t", Act: []string{act}}
	}
	a, b := gateway.Party("ba/coordinator"), gateway.Party("rs/coordinator")
	for name, row := range map[string]struct {
		heads            []gateway.Head
		withdrawn, ofAge bool
	}{
		"nothing was said":           {heads: []gateway.Head{said(a, b, "referral.request/1.0", "accept-referral")}},
		"withdrawn here":             {heads: []gateway.Head{said(a, b, "consent.change/1.0", "consent-withdrawn")}, withdrawn: true},
		"withdrawn there":            {heads: []gateway.Head{said(a, b, "capacity.request/1.0", ""), said(b, a, "consent.change/1.0", "consent-withdrawn")}, withdrawn: true},
		"given again":                {heads: []gateway.Head{said(a, b, "consent.change/1.0", "consent-withdrawn"), said(b, a, "consent.change/1.0", "consent-given")}},
		"given again with limits":    {heads: []gateway.Head{said(a, b, "consent.change/1.0", "consent-withdrawn"), said(a, b, "consent.change/1.0", "consent-limited")}},
		"an answer gives nothing":    {heads: []gateway.Head{said(a, b, "consent.change/1.0", "consent-withdrawn"), said(b, a, "applied.answer/1.0", "consent-given")}, withdrawn: true},
		"came of age":                {heads: []gateway.Head{said(a, b, "status.notice/1.0", "turned-18")}, ofAge: true},
		"nothing takes it back":      {heads: []gateway.Head{said(a, b, "status.notice/1.0", "turned-18"), said(b, a, "status.notice/1.0", "guardian-changed")}, ofAge: true},
		"another status is no age":   {heads: []gateway.Head{said(a, b, "status.notice/1.0", "status-decided")}},
		"both, the one after other":  {heads: []gateway.Head{said(a, b, "status.notice/1.0", "turned-18"), said(b, a, "consent.change/1.0", "consent-withdrawn")}, withdrawn: true, ofAge: true},
		"closing forgets none of it": {heads: []gateway.Head{said(a, b, "consent.change/1.0", "consent-withdrawn"), said(a, b, "case.change/1.0", "reopen")}, withdrawn: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replay := func() (f gateway.ThreadFacts) {
				for _, h := range row.heads {
					f = f.After(h)
				}
				return f
			}
			f := replay()
			if f.Withdrawn != row.withdrawn || f.OfAge != row.ofAge {
				t.Errorf("got %+v", f)
			}
			if diff := cmp.Diff(f, replay()); diff != "" {
				t.Errorf("replayed it differs:\n%s", diff)
			}
		})
	}
}

func TestAnOverrideNeedsItsApprovalUnlessItIsUrgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := referral(func(s *submission) { s.Head.Override = "danger-to-life" })
	_, err := w.accept(t, raw)
	wantCode(t, err, gateway.CodeApprovalMissing)
	if p := gateway.AsProblem(err); p.Final() || p.Wait == 0 || len(w.journal.records) != 0 {
		t.Errorf("refused with %v, %d records", p, len(w.journal.records))
	}
	digest := gateway.Digest(sha256.Sum256(raw))
	right := gateway.Approval{
		By: "ba/coordinator", Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "m-1"}, Envelope: digest.String(), Reason: "danger-to-life", Rules: []string{"test-rule"},
	}
	for name, change := range map[string]func(*gateway.Approval){
		"another envelope": func(a *gateway.Approval) { a.Envelope = gateway.DigestString("x") }, "another reason": func(a *gateway.Approval) { a.Reason = "duty-in-law" },
		"another message": func(a *gateway.Approval) { a.Message.ID = "m-2" }, "a review": func(a *gateway.Approval) { a.Finding = "upheld" }, "another party": func(a *gateway.Approval) { a.By = "rs/coordinator" },
		"no rules": func(a *gateway.Approval) { a.Rules = nil },
	} {
		wrong := right
		change(&wrong)
		w.journal.approvals, w.policy.overridden = []gateway.Approval{wrong}, []string{"test-rule"}
		if _, err := w.accept(t, raw); gateway.AsProblem(err).Code != gateway.CodeApprovalMissing {
			t.Errorf("%s: got %v", name, err)
		}
	}
	w.journal.approvals = append(w.journal.approvals, right)
	got, err := w.accept(t, raw)
	if err != nil || got.Receipt == nil {
		t.Fatalf("got %v, %v", got, err)
	}
	if o := w.journal.records[0].Override; o.Approved.IsZero() || o.Reason != "danger-to-life" || !slices.Equal(o.Rules, []string{"test-rule"}) || o.Pair.N != 1 {
		t.Errorf("recorded %+v", o)
	}
	urgent := newWorld(t)
	got, err = urgent.accept(t, referral(func(s *submission) { s.Head.Override, s.Head.Lane = "danger-to-life", gateway.Urgent }))
	if err != nil || got.Receipt == nil || !urgent.journal.records[0].Override.Approved.IsZero() {
		t.Errorf("the urgent one got %v, %v", got, err)
	}
}
