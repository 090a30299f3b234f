package api_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/envelope"
)

func TestAReceiptIsTheGatewaysSignedWordAndTheSameBytesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := message(1)
	first := w.submit("ba/coordinator", m.String())
	if first.StatusCode != 202 || first.Header.Get("Content-Type") != "application/jwt" {
		t.Fatalf("got %d %s %q, want 202 and a receipt", first.StatusCode, first.Header.Get("Content-Type"), first.body)
	}
	s, kid, err := envelope.Codec{}.Examine(first.body)
	if err != nil {
		t.Fatalf("reading the receipt: %v", err)
	}
	if s.Event != gateway.SubmissionAcceptance || s.Message.ID != m.ID || kid != w.directory.evidence.ID() {
		t.Errorf("got %+v by %s, want the gateway's SubmissionAcceptance of %s", s, kid, m.ID)
	}
	if got, want := first.Header.Get("Location"), "/v1/messages/ba/coordinator/"+m.ID; got != want {
		t.Errorf("Location is %q, want %q", got, want)
	}
	w.now.add(24 * time.Hour)
	again := w.submit("ba/coordinator", m.String())
	if again.StatusCode != 202 || again.body != first.body || again.Header.Get("Location") != first.Header.Get("Location") || again.Header.Get("Content-Type") != first.Header.Get("Content-Type") {
		t.Errorf("the same bytes got %d %q, want the first receipt %q", again.StatusCode, again.body, first.body)
	}
}

func TestARecordedRefusalIsTheSameBytesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := message(1)
	m.Refuse = gateway.CodeAgreementMissing
	first := w.submit("ba/coordinator", m.String())
	w.wantProblem(first, gateway.CodeAgreementMissing)
	d := first.document(t)
	s, _, err := envelope.Codec{}.Examine(d.Evidence)
	if err != nil {
		t.Fatalf("reading the signed refusal: %v", err)
	}
	if s.Event != gateway.SubmissionRejection || s.Code != d.Code || d.Pointer != "/agreement" {
		t.Errorf("got %+v beside %+v, want the gateway's SubmissionRejection with the code and a pointer", s, d)
	}
	if again := w.submit("ba/coordinator", m.String()); again.body != first.body || again.StatusCode != first.StatusCode {
		t.Errorf("the same bytes got %d %q, want %q", again.StatusCode, again.body, first.body)
	}
}

func TestOtherBytesUnderTheSameIDAreAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := message(1)
	w.submit("ba/coordinator", m.String())
	m.Text = "changed"
	a := w.submit("ba/coordinator", m.String())
	w.wantProblem(a, gateway.CodeIDReused)
	if a.document(t).Evidence != "" {
		t.Error("a conflict is not the id's recorded answer, and has evidence")
	}
}

func TestOnlyAMessagesContentTypeIsRead(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string][]string{
		"another":               {"Content-Type", "application/json"},
		"none":                  {"Content-Type", ""},
		"a parameter":           {"Content-Type", api.TypeEnvelope + "; charset=utf-8"},
		"a list":                {"Content-Type", api.TypeEnvelope + ", " + api.TypeEnvelope},
		"compressed, of a kind": {"Content-Type", api.TypeEnvelope, "Content-Encoding", "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.wantProblem(w.call("ba/coordinator", "POST", "/v1/messages", strings.NewReader(message(1).String()), headers...), gateway.CodeMediaType)
			if w.receiver.n > 0 {
				t.Error("the message was received all the same")
			}
		})
	}
}

func TestAMessageOfTheLargestSizeIsReadAndNotOneByteMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := message(1)
	m.Text = strings.Repeat("x", 256<<10-len(m.String())-len(`,"text":""`))
	if n := len(m.String()); n != 256<<10 {
		t.Fatalf("the message has %d bytes", n)
	}
	if a := w.submit("ba/coordinator", m.String()); a.StatusCode != 202 {
		t.Fatalf("256 KiB got %d %q, want a receipt", a.StatusCode, a.body)
	}
	m = message(2)
	m.Text = strings.Repeat("x", 256<<10-len(m.String())-len(`,"text":""`)+1)
	w.wantProblem(w.submit("ba/coordinator", m.String()), gateway.CodeTooLarge)
	// Without a length that says so beforehand.
	body := io.MultiReader(strings.NewReader(m.String()))
	w.wantProblem(w.call("ba/coordinator", "POST", "/v1/messages", body, "Content-Type", api.TypeEnvelope), gateway.CodeTooLarge)
}

func TestTheLaneHeaderSaysUrgentOrIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.receiver.entered = make(chan gateway.Lane, 2)
	w.submit("ba/coordinator", message(1).String(), api.LaneHeader, "urgent")
	w.submit("ba/coordinator", message(2).String())
	if got := [2]gateway.Lane{<-w.receiver.entered, <-w.receiver.entered}; got != [2]gateway.Lane{gateway.Urgent, gateway.Normal} {
		t.Errorf("announced %v, want urgent, then normal", got)
	}
	for _, v := range []string{"Urgent", "normal", "child", ""} {
		w.wantProblem(w.submit("ba/coordinator", message(3).String(), api.LaneHeader, v), gateway.CodeRequest)
	}
}

func TestAFaultOfTheGatewayTellsTheCallerNothingButANumber(t *testing.T) {
	t.Parallel()
	for _, fail := range []gateway.Code{gateway.CodeInternal, "panic"} {
		t.Run(string(fail), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := message(1)
			m.Fail, m.Text = fail, "canary-7F3A"
			a := w.submit("ba/coordinator", m.String())
			w.wantProblem(a, gateway.CodeInternal)
			d := a.document(t)
			if d.Detail != "" || strings.Contains(a.body, "door") || strings.Contains(a.body, "canary") {
				t.Errorf("the caller is told %q", a.body)
			}
			id := between(a.body, `"instance":"urn:uuid:`, `"`)
			if id == "" || !strings.Contains(w.logged.String(), id) {
				t.Errorf("the log does not lead from the number %q to the cause", id)
			}
			if strings.Contains(w.logged.String(), "canary") {
				t.Error("the log holds what the handler panicked with")
			}
			if b := w.submit("ba/coordinator", message(2).String()); b.StatusCode != 202 {
				t.Errorf("after a fault the next message gets %d", b.StatusCode)
			}
		})
	}
}

func TestWhoIsTurnedAwayForNowMaySendTheSameBytesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := message(1)
	m.Fail = gateway.CodeBusy
	a := w.submit("ba/coordinator", m.String())
	w.wantProblem(a, gateway.CodeBusy)
	if a.Header.Get("Retry-After") != "5" || a.document(t).Evidence != "" {
		t.Errorf("got Retry-After %q and evidence %q, want 5 and none", a.Header.Get("Retry-After"), a.document(t).Evidence)
	}
	if strings.Contains(a.body, "disk") {
		t.Errorf("the caller is told the cause: %q", a.body)
	}
	if !strings.Contains(w.logged.String(), "disk full") {
		t.Error("the operator is not told the cause")
	}
}

func TestABodyThatEndsTooSoonIsAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := bytes.NewReader([]byte(message(1).String()[:20]))
	w.wantProblem(w.call("ba/coordinator", "POST", "/v1/messages", r, "Content-Type", api.TypeEnvelope), gateway.CodeMalformed)
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}
