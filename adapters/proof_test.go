package adapters

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
)

// TestPagesOfABundleAreFollowedAtTheGatewayAlone: a page that names an address elsewhere is
// the last.
func TestPagesOfABundleAreFollowedAtTheGatewayAlone(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	const next = "/v1/audit?after=1024&first=0&origin=trm%2F2026&size=3000"
	for link, want := range map[string]string{
		"":                           "",
		"<" + next + `>; rel="next"`: next,
		"<" + next + `>; rel="prev"`: "",
		"<https://elsewhere.example/v1/audit?after=1>; rel=\"next\"": "",
		"<//elsewhere.example/v1/audit?after=1>; rel=\"next\"":       "",
		"<@elsewhere.example/v1/audit?after=1>; rel=\"next\"":        "",
		"</v1/messages?after=1>; rel=\"next\"":                       "",
		"<" + next + `>; rel="next", </v1/audit?x=1>; rel="next"`:    "",
	} {
		var asked string
		c, _ := calling(t, func(w http.ResponseWriter, r *http.Request) {
			asked = r.URL.RequestURI()
			if link != "" {
				w.Header().Set("Link", link)
			}
			w.Header().Set("Content-Type", "application/x-tar")
			_, _ = w.Write([]byte("page"))
		})
		page, got, err := c.AuditPage(t.Context(), "rs/coordinator", AuditDays("trm/2026", day, day.AddDate(0, 0, 9)))
		if err != nil || string(page) != "page" || got != want {
			t.Errorf("%s: got %q, next %q, %v", link, page, got, err)
		}
		if asked != "/v1/audit?from=2026-11-21&origin=trm%2F2026&to=2026-11-30" {
			t.Errorf("asked for %s", asked)
		}
	}
	c, _ := calling(t, refusing(http.StatusServiceUnavailable, gateway.CodeBusy))
	var p *gateway.Problem
	if _, _, err := c.AuditPage(t.Context(), "rs/coordinator", AuditDays("", day, day)); !errors.As(err, &p) || p.Code != gateway.CodeBusy {
		t.Errorf("busy: %v", err)
	}
}

// TestProofsAreReadAsTheyAre, waiting, pending and proven.
func TestProofsAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	var asked string
	c, _ := calling(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"iss":"me/coordinator","jti":"x","entries":[
			{"event":"SubmissionAcceptance","state":"proven","origin":"trm/2026","index":3,"entry":"e","opening":"o","nonce":"n","concealed":{"nonce":"m","opening":"s"},"proof":"p"},
			{"event":"TakenOn","state":"waiting","opening":"o2","nonce":"n2"}]}`))
	})
	got, err := c.Proofs(t.Context(), "rs/coordinator", gateway.MessageID{Issuer: "me/coordinator", ID: "x"})
	if err != nil || asked != "/v1/messages/me/coordinator/x/proofs" {
		t.Fatal(asked, err)
	}
	secret := got[0].Concealed
	got[0].Concealed = nil
	want := []Proof{
		{Event: gateway.SubmissionAcceptance, State: "proven", Origin: "trm/2026", Index: 3, Entry: "e", Opening: "o", Nonce: "n", Proof: "p"},
		{Event: gateway.TakenOn, State: "waiting", Opening: "o2", Nonce: "n2"},
	}
	if diff := cmp.Diff(want, got); diff != "" || secret == nil || secret.Nonce != "m" || secret.Opening != "s" {
		t.Error(diff, secret)
	}
}
