package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.org/trm/gateway"
)

// desk of approvals: they are JSON, and the gateway's answer is what the test says.
type stubApprover struct {
	got  []string
	fail error
}

func (s *stubApprover) Approve(_ context.Context, as gateway.Party, jws string) (string, error) {
	s.got = append(s.got, string(as)+" "+jws)
	return "answer.to.it", s.fail
}

func (s *stubApprover) ExamineApproval(jws string) (a gateway.Approval, kid string, err error) {
	if json.Unmarshal([]byte(jws), &a) != nil {
		err = gateway.Refuse(gateway.CodeApproval, "", "")
	}
	return a, "", err
}

func (s *stubApprover) CheckApproval(string, gateway.Key) error { return nil }

func approve(t *testing.T, a *Adapter, token, jws, media string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/approvals", strings.NewReader(jws))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", media)
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	var d gateway.Document
	if json.Unmarshal(w.Body.Bytes(), &d) == nil && d.Code != "" {
		return w.Code, string(d.Code)
	}
	return w.Code, w.Body.String()
}

// TestASecondPersonApprovesThroughTheAdapter: the bytes come out, the approval goes to the
// gateway, and the message that waited is due at once.
func TestASecondPersonApprovesThroughTheAdapter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &stubApprover{}
	a, _ := w.live(func(c *Config) { c.Approver, c.Approvals = s, s })
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	// The gateway waits for the approval.
	w.answer(func() (string, *gateway.Document, error) {
		d := gateway.Refuse(gateway.CodeApprovalMissing, "/override", "").Document()
		return "", &d, Later(errors.New("waits"), 5*60e9)
	})
	if err := a.send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	due := func() int {
		list, err := a.Store.Due(t.Context(), w.clock(), 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if due() != 0 {
		t.Fatal("it does not wait")
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/outbox/"+o.ID.ID+"/envelope", nil)
	r.Header.Set("Authorization", "Bearer all")
	rec := httptest.NewRecorder()
	a.Handler().ServeHTTP(rec, r)
	if rec.Code != 200 || rec.Body.String() != string(o.Envelope) {
		t.Errorf("the bytes are %d %q, want %q", rec.Code, rec.Body, o.Envelope)
	}
	raw, err := json.Marshal(gateway.Approval{By: "rs/coordinator", Message: o.ID})
	if err != nil {
		t.Fatal(err)
	}
	jws := string(raw)
	for name, row := range map[string]struct {
		token, jws, media string
		status            int
		code              gateway.Code
	}{
		"another office's token": {"child", jws, "application/jwt", 403, gateway.CodeForbidden},
		"of another country":     {"all", strings.Replace(jws, `"By":"rs/`, `"By":"ba/`, 1), "application/jwt", 403, gateway.CodeForbidden},
		"as JSON":                {"all", jws, "application/json", 415, gateway.CodeMediaType},
		"not to be read":         {"all", "a.b.c", "application/jwt", 422, gateway.CodeApproval},
		"too long":               {"all", strings.Repeat("a", maxApproval+1), "application/jwt", 413, gateway.CodeTooLarge},
		"nobody's":               {"", jws, "application/jwt", 401, gateway.CodeUnauthenticated},
	} {
		if status, code := approve(t, a, row.token, row.jws, row.media); status != row.status || code != string(row.code) {
			t.Errorf("%s: got %d %s, want %d %s", name, status, code, row.status, row.code)
		}
	}
	if len(s.got) != 0 || due() != 0 {
		t.Fatalf("the gateway was given %q", s.got)
	}
	// Not done, and done but the answer lost, look the same: the same approval goes again.
	s.fail = errors.New("cut off")
	if status, code := approve(t, a, "all", jws, "application/jwt"); status != http.StatusServiceUnavailable || due() != 0 {
		t.Errorf("got %d %s", status, code)
	}
	s.fail = gateway.Refuse(gateway.CodeApprovalLate, "", "")
	if status, code := approve(t, a, "all", jws, "application/jwt"); status != 422 || code != string(gateway.CodeApprovalLate) || due() != 0 {
		t.Errorf("got %d %s", status, code)
	}
	s.fail = nil
	if status, answer := approve(t, a, "all", jws+"\n", "application/jwt"); status != 200 || answer != "answer.to.it" {
		t.Errorf("got %d %s", status, answer)
	}
	if len(s.got) != 3 || s.got[2] != "rs/coordinator "+jws {
		t.Errorf("the gateway was given %q", s.got)
	}
	if due() != 1 {
		t.Error("the message that waited is not due")
	}
	a.Approver = nil
	if status, _ := approve(t, a, "all", jws, "application/jwt"); status != 404 {
		t.Errorf("without an approver: got %d", status)
	}
}

func TestTheClientApprovesAndReadsTheReportAsTheParty(t *testing.T) {
	t.Parallel()
	var asked, body, media string
	c, _ := calling(t, func(w http.ResponseWriter, r *http.Request) {
		asked, media = r.Method+" "+r.URL.String(), r.Header.Get("Content-Type")
		raw, _ := io.ReadAll(r.Body)
		body = string(raw)
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "application/jwt")
			_, _ = io.WriteString(w, "answer.to.it")
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"country": "rs", "overrides": []Override{{ID: "m-1", Reason: "danger-to-life"}}, "more": true})
	})
	answer, err := c.Approve(t.Context(), "rs/coordinator", "a.b.c")
	if err != nil || answer != "answer.to.it" || asked != "POST /v1/approvals" || body != "a.b.c" || media != "application/jwt" {
		t.Errorf("got %q, %v for %s %q of %s", answer, err, asked, body, media)
	}
	list, more, err := c.Overrides(t.Context(), "rs/coordinator", "2026-11")
	if err != nil || len(list) != 1 || list[0].ID != "m-1" || !more || asked != "GET /v1/overrides?month=2026-11" {
		t.Errorf("got %v, %t, %v for %s", list, more, err, asked)
	}
	if _, _, err := c.Overrides(t.Context(), "rs/coordinator", ""); err != nil || asked != "GET /v1/overrides" {
		t.Errorf("%v for %s", err, asked)
	}
	late, _ := calling(t, refusing(422, gateway.CodeApprovalLate))
	var p *gateway.Problem
	if _, err := late.Approve(t.Context(), "rs/coordinator", "a.b.c"); !errors.As(err, &p) || p.Code != gateway.CodeApprovalLate {
		t.Errorf("got %v", err)
	}
}
