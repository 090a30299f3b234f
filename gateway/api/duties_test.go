package api_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
)

// duties is a journal that knows a list.
type duties struct {
	list []gateway.Duty
	err  error
}

func (d *duties) Duties(_ context.Context, p gateway.Party, n int) ([]gateway.Duty, error) {
	var out []gateway.Duty
	for _, x := range d.list {
		if (x.Debtor == p || x.Creditor == p) && len(out) < n {
			out = append(out, x)
		}
	}
	return out, d.err
}

// owing is a duty with everything that one can have.
var owing = gateway.Duty{
	Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "019a0000-0000-7000-8000-000000000001"}, Thread: "019a0000-0000-7000-8000-00000000000a",
	Type: "referral.request/1.0", Answer: "referral.answer/1.0", Lane: gateway.Normal, Debtor: "rs/coordinator", Creditor: "ba/coordinator",
	Received: noon.Add(-50 * time.Hour), Begins: noon.Add(-49 * time.Hour), Due: noon.Add(-time.Hour), Soon: noon.Add(-9 * time.Hour), Escalate: noon.Add(23 * time.Hour),
	Wish: noon.Add(-20 * time.Hour), Earlier: []time.Time{noon.Add(-30 * time.Hour)}, Taken: noon.Add(-40 * time.Hour),
}

func TestAPartyIsShownWhatItOwesAndIsOwed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	waiting := gateway.Duty{
		Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "019a0000-0000-7000-8000-000000000002"}, Thread: owing.Thread, Type: "alert.notice/1.0", Answer: "ack.answer/1.0",
		Lane: gateway.Urgent, Debtor: "rs/coordinator", Creditor: "ba/coordinator", Received: noon.Add(-time.Hour), Escalate: noon,
	}
	w.duties.list = []gateway.Duty{waiting, owing}
	list := func(p gateway.Party) (out struct{ Owes, Owed []map[string]any }) {
		a := w.get(p, "/v1/duties")
		if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.StatusCode != 200 {
			t.Fatalf("got %d %q", a.StatusCode, a.body)
		}
		return out
	}
	want := map[string]any{
		"iss": "ba/coordinator", "jti": owing.Message.ID, "thread": owing.Thread, "type": "referral.request/1.0", "answer": "referral.answer/1.0", "lane": "normal", "debtor": "rs/coordinator",
		"standing": "overdue", "receivedAt": "2026-11-19T10:00:00Z", "begins": "2026-11-19T11:00:00Z", "due": "2026-11-21T11:00:00Z", "soon": "2026-11-21T03:00:00Z",
		"escalates": "2026-11-22T11:00:00Z", "wish": "2026-11-20T16:00:00Z", "earlier": []any{"2026-11-20T06:00:00Z"}, "takenOn": "2026-11-19T20:00:00Z", "late": true,
	}
	debtor := list("rs/coordinator")
	if diff := cmp.Diff([]map[string]any{want}, debtor.Owes); diff != "" || len(debtor.Owed) != 0 {
		t.Errorf("the debtor is owed %v; owes (-want +got):\n%s", debtor.Owed, diff)
	}
	creditor := list("ba/coordinator")
	if len(creditor.Owes) != 0 || len(creditor.Owed) != 2 || creditor.Owed[0]["standing"] != "escalated" || creditor.Owed[0]["due"] != nil {
		t.Errorf("the creditor got %v", creditor)
	}
	if other := list("rs/child-protection"); len(other.Owes)+len(other.Owed) != 0 {
		t.Errorf("another party got %v", other)
	}
}

func TestALongListOfDutiesSaysThatItIsNotAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, n := range []int{999, 1000, 1001} {
		w.duties.list = slices.Repeat([]gateway.Duty{owing}, n)
		var got struct {
			Owes []any
			More bool
		}
		if err := json.Unmarshal([]byte(w.get("rs/coordinator", "/v1/duties").body), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Owes) != min(n, 1000) || got.More != (n >= 1000) {
			t.Errorf("of %d duties got %d, more %t", n, len(got.Owes), got.More)
		}
	}
}
