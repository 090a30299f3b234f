package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.org/trm/gateway"
)

// ask calls the local API.
func ask(t *testing.T, a *Adapter, token, method, path, body string, header ...string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	var out map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &out) // the mux's own 404 is no JSON
	return w.Code, out
}

const draftJSON = `{"type":"referral.request/1.0","from":"rs/coordinator","to":"ba/coordinator","thread":"019ab3c4-0000-7000-8000-000000000001"}`

func TestNobodyUsesTheLocalAPIWithoutAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	for _, route := range []string{
		"POST /v1/drafts", "POST /v1/preview", "GET /v1/outbox/x", "GET /v1/outbox/x/envelope", "POST /v1/approvals", "GET /v1/deliveries/x",
		"POST /v1/deliveries/x/read", "POST /v1/deliveries/x/taken-on", "GET /v1/alarms",
		"GET /v1/notices", "GET /v1/refs/x", "GET /v1/deliveries/x/answer",
		"GET /v1/duties", "POST /v1/cases", "POST /v1/changes", "POST /v1/changes/preview", "GET /v1/changes",
	} {
		method, path, _ := strings.Cut(route, " ")
		for _, token := range []string{"", "wrong", "al", "all "} {
			if status, _ := ask(t, a, token, method, path, "{}"); status != http.StatusUnauthorized {
				t.Errorf("%s with token %q: got %d, want 401", route, token, status)
			}
		}
	}
	a.Ready = func(context.Context) error { return errors.New("the directory has expired") }
	if status, _ := ask(t, a, "", "GET", "/readyz", ""); status != http.StatusServiceUnavailable {
		t.Errorf("with a directory that has expired: got %d, want 503", status)
	}
	a.Ready = nil
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, _ := ask(t, a, "", "GET", path, ""); status != http.StatusOK {
			t.Errorf("%s: got %d, want 200", path, status)
		}
	}
}

func TestRequestWithTheSameKeyMakesOneMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	status, first := ask(t, a, "all", "POST", "/v1/drafts", draftJSON, "Idempotency-Key", "k-1")
	if status != http.StatusAccepted || first["state"] != "stored" {
		t.Fatalf("got %d %v", status, first)
	}
	status, again := ask(t, a, "all", "POST", "/v1/drafts", draftJSON, "Idempotency-Key", "k-1")
	if status != http.StatusAccepted || again["jti"] != first["jti"] {
		t.Errorf("got %d %v, want the first answer", status, again)
	}
	// Another draft under it is not swallowed.
	status, other := ask(t, a, "all", "POST", "/v1/drafts", strings.Replace(draftJSON, "000001", "000002", 1), "Idempotency-Key", "k-1")
	if status != http.StatusUnprocessableEntity || other["code"] != string(gateway.CodeKeyReused) {
		t.Errorf("another draft under the key: got %d %v", status, other)
	}
	// A key under which nothing was done can be used for what was corrected.
	if status, got := ask(t, a, "all", "POST", "/v1/drafts", strings.Replace(draftJSON, `"type"`, `"typ"`, 1), "Idempotency-Key", "k-2"); status < 400 {
		t.Errorf("a draft without a type: got %d %v", status, got)
	}
	if status, got := ask(t, a, "all", "POST", "/v1/drafts", strings.Replace(draftJSON, "000001", "000003", 1), "Idempotency-Key", "k-2"); status != http.StatusAccepted {
		t.Errorf("the corrected draft: got %d %v", status, got)
	}
	due, err := a.Store.Due(t.Context(), noon, 10)
	if err != nil || len(due) != 2 {
		t.Errorf("got %d envelopes, %v", len(due), err)
	}
}

func TestDraftIsRefusedBeforeAnythingIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	for name, row := range map[string]struct {
		token, body string
		status      int
		code        gateway.Code
	}{
		"no JSON":             {"all", `{`, 400, gateway.CodeMalformed},
		"unknown member":      {"all", strings.Replace(draftJSON, `"type"`, `"tipe"`, 1), 422, gateway.CodeSchema},
		"another country":     {"all", strings.Replace(draftJSON, "rs/coordinator", "mk/coordinator", 1), 403, gateway.CodeForbidden},
		"a party not his own": {"child", draftJSON, 403, gateway.CodeForbidden},
		"too long":            {"all", `{"type":"` + strings.Repeat("x", 300<<10) + `"}`, 413, gateway.CodeTooLarge},
	} {
		status, out := ask(t, a, row.token, "POST", "/v1/drafts", row.body)
		if status != row.status || out["code"] != string(row.code) {
			t.Errorf("%s: got %d %v, want %d %s", name, status, out["code"], row.status, row.code)
		}
	}
	if due, err := a.Store.Due(t.Context(), noon, 10); err != nil || len(due) != 0 {
		t.Errorf("got %d envelopes, %v", len(due), err)
	}
}

func TestPersonsActIsTestifiedOnceForEachRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	if status, _ := ask(t, a, "all", "POST", "/v1/deliveries/"+deliveryID+"/read", ""); status != http.StatusNotFound {
		t.Errorf("of a delivery that is not here: got %d, want 404", status)
	}
	if err, _ := w.offer(a, w.arrive(deliveryID, 1, nil)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, call := range []struct{ path, body string }{
			{"read", ""}, {"read", `{"role":"child-protection"}`}, {"taken-on", `{"role":"coordinator"}`},
		} {
			if status, out := ask(t, a, "all", "POST", "/v1/deliveries/"+deliveryID+"/"+call.path, call.body); status != http.StatusOK {
				t.Fatalf("%v: got %d %v", call, status, out)
			}
		}
	}
	list, err := a.Store.Evidence(t.Context(), deliveryID)
	if err != nil || len(list) != 4 {
		t.Fatalf("got %d pieces of evidence, %v, want the consignment and three of persons", len(list), err)
	}
	for _, x := range list[1:] {
		s := statement(t, x.JWS)
		if s.Signer != "rs/coordinator" || s.Delivery != deliveryID || s.Role != x.Role || s.SDHash == "" {
			t.Errorf("got %+v", s)
		}
	}
	// A role that was given nothing did nothing.
	if status, out := ask(t, a, "all", "POST", "/v1/deliveries/"+deliveryID+"/read", `{"role":"referral-ngo"}`); status != 422 || out["code"] != string(gateway.CodeEvidence) {
		t.Errorf("got %d %v", status, out)
	}
}

func TestCallerSeesAndReportsForHisPartiesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	if err, _ := w.offer(a, w.arrive(deliveryID, 1, nil)); err != nil {
		t.Fatal(err)
	}
	_, mine := ask(t, a, "all", "POST", "/v1/drafts", draftJSON)
	jti, _ := mine["jti"].(string)
	for _, row := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/v1/deliveries/" + deliveryID + "/read", `{"role":"child-protection"}`, 200},
		{"POST", "/v1/deliveries/" + deliveryID + "/read", `{"role":"coordinator"}`, 404},
		{"POST", "/v1/deliveries/" + deliveryID + "/read", ``, 404},
		{"GET", "/v1/deliveries/" + deliveryID, ``, 404},
		{"GET", "/v1/outbox/" + jti, ``, 404},
		{"GET", "/v1/alarms", ``, 403},
	} {
		if status, _ := ask(t, a, "child", row.method, row.path, row.body); status != row.status {
			t.Errorf("%s %s %s: got %d, want %d", row.method, row.path, row.body, status, row.status)
		}
	}
	for _, path := range []string{"/v1/deliveries/" + deliveryID, "/v1/outbox/" + jti, "/v1/alarms"} {
		if status, _ := ask(t, a, "all", "GET", path, ""); status != http.StatusOK {
			t.Errorf("%s: got %d, want 200", path, status)
		}
	}
}
