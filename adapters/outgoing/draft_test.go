package outgoing_test

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
)

func jsonLog(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }

func TestADraftWithAnythingUnknownIsRefused(t *testing.T) {
	t.Parallel()
	const least = `"type":"ack.answer/1.0","from":"rs/coordinator","to":"ba/coordinator"`
	if _, err := outgoing.ParseDraft([]byte("{" + least + "}")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		raw     string
		code    gateway.Code
		pointer string
	}{
		"nothing":               {``, gateway.CodeMalformed, ""},
		"a list":                {`[]`, gateway.CodeSchema, ""},
		"two drafts":            {`{` + least + `}{}`, gateway.CodeMalformed, ""},
		"a name twice":          {`{` + least + `,"type":"x"}`, gateway.CodeMalformed, ""},
		"no type":               {`{"from":"rs/coordinator","to":"ba/coordinator"}`, gateway.CodeSchema, "/type"},
		"no sender":             {`{"type":"x","to":"ba/coordinator"}`, gateway.CodeSchema, "/from"},
		"no recipient":          {`{"type":"x","from":"ba/coordinator"}`, gateway.CodeSchema, "/to"},
		"unknown member":        {`{` + least + `,"canary":"Canary"}`, gateway.CodeSchema, ""},
		"unknown in agreement":  {`{` + least + `,"agreement":{"state":"given","canary":"Canary"}}`, gateway.CodeSchema, "/agreement"},
		"head of the gateway":   {`{` + least + `,"jti":"0190"}`, gateway.CodeSchema, ""},
		"type is no text":       {`{"type":1,"from":"rs/coordinator","to":"ba/coordinator"}`, gateway.CodeSchema, "/type"},
		"sender is no party":    {`{"type":"x","from":"Canary","to":"ba/coordinator"}`, gateway.CodeSchema, "/from"},
		"time without zone":     {`{` + least + `,"answerBy":"2026-11-24T12:00:00"}`, gateway.CodeSchema, "/answerBy"},
		"time with fractions":   {`{` + least + `,"answerBy":"2026-11-24T12:00:00.5Z"}`, gateway.CodeSchema, "/answerBy"},
		"heard is a text":       {`{` + least + `,"agreement":{"state":"given","heard":"yes"}}`, gateway.CodeSchema, "/agreement/heard"},
		"attests is a text":     {`{` + least + `,"attests":"protection-checked"}`, gateway.CodeSchema, "/attests"},
		"attests holds numbers": {`{` + least + `,"attests":[1]}`, gateway.CodeSchema, "/attests"},
		"blocks is a list":      {`{` + least + `,"blocks":[]}`, gateway.CodeSchema, "/blocks"},
		"a block is a text":     {`{` + least + `,"blocks":{"contact":"Canary"}}`, gateway.CodeSchema, "/blocks"},
		"a sealed block is":     {`{` + least + `,"sealed":{"note@coordinator":"Canary"}}`, gateway.CodeSchema, "/sealed"},
		"agreement is null":     {`{` + least + `,"agreement":null}`, gateway.CodeSchema, "/agreement"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := outgoing.ParseDraft([]byte(c.raw))
			p := problem(t, err)
			if p.Code != c.code || p.Pointer != c.pointer {
				t.Errorf("got %s at %q, want %s at %q", p.Code, p.Pointer, c.code, c.pointer)
			}
			if strings.Contains(strings.ToLower(err.Error()+p.Hint), "canary") {
				t.Error("the problem repeats what the draft says")
			}
		})
	}
}

func TestADraftMayWriteTimesInItsOwnZoneAndListsInAnyOrder(t *testing.T) {
	t.Parallel()
	d, err := outgoing.ParseDraft(draftJSON(t, map[string]any{
		"type": "referral.request/1.0", "from": "md/coordinator", "to": "xk/coordinator", "answerBy": "2026-11-24T14:00:00+02:00",
		"attests": []string{"protection-checked", "family-excluded", "protection-checked"}, "test": true,
	}))
	if err != nil {
		t.Fatal(err)
	}
	if !d.AnswerBy.Equal(noon) || d.AnswerBy.Location() != noon.Location() {
		t.Errorf("got %v, want %v", d.AnswerBy, noon)
	}
	if strings.Join(d.Attests, " ") != "family-excluded protection-checked" || !d.Test {
		t.Errorf("got %v and test %v", d.Attests, d.Test)
	}
}
