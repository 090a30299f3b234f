package adapters

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// noted is a life whose transport notes what each role is given.
func noted(w *world) (*Adapter, map[string]Consignment) {
	given := map[string]Consignment{}
	a, _ := w.live(func(c *Config) { c.Transport = noting{given, &sync.Mutex{}} })
	return a, given
}

func takeAll(t *testing.T, a *Adapter, items ...Item) {
	t.Helper()
	for _, it := range items {
		if err := a.take(t.Context(), it); err != nil {
			t.Fatal(err)
		}
	}
}

// TestARecallThatOvertookItsMessageWaitsAndThenMarksIt: for a while it waits; then it is
// delivered all the same, and the message that comes after it says that it was recalled.
func TestARecallThatOvertookItsMessageWaitsAndThenMarksIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, given := noted(w)
	recall := w.arriving("d-2", recallJTI, 2, recallOf(firstJTI))
	if err := a.take(t.Context(), recall); !errors.Is(err, errEarly) {
		t.Fatalf("before its message: got %v, want to wait", err)
	}
	w.pass(attendance)
	takeAll(t, a, recall)
	if c := given["d-2.coordinator"]; len(c.Head) == 0 || len(c.Concerns) > 0 {
		t.Errorf("the recall of what is not there concerns %v", c.Concerns)
	}
	takeAll(t, a, w.arriving("d-1", firstJTI, 1, inThread))
	want := []Mark{{Type: "recall.change/1.0", Act: []string{"recall"}, Target: firstJTI, Delivery: "d-2"}}
	for _, key := range []string{"d-1.coordinator", "d-1.child-protection"} {
		if diff := cmp.Diff(given[key].ChangedBy, want); diff != "" {
			t.Errorf("%s, got and want: %s", key, diff)
		}
	}
}

// TestAMessageSentAfterAChangeIsNotMarkedByIt: what the person agreed to anew stands.
func TestAMessageSentAfterAChangeIsNotMarkedByIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, given := noted(w)
	takeAll(t, a,
		w.arriving("d-1", firstJTI, 1, inThread),
		w.arriving("d-2", recallJTI, 2, func(o *incoming.Opened) {
			recallOf(thread1)(o)
			o.Head.Type, o.Head.Act = "consent.change/1.0", []string{"consent-withdrawn"}
		}),
		w.arriving("d-3", "019ab3c4-5d6e-7f80-9a1b-000000000003", 3, inThread),
	)
	if got := given["d-2.child-protection"].Concerns; !slices.Equal(got, []string{"d-1"}) {
		t.Errorf("the withdrawal concerns %v, want the delivery before it", got)
	}
	if got := given["d-3.coordinator"].ChangedBy; len(got) > 0 {
		t.Errorf("a later message is marked by %v", got)
	}
}

// TestAChangeOfAnotherSenderChangesNothing: who writes into a thread of others, or names
// what somebody else said, marks nothing.
func TestAChangeOfAnotherSenderChangesNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*incoming.Opened){
		"another sender": func(o *incoming.Opened) { o.Head.Issuer = "me/coordinator" },
		"another thread": func(o *incoming.Opened) { o.Head.Thread = "019ab3c4-5d6e-7f80-9a1b-0000000000fe" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a, given := noted(w)
			takeAll(t, a, w.arriving("d-1", firstJTI, 1, inThread))
			recall := w.arriving("d-2", recallJTI, 2, func(o *incoming.Opened) { recallOf(firstJTI)(o); change(o) })
			w.pass(attendance)
			if err := a.take(t.Context(), recall); errors.Is(err, errEarly) {
				w.pass(attendance)
				takeAll(t, a, recall)
			} else if err != nil {
				t.Fatal(err)
			}
			if _, ok := given["d-2.child-protection"]; ok || len(given["d-2.coordinator"].Concerns) > 0 {
				t.Error("it marked a delivery of somebody else's")
			}
			_, got := ask(t, a, "all", "GET", "/v1/deliveries/d-1", "")
			if got["changes"] != nil {
				t.Errorf("the delivery shows %v", got["changes"])
			}
		})
	}
}

// TestTheAnswerToARecallSaysWhoReadItAndNothingElse: whether something was erased is for
// the office to say.
func TestTheAnswerToARecallSaysWhoReadItAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := noted(w)
	takeAll(t, a, w.arriving("d-1", firstJTI, 1, inThread), w.arriving("d-2", recallJTI, 2, recallOf(firstJTI)))
	d, err := a.Store.Delivery(t.Context(), "d-2")
	if err != nil {
		t.Fatal(err)
	}
	unread, err := a.BeginAnswer(t.Context(), d)
	if err != nil || len(unread.ReadBy) != 0 || len(unread.Missing) != 2 {
		t.Fatalf("before anybody read it: got %+v, %v", unread, err)
	}
	for role, e := range map[string]gateway.Event{"child-protection": gateway.TakenOn, "coordinator": gateway.ContentHandover} {
		if err := a.Report(t.Context(), "d-1", e, role); err != nil {
			t.Fatal(err)
		}
	}
	b, err := a.BeginAnswer(t.Context(), d)
	if err != nil || !slices.Equal(b.ReadBy, []string{"child-protection", "coordinator"}) || !slices.Equal(b.Changed, []string{"d-1"}) {
		t.Fatalf("got %+v, %v", b, err)
	}
	if _, ok := b.Draft["outcome"]; ok {
		t.Error("the draft has an outcome that no office gave")
	}
	var by []string
	for id, v := range b.Draft["blocks"].(map[string]any)["results"].(map[string]any) {
		r := v.(map[string]any)
		if _, ok := r["result"]; ok || r["code"] != "recall" || !slices.Contains(b.Missing, "/blocks/results/"+id+"/result") {
			t.Errorf("got result %v, want the code and who read it", r)
		}
		by = append(by, r["readBy"].(string))
	}
	if slices.Sort(by); !slices.Equal(by, b.ReadBy) {
		t.Errorf("got read by %v", by)
	}
	if _, err := a.BeginAnswer(t.Context(), mustDelivery(t, a, "d-1")); gateway.AsProblem(err).Code != gateway.CodeNotFound {
		t.Errorf("of a message that is no change: got %v, want not-found", err)
	}
}

// TestTheTableOfWhatCameInShowsWhatIsStillToDo.
func TestTheTableOfWhatCameInShowsWhatIsStillToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := noted(w)
	takeAll(t, a, w.arriving("d-1", firstJTI, 1, inThread), w.arriving("d-2", recallJTI, 2, recallOf(firstJTI)))
	state := func() ChangeState {
		t.Helper()
		all, err := a.Changes(t.Context(), office)
		if err != nil || len(all.Received) != 1 || len(all.Sent) != 0 {
			t.Fatalf("got %+v, %v", all, err)
		}
		return all.Received[0]
	}
	if s := state(); s.State != ChangeDelivered || !slices.Equal(s.Changed, []string{"d-1"}) || s.Delivery != "d-2" {
		t.Errorf("got %+v", s)
	}
	if _, err := a.Send(t.Context(), outgoing.Draft{
		Type: "applied.answer/1.0", From: "rs/coordinator", To: "ba/coordinator", Thread: thread1, InReplyTo: recallJTI, Outcome: "kept",
	}, ""); err != nil {
		t.Fatal(err)
	}
	if s := state(); s.State != ChangeDelivered {
		t.Errorf("before the gateway has the answer: got %s", s.State)
	}
	submitAll(t, w, a)
	if s := state(); s.State != ChangeKept {
		t.Errorf("got %s, want kept", s.State)
	}
}

// TestWhatTheGatewayLostIsGivenAgainInOrder: the answer waits until the gateway knows the
// question again, and what was not lost is left alone.
func TestWhatTheGatewayLostIsGivenAgainInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := &forgetful{Gate: (*stubGate)(w), knows: map[string]bool{}}
	a, _ := w.live(func(c *Config) { c.Gate = g })
	send := func(typ, thread, reply string) string {
		t.Helper()
		o, err := a.Send(t.Context(), outgoing.Draft{Type: typ, From: "rs/coordinator", To: "ba/coordinator", Thread: thread, InReplyTo: reply}, "")
		if err != nil {
			t.Fatal(err)
		}
		return o.ID.ID
	}
	known := send("status.notice/1.0", "t-0", "")
	answer := send("referral.answer/1.0", "t-1", firstJTI)
	after := send("status.notice/1.0", "t-1", "")
	submitAll(t, w, a)
	receipt := outgoingNow(t, a, answer).Receipt
	g.knows[known] = true
	before := len(w.submissions())
	if n, err := a.GiveAgain(t.Context()); err != nil || n != 2 {
		t.Fatalf("got %d to give again, %v", n, err)
	}
	if n, err := a.GiveAgain(t.Context()); err != nil || n != 0 {
		t.Errorf("a second time: got %d, %v", n, err)
	}
	step := func() {
		t.Helper()
		w.pass(time.Minute)
		list, err := a.Store.Due(t.Context(), w.clock(), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list {
			if err := a.send(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
	step()
	step()
	if got := w.submissions(); len(got) != before || outgoingNow(t, a, answer).Receipt != receipt {
		t.Fatal("an answer was given before its question, or its first receipt is lost")
	}
	g.knows[firstJTI] = true // the other side has given the question again
	step()
	step()
	got := w.submissions()[before:]
	if len(got) != 2 {
		t.Fatalf("got %d submissions, want two", len(got))
	}
	for i, want := range []string{answer, after} {
		if p, err := (stubOpener{}).Decode(got[i]); err != nil || p.Head.ID != want {
			t.Errorf("submission %d is %s, want %s", i, p.Head.ID, want)
		}
	}
}

// TestWhatTheGatewayDoesNotTakeAgainKeepsItsReceipt, and a person is told.
func TestWhatTheGatewayDoesNotTakeAgainKeepsItsReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(func(c *Config) { c.Gate = &forgetful{Gate: (*stubGate)(w), knows: map[string]bool{}} })
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	submitAll(t, w, a)
	receipt := outgoingNow(t, a, o.ID.ID).Receipt
	if n, err := a.GiveAgain(t.Context()); err != nil || n != 1 {
		t.Fatalf("got %d, %v", n, err)
	}
	doc := gateway.Refuse(gateway.CodePairOff, "/aud", "").Document()
	w.answer(func() (string, *gateway.Document, error) { return "", &doc, nil })
	submitAll(t, w, a)
	if got := outgoingNow(t, a, o.ID.ID); got.Receipt != receipt || got.Problem != "" || alarms(t, a)[AlarmLost] != o.ID.ID {
		t.Errorf("got %s %q, alarms %v", got.State, got.Problem, alarms(t, a))
	}
}

// forgetful is a gateway that went back to an older state of its journal.
type forgetful struct {
	Gate
	knows map[string]bool
}

func (g *forgetful) Message(_ context.Context, _ gateway.Party, id gateway.MessageID) (Status, error) {
	if g.knows[id.ID] {
		return Status{Issuer: id.Issuer, ID: id.ID}, nil
	}
	return Status{}, gateway.Refuse(gateway.CodeNotFound, "", "")
}

// TestWhatCameUnderAnotherOriginIsTestifiedAndTakesNoSecondEffect, also where the process
// dies in between.
func TestWhatCameUnderAnotherOriginIsTestifiedAndTakesNoSecondEffect(t *testing.T) {
	t.Parallel()
	for die := range 8 {
		w := newWorld(t)
		a, end := w.live(nil)
		takeAll(t, a, w.arriving("d-1", firstJTI, 1, inThread))
		end()
		again := w.arriving("d-9", firstJTI, 1, func(o *incoming.Opened) {
			inThread(o)
			o.Binding.Pair.Origin, o.Binding.SDHash = "o-2", "hash-d-1"
		})
		w.mu.Lock()
		w.dieAt = die
		w.mu.Unlock()
		w.survive(again)
		a, end = w.live(nil)
		if s := final(t, a, "d-9"); s.Event != gateway.ContentConsignment || s.Pair.Origin != "o-2" {
			t.Errorf("death at step %d: got %s of %s", die, s.Event, s.Pair.Origin)
		}
		if w.effects["d-9.coordinator"]+w.effects["d-9.child-protection"] > 0 || len(alarms(t, a)) > 0 {
			t.Errorf("death at step %d: a second effect, or alarms %v", die, alarms(t, a))
		}
		end()
	}
}

func mustDelivery(t *testing.T, a *Adapter, id string) (d store.Delivery) {
	t.Helper()
	d, err := a.Store.Delivery(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestAChangeToWhatThisCountrySaidDoesNotWait: whoever should not have got a message, or
// needs more time, answers about ours, which never comes to us.
func TestAChangeToWhatThisCountrySaidDoesNotWait(t *testing.T) {
	t.Parallel()
	for typ, act := range map[string]string{"redirect.change/1.0": "redirect", "deadline.change/1.0": "extend"} {
		w := newWorld(t)
		a, given := noted(w)
		takeAll(t, a, w.arriving("d-1", recallJTI, 1, func(o *incoming.Opened) {
			recallOf(firstJTI)(o)
			o.Head.Type, o.Head.Act = typ, []string{act}
		}))
		if _, ok := given["d-1.coordinator"]; !ok {
			t.Errorf("%s was not delivered", typ)
		}
	}
}

// TestWhatRestsOnAnAcceptanceWaitsForItToBeGivenAgain: otherwise the gateway, which knows
// of none, would withhold a name that has been delivered. What has expired nobody waits for.
func TestWhatRestsOnAnAcceptanceWaitsForItToBeGivenAgain(t *testing.T) {
	t.Parallel()
	for name, expired := range map[string]bool{"it can come again": false, "it has expired": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			g := &forgetful{Gate: (*stubGate)(w), knows: map[string]bool{}}
			a, _ := w.live(func(c *Config) { c.Gate = g })
			takeAll(t, a, w.arriving("d-1", firstJTI, -1, func(o *incoming.Opened) {
				inThread(o)
				if expired {
					o.Head.Expires = noon.Add(2 * time.Minute)
				}
			}))
			if _, err := a.Send(t.Context(), draftOf(thread1, ""), ""); err != nil {
				t.Fatal(err)
			}
			submitAll(t, w, a)
			before := len(w.submissions())
			if n, err := a.GiveAgain(t.Context()); err != nil || n != 1 {
				t.Fatalf("got %d, %v", n, err)
			}
			w.pass(5 * time.Minute)
			list, err := a.Store.Due(t.Context(), w.clock(), 10)
			if err != nil || len(list) != 1 {
				t.Fatalf("got %d due, %v", len(list), err)
			}
			if err := a.send(t.Context(), list[0]); err != nil {
				t.Fatal(err)
			}
			if got := len(w.submissions()) - before; (got == 1) != expired {
				t.Errorf("before its time: given %d times", got)
			}
			g.knows[firstJTI] = true
			submitAll(t, w, a)
			if got := len(w.submissions()) - before; got != 1 {
				t.Errorf("in the end: given %d times, want once", got)
			}
		})
	}
}

// TestARecallThatTheGatewayReceivedFirstMarksItsMessage: in the urgent lane a recall can
// leave its own office before the message that it recalls.
func TestARecallThatTheGatewayReceivedFirstMarksItsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, given := noted(w)
	recall := w.arriving("d-2", recallJTI, 1, recallOf(firstJTI))
	if err := a.take(t.Context(), recall); !errors.Is(err, errEarly) {
		t.Fatalf("before its message: got %v, want to wait", err)
	}
	takeAll(t, a, w.arriving("d-1", firstJTI, 2, inThread), recall)
	if got := given["d-2.child-protection"].Concerns; !slices.Equal(got, []string{"d-1"}) {
		t.Errorf("the recall concerns %v", got)
	}
	_, got := ask(t, a, "all", "GET", "/v1/deliveries/d-1", "")
	if changes, _ := got["changes"].([]any); len(changes) != 1 {
		t.Errorf("the delivery shows %v", got["changes"])
	}
}
