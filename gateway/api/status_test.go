package api_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/envelope"
)

// delivered puts a message from ba/coordinator to rs/coordinator into the journal, with
// the receipt and the recipient's evidence.
func (w *world) delivered(n int) (s api.Status, path string) {
	w.t.Helper()
	m := message(n)
	receipt := w.submit("ba/coordinator", m.String()).body
	k := generate(w.t, gateway.UseEvidence)
	consigned, err := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{"rs/coordinator": k}}.Testify(gateway.Statement{
		ID: "019a0000-0000-7000-9000-00000000ffff", Signer: "rs/coordinator", At: noon, Event: gateway.ContentConsignment,
		Message: gateway.MessageID{Issuer: m.Issuer, ID: m.ID}, Delivery: "019a0000-0000-7000-a000-000000000001", SDHash: gateway.DigestString("sd"),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	s = api.Status{
		Message: gateway.MessageID{Issuer: m.Issuer, ID: m.ID}, Audience: "rs/coordinator", State: gateway.StateDelivered,
		ReceivedAt: noon, Expires: noon.Add(time.Hour), Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "test/2026", N: 7},
		Evidence: []string{receipt, consigned}, Withheld: "concealed.for.the.sender",
	}
	w.messages.put(s)
	return s, "/v1/messages/ba/coordinator/" + m.ID
}

type shown struct {
	State    gateway.State
	Pair     gateway.PairNumber
	Evidence []string
	Withheld string
	Problem  gateway.Document
}

func (a answer) shown(t *testing.T) shown {
	t.Helper()
	var s shown
	if err := json.Unmarshal([]byte(a.body), &s); err != nil || a.StatusCode != 200 {
		t.Fatalf("got %d %q (%v), want a message", a.StatusCode, a.body, err)
	}
	return s
}

func TestTheSenderSeesStateEvidenceAndWhatWasWithheld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, path := w.delivered(1)
	got := w.get("ba/coordinator", path).shown(t)
	if got.State != gateway.StateDelivered || got.Pair != s.Pair || !slices.Equal(got.Evidence, s.Evidence) || got.Withheld != s.Withheld {
		t.Errorf("got %+v, want what the journal holds: %+v", got, s)
	}
}

// TestTheRecipientSeesNothingOfWhatWasWithheld: neither the concealed list, nor the
// receipt, whose digest of the envelope differs from that of what arrived exactly if
// something was withheld.
func TestTheRecipientSeesNothingOfWhatWasWithheld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, path := w.delivered(1)
	a := w.get("rs/coordinator", path)
	got := a.shown(t)
	if got.State != gateway.StateDelivered || got.Pair != s.Pair || !slices.Equal(got.Evidence, s.Evidence[1:]) {
		t.Errorf("got %+v, want state, number and the recipient's own evidence", got)
	}
	if strings.Contains(a.body, "withheld") || strings.Contains(a.body, s.Withheld) || strings.Contains(a.body, s.Evidence[0]) {
		t.Errorf("the recipient is shown %s", a.body)
	}
}

func TestToAStrangerAMessageDoesNotExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, path := w.delivered(1)
	missing := w.get("ba/coordinator", strings.Replace(path, "000001", "00dead", 1))
	w.wantProblem(missing, gateway.CodeNotFound)
	for _, p := range []gateway.Party{"rs/child-protection", "me/mobile-team.2"} {
		a := w.get(p, path)
		if a.StatusCode != missing.StatusCode || a.body != missing.body {
			t.Errorf("%s got %d %q, want exactly the answer for a message that is not there: %q", p, a.StatusCode, a.body, missing.body)
		}
		for name, values := range missing.Header {
			if name != "Date" && !slices.Equal(a.Header[name], values) {
				t.Errorf("%s: the header %s tells a stranger that the message exists", p, name)
			}
		}
	}
	for _, bad := range []string{"/v1/messages/BA/coordinator/x", "/v1/messages/ba/coordinator/x", "/v1/messages/zz/coordinator/019a0000-0000-7000-8000-000000000001", "/v1/messages/ba/coordinator%2Fx/019a0000-0000-7000-8000-000000000001"} {
		if a := w.get("ba/coordinator", bad); a.body != missing.body {
			t.Errorf("%s got %d %q, want the same", bad, a.StatusCode, a.body)
		}
	}
}

func TestARefusedMessageIsItsSendersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := message(1)
	m.Refuse = gateway.CodeAttestationMissing
	refused := w.submit("ba/coordinator", m.String()).document(t)
	w.messages.put(api.Status{
		Message: gateway.MessageID{Issuer: m.Issuer, ID: m.ID}, Audience: "rs/coordinator", State: gateway.StateRefused, ReceivedAt: noon,
		Expires: noon.Add(time.Hour), Evidence: []string{refused.Evidence}, Refused: gateway.Refuse(gateway.CodeAttestationMissing, "/attests", ""),
	})
	path := "/v1/messages/ba/coordinator/" + m.ID
	a := w.get("ba/coordinator", path)
	if got := a.shown(t); got.State != gateway.StateRefused || got.Problem.Code != gateway.CodeAttestationMissing || !slices.Equal(got.Evidence, []string{refused.Evidence}) {
		t.Errorf("the sender got %+v", got)
	}
	if strings.Contains(a.body, `"pair"`) {
		t.Error("a refusal has no number, and shows one")
	}
	w.wantProblem(w.get("rs/coordinator", path), gateway.CodeNotFound)
}

func TestAJournalThatCannotBeReadIsNotAMessageThatDoesNotExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, path := w.delivered(1)
	w.messages.err = errors.New("no such table")
	a := w.get("ba/coordinator", path)
	w.wantProblem(a, gateway.CodeBusy)
	if strings.Contains(a.body, "table") || !strings.Contains(w.logged.String(), "no such table") {
		t.Errorf("the cause went to the caller or not to the operator: %q", a.body)
	}
}

// TestAMissingNumberIsExplainedToTheTwoCountries: state and outcome, but not whose message
// it was, nor the sender's receipt.
func TestAMissingNumberIsExplainedToTheTwoCountries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.delivered(1)
	for _, p := range []gateway.Party{"ba/coordinator", "rs/coordinator"} {
		a := w.get(p, "/v1/pairs/ba/rs/test%2F2026/7")
		got := a.shown(t)
		if got.State != gateway.StateDelivered || got.Pair != s.Pair || !slices.Equal(got.Evidence, s.Evidence[1:]) {
			t.Errorf("%s got %+v, want state, number and the recipient's evidence", p, got)
		}
		if strings.Contains(a.body, "jti") || strings.Contains(a.body, "coordinator") || strings.Contains(a.body, s.Withheld) {
			t.Errorf("%s is told whose message it was: %s", p, a.body)
		}
	}
	missing := w.get("rs/coordinator", "/v1/pairs/ba/rs/test%2F2026/8")
	w.wantProblem(missing, gateway.CodeNotFound)
	stranger := generate(t, gateway.UseAssertion)
	w.directory.private["me/coordinator"] = stranger
	w.directory.keys[stranger.ID()] = stranger.Key("me/coordinator", noon.Add(-time.Hour), noon.Add(time.Hour), "")
	for _, path := range []string{"/v1/pairs/ba/rs/test%2F2026/7", "/v1/pairs/ba/rs/test%2F2026/0", "/v1/pairs/ba/rs/test%2F2026/x", "/v1/pairs/ba/xx/o/1"} {
		if a := w.get("me/coordinator", path); a.body != missing.body || a.StatusCode != missing.StatusCode {
			t.Errorf("%s: another country got %d %q", path, a.StatusCode, a.body)
		}
	}
}
