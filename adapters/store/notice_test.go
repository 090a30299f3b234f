package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// waits is a notice of a delivery.
func waits(id string) store.Notice {
	return store.Notice{
		Side: store.Inbound, Delivery: id, Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "m-" + id}, Party: "rs/coordinator",
		Readers: []gateway.Party{"rs/social-services", "rs/child-protection"}, Other: "ba/coordinator", Thread: "t", Lane: gateway.Urgent,
		Rings: true, Purpose: "protection", Test: true, ReceivedAt: noon, MadeAt: noon, Expires: noon.Add(time.Hour), NextAt: noon, Ack: "ack.answer/1.0",
	}
}

func TestOneReferenceStandsForOneMessage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "adapter.db")
	s := open(t, path)
	first, err := s.Announce(t.Context(), waits("a"), []string{"AAAAAA", "BBBBBB"})
	must(t, err)
	again, err := s.Announce(t.Context(), waits("a"), []string{"CCCCCC"})
	must(t, err)
	if first.Ref != "AAAAAA" || again.Ref != first.Ref {
		t.Errorf("got %s and %s, want the first one twice", first.Ref, again.Ref)
	}
	second, err := s.Announce(t.Context(), waits("b"), []string{"AAAAAA", "BBBBBB"})
	must(t, err)
	if second.Ref != "BBBBBB" {
		t.Errorf("got %s for another message, want the next that is free", second.Ref)
	}
	if _, err := s.Announce(t.Context(), waits("c"), []string{"AAAAAA", "BBBBBB"}); err == nil {
		t.Error("with none free: got no error")
	}
	// All at once, each gets its own.
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			refs := make([]string, 8)
			for j := range refs {
				refs[j] = fmt.Sprintf("REF%03d", j)
			}
			if _, err := s.Announce(t.Context(), waits(fmt.Sprint("x", i)), refs); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := s.Notices(t.Context(), false, 100)
	must(t, err)
	refs := map[string]bool{}
	for _, n := range list {
		refs[n.Ref] = true
	}
	if len(list) != 10 || len(refs) != 10 {
		t.Errorf("got %d notices under %d references, want 10", len(list), len(refs))
	}
	// What is derived is this journal's, and the same after it was closed.
	one, err := s.Derive(t.Context(), "a", "bc")
	must(t, err)
	other, err := s.Derive(t.Context(), "ab", "c")
	must(t, err)
	must(t, s.Close())
	s = open(t, path)
	same, err := s.Derive(t.Context(), "a", "bc")
	must(t, err)
	foreign, err := fresh(t).Derive(t.Context(), "a", "bc")
	must(t, err)
	if string(one) != string(same) || string(one) == string(other) || string(one) == string(foreign) {
		t.Error("a name is not the journal's own")
	}
	n, err := s.Notice(t.Context(), "AAAAAA")
	must(t, err)
	want := waits("a")
	if n.Delivery != "a" || n.Message != want.Message || n.Lane != want.Lane || !n.Rings || !n.Test || n.Ack != want.Ack || len(n.Readers) != 2 || !n.NextAt.Equal(noon) {
		t.Errorf("got %+v", n)
	}
	if _, err := s.Notice(t.Context(), "ZZZZZZ"); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("of nothing: got %v", err)
	}
}

func TestAPlanPassesOverWhatWasNotTriedAndFailsWhatWas(t *testing.T) {
	t.Parallel()
	s, n := fresh(t), new(int)
	x, err := s.Announce(t.Context(), waits("a"), []string{"AAAAAA"})
	must(t, err)
	ring := func(step string, p gateway.Party) store.Ring { return store.Ring{Step: step, Party: p, DueAt: noon} }
	plan := func(at time.Time, rings ...store.Ring) int {
		t.Helper()
		failed, err := s.Plan(t.Context(), store.Plan{
			Ref: x.Ref, At: at, Rings: rings, Next: at.Add(10 * time.Minute), Party: "rs/coordinator", Due: noon.Add(time.Hour),
			Failure: evidence(t, n, gateway.ConsignmentNotificationFailure),
		})
		must(t, err)
		return failed
	}
	if got := plan(noon, ring("waiting", "rs/coordinator"), ring("waiting", "rs/social-services")); got != 0 {
		t.Errorf("failed %d", got)
	}
	due, err := s.Pending(t.Context(), noon, 10)
	must(t, err)
	if len(due) != 2 {
		t.Fatalf("got %d due, want 2", len(due))
	}
	for i, want := range []bool{true, false} { // the coordinator's; what was read before is not tried again
		if mine, err := s.Round(t.Context(), due[0], noon.Add(time.Minute)); err != nil || mine != want {
			t.Errorf("round %d is ours: %t, %v", i+1, mine, err)
		}
	}
	if again, err := s.Pending(t.Context(), noon, 10); err != nil || len(again) != 1 {
		t.Errorf("got %d due after the intent was written, %v, want 1", len(again), err)
	}
	if got := plan(noon.Add(10*time.Minute), ring("minute-10", "rs/coordinator"), ring("minute-10", "rs/social-services")); got != 1 {
		t.Errorf("failed %d, want the one that was tried", got)
	}
	plan(noon.Add(10*time.Minute), ring("minute-10", "rs/coordinator")) // the same again
	list, err := s.Rings(t.Context(), x.Ref)
	must(t, err)
	var got []string
	for _, r := range list {
		got = append(got, fmt.Sprintf("%s %s %s", r.Step, r.Party.Role(), r.State))
	}
	want := fmt.Sprint([]string{
		"waiting coordinator failed", "waiting social-services passed", "minute-10 coordinator pending", "minute-10 social-services pending",
	})
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	told, err := s.Evidence(t.Context(), "a")
	must(t, err)
	if len(told) != 1 || told[0].Event != gateway.ConsignmentNotificationFailure {
		t.Errorf("got evidence %+v", told)
	}
	b, err := s.Backlog(t.Context())
	must(t, err)
	if b.Notices != (store.Owed{Count: 2, Oldest: noon}) {
		t.Errorf("got backlog %+v", b.Notices)
	}
	must(t, s.EndNotice(t.Context(), x.Ref, string(gateway.StageClosed), noon))
	must(t, s.EndNotice(t.Context(), x.Ref, store.EndExpired, noon))
	if n, err := s.Notice(t.Context(), x.Ref); err != nil || n.Ended != string(gateway.StageClosed) || !n.NextAt.IsZero() {
		t.Errorf("got %+v, %v", n, err)
	}
	if due, err := s.Pending(t.Context(), noon.AddDate(1, 0, 0), 10); err != nil || len(due) != 0 {
		t.Errorf("got %d due of a notice that has ended, %v", len(due), err)
	}
}

// TestARingThatWasOvertakenWhileItRangWasToldAllTheSame: the channel's word comes last.
func TestARingThatWasOvertakenWhileItRangWasToldAllTheSame(t *testing.T) {
	t.Parallel()
	s, n := fresh(t), new(int)
	x, err := s.Announce(t.Context(), waits("a"), []string{"AAAAAA"})
	must(t, err)
	_, err = s.Plan(t.Context(), store.Plan{Ref: x.Ref, At: noon, Rings: []store.Ring{{Step: "waiting", Party: "rs/coordinator", DueAt: noon}}, Next: noon})
	must(t, err)
	due, err := s.Pending(t.Context(), noon, 10)
	must(t, err)
	_, err = s.Round(t.Context(), due[0], noon.Add(time.Minute))
	must(t, err)
	c, err := s.Call(t.Context(), due[0].ID, "mail", noon)
	must(t, err)
	must(t, s.EndRing(t.Context(), due[0].ID, store.RingPassed, noon, gateway.Evidence{}, noon))
	c.Mark, c.Done, c.EndedAt = store.Answered, true, noon.Add(time.Second)
	must(t, s.Called(t.Context(), c, evidence(t, n, gateway.ConsignmentNotification), noon))
	must(t, s.EndRing(t.Context(), due[0].ID, store.RingFailed, noon, gateway.Evidence{}, noon))
	list, err := s.Rings(t.Context(), x.Ref)
	must(t, err)
	if len(list) != 1 || list[0].State != store.RingTold || len(list[0].Calls) != 1 || !list[0].Calls[0].Done {
		t.Errorf("got %+v", list)
	}
	if told, err := s.Evidence(t.Context(), "a"); err != nil || len(told) != 1 {
		t.Errorf("got %d pieces of evidence, %v", len(told), err)
	}
}

func TestNoticesAreForgottenWithTheirDeliveries(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	x, err := s.Announce(t.Context(), waits("a"), []string{"AAAAAA"})
	must(t, err)
	out := waits("")
	out.Side, out.Message = store.Outbound, gateway.MessageID{Issuer: "rs/coordinator", ID: "sent"}
	_, err = s.Announce(t.Context(), out, []string{"BBBBBB"})
	must(t, err)
	_, err = s.Plan(t.Context(), store.Plan{Ref: x.Ref, At: noon, Rings: []store.Ring{{Step: "waiting", Party: "rs/coordinator", DueAt: noon}}, Next: noon})
	must(t, err)
	_, err = s.Purge(t.Context(), noon)
	must(t, err)
	if _, err := s.Notice(t.Context(), x.Ref); err != nil {
		t.Errorf("before it expired: %v", err)
	}
	_, err = s.Purge(t.Context(), noon.Add(2*time.Hour))
	must(t, err)
	if _, err := s.Notice(t.Context(), x.Ref); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("after it: got %v", err)
	}
	if list, err := s.Rings(t.Context(), x.Ref); err != nil || len(list) != 0 {
		t.Errorf("got %d rings, %v", len(list), err)
	}
	// What was escalated of our own stays: nobody is to be rung for it a second time.
	if _, err := s.Notice(t.Context(), "BBBBBB"); err != nil {
		t.Errorf("of what was escalated: %v", err)
	}
}

// TestANoticeStaysUntilNobodyIsToBeToldAnyMore: an answer can be owed long after the
// message has expired. What ended, and what no conversation is kept of, goes.
func TestANoticeStaysUntilNobodyIsToBeToldAnyMore(t *testing.T) {
	t.Parallel()
	s, n := fresh(t), new(int)
	for i, id := range []string{"owed", "ended", "alone"} {
		_, err := s.Take(t.Context(), delivery(id, int64(i)+1))
		must(t, err)
		x := waits(id)
		_, err = s.Announce(t.Context(), x, []string{"REF00" + fmt.Sprint(i)})
		must(t, err)
		o := store.Outcome{State: store.Delivered, Evidence: evidence(t, n, gateway.ContentConsignment)}
		if id != "alone" {
			h := gateway.Head{ID: x.Message.ID, Issuer: x.Message.Issuer, Audience: x.Party, Thread: id, Type: "referral.request/1.0"}
			o.Exchange = &store.Exchange{Head: h, Delivery: id, Received: noon, KeepUntil: noon.AddDate(3, 0, 0)}
		}
		told, err := s.Finish(t.Context(), id, o)
		must(t, err)
		_, err = s.Acknowledged(t.Context(), told.Digest, store.Recorded, "ack")
		must(t, err)
		_, err = s.Plan(t.Context(), store.Plan{Ref: "REF00" + fmt.Sprint(i), At: noon, Due: noon.AddDate(0, 2, 0), Next: noon.AddDate(0, 2, 0)})
		must(t, err)
	}
	must(t, s.EndNotice(t.Context(), "REF001", string(gateway.StageClosed), noon))
	late := noon.AddDate(0, 2, 0)
	_, err := s.Purge(t.Context(), late)
	must(t, err)
	list, err := s.Waiting(t.Context(), late, 10)
	must(t, err)
	if len(list) != 1 || list[0].Delivery != "owed" {
		t.Errorf("people are to be told of %+v, want the one that is owed", list)
	}
	must(t, s.EndNotice(t.Context(), "REF000", store.EndExpired, late))
	_, err = s.Purge(t.Context(), late)
	must(t, err)
	for _, id := range []string{"owed", "ended", "alone"} {
		if _, err := s.Delivery(t.Context(), id); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if all, err := s.Notices(t.Context(), false, 10); err != nil || len(all) != 0 {
		t.Errorf("%d notices are left, %v", len(all), err)
	}
}
