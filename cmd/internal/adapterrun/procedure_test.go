package adapterrun

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// A conversation is played as the gateway would: what is open, answered, failed and late,
// whichever evidence came first.
func TestAConversationIsPlayedFromTheJournal(t *testing.T) {
	t.Parallel()
	types, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	p, err := openProcedure(types, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC) // a Tuesday
	said := func(id, typ string, from, to gateway.Party, change func(*store.Exchange)) store.Exchange {
		x := store.Exchange{Head: gateway.Head{ID: id, Issuer: from, Audience: to, Thread: "t", Type: typ, Lane: gateway.Normal}, Received: at, Delivered: at.Add(time.Second)}
		if change != nil {
			change(&x)
		}
		return x
	}
	const me, rs gateway.Party = "me/coordinator", "rs/coordinator"
	got := map[string]gateway.Stage{}
	due := map[string]string{}
	for _, x := range p.Replay([]store.Exchange{
		said("answered", "referral.request/1.0", me, rs, nil),
		said("open", "recall.change/1.0", me, rs, func(x *store.Exchange) { x.Head.Target = "elsewhere" }),
		said("recalled", "status.notice/1.0", me, rs, nil),
		said("recall", "recall.change/1.0", me, rs, func(x *store.Exchange) { x.Head.Target = "recalled"; x.Received = at.Add(time.Hour) }),
		said("failed", "info.request/1.0", me, rs, func(x *store.Exchange) { x.Delivered, x.Failed = time.Time{}, at.Add(time.Hour) }),
		said("late", "info.request/1.0", me, rs, func(x *store.Exchange) { x.Failed = at.Add(time.Hour) }),
		said("stored", "info.request/1.0", me, rs, func(x *store.Exchange) { x.Received, x.Delivered = time.Time{}, time.Time{} }),
		said("answer", "referral.answer/1.0", rs, me, func(x *store.Exchange) { x.Head.InReplyTo, x.Head.Outcome = "answered", "accepted" }),
	}) {
		got[x.Asked.ID] = x.Stage
		if x.Duty.Ended.IsZero() {
			due[x.Asked.ID], _ = p.Local(x.Duty)
		}
	}
	want := map[string]gateway.Stage{
		"answered": gateway.StageClosed, "open": gateway.StageDelivered, "recalled": gateway.StageRecalled, "recall": gateway.StageDelivered,
		"failed": gateway.StageFailed, "late": gateway.StageDelivered, "answer": gateway.StageDelivered,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("stages, got and want: %s", diff)
	}
	wantDue := map[string]string{
		"open": "Tue 24 Nov 2026 14:00 CET", "recall": "Tue 24 Nov 2026 15:00 CET", "late": "Tue 1 Dec 2026 16:00 CET", "failed": "", "answer": "",
	}
	if diff := cmp.Diff(due, wantDue); diff != "" {
		t.Errorf("dates, got and want: %s", diff)
	}
	if p.Retention("travel.notice/1.0") != 60*24*time.Hour || p.Retention("unheard.of/1.0") < p.Retention("recall.change/1.0") {
		t.Error("a retention is not the table's, or one that is not known is short")
	}
}
