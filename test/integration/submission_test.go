// Package integration holds the tests of the whole region that break nothing: what a
// sender is told, and what an operator sees.
package integration

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// TestSameBytesGetTheSameReceipt now, after a crash, and after the message has arrived.
func TestSameBytesGetTheSameReceipt(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	raw, s := r.Sign(harness.Referral("me/coordinator", "rs/coordinator"), false)
	first, status := r.Post(s.ID.Issuer, raw, nil)
	if status != http.StatusAccepted {
		t.Fatalf("answered %d: %s", status, first)
	}
	r.Expect(s)
	again := func(when string) {
		t.Helper()
		if body, status := r.Post(s.ID.Issuer, raw, nil); status != http.StatusAccepted || !bytes.Equal(body, first) {
			t.Errorf("%s: answered %d, and another receipt: %t", when, status, !bytes.Equal(body, first))
		}
	}
	again("at once")
	r.Gateway.Restart()
	r.Ready()
	again("after a crash")
	r.Settle()
	again("after the delivery")
}

func isLetter(c byte) bool { return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' }

// TestChangedByteIsRefusedAndLeavesTheIDFree: nobody can spoil somebody else's id.
func TestChangedByteIsRefusedAndLeavesTheIDFree(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	raw, s := r.Sign(harness.Capacity("me/coordinator", "rs/coordinator"), false)
	i := bytes.Index(raw, []byte(`"signature":"`)) + len(`"signature":"`)
	changed := bytes.Clone(raw)
	// Another letter of base64url, so that nothing is wrong but the signature.
	if changed[i]++; !isLetter(changed[i]) {
		changed[i] = 'A'
	}
	var p gateway.Document
	body, status := r.Post(s.ID.Issuer, changed, nil)
	if err := json.Unmarshal(body, &p); err != nil || status != http.StatusUnprocessableEntity || p.Code != gateway.CodeSignature || p.Evidence != "" {
		t.Errorf("answered %d %+v, want 422 %s without evidence: %v", status, p, gateway.CodeSignature, err)
	}
	if body, status := r.Post(s.ID.Issuer, raw, nil); status != http.StatusAccepted {
		t.Fatalf("the message itself: answered %d: %s", status, body)
	}
	r.Expect(s)
}

// TestRefusalIsThatIDsAnswerForEver, signed, and byte for byte.
func TestRefusalIsThatIDsAnswerForEver(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	d := harness.Referral("me/coordinator", "rs/coordinator").With(map[string]any{"basis": "treaty-of-others-1"})
	raw, s := r.Sign(d, true)
	first, status := r.Post(s.ID.Issuer, raw, nil)
	var p gateway.Document
	if err := json.Unmarshal(first, &p); err != nil || status != http.StatusUnprocessableEntity || p.Evidence == "" || p.Code != gateway.CodeBasisNotAgreed {
		t.Fatalf("answered %d: %s", status, first)
	}
	r.Gateway.Restart()
	r.Ready()
	if body, again := r.Post(s.ID.Issuer, raw, nil); again != status || !bytes.Equal(body, first) {
		t.Errorf("after a crash: answered %d: %s\nwant %s", again, body, first)
	}
}
