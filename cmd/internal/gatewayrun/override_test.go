package gatewayrun_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/envelope"
)

// against is a referral of somebody who refused it and whose life is in danger.
func (w *world) against(lane string) outgoing.Signed {
	w.t.Helper()
	return w.signed("referral.request/1.0", outgoing.Options{}, func(d map[string]any) {
		d["lane"], d["override"] = lane, "danger-to-life"
		d["agreement"] = map[string]any{"state": "refused", "by": "person"}
		d["attests"] = []any{"protection-checked"}
		d["sealed"] = map[string]any{"identity@coordinator": map[string]any{
			"names": []any{map[string]any{"given": "Invented-Mirela", "family": "Invented-Nobody", "script": "latn"}}, "born": "1990-01-01",
		}}
	})
}

// needed are the rules that such a referral sets aside, in a new thread.
var needed = []string{"names-after-acceptance", "no-means-no", "sealed-by-agreement"}

func (w *world) approval(m outgoing.Signed, change func(*gateway.Approval)) gateway.Approval {
	w.t.Helper()
	p, err := envelope.Codec{}.Decode(m.Raw)
	if err != nil {
		w.t.Fatal(err)
	}
	a := gateway.Approval{
		ID: newID(), By: m.Head.Issuer, At: w.now.Now(), Message: m.ID, Envelope: p.Digest.String(), Reason: m.Head.Override, Rules: needed,
	}
	if change != nil {
		change(&a)
	}
	return a
}

func (w *world) approve(a gateway.Approval, by gateway.Party) (answer, string) {
	w.t.Helper()
	jws, err := envelope.SignApproval(a, w.keys(by).Approval)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.call(a.By, "POST", "/v1/approvals", []byte(jws), "Content-Type", "application/jwt"), jws
}

func (w *world) wantCode(a answer, code gateway.Code) {
	w.t.Helper()
	var d gateway.Document
	if err := json.Unmarshal([]byte(a.body), &d); err != nil || d.Code != code {
		w.t.Fatalf("got %d %q, want the problem %s", a.StatusCode, a.body, code)
	}
}

// shown is the only row of the report that the coordinator of the party's country gets.
func (w *world) shown(p gateway.Party) map[string]any {
	w.t.Helper()
	a := w.call(p.In("coordinator"), "GET", "/v1/overrides?month="+morning.Format("2006-01"), nil)
	var out struct{ Overrides []map[string]any }
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.StatusCode != 200 || len(out.Overrides) != 1 {
		w.t.Fatalf("the report is %d %q, want one override", a.StatusCode, a.body)
	}
	return out.Overrides[0]
}

// heard names the events of a sender's feed.
func (w *world) heard(p gateway.Party) []gateway.Event {
	w.t.Helper()
	var f struct{ Events []api.Event }
	a := w.call(p, "GET", "/v1/events", nil)
	if err := json.Unmarshal([]byte(a.body), &f); err != nil {
		w.t.Fatalf("reading the feed got %d %q", a.StatusCode, a.body)
	}
	var out []gateway.Event
	for _, e := range f.Events {
		if _, err := gateway.Witnessed(e.JWS, envelope.Codec{}, w.dirs); err != nil {
			w.t.Fatalf("%s does not prove: %v", e.Event, err)
		}
		out = append(out, e.Event)
	}
	return out
}

func TestAnOverrideIsReceivedOnceASecondPersonApprovedIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.against("normal")
	sender := m.Head.Issuer
	path := "/v1/messages/" + string(sender) + "/" + m.ID.ID
	for range 2 {
		a := w.submit(sender, m.Raw)
		w.wantCode(a, gateway.CodeApprovalMissing)
		if a.StatusCode != 425 || a.Header.Get("Retry-After") == "" {
			t.Fatalf("got %d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
		}
		if a := w.call(sender, "GET", path, nil); a.StatusCode != 404 {
			t.Fatalf("a message that waits for its approval left a trace: %d %q", a.StatusCode, a.body)
		}
	}
	// What is of other bytes, for another reason or of fewer rules counts for nothing.
	for name, change := range map[string]func(*gateway.Approval){
		"of other bytes":     func(a *gateway.Approval) { a.Envelope = gateway.DigestString("other") },
		"of another message": func(a *gateway.Approval) { a.Message.ID = newID() },
		"for another reason": func(a *gateway.Approval) { a.Reason = "duty-in-law" },
		"of fewer rules":     func(a *gateway.Approval) { a.Rules = needed[1:] },
	} {
		if a, _ := w.approve(w.approval(m, change), sender); a.StatusCode != 200 {
			t.Fatalf("%s: got %d %q", name, a.StatusCode, a.body)
		}
		w.wantCode(w.submit(sender, m.Raw), gateway.CodeApprovalMissing)
	}
	approval := w.approval(m, nil)
	first, jws := w.approve(approval, sender)
	if first.StatusCode != 200 {
		t.Fatalf("got %d %q", first.StatusCode, first.body)
	}
	e, err := gateway.Witnessed(first.body, envelope.Codec{}, w.dirs)
	if s := e.Statement(); err != nil || s.Event != gateway.ApprovalRecorded || s.Signer != gateway.TheGateway || s.Of != gateway.DigestString(jws) || s.Message != m.ID {
		t.Errorf("answered with %+v, %v", s, err)
	}
	// After a restart the same bytes have the same answer, and another with that id has none.
	w.stop()
	w.start()
	if again := w.call(sender, "POST", "/v1/approvals", []byte(jws), "Content-Type", "application/jwt"); again.body != first.body {
		t.Errorf("the same approval got %d %q, then %q", again.StatusCode, first.body, again.body)
	}
	approval.Rules = needed[:1]
	a, _ := w.approve(approval, sender)
	w.wantCode(a, gateway.CodeIDReused)

	receipt := w.submit(sender, m.Raw)
	if receipt.StatusCode != 202 {
		t.Fatalf("got %d %q", receipt.StatusCode, receipt.body)
	}
	if o := w.deliver("rs"); !slices.Contains(o.Binding.Released, "identity@coordinator") || o.Head.Override != "danger-to-life" {
		t.Errorf("released %v, override %q", o.Binding.Released, o.Head.Override)
	}
	row := w.shown(sender)
	if row["approvedAt"] == nil || row["approveBy"] != nil || row["reason"] != "danger-to-life" || len(row["rules"].([]any)) != len(needed) {
		t.Errorf("the report says %v", row)
	}
	// Nobody else reads it, and the recipient never meets the digest of what was submitted.
	if a := w.call("rs/coordinator", "GET", "/v1/overrides", nil); strings.Contains(a.body, m.ID.ID) {
		t.Errorf("another country reads %q", a.body)
	}
	if a := w.call("rs/coordinator", "GET", path, nil); strings.Contains(a.body, approval.Envelope) || strings.Contains(w.logged.String(), approval.Envelope) {
		t.Errorf("the digest of the envelope is in %q or in the log", a.body)
	}
}

func TestOnlyAnApprovalKeyOfTheSendersOwnPartyApproves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.against("normal")
	sender := m.Head.Issuer
	a := w.approval(m, nil)
	got, _ := w.approve(a, "me/coordinator") // the coordinator's key, and the mobile team's name
	w.wantCode(got, gateway.CodeApproval)
	a.By = "me/coordinator"
	got, _ = w.approve(a, "me/coordinator")
	w.wantCode(got, gateway.CodeCallerMismatch)
	_, jws := w.approve(w.approval(m, func(a *gateway.Approval) { a.At = w.now.Now().Add(6 * time.Minute) }), sender)
	w.wantCode(w.call(sender, "POST", "/v1/approvals", []byte(jws), "Content-Type", "application/jwt"), gateway.CodeTimeFuture)
	_, jws = w.approve(w.approval(m, func(a *gateway.Approval) { a.Rules = nil }), sender)
	forged := jws[:len(jws)-4] + "AAAA"
	w.wantCode(w.call(sender, "POST", "/v1/approvals", []byte(forged), "Content-Type", "application/jwt"), gateway.CodeSignature)
	if _, err := envelope.SignApproval(w.approval(m, nil), w.keys(sender).Message); err == nil {
		t.Error("the key that signs messages signed an approval")
	}
	w.wantCode(w.submit(sender, m.Raw), gateway.CodeApprovalMissing)
	// A message keeps a bounded number of them.
	for n := 0; ; n++ {
		got, _ := w.approve(w.approval(m, func(a *gateway.Approval) { a.Rules = needed[:1] }), sender)
		if got.StatusCode == 200 && n < 20 {
			continue
		}
		w.wantCode(got, gateway.CodeApproval)
		break
	}
}

func TestAnUrgentOverrideIsReceivedAndItsApprovalFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.against("urgent")
	sender := m.Head.Issuer
	if a := w.submit(sender, m.Raw, "TRM-Lane", "urgent"); a.StatusCode != 202 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	if row := w.shown(sender); row["approvedAt"] != nil || row["approveBy"] != "2026-11-25T09:00:00Z" || row["reviewBy"] != "2026-11-27T09:00:00Z" {
		t.Errorf("the report says %v", row)
	}
	w.now.add(23 * time.Hour)
	a, _ := w.approve(w.approval(m, func(a *gateway.Approval) { a.Rules = needed[:1] }), sender)
	w.wantCode(a, gateway.CodeApproval)
	if a, _ := w.approve(w.approval(m, nil), sender); a.StatusCode != 200 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	// The review is owed all the same: by the third day it is overdue, and one settles it.
	w.now.add(50 * time.Hour)
	if row := w.shown(sender); row["approvedAt"] != "2026-11-25T08:00:00Z" || row["overdue"] != true {
		t.Errorf("the report says %v", row)
	}
	review := func() (answer, string) {
		return w.approve(w.approval(m, func(a *gateway.Approval) { a.Finding = "not-upheld" }), sender)
	}
	if a, _ := review(); a.StatusCode != 200 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	a, _ = review()
	w.wantCode(a, gateway.CodeApproval)
	if row := w.shown(sender); row["finding"] != "not-upheld" || row["overdue"] != nil {
		t.Errorf("the report says %v", row)
	}
	w.stop()
	w.start()
	if slices.Contains(w.heard(sender), gateway.OverrideUnapproved) {
		t.Error("what was approved in time is said to be unapproved")
	}
}

func TestAnUrgentOverrideThatNobodyApprovesIsSaidAloud(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.against("urgent")
	sender := m.Head.Issuer
	if a := w.submit(sender, m.Raw, "TRM-Lane", "urgent"); a.StatusCode != 202 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	w.now.add(24*time.Hour + time.Second)
	for range 2 { // it is said once
		w.stop()
		w.start()
		for !slices.Contains(w.heard(sender), gateway.OverrideUnapproved) {
			select {
			case <-t.Context().Done():
				t.Fatalf("nobody said it: %v", w.heard(sender))
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	said := 0
	for _, e := range w.heard(sender) {
		if e == gateway.OverrideUnapproved {
			said++
		}
	}
	if said != 1 {
		t.Errorf("it is said %d times", said)
	}
	if row := w.shown(sender); row["unapprovedAt"] != "2026-11-25T09:00:01Z" {
		t.Errorf("the report says %v", row)
	}
	a, _ := w.approve(w.approval(m, nil), sender)
	w.wantCode(a, gateway.CodeApprovalLate)
	if !strings.Contains(w.logged.String(), `"nobody approved an override"`) {
		t.Error("the operator is not told")
	}
	if a := w.submit(sender, m.Raw, "TRM-Lane", "urgent"); a.StatusCode != 202 {
		t.Errorf("the same bytes now get %d %q", a.StatusCode, a.body)
	}
}
