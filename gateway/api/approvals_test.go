package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
)

// overseer answers to what it is given, and reports a list.
type overseer struct {
	list []gateway.Override
	err  error
}

func (o *overseer) Approve(_ context.Context, caller gateway.Party, jws string) (string, error) {
	switch jws {
	case "panic":
		panic(jws)
	case "bad":
		return "", gateway.Refuse(gateway.CodeMalformed, "", "")
	case "reused":
		return "", gateway.Refuse(gateway.CodeIDReused, "/jti", "")
	case "late":
		return "", gateway.Refuse(gateway.CodeApprovalLate, "", "")
	case "theirs":
		return "", gateway.Refuse(gateway.CodeCallerMismatch, "/iss", "")
	}
	return "answer.to." + strings.ReplaceAll(jws, ".", ""), o.err
}

func (o *overseer) Overrides(_ context.Context, c gateway.Country, from, until time.Time, n int) ([]gateway.Override, error) {
	var out []gateway.Override
	for _, x := range o.list {
		if x.Message.Issuer.Country() == c && !x.At.Before(from) && x.At.Before(until) && len(out) < n {
			out = append(out, x)
		}
	}
	return out, o.err
}

func (w *world) approve(p gateway.Party, body string, headers ...string) answer {
	if len(headers) == 0 {
		headers = []string{"Content-Type", "application/jwt"}
	}
	return w.call(p, http.MethodPost, "/v1/approvals", strings.NewReader(body), headers...)
}

func TestAnApprovalIsAnsweredWithWhatTheOverseerSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.approve("ba/coordinator", "a.b.c")
	if a.StatusCode != 200 || a.body != "answer.to.abc" || a.Header.Get("Content-Type") != "application/jwt" {
		t.Errorf("got %d %q", a.StatusCode, a.body)
	}
	w.wantProblem(w.approve("ba/coordinator", "late"), gateway.CodeApprovalLate)
	w.wantProblem(w.approve("ba/coordinator", "a.b.c", "Content-Type", "text/plain"), gateway.CodeMediaType)
}

// overridden are one override of each kind, of two countries.
func overridden() []gateway.Override {
	of := func(p gateway.Party, n string, at time.Time) gateway.Override {
		return gateway.Override{
			Message: gateway.MessageID{Issuer: p, ID: "019a0000-0000-7000-8000-00000000000" + n}, Audience: "rs/coordinator",
			Reason: "danger-to-life", Rules: []string{"no-means-no"}, At: at,
		}
	}
	waiting, reviewed, missed, theirs := of("ba/coordinator", "1", noon.Add(-time.Hour)), of("ba/child-protection", "2", noon.Add(-80*time.Hour)),
		of("ba/coordinator", "3", noon.Add(-80*time.Hour)), of("rs/coordinator", "4", noon)
	reviewed.Approved, reviewed.Reviewed, reviewed.Finding = reviewed.At, noon.Add(-time.Hour), "not-upheld"
	missed.Lapsed, missed.Rules = missed.At.Add(24*time.Hour), nil
	return []gateway.Override{missed, reviewed, waiting, theirs}
}

func TestACountryIsShownWhatItOverrode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.overseer.list = overridden()
	var got struct {
		Country, Month string
		Overrides      []map[string]any
		More           bool
	}
	a := w.get("ba/coordinator", "/v1/overrides?month=2026-11")
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.StatusCode != 200 || got.Country != "ba" || got.Month != "2026-11" || got.More {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	want := []map[string]any{
		{
			"iss": "ba/coordinator", "jti": "019a0000-0000-7000-8000-000000000003", "aud": "rs/coordinator", "reason": "danger-to-life", "rules": []any{},
			"receivedAt": "2026-11-18T04:00:00Z", "approveBy": "2026-11-19T04:00:00Z", "unapprovedAt": "2026-11-19T04:00:00Z", "reviewBy": "2026-11-21T04:00:00Z", "overdue": true,
		},
		{
			"iss": "ba/child-protection", "jti": "019a0000-0000-7000-8000-000000000002", "aud": "rs/coordinator", "reason": "danger-to-life", "rules": []any{"no-means-no"},
			"receivedAt": "2026-11-18T04:00:00Z", "approvedAt": "2026-11-18T04:00:00Z", "reviewBy": "2026-11-21T04:00:00Z", "reviewedAt": "2026-11-21T11:00:00Z", "finding": "not-upheld",
		},
		{
			"iss": "ba/coordinator", "jti": "019a0000-0000-7000-8000-000000000001", "aud": "rs/coordinator", "reason": "danger-to-life", "rules": []any{"no-means-no"},
			"receivedAt": "2026-11-21T11:00:00Z", "approveBy": "2026-11-22T11:00:00Z", "reviewBy": "2026-11-24T11:00:00Z",
		},
	}
	if diff := cmp.Diff(want, got.Overrides); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for path, n := range map[string]int{"/v1/overrides": 3, "/v1/overrides?month=2026-10": 0} {
		if err := json.Unmarshal([]byte(w.get("ba/coordinator", path).body), &got); err != nil || len(got.Overrides) != n {
			t.Errorf("%s: %d overrides, %v, want %d", path, len(got.Overrides), err, n)
		}
	}
	if err := json.Unmarshal([]byte(w.get("rs/auditor", "/v1/overrides").body), &got); err != nil || len(got.Overrides) != 1 || got.Country != "rs" {
		t.Errorf("another country's auditor got %+v, %v", got, err)
	}
	w.wantProblem(w.get("ba/coordinator", "/v1/overrides?month=November"), gateway.CodeRequest)
}
