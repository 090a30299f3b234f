package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

// doors says, written down a second time, who may call each route. A route that is not
// here fails the test.
var doors = map[string]struct {
	path string // a real one
	who  []gateway.Party
}{
	"POST /v1/messages":                      {"/v1/messages", exchanging},
	"GET /v1/messages/:cc/:role/:jti":        {"/v1/messages/ba/coordinator/019a0000-0000-7000-8000-000000000001", exchanging},
	"GET /v1/messages/:cc/:role/:jti/proofs": {"/v1/messages/ba/coordinator/019a0000-0000-7000-8000-000000000001/proofs", exchanging},
	"GET /v1/log/checkpoint":                 {"/v1/log/checkpoint", parties},
	"GET /v1/log/checkpoint/daily":           {"/v1/log/checkpoint/daily", everyone},
	"GET /v1/log/:region/:year/checkpoint":   {"/v1/log/test/2026/checkpoint", parties},
	"GET /v1/log/:region/:year/tile/*":       {"/v1/log/test/2026/tile/0/000.p/1", parties},
	"GET /v1/audit":                          {november, auditing},
	"POST /v1/preview":                       {"/v1/preview", exchanging},
	"POST /v1/approvals":                     {"/v1/approvals", exchanging},
	"GET /v1/overrides":                      {"/v1/overrides", overseeing},
	"GET /v1/events":                         {"/v1/events", exchanging},
	"GET /v1/duties":                         {"/v1/duties", exchanging},
	"GET /v1/deliveries":                     {"/v1/deliveries", leading},
	"POST /v1/evidence":                      {"/v1/evidence", leading},
	"GET /v1/pairs/:from/:to/:origin/:n":     {"/v1/pairs/ba/rs/test%2F2026/7", leading},
	"GET /v1/directory":                      {"/v1/directory", parties},
	"GET /v1/schemas":                        {"/v1/schemas", everyone},
	"GET /v1/schemas/*":                      {"/v1/schemas/nothing", everyone},
	"GET /v1/codes":                          {"/v1/codes", everyone},
	"GET /v1/codes/:release":                 {"/v1/codes/2026-11", everyone},
	"GET /v1/codes/:release/manifest":        {"/v1/codes/2026-11/manifest", everyone},
	"GET /v1/policy":                         {"/v1/policy", everyone},
	"GET /v1/problems":                       {"/v1/problems", everyone},
	"GET /v1/openapi.yaml":                   {"/v1/openapi.yaml", everyone},
	"GET /healthz":                           {"/healthz", everyone},
	"GET /readyz":                            {"/readyz", everyone},
}

var (
	overseeing = []gateway.Party{"ba/coordinator", "rs/coordinator", "rs/auditor"}
	auditing   = []gateway.Party{"rs/auditor"}
	leading    = []gateway.Party{"ba/coordinator", "rs/coordinator"}
	exchanging = []gateway.Party{"ba/coordinator", "rs/coordinator", "rs/child-protection", "me/mobile-team.2"}
	everyone   = append([]gateway.Party{""}, parties...)
)

func TestEveryRouteAdmitsExactlyWhomItSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(api.Limits{Hold: time.Millisecond}))
	for _, route := range api.Routes() {
		d, ok := doors[route]
		if !ok {
			t.Errorf("%s: nobody wrote down here who may call it", route)
			continue
		}
		method, _, _ := strings.Cut(route, " ")
		for _, p := range everyone {
			a := w.call(p, method, d.path, nil)
			admitted := a.StatusCode != 401 && a.StatusCode != 403
			if want := slices.Contains(d.who, p); admitted != want {
				t.Errorf("%s as %q: got %d, admitted is %t, want %t", route, p, a.StatusCode, admitted, want)
			}
			if want := gateway.CodeForbidden; p != "" && !admitted && a.document(t).Code != want {
				t.Errorf("%s as %q: got %q, want %s", route, p, a.body, want)
			}
		}
	}
	if len(doors) != len(api.Routes()) {
		t.Errorf("%d routes are written down, the door has %d", len(doors), len(api.Routes()))
	}
}

func TestARouteThatForgetsToSayAdmitsNobody(t *testing.T) {
	t.Parallel()
	for _, p := range everyone {
		if api.Forgotten(p) {
			t.Errorf("%q is admitted", p)
		}
	}
}

func TestWhatIsNotARouteIsAProblemToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		method, path string
		want         gateway.Code
	}{
		{"GET", "/", gateway.CodeNotFound},
		{"GET", "/v1", gateway.CodeNotFound},
		{"GET", "/v1/messages/ba/coordinator", gateway.CodeNotFound},
		{"GET", "/v1/codes/", gateway.CodeNotFound},
		{"GET", "//v1/codes", gateway.CodeNotFound},
		{"GET", "/v1/../v1/codes", gateway.CodeNotFound},
		{"GET", "/metrics", gateway.CodeNotFound},
		{"GET", "/v1/schemas/..%2f..%2fetc%2fpasswd", gateway.CodeNotFound},
		{"PUT", "/v1/messages", gateway.CodeMethod},
		{"DELETE", "/v1/messages/ba/coordinator/019a0000-0000-7000-8000-000000000001", gateway.CodeMethod},
		{"TRACE", "/v1/codes", gateway.CodeMethod},
		{"BREW", "/v1/codes", gateway.CodeMethod},
	} {
		a := w.call("", tt.method, tt.path, nil)
		w.wantProblem(a, tt.want)
		if tt.want == gateway.CodeMethod && a.Header.Get("Allow") == "" {
			t.Errorf("%s %s: a 405 does not list what is allowed (RFC 9110, Section 15.5.6)", tt.method, tt.path)
		}
	}
}

func TestEveryAnswerIsHardened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/v1/codes", "/nowhere", "/v1/directory", "/healthz"} {
		a := w.get("", path)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Server": "", "Access-Control-Allow-Origin": "",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}
