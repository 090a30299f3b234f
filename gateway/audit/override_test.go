package audit_test

import (
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
)

// TestARuleThatWasSetAsideStandsInTheLog with what became of it, and a gateway that keeps
// quiet about either is found.
func TestARuleThatWasSetAsideStandsInTheLog(t *testing.T) {
	t.Parallel()
	says := func(w *world, s sent, reason gateway.Code) {
		w.deed(gateway.Deed{Event: gateway.Overridden, At: w.now, By: me, Reason: reason, Digest: gateway.DigestString(string(me) + " " + s.Head.ID)})
	}
	for name, row := range map[string]struct {
		log  func(*world, sent)
		days int
		want []found
	}{
		"approved":                   {func(w *world, s sent) { says(w, s, "danger-to-life"); says(w, s, "approved") }, 2, nil},
		"not approved yet":           {func(w *world, s sent) { says(w, s, "danger-to-life") }, 0, nil},
		"nobody approved it":         {func(w *world, s sent) { says(w, s, "danger-to-life"); w.lapse(s) }, 2, nil},
		"nothing is said of it":      {func(*world, sent) {}, 0, []found{{3, audit.OverrideKept, audit.Violates}}},
		"nothing is said of the end": {func(w *world, s sent) { says(w, s, "danger-to-life") }, 2, []found{{3, audit.OverrideKept, audit.Violates}}},
	} {
		w := newWorld(t)
		d := referral(me, rs)
		d["agreement"] = map[string]any{"state": "refused", "by": "authority", "heard": true}
		d["lane"], d["override"] = "urgent", "danger-to-life"
		delete(d, "sealed")
		s := w.send(d)
		if s.Override.Reason == "" {
			t.Fatal("nothing was set aside")
		}
		row.log(w, s)
		w.now = w.now.AddDate(0, 0, row.days)
		last := referral(me, rs)
		last["answerBy"] = w.now.Add(20 * time.Hour).Format(time.RFC3339)
		w.send(last)
		w.pad(300)
		t.Log(name)
		w.wantFindings(w.verify(w.bundle("me/auditor"), nil), row.want...)
		w.wantFindings(w.verify(w.bundle("rs/auditor"), nil)) // it is not told
	}
}

// lapse lets the gateway say that nobody approved in time.
func (w *world) lapse(s sent) {
	w.testify(s, gateway.OverrideUnapproved, gateway.TheGateway, func(st *gateway.Statement) {
		st.Code, st.At = gateway.CodeApprovalMissing, s.At.Add(gateway.ApproveWithin+time.Minute)
	})
}
