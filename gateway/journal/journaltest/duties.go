package journaltest

import (
	"time"

	"example.org/trm/gateway"
)

// hourly is a clock by which every message wants an answer an hour after its delivery, is
// near its date at the half, and is escalated an hour after that.
type hourly struct{}

func (hourly) Begin(h gateway.Head, received time.Time) gateway.Exchange {
	return gateway.Exchange{Asked: h, Received: received, Closes: "referral.answer/1.0", Terms: []gateway.Term{{N: 1, Unit: "h"}}, Stage: gateway.StageWaiting}
}

func (hourly) Heard(x gateway.Exchange, e gateway.Event, at time.Time) gateway.Exchange {
	if e == gateway.ContentConsignment && x.Stage == gateway.StageWaiting {
		h := x.Asked
		x.Stage = gateway.StageDelivered
		x.Duty = gateway.Duty{
			Message: h.MessageID(), Thread: h.Thread, Type: h.Type, Answer: x.Closes, Debtor: h.Audience, Creditor: h.Issuer, Received: x.Received,
			Begins: at, Soon: at.Add(30 * time.Minute), Due: at.Add(time.Hour), Escalate: at.Add(2 * time.Hour),
		}
	}
	return x
}

func (hourly) Said(x gateway.Exchange, h gateway.Head, received time.Time) gateway.Exchange {
	x.Stage, x.Answer, x.Outcome, x.Duty = gateway.StageClosed, h.ID, h.Outcome, x.Duty.End(received)
	return x
}

// hours opens a journal that keeps duties by that clock.
func (w *world) hours() {
	w.Helper()
	w.o.Clock = hourly{}
	w.reopen()
}

// come are the steps that have come and are not signed, in short.
func (w *world) come() []string {
	w.Helper()
	list, err := w.Come(w.Context(), w.now, 10)
	if err != nil {
		w.Fatal(err)
	}
	var out []string
	for _, r := range list {
		out = append(out, r.Message.ID+" "+string(r.Event))
		if r.Delivery != "delivery of "+r.Message.ID || r.Pair.N == 0 || r.Audience != "rs/coordinator" {
			w.Errorf("the step is about %+v", r.Case)
		}
	}
	return out
}

// remind signs the first step that has come, as it was when it was found.
func (w *world) remind(id string) (done bool) {
	w.Helper()
	list, err := w.Come(w.Context(), w.now, 1)
	if err != nil || len(list) != 1 {
		w.Fatalf("come: %v, %v", list, err)
	}
	return w.strike(list[0], id)
}

func (w *world) strike(r gateway.Reminder, id string) (done bool) {
	w.Helper()
	done, err := w.Remind(w.Context(), r, sign(gateway.Statement{
		ID: id, Signer: gateway.TheGateway, At: w.now, Event: r.Event, Message: r.Message, Delivery: r.Delivery, Pair: r.Pair, Due: r.Due,
	}))
	if err != nil {
		w.Fatal(err)
	}
	return done
}

func (w *world) wantSteps(want ...string) {
	w.Helper()
	got := w.come()
	if len(got) != len(want) {
		w.Errorf("come %q, want %q", got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			w.Errorf("come %q, want %q", got, want)
		}
	}
}

func stepped(w *world) {
	w.hours()
	a, b := message{id: "m-1", life: 100 * time.Hour}, message{id: "m-2", life: 100 * time.Hour}
	w.receive(b)
	w.receive(a)
	w.wantSteps()
	w.finish(a)
	w.now = w.now.Add(time.Minute)
	w.finish(b)
	w.now = noon.Add(30*time.Minute - time.Second)
	w.wantSteps()
	w.now = noon.Add(3 * time.Hour)
	w.wantSteps("m-1 DueSoon", "m-2 DueSoon")
	stale, err := w.Come(w.Context(), w.now, 1)
	if err != nil {
		w.Fatal(err)
	}
	for i, want := range [][]string{{"m-2 DueSoon", "m-1 Overdue"}, {"m-1 Overdue", "m-2 Overdue"}, {"m-2 Overdue", "m-1 Escalated"}} {
		if !w.remind(string(rune('a' + i))) {
			w.Error("a step that had come was not recorded")
		}
		w.wantSteps(want...)
		w.reopen()
		w.wantSteps(want...)
	}
	if w.strike(stale[0], "again") {
		w.Error("a step was recorded twice")
	}
	events, err := w.Events(w.Context(), "ba/coordinator", 0, 100)
	if err != nil {
		w.Fatal(err)
	}
	var signed []gateway.Event
	for _, e := range events {
		if e.Event.OfDuty() {
			signed = append(signed, e.Event)
		}
	}
	if len(signed) != 3 || signed[0] != gateway.DueSoon || signed[1] != gateway.DueSoon || signed[2] != gateway.Overdue {
		w.Errorf("the sender's feed has %q", signed)
	}
	if s := w.status(a); s.State != gateway.StateDelivered || len(s.Evidence) != 4 {
		w.Errorf("the state is %s with %d statements", s.State, len(s.Evidence))
	}
}

func ended(w *world) {
	w.hours()
	m := message{id: "m-1", life: 100 * time.Hour, thread: "t"}
	w.receive(m)
	w.finish(m)
	w.now = noon.Add(45 * time.Minute)
	stale, err := w.Come(w.Context(), w.now, 1)
	if err != nil || len(stale) != 1 {
		w.Fatal(stale, err)
	}
	owed := func(p gateway.Party) int {
		w.Helper()
		list, err := w.Duties(w.Context(), p, 10)
		if err != nil {
			w.Fatal(err)
		}
		return len(list)
	}
	if owed("ba/coordinator") != 1 || owed("rs/coordinator") != 1 || owed("rs/child-protection") != 0 {
		w.Error("what is owed is not shown to its two parties alone")
	}
	if s, err := w.Standings(w.Context(), w.now); err != nil || len(s) != 1 || s["rs"].Count[gateway.StandingSoon] != 1 {
		w.Errorf("the standings are %v, %v", s, err)
	}
	reply := told(message{id: "a-1", from: "rs", to: "ba", thread: "t"})
	if _, err := w.give(reply, func(s gateway.Slot) (gateway.Record, error) {
		r := w.record(reply, s)
		r.Head.InReplyTo = "m-1"
		return r, nil
	}); err != nil {
		w.Fatal(err)
	}
	if w.strike(stale[0], "late") {
		w.Error("a step was recorded after the answer")
	}
	w.now = noon.Add(9 * time.Hour)
	w.wantSteps()
	if owed("ba/coordinator")+owed("rs/coordinator") != 0 {
		w.Error("it is owed after the answer")
	}
	if s, err := w.Standings(w.Context(), w.now); err != nil || len(s) != 0 {
		w.Errorf("the standings are %v, %v", s, err)
	}
}
