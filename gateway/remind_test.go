package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/trm/gateway"
)

// agenda is a journal of duties in memory.
type agenda struct {
	sync.Mutex // guards all of it, where a timekeeper runs beside the test
	now        time.Time
	come       []gateway.Reminder
	said       []gateway.Statement
	fail       error
}

// set changes it while a timekeeper runs, and tells how much was signed before.
func (a *agenda) set(change func()) (said int) {
	a.Lock()
	defer a.Unlock()
	change()
	return len(a.said)
}

func (a *agenda) Come(_ context.Context, t time.Time, n int) ([]gateway.Reminder, error) {
	a.Lock()
	defer a.Unlock()
	var out []gateway.Reminder
	for _, r := range a.come {
		if !r.At.After(t) && len(out) < n {
			out = append(out, r)
		}
	}
	return out, nil
}

func (a *agenda) Remind(_ context.Context, r gateway.Reminder, e gateway.Evidence) (bool, error) {
	a.Lock()
	defer a.Unlock()
	if a.fail != nil {
		return false, a.fail
	}
	a.said = append(a.said, e.Statement())
	a.come = slices.DeleteFunc(a.come, func(o gateway.Reminder) bool { return o == r })
	return true, nil
}

func overdue(id string, at time.Time) gateway.Reminder {
	return gateway.Reminder{
		Case: gateway.Case{
			Message: gateway.MessageID{Issuer: "ba/coordinator", ID: id}, Audience: "rs/coordinator", Delivery: "delivery of " + id, SDHash: "hash",
			Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "o", N: 7},
		},
		Step: gateway.Step{Event: gateway.Overdue, At: at, Due: at.Add(-time.Minute)},
	}
}

func newTimekeeper(a *agenda) *gateway.Timekeeper {
	return &gateway.Timekeeper{Duties: a, Notary: stubNotary{}, Log: slog.New(slog.DiscardHandler), Now: time.Now, NewID: func() string { return "id" }}
}

func TestATimekeeperSignsWhatCameAndSaysWhichDateItIsAbout(t *testing.T) {
	t.Parallel()
	a := &agenda{come: []gateway.Reminder{overdue("m-1", noon.Add(-time.Hour)), overdue("m-2", noon), overdue("m-3", noon.Add(time.Second))}}
	k := newTimekeeper(a)
	k.Now = func() time.Time { return noon.Add(999 * time.Millisecond) }
	if n, err := k.Remind(t.Context()); n != 2 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	want := gateway.Statement{
		ID: "id", Signer: gateway.TheGateway, At: noon, Event: gateway.Overdue, Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "m-1"}, Delivery: "delivery of m-1",
		Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "o", N: 7}, Due: noon.Add(-61 * time.Minute),
	}
	if len(a.said) != 2 || a.said[0] != want || a.said[1].Message.ID != "m-2" {
		t.Errorf("signed %+v", a.said)
	}
	if n, err := k.Remind(t.Context()); n != 0 || err != nil {
		t.Errorf("again: got %d, %v", n, err)
	}
}

func TestATimekeeperInDoubtSignsNothing(t *testing.T) {
	t.Parallel()
	a := &agenda{come: []gateway.Reminder{overdue("m-1", noon)}}
	k := newTimekeeper(a)
	moved := errors.New("the clock was moved")
	k.Doubt = func(context.Context) error { return moved }
	if n, err := k.Remind(t.Context()); n != 0 || !errors.Is(err, moved) || len(a.said) != 0 {
		t.Errorf("got %d, %v, signed %v", n, err, a.said)
	}
	k.Doubt = func(context.Context) error { return nil }
	if n, err := k.Remind(t.Context()); n != 1 || err != nil || len(a.said) != 1 {
		t.Errorf("healed: got %d, %v", n, err)
	}
}

func TestATimekeeperLooksEverySecondWhateverTheClockSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &agenda{now: noon.Add(-time.Second), come: []gateway.Reminder{overdue("m-1", noon)}}
		k := newTimekeeper(a)
		k.Now = func() time.Time {
			a.Lock()
			defer a.Unlock()
			return a.now
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- k.Run(ctx) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := a.set(func() { a.now = noon }); n != 0 {
			t.Errorf("signed %d too early", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		// What fails is tried again, less and less often.
		if n := a.set(func() { a.come, a.fail = []gateway.Reminder{overdue("m-2", noon)}, errors.New("the disk is full") }); n != 1 {
			t.Errorf("a second later it has signed %d", n)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		a.set(func() { a.fail = nil })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := a.set(func() {}); n != 2 {
			t.Errorf("after the fault it has signed %d", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestStepsOfDutiesAreTheGatewaysToSign also where a party's key would do for other evidence.
func TestStepsOfDutiesAreTheGatewaysToSign(t *testing.T) {
	t.Parallel()
	for _, event := range []gateway.Event{gateway.DueSoon, gateway.Overdue, gateway.Escalated} {
		raw, err := json.Marshal(gateway.Statement{ID: "e", Signer: "rs/coordinator", At: noon, Event: event, Due: noon})
		if err != nil {
			t.Fatal(err)
		}
		_, err = gateway.Witnessed(string(raw), stubExaminer{}, newStubDirectory())
		wantCode(t, err, gateway.CodeEvidence)
		if !event.OfDuty() || gateway.TakenOn.OfDuty() {
			t.Errorf("%s is a step of a duty: %t", event, event.OfDuty())
		}
	}
	if _, err := gateway.Witnessed(consignment(nil), stubExaminer{}, newStubDirectory()); err != nil {
		t.Errorf("other evidence of the same signer: %v", err)
	}
}
