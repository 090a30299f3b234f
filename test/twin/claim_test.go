package twin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/test/harness"
)

// question asks Serbia whether its records name an adult in Montenegro who has asked for
// protection from Serbia. Nobody can sign protection-checked, and nothing else is wrong
// with it.
func question() harness.Draft {
	return harness.Draft{
		"type": "info.request/1.0", "from": "me/coordinator", "to": "rs/coordinator", "thread": harness.NewThread(), "lane": "normal",
		"purpose": "identification", "basis": "cets197-32", "answerBy": time.Now().UTC().Add(20 * time.Hour).Truncate(time.Second).Format(time.RFC3339),
		"agreement": map[string]any{"state": "given", "by": "person"},
		"blocks":    map[string]any{"asks": map[string]any{"a1b2c3": map[string]any{"code": "identity-match", "why": "to-establish-identity"}}},
		"sealed": map[string]any{"identity@coordinator": map[string]any{
			"names": []any{map[string]any{"script": "latn", "given": "Canary CLAIMANT", "family": "Canary CLAIMANTS"}}, "born": "1990-01-01",
		}},
	}
}

// claimed is a region in which an officer perhaps asked, at the desk or past it, and in
// which the two countries then exchange something else, the same in each. answers is what every office of the
// other country is told by the gateway when it asks about everything that it can.
func claimed(t *testing.T, keys string, other harness.Draft, ask func(*harness.Region, harness.Draft) (id string)) (traces, []string) {
	t.Helper()
	r := harness.New(t, harness.Options{Certs: keys})
	d := question()
	id := harness.NewThread() // of a message that nobody made
	if ask != nil {
		id = ask(r, d)
	}
	r.Send(other)
	r.Settle()
	var answers []string
	for _, office := range []gateway.Party{"rs/coordinator", "rs/child-protection", "rs/social-services", "rs/auditor"} {
		for _, path := range []string{
			"/v1/messages/me/coordinator/" + id, "/v1/pairs/me/rs/" + fmt.Sprintf("trm%%2F%d", time.Now().UTC().Year()) + "/1",
			"/v1/pairs/me/rs/" + fmt.Sprintf("trm%%2F%d", time.Now().UTC().Year()) + "/2", "/v1/events", "/v1/duties", "/v1/overrides", "/v1/directory",
		} {
			body, status := r.Get(office, path)
			answers = append(answers, fmt.Sprintf("%s %s: %d %s", office, text(path), status, normal(body)))
		}
	}
	return left(t, r), answers
}

func missing(t *testing.T, body []byte, status int) gateway.Document {
	t.Helper()
	var doc gateway.Document
	if err := json.Unmarshal(body, &doc); err != nil || status != http.StatusUnprocessableEntity || doc.Code != gateway.CodeAttestationMissing {
		t.Fatalf("answered %d %s, want %s", status, body, gateway.CodeAttestationMissing)
	}
	return doc
}

// TestAnOpenClaimKeepsTheIdentityQuestionHome: the question about somebody whose claim for
// protection is open does not leave, neither from the desk nor through the gateway. What is
// at the other end does not differ from the case in which nobody asked.
func TestAnOpenClaimKeepsTheIdentityQuestionHome(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "certs")
	if _, err := certs.Develop(keys, certs.Options{}); err != nil {
		t.Fatal(err)
	}
	other := harness.Capacity("me/coordinator", "rs/coordinator")
	nobody, untold := claimed(t, keys, other, nil)
	theirs := []string{"redis", "coordinator", "rs journal", "rs spans", "rs log"}
	for name, row := range map[string]struct {
		ask    func(*harness.Region, harness.Draft) string
		stores []string
	}{
		"at the desk": {func(r *harness.Region, d harness.Draft) string {
			body, status := r.Try(d)
			missing(t, body, status)
			return harness.NewThread()
		}, append([]string{"gateway journal", "gateway log", "gateway spans", "metrics"}, theirs...)},
		"past the desk": {func(r *harness.Region, d harness.Draft) string {
			raw, s := r.Sign(d, true)
			body, status := r.Post(s.ID.Issuer, raw, nil)
			if doc := missing(t, body, status); doc.Evidence == "" {
				t.Error("the refusal is not signed")
			}
			return s.ID.ID
		}, theirs},
	} {
		asked, told := claimed(t, keys, other, row.ask)
		t.Run(name, func(t *testing.T) {
			compare(t, asked, nobody, row.stores...)
			if diff := cmp.Diff(untold, told); diff != "" {
				t.Errorf("what Serbia's offices are told differs (-nobody asked +somebody did):\n%s", diff)
			}
		})
	}
}
