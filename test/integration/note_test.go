package integration

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
	"example.org/trm/gateway/policy/leak"
	"example.org/trm/schemas"
	"example.org/trm/test/harness"
)

// TestANoteThatTellsWhoSomebodyIsStopsAtTheDesk, and in the urgent lane leaves with a
// warning. No answer and no trace repeats what the note says.
func TestANoteThatTellsWhoSomebodyIsStopsAtTheDesk(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	set, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	const number = "+38260000000"
	noting := func(lane gateway.Lane) harness.Draft {
		d := example(t, set, "arrival.notice/1.0")
		delete(d, "inReplyTo")
		return d.With(map[string]any{
			"from": "rs/coordinator", "to": "me/coordinator", "thread": harness.NewThread(), "lane": lane,
			"sealed": map[string]any{"note@coordinator": map[string]any{"text": "Zovi majku: " + number + " do 16:00."}},
		})
	}
	want := outgoing.Found{Pointer: "/sealed/note@coordinator/text", Finding: leak.Finding{Kind: leak.Telephone, From: 12, To: 24}}

	body, status := r.Try(noting("normal"))
	var p gateway.Document
	if err := json.Unmarshal(body, &p); err != nil || status != http.StatusUnprocessableEntity || p.Code != gateway.CodeNoteIdentifies || p.Pointer != want.Pointer {
		t.Errorf("answered %d %+v", status, p)
	}
	if p.Detail != "Take out: telephone (characters 13 to 24)." {
		t.Errorf("the officer is told: %s", p.Detail)
	}
	answer, status, err := r.Adapters["rs"].Call(http.MethodPost, "/v1/preview", "", noting("urgent"))
	var preview outgoing.Preview
	if err != nil || status != http.StatusOK || json.Unmarshal(answer, &preview) != nil || preview.Refused != nil || len(preview.Found) != 1 || preview.Found[0] != want {
		t.Errorf("the preview: %d, %+v, found %v", status, preview.Refused, preview.Found)
	}
	answer, status, err = r.Adapters["rs"].Call(http.MethodPost, "/v1/drafts", "once", noting("urgent"))
	var sent struct {
		Issuer gateway.Party    `json:"iss"`
		ID     string           `json:"jti"`
		Thread string           `json:"thread"`
		Found  []outgoing.Found `json:"found"`
	}
	if err != nil || status != http.StatusAccepted || json.Unmarshal(answer, &sent) != nil || len(sent.Found) != 1 || sent.Found[0] != want {
		t.Fatalf("urgent: %d %s: %v", status, answer, err)
	}
	s := &harness.Sent{ID: gateway.MessageID{Issuer: sent.Issuer, ID: sent.ID}, Thread: sent.Thread, To: "me/coordinator", Readers: []gateway.Party{"me/coordinator"}, Urgent: true}
	r.Expect(s)
	r.Await(s, gateway.StateDelivered)
	for _, said := range []string{string(body), string(answer)} {
		if strings.Contains(said, number) || strings.Contains(said, "majku") {
			t.Errorf("an answer repeats the note: %s", said)
		}
	}
}
