package fault

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
	"example.org/trm/test/harness"
	"example.org/trm/test/nation"
)

// TestPastRecipientsAreToldOnceWhateverIsKilled: the sender's adapter while it is asked, the
// gateway while it receives, the recipient's adapter and its national system while they
// take it; once before the effect and once after it.
func TestPastRecipientsAreToldOnceWhateverIsKilled(t *testing.T) {
	t.Parallel()
	system := nation.New(t)
	r := harness.New(t, harness.Options{
		Countries: []gateway.Country{"me", "rs", "ba"},
		Systems:   map[gateway.Country]*nation.System{"rs": system},
	})
	reference := rand.Text()
	r.Plant(reference)
	for _, to := range []gateway.Party{"rs/coordinator", "ba/coordinator", "rs/social-services"} {
		r.Send(harness.Capacity("me/coordinator", to).With(map[string]any{"case": reference}))
	}
	r.Send(harness.Referral("me/coordinator", "rs/coordinator").With(map[string]any{"case": reference}))
	r.Settle()

	tell := func(request map[string]any, want int, meanwhile func()) {
		t.Helper()
		key := rand.Text()
		answers := make(chan string, 1)
		go func() {
			raw, status, err := r.Adapters["me"].Call(http.MethodPost, "/v1/changes", key, request)
			if err != nil || status != http.StatusAccepted {
				raw = fmt.Appendf(nil, "answered %d, %v: %s", status, err, raw)
			}
			answers <- string(raw)
		}()
		meanwhile()
		first := <-answers
		for _, again := range []bool{false, true} {
			raw := first
			if again { // an office that did not hear the answer asks again
				b, _, err := r.Adapters["me"].Call(http.MethodPost, "/v1/changes", key, request)
				if err != nil {
					t.Fatal(err)
				}
				raw = string(b)
			}
			var out struct {
				Parts []adapters.ChangeState `json:"parts"`
			}
			if err := json.Unmarshal([]byte(raw), &out); err != nil || len(out.Parts) != want {
				t.Fatalf("asked again %t: got %d parts, want %d: %s", again, len(out.Parts), want, raw)
			}
			for _, p := range out.Parts {
				s := &harness.Sent{ID: gateway.MessageID{Issuer: p.Issuer, ID: p.ID}, Thread: p.Thread, To: p.Audience, Readers: []gateway.Party{p.Audience}, Urgent: true}
				if hasHealth(r, p.Thread) {
					s.Readers = []gateway.Party{"rs/child-protection", "rs/coordinator"}
				}
				if !slices.ContainsFunc(r.Sent(), func(o *harness.Sent) bool { return o.ID == s.ID }) {
					if again {
						t.Errorf("asked again, %s was told by another message", p.Audience)
					}
					r.Expect(s)
				}
			}
		}
		r.Settle()
	}
	tell(map[string]any{"kind": "consent", "case": reference, "effect": "consent-limited", "basis": "cets223-9"}, 4, func() {
		for range 3 {
			r.Adapters["me"].Restart()
		}
	})
	system.Next(nation.Cut, nation.Lost, nation.Taken(503), nation.Answer(500))
	tell(map[string]any{"kind": "consent", "case": reference, "effect": "consent-withdrawn", "basis": "cets223-9"}, 4, func() {
		r.Gateway.Restart()
		r.Adapters["rs"].Restart()
		r.Ready()
	})
	system.Next(nation.Mute)
	tell(map[string]any{"kind": "recall", "case": reference}, 4, func() {
		r.Adapters["ba"].Kill()
		r.Adapters["me"].Restart()
		r.Adapters["ba"].Start()
	})
	r.Check()
}

// hasHealth reports whether a conversation said something to child protection.
func hasHealth(r *harness.Region, thread string) bool {
	return slices.ContainsFunc(r.Sent(), func(s *harness.Sent) bool {
		return s.Thread == thread && slices.Contains(s.Readers, "rs/child-protection")
	})
}
