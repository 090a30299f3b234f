package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

// description is openapi.yaml as this test reads it.
type description struct {
	t   *testing.T
	doc map[string]any
}

// operation finds what is said of "METHOD /path/{of}/template".
func (d description) operation(route string) map[string]any {
	method, path, _ := strings.Cut(route, " ")
	op, _ := d.at("paths", path, strings.ToLower(method)).(map[string]any)
	return op
}

// at walks down from the top and follows references.
func (d description) at(names ...string) any {
	var v any = d.doc
	for _, n := range names {
		m, _ := d.follow(v).(map[string]any)
		v = m[n]
	}
	return d.follow(v)
}

func (d description) follow(v any) any {
	if m, ok := v.(map[string]any); ok {
		if ref, ok := m["$ref"].(string); ok {
			return d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
	}
	return v
}

// check holds an answer against what is said of the operation, and returns the faults.
func (d description) check(op map[string]any, a answer) []string {
	responses, _ := op["responses"].(map[string]any)
	r, ok := d.follow(responses[strconv.Itoa(a.StatusCode)]).(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("status %d is not described", a.StatusCode)}
	}
	var faults []string
	headers, _ := r["headers"].(map[string]any)
	for name, h := range headers {
		h, _ := d.follow(h).(map[string]any)
		if value := a.Header.Get(name); value != "" || h["required"] == true {
			faults = append(faults, d.match(h["schema"], value, "header "+name)...)
		}
	}
	content, _ := r["content"].(map[string]any)
	media, ok := content[a.Header.Get("Content-Type")].(map[string]any)
	if !ok {
		return append(faults, fmt.Sprintf("status %d has content type %q, which is not described", a.StatusCode, a.Header.Get("Content-Type")))
	}
	var body any = a.body
	if strings.HasSuffix(a.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal([]byte(a.body), &body); err != nil {
			return append(faults, err.Error())
		}
	}
	return append(faults, d.match(media["schema"], body, "body")...)
}

// match is the part of JSON Schema that openapi.yaml uses; a keyword that it does not
// know is a fault, so that nothing there goes unchecked.
func (d description) match(schema, v any, where string) []string {
	s, ok := d.follow(schema).(map[string]any)
	if !ok {
		return []string{where + ": no schema"}
	}
	var faults []string
	say := func(format string, args ...any) { faults = append(faults, where+": "+fmt.Sprintf(format, args...)) }
	object, _ := v.(map[string]any)
	for keyword, arg := range s {
		switch keyword {
		case "description", "format", "examples", "$ref":
		case "type":
			if !ofType(v, arg.(string)) {
				say("is %T, not %s", v, arg)
			}
		case "const":
			if v != arg {
				say("is not %v", arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				say("is none of %v", arg)
			}
		case "pattern":
			if text, ok := v.(string); !ok || !regexp.MustCompile(arg.(string)).MatchString(text) {
				say("does not match %s", arg)
			}
		case "required":
			for _, name := range arg.([]any) {
				if _, ok := object[name.(string)]; !ok {
					say("lacks %s", name)
				}
			}
		case "properties":
			for name, sub := range arg.(map[string]any) {
				if member, ok := object[name]; ok {
					faults = append(faults, d.match(sub, member, where+"/"+name)...)
				}
			}
		case "additionalProperties":
			known, _ := s["properties"].(map[string]any)
			for name := range object {
				if _, ok := known[name]; !ok {
					say("has %s, which is not described", name)
				}
			}
		case "items":
			list, _ := v.([]any)
			for i, item := range list {
				faults = append(faults, d.match(arg, item, fmt.Sprintf("%s/%d", where, i))...)
			}
		default:
			say("this test does not know the keyword %s", keyword)
		}
	}
	return faults
}

func ofType(v any, name string) bool {
	switch v := v.(type) {
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || name == "integer" && v == float64(int64(v))
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	return false
}

func describe(t *testing.T, w *world) description {
	t.Helper()
	a := w.get("", "/v1/openapi.yaml")
	d := description{t: t}
	if err := yaml.Unmarshal([]byte(a.body), &d.doc); err != nil {
		t.Fatal(err)
	}
	return d
}

var param = regexp.MustCompile(`:(\w+)`)

// template writes a route as OpenAPI does.
func template(route string) string {
	return strings.Replace(param.ReplaceAllString(route, "{$1}"), "*", "{name}", 1)
}

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := describe(t, w)
	var described, real []string
	paths, _ := d.at("paths").(map[string]any)
	for path, item := range paths {
		for method := range item.(map[string]any) {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	for _, r := range api.Routes() {
		real = append(real, template(r))
		op := d.operation(template(r))
		security, closed := op["security"].([]any)
		if open := closed && len(security) == 0; open != slices.Contains(doors[r].who, "") {
			t.Errorf("%s: described as open to anyone is %t", r, open)
		}
	}
	slices.Sort(described)
	slices.Sort(real)
	if !slices.Equal(described, real) {
		t.Errorf("described: %v\nroutes:    %v", described, real)
	}
}

// TestRealAnswersAreAsDescribed makes the door give every answer that openapi.yaml
// describes, and holds each against its description. A status that no answer here has is
// described without being true, and fails too.
func TestRealAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	fails := errors.New("no")
	w := newWorld(t, withLimits(api.Limits{Rate: 0.001, Burst: 15}))
	broken := newWorld(t, withChecks(api.Check{Name: "journal", Probe: func(context.Context) error { return fails }}))
	broken.messages.err, broken.queue.err, broken.collector.err = fails, fails, fails
	broken.duties.err, w.duties.list = fails, []gateway.Duty{owing}
	broken.overseer.err, w.overseer.list = gateway.Unavailable(gateway.CodeBusy, time.Second, fails), overridden()
	broken.ledger.err = gateway.Unavailable(gateway.CodeBusy, time.Second, fails)
	broken.previewer.err = gateway.Unavailable(gateway.CodeBusy, time.Second, fails)
	second := newWorld(t, withRelease(t))
	empty := newWorld(t)
	empty.ledger.empty = true
	d := describe(t, w)

	s, path := w.delivered(1)
	w.messages.feed = map[gateway.Party][]api.Event{"ba/coordinator": {{Message: s.Message.ID, Event: gateway.SubmissionAcceptance, JWS: s.Evidence[0]}}}
	refusal := message(20)
	refusal.Refuse = gateway.CodeAgreementMissing
	refused := w.submit("ba/coordinator", refusal.String())
	w.messages.put(api.Status{
		Message: gateway.MessageID{Issuer: s.Message.Issuer, ID: refusal.ID}, Audience: s.Audience, State: gateway.StateRefused, ReceivedAt: noon, Expires: noon,
		Evidence: []string{refused.document(t).Evidence}, Refused: gateway.Refuse(gateway.CodeAgreementMissing, "/agreement", "").Because(fails),
	})
	conflict := message(1)
	conflict.Text = "other"
	failing := func(c gateway.Code) string { m := message(9); m.Fail = c; return m.String() }

	w.queue.put("rs", "d-1")
	const number = "/v1/pairs/ba/rs/test%2F2026/7"
	const submit, status = "POST /v1/messages", "GET /v1/messages/{cc}/{role}/{jti}"
	const testify, preview, approve = "POST /v1/evidence", "POST /v1/preview", "POST /v1/approvals"
	answers := map[string][]answer{
		submit: {
			w.submit("ba/coordinator", message(1).String()), refused, w.submit("ba/coordinator", "{"), w.submit("", "{}"), w.submit("rs/auditor", "{}"),
			w.submit("rs/coordinator", message(1).String()), w.submit("ba/coordinator", conflict.String()), w.submit("ba/coordinator", strings.Repeat(" ", 256<<10+1)),
			w.call("ba/coordinator", http.MethodPost, "/v1/messages", nil, "Content-Type", "text/plain"),
			w.submit("ba/coordinator", failing(gateway.CodeSchema)), w.submit("ba/coordinator", failing(gateway.CodeInternal)), w.submit("ba/coordinator", failing(gateway.CodeBusy)), w.submit("ba/coordinator", failing(gateway.CodeApprovalMissing)),
		},
		status: {
			w.get("ba/coordinator", path), w.get("rs/coordinator", path), w.get("ba/coordinator", "/v1/messages/ba/coordinator/"+refusal.ID),
			w.get("me/mobile-team.2", path), w.get("", path), w.get("rs/auditor", path), broken.get("ba/coordinator", path),
		},
		preview: {
			w.preview("ba/coordinator", asked), w.preview("ba/coordinator", "{"), w.preview("", asked), w.preview("rs/auditor", asked), w.preview("ba/coordinator", strings.Repeat(" ", 17<<10)),
			w.preview("ba/coordinator", asked, "Content-Type", "text/plain"), w.preview("ba/coordinator", `{"head":{},"units":[]}`), w.preview("ba/coordinator", strings.Replace(asked, "assistance", "refuse", 1)),
			broken.preview("ba/coordinator", asked),
		},
		"GET /v1/events": {
			w.get("ba/coordinator", "/v1/events"), w.get("ba/coordinator", "/v1/events?after=x"), w.get("", "/v1/events"), w.get("rs/auditor", "/v1/events"),
			broken.get("ba/coordinator", "/v1/events"),
		},
		approve: {
			w.approve("ba/coordinator", "a.b.c"), w.approve("ba/coordinator", "bad"), w.approve("", "a.b.c"), w.approve("rs/auditor", "a.b.c"), w.approve("ba/coordinator", "reused"),
			w.approve("ba/coordinator", strings.Repeat("a", 17<<10)), w.approve("ba/coordinator", "a.b.c", "Content-Type", "text/plain"), w.approve("ba/coordinator", "late"),
			w.approve("ba/coordinator", "panic"), broken.approve("ba/coordinator", "a.b.c"),
		},
		"GET /v1/overrides": {
			w.get("ba/coordinator", "/v1/overrides"), w.get("ba/coordinator", "/v1/overrides?month=x"), w.get("", "/v1/overrides"), w.get("rs/child-protection", "/v1/overrides"),
			broken.get("ba/coordinator", "/v1/overrides"),
		},
		"GET /v1/duties": {
			w.get("ba/coordinator", "/v1/duties"), w.get("rs/coordinator", "/v1/duties"), w.get("", "/v1/duties"), w.get("rs/auditor", "/v1/duties"),
			broken.get("ba/coordinator", "/v1/duties"),
		},
		"GET /v1/deliveries": {
			w.get("rs/coordinator", "/v1/deliveries"), w.get("rs/coordinator", "/v1/deliveries?fresh=1"), w.get("", "/v1/deliveries"), w.get("rs/child-protection", "/v1/deliveries"),
			crowded(t), broken.get("rs/coordinator", "/v1/deliveries"),
		},
		testify: {
			w.testify("rs/coordinator", "a.b.c"), w.testify("", "a.b.c"), w.testify("rs/child-protection", "a.b.c"), w.testify("rs/coordinator", strings.Repeat("a", 17<<10)),
			w.testify("rs/coordinator", "a.b.c", "Content-Type", "text/plain"), w.testify("rs/coordinator", "panic"), broken.testify("rs/coordinator", "a.b.c"),
		},
		"GET /v1/pairs/{from}/{to}/{origin}/{n}": {
			w.get("rs/coordinator", number), w.get("rs/coordinator", number+"1"), w.get("rs/child-protection", number), w.get("", number), broken.get("ba/coordinator", number),
		},
		"GET /v1/messages/{cc}/{role}/{jti}/proofs": {
			w.get("ba/coordinator", path+"/proofs"), w.get("rs/coordinator", path+"/proofs"), w.get("rs/child-protection", path+"/proofs"),
			w.get("", path+"/proofs"), w.get("rs/auditor", path+"/proofs"), broken.get("ba/coordinator", path+"/proofs"),
		},
		"GET /v1/log/checkpoint":                 {w.get("selec/liaison", "/v1/log/checkpoint"), w.get("", "/v1/log/checkpoint"), empty.get("ba/coordinator", "/v1/log/checkpoint")},
		"GET /v1/log/checkpoint/daily":           {w.get("", "/v1/log/checkpoint/daily"), empty.get("", "/v1/log/checkpoint/daily")},
		"GET /v1/log/{region}/{year}/checkpoint": {w.get("rs/auditor", "/v1/log/test/2026/checkpoint"), w.get("", "/v1/log/test/2026/checkpoint"), w.get("rs/auditor", "/v1/log/test/2025/checkpoint")},
		"GET /v1/log/{region}/{year}/tile/{name}": {
			w.get("ba/coordinator", "/v1/log/test/2026/tile/0/000.p/1"), w.get("rs/auditor", "/v1/log/test/2026/tile/entries/000.p/1"),
			w.get("ba/coordinator", "/v1/log/test/2026/tile/entries/000.p/1"), w.get("", "/v1/log/test/2026/tile/0/000.p/1"), w.get("rs/auditor", "/v1/log/test/2026/tile/9/000"),
		},
		"GET /v1/audit": {
			w.get("rs/auditor", november), w.get("rs/auditor", "/v1/audit"), w.get("", november), w.get("rs/coordinator", november),
			w.get("rs/auditor", november+"&origin=test/2025"), exporting(t),
		},
		"GET /v1/directory":                {w.get("selec/liaison", "/v1/directory"), w.get("", "/v1/directory")},
		"GET /v1/schemas":                  {w.get("", "/v1/schemas")},
		"GET /v1/schemas/{name}":           {w.get("", "/v1/schemas/no-such")},
		"GET /v1/codes":                    {w.get("", "/v1/codes"), second.get("", "/v1/codes")},
		"GET /v1/codes/{release}":          {w.get("", "/v1/codes/2026-11"), second.get("", "/v1/codes/2027-03"), w.get("", "/v1/codes/2027-03")},
		"GET /v1/codes/{release}/manifest": {second.get("", "/v1/codes/2027-03/manifest"), second.get("", "/v1/codes/2026-11/manifest")},
		"GET /v1/policy":                   {w.get("", "/v1/policy")},
		"GET /v1/problems":                 {w.get("", "/v1/problems")},
		"GET /v1/openapi.yaml":             {w.get("", "/v1/openapi.yaml")},
		"GET /healthz":                     {w.get("", "/healthz")},
		"GET /readyz":                      {w.get("", "/readyz"), broken.get("", "/readyz")},
	}
	for range 20 { // until the burst is used up
		a := w.submit("ba/coordinator", message(1).String())
		if answers[submit] = append(answers[submit], a); a.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	for range 20 {
		a := w.preview("ba/coordinator", asked)
		if answers[preview] = append(answers[preview], a); a.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	for range 20 {
		a := w.approve("ba/coordinator", "a.b.c")
		if answers[approve] = append(answers[approve], a); a.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	for range 20 {
		a := w.testify("rs/coordinator", "a.b.c")
		if answers[testify] = append(answers[testify], a); a.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	if names := w.server.Schemas.Names(); len(names) > 0 {
		answers["GET /v1/schemas/{name}"] = append(answers["GET /v1/schemas/{name}"], w.get("", "/v1/schemas/"+names[0]))
	}
	for route, list := range answers {
		op := d.operation(route)
		seen := map[string]bool{}
		for _, a := range list {
			seen[strconv.Itoa(a.StatusCode)] = true
			for _, fault := range d.check(op, a) {
				t.Errorf("%s: %d %s: %s", route, a.StatusCode, a.body, fault)
			}
		}
		responses, _ := op["responses"].(map[string]any)
		for _, code := range slices.Sorted(maps.Keys(responses)) {
			if !seen[code] {
				t.Errorf("%s: %s is described, but no answer has it", route, code)
			}
		}
	}
	for _, r := range api.Routes() {
		if len(answers[template(r)]) == 0 {
			t.Errorf("%s: no answer of it is held against its description", r)
		}
	}
}

// crowded is what a caller gets for whose country as many calls are open as may be.
func crowded(t *testing.T) answer {
	t.Helper()
	w := newWorld(t)
	w.queue.entered = make(chan gateway.Country)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	for range 4 {
		w.pull(ctx, "rs/coordinator")
		<-w.queue.entered
	}
	return w.get("rs/coordinator", "/v1/deliveries")
}

// TestAFalseDescriptionIsFound shows that the checks above can fail.
func TestAFalseDescriptionIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := describe(t, w)
	a := w.get("", "/healthz")
	for name, breakIt := range map[string]func(answer) answer{
		"status":          func(a answer) answer { a.StatusCode = 201; return a },
		"content type":    func(a answer) answer { a.Header.Set("Content-Type", "text/html"); return a },
		"missing member":  func(a answer) answer { a.body = `{}`; return a },
		"wrong value":     func(a answer) answer { a.body = `{"alive":"yes"}`; return a },
		"member too many": func(a answer) answer { a.body = `{"alive":true,"version":"1"}`; return a },
		"not JSON":        func(a answer) answer { a.body = `alive`; return a },
	} {
		res := *a.Response
		res.Header = a.Header.Clone()
		if faults := d.check(d.operation("GET /healthz"), breakIt(answer{&res, a.body})); len(faults) == 0 {
			t.Errorf("a wrong %s is not found", name)
		}
	}
	if faults := d.check(d.operation("GET /healthz"), a); len(faults) > 0 {
		t.Errorf("the real answer has %v", faults)
	}
}
