package fault

import (
	"net/http"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/test/harness"
)

// TestTheGatewaysDiskIsFull: what cannot be written is not acknowledged, is not in the log
// half, and is received, delivered and logged once when there is room again.
func TestTheGatewaysDiskIsFull(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
	r.Settle()
	before := r.Witnessed()
	r.Gateway.Full(true)
	var waiting []*harness.Sent
	for range 4 {
		waiting = append(waiting, r.Send(harness.Referral("me/coordinator", "rs/coordinator")))
	}
	raw, s := r.Sign(harness.Capacity("rs/coordinator", "me/coordinator"), false)
	for range 3 {
		if body, status := r.Post("rs/coordinator", raw, nil); status != http.StatusServiceUnavailable {
			t.Errorf("what cannot be written is answered with %d %s", status, body)
		}
	}
	if now := r.Examine(); len(now.Entries) != len(before.Entries) || now.Waiting > 0 || len(now.Findings) > 0 {
		t.Errorf("a full disk has taken something: %d entries, %d waiting, %q", len(now.Entries), now.Waiting, now.Findings)
	}
	r.Gateway.Full(false)
	if body, status := r.Post("rs/coordinator", raw, nil); status != http.StatusAccepted {
		t.Fatalf("there is room again: answered %d %s", status, body)
	}
	r.Expect(s)
	for _, w := range waiting {
		r.Await(w, gateway.StateDelivered)
	}
	r.Check()
}

// TestTheDiskIsFullNowAndAgain while messages come and the log grows: each time another
// step meets it.
func TestTheDiskIsFullNowAndAgain(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	f := &traffic{r: r, conversations: 6, each: 20}
	f.start()
	for i := range 6 {
		before := received(r)
		r.Until("the gateway to receive", func() bool { return received(r) > before+i%4 })
		r.Gateway.Full(true)
		raw, _ := r.Sign(harness.Capacity("rs/coordinator", "me/coordinator"), false)
		var entries []int
		for range 2 { // what was being written when the disk became full is there after the first
			if body, status := r.Post("rs/coordinator", raw, nil); status != http.StatusServiceUnavailable {
				t.Errorf("what cannot be written is answered with %d %s", status, body)
			}
			now := r.Examine()
			entries = append(entries, len(now.Entries)+now.Waiting)
			for _, found := range now.Findings {
				t.Error(found)
			}
		}
		if entries[0] != entries[1] {
			t.Errorf("%d entries on a full disk have become %d", entries[0], entries[1])
		}
		r.Gateway.Full(false)
	}
	f.wg.Wait()
	r.Check()
}
