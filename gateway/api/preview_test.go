package api_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

// previewer withholds the second unit, and refuses for one purpose.
type previewer struct {
	mu    sync.Mutex
	asked []gateway.Outline
	err   error
}

func (p *previewer) Preview(_ context.Context, caller gateway.Party, o gateway.Outline) (gateway.Decision, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, o)
	switch {
	case p.err != nil:
		return gateway.Decision{}, p.err
	case o.Head.Issuer != caller:
		return gateway.Decision{}, gateway.Refuse(gateway.CodeCallerMismatch, "/iss", "")
	case o.Head.Purpose == "refuse":
		r := gateway.Refuse(gateway.CodeAgreementMissing, "/agreement", "")
		r.Rule = "a-rule"
		return gateway.Decision{Refusal: r, Policy: "digest"}, nil
	}
	return gateway.Decision{Released: o.Units[:1], Withheld: []gateway.Withheld{{Unit: o.Units[1], Rule: "another-rule"}}, Policy: "digest"}, nil
}

const asked = `{"head":{"iss":"ba/coordinator","aud":"rs/coordinator","type":"referral.request/1.0","lane":"normal","purpose":"assistance","agreement":{"state":"given","by":"person"}},
	"units":["subject","identity@coordinator"]}`

func (w *world) preview(p gateway.Party, body string, headers ...string) answer {
	w.t.Helper()
	return w.call(p, "POST", "/v1/preview", strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
}

func TestAPreviewIsAnsweredWithTheDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.preview("ba/coordinator", asked)
	if want := `{"released":["identity@coordinator"],"withheld":[{"unit":"subject","rule":"another-rule"}],"policy":"digest"}`; a.StatusCode != 200 || a.body != want {
		t.Errorf("got %d %s, want %s", a.StatusCode, a.body, want)
	}
	o := w.previewer.asked[0]
	if !slices.Equal(o.Units, []string{"identity@coordinator", "subject"}) || o.Head.Agreement.By != "person" || o.Members["purpose"] != "assistance" {
		t.Errorf("asked about %+v", o)
	}
}

func TestAPreviewNamesWhomToTelephone(t *testing.T) {
	t.Parallel()
	var reached []gateway.Party
	w := newWorld(t, func(w *world) {
		w.server.Reach = func(ps ...gateway.Party) []gateway.Unreached {
			reached = ps
			return []gateway.Unreached{{Party: "rs/coordinator", Telephone: "+9990010001", Why: gateway.NoMailbox}}
		}
	})
	a := w.preview("ba/coordinator", strings.Replace(asked, `"identity@coordinator"`, `"identity@child-protection"`, 1))
	if want := `"unreached":[{"party":"rs/coordinator","telephone":"+9990010001","why":"no-mailbox"}]`; a.StatusCode != 200 || !strings.Contains(a.body, want) {
		t.Errorf("got %d %s, want %s in it", a.StatusCode, a.body, want)
	}
	if want := []gateway.Party{"rs/coordinator", "rs/child-protection"}; !slices.Equal(reached, want) {
		t.Errorf("asked about %v, want %v", reached, want)
	}
}

// TestARefusalIsAnAnswerToAPreview and no fault of asking.
func TestARefusalIsAnAnswerToAPreview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.preview("ba/coordinator", strings.Replace(asked, "assistance", "refuse", 1))
	var got struct {
		Released, Withheld []any
		Refused            gateway.Document
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.StatusCode != 200 {
		t.Fatalf("got %d %s", a.StatusCode, a.body)
	}
	if got.Refused.Code != gateway.CodeAgreementMissing || got.Refused.Rule != "a-rule" || got.Refused.Pointer != "/agreement" || len(got.Released)+len(got.Withheld) > 0 {
		t.Errorf("got %s", a.body)
	}
	w.wantProblem(w.preview("rs/coordinator", asked), gateway.CodeCallerMismatch)
}

// TestAPreviewTakesNoContent in whatever form it comes, and nothing of it is repeated.
func TestAPreviewTakesNoContent(t *testing.T) {
	t.Parallel()
	const secret = "Petar"
	change := func(from, to string) string {
		s := strings.Replace(asked, from, to, 1)
		if s == asked {
			t.Fatalf("%s is not in the question", from)
		}
		return s
	}
	for name, tt := range map[string]struct {
		body    string
		code    gateway.Code
		pointer string
	}{
		"not JSON":                     {`{"head":`, gateway.CodeMalformed, ""},
		"a name twice":                 {change(`"head"`, `"units":[],"head"`), gateway.CodeMalformed, ""},
		"a list":                       {`[]`, gateway.CodeSchema, ""},
		"no units":                     {`{"head":{}}`, gateway.CodeSchema, ""},
		"blocks beside the units":      {change(`"units"`, `"blocks":{"subject":{"name":"Petar"}},"units"`), gateway.CodeSchema, ""},
		"sealed content":               {change(`"units"`, `"sealed":{"identity@coordinator":"Petar"},"units"`), gateway.CodeSchema, ""},
		"units with content":           {change(`["subject","identity@coordinator"]`, `{"subject":{"name":"Petar"}}`), gateway.CodeSchema, ""},
		"a unit that is an object":     {change(`"subject",`, `{"name":"Petar"},`), gateway.CodeSchema, "/units"},
		"a unit that is a ciphertext":  {change(`"subject",`, `"`+strings.Repeat("Petar", 17)+`",`), gateway.CodeSchema, "/units"},
		"a unit twice":                 {change(`"subject",`, `"identity@coordinator",`), gateway.CodeSchema, "/units"},
		"a field without its block":    {change(`"subject",`, `"subject/decidedBy",`), gateway.CodeSchema, "/units"},
		"more units than any has":      {change(`"subject",`, strings.Repeat(`"subject",`, 65)), gateway.CodeSchema, "/units"},
		"a block in the head":          {change(`"purpose"`, `"subject":{"name":"Petar"},"purpose"`), gateway.CodeSchema, "/head"},
		"a member that nobody knows":   {change(`"purpose"`, `"name":"Petar","purpose"`), gateway.CodeSchema, "/head"},
		"a member of another kind":     {change(`"normal"`, `{"name":"Petar"}`), gateway.CodeSchema, "/head/lane"},
		"a text in the head":           {change(`"assistance"`, `"Petar Petrovic"`), gateway.CodeSchema, "/head/purpose"},
		"an agreement with more in it": {change(`"by":"person"`, `"by":"person","name":"Petar"`), gateway.CodeSchema, "/head/agreement"},
		"no recipient":                 {change(`"aud":"rs/coordinator",`, ``), gateway.CodeSchema, "/head/aud"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.preview("ba/coordinator", tt.body)
			w.wantProblem(a, tt.code)
			if got := a.document(t).Pointer; got != tt.pointer {
				t.Errorf("the pointer is %q, want %q", got, tt.pointer)
			}
			if len(w.previewer.asked) > 0 {
				t.Error("it was decided all the same")
			}
			if strings.Contains(a.body, secret) || strings.Contains(w.logged.String(), secret) {
				t.Error("what was sent is repeated in the answer or the log")
			}
		})
	}
}

func TestAPreviewIsBoundedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(api.Limits{Rate: 0.001, Burst: 2}))
	w.wantProblem(w.preview("ba/coordinator", asked, "Content-Type", "application/json; charset=utf-8"), gateway.CodeMediaType)
	w.wantProblem(w.preview("ba/coordinator", strings.Repeat(" ", 16<<10)+asked), gateway.CodeTooLarge)
	w.preview("ba/coordinator", asked)
	w.wantProblem(w.preview("ba/coordinator", asked), gateway.CodeRateLimited)
	if a := w.submit("ba/coordinator", message(1).String()); a.StatusCode != 202 {
		t.Errorf("previews used up the rate of messages: %d", a.StatusCode)
	}
}
