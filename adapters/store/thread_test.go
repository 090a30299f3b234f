package store_test

import (
	"path/filepath"
	"testing"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// TestAThreadRemembersWhatItEstablished across restarts, the same as the gateway does with
// the same heads.
func TestAThreadRemembersWhatItEstablished(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "adapter.db")
	s := open(t, path)
	var want gateway.ThreadFacts
	for i, h := range []gateway.Head{
		{Type: "referral.request/1.0"}, {Type: "status.notice/1.0", Act: []string{"turned-18"}}, {Type: "consent.change/1.0", Act: []string{"consent-withdrawn"}},
		{Type: "consent.change/1.0", Act: []string{"consent-given"}}, {Type: "consent.change/1.0", Act: []string{"consent-withdrawn"}},
	} {
		h.ID, h.Issuer, h.Audience, h.Thread = string(rune('a'+i)), "rs/coordinator", "ba/coordinator", "t"
		want = want.After(h)
		_, _, err := s.Put(t.Context(), store.Outgoing{ID: h.MessageID(), Audience: h.Audience, Thread: h.Thread, Lane: gateway.Normal, Envelope: []byte("x"), Expires: noon, StoredAt: noon})
		must(t, err)
		must(t, s.Answered(t.Context(), h.MessageID(), store.Received, "receipt", "", h, noon))
		if got, err := s.Facts(t.Context(), "t"); err != nil || got != want {
			t.Fatalf("after %s %v: %+v, %v, want %+v", h.Type, h.Act, got, err, want)
		}
	}
	must(t, s.Close())
	if got, err := open(t, path).Facts(t.Context(), "t"); err != nil || got != want || !got.Withdrawn || !got.OfAge {
		t.Errorf("after a restart: %+v, %v, want %+v", got, err, want)
	}
}
