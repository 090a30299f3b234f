package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/test/harness"
)

// local calls an adapter's local API with a body that is no JSON.
func local(t *testing.T, a *harness.Adapter, method, path, media string, body []byte) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.API+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.Token)
	req.Header.Set("Content-Type", media)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, out
}

// TestTwoPeopleOverrideARule from draft to delivery, through the adapters: the message waits
// at the sender's side until a second person has signed for exactly its bytes.
func TestTwoPeopleOverrideARule(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	me := r.Adapters["me"]
	d := harness.Referral("me/coordinator", "rs/coordinator").With(map[string]any{
		"lane": "normal", "override": "danger-to-life", "attests": []string{"protection-checked"},
		"agreement": map[string]any{"state": "refused", "by": "person"},
		"sealed": map[string]any{"identity@coordinator": map[string]any{
			"names": []any{map[string]any{"script": "latn", "given": "Canary OVERRIDDEN", "family": "Canary OVERRIDES"}},
		}},
	})
	// What stands in the way is shown before.
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if status, preview := local(t, me, http.MethodPost, "/v1/preview", "application/json", raw); status != http.StatusOK || !strings.Contains(string(preview), `"rule":"no-means-no"`) {
		t.Fatalf("the preview is %d %s", status, preview)
	}
	sent := r.Send(d)
	path := "/v1/outbox/" + sent.ID.ID
	r.Until("the gateway to ask for the approval", func() bool { return strings.Contains(string(me.Output()), "approval-missing") })
	if s, err := r.Status(sent); err != nil || s.State != "stored" {
		t.Fatalf("it is %s, %v", s.State, err)
	}
	status, signed := local(t, me, http.MethodGet, path+"/envelope", "application/json", nil)
	if status != http.StatusOK {
		t.Fatalf("its bytes: %d %s", status, signed)
	}
	p, err := envelope.Codec{}.Decode(signed)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := certs.Load(r.Certs, "me/coordinator")
	if err != nil {
		t.Fatal(err)
	}
	jws, err := envelope.SignApproval(gateway.Approval{
		ID: uuid.Must(uuid.NewV7()).String(), By: "me/coordinator", At: time.Now().UTC().Truncate(time.Second), Message: sent.ID, Envelope: p.Digest.String(),
		Reason: "danger-to-life", Rules: []string{"facts-after-acceptance", "names-after-acceptance", "no-means-no", "sealed-by-agreement"},
	}, keys.Approval)
	if err != nil {
		t.Fatal(err)
	}
	status, answer := local(t, me, http.MethodPost, "/v1/approvals", "application/jwt", []byte(jws))
	if status != http.StatusOK {
		t.Fatalf("the approval: %d %s", status, answer)
	}
	if e, err := gateway.Witnessed(string(answer), envelope.Codec{}, r.Directory); err != nil || e.Statement().Event != gateway.ApprovalRecorded {
		t.Errorf("answered with %+v, %v", e.Statement(), err)
	}
	r.Await(sent, gateway.StateDelivered)
	r.Settle()
	arrived, err := r.Arrived("rs")
	if err != nil || !slices.ContainsFunc(arrived, func(e harness.Effect) bool { return strings.Contains(fmt.Sprint(e), sent.ID.ID) }) {
		t.Errorf("in Serbia there is %v, %v", arrived, err)
	}
	// Both ends know that something was set aside, and one of them by whom it was approved.
	var report struct{ Overrides []map[string]any }
	for party, want := range map[gateway.Party]int{"me/coordinator": 1, "me/auditor": 1, "rs/coordinator": 0, "rs/auditor": 0} {
		body, status := r.Get(party, "/v1/overrides")
		if err := json.Unmarshal(body, &report); err != nil || status != http.StatusOK || len(report.Overrides) != want {
			t.Errorf("%s reads %d %s", party, status, body)
		}
	}
}
