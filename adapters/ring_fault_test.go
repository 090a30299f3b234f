package adapters

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

func TestChannelThatFailsGivesItsPlaceToTheNextAndRaisesAnAlarm(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault func(func()) error
		mark  store.Mark
		told  int // in all
	}{
		"not sent":                     {notDone, store.NotSent, 1},
		"sent, but the answer is lost": {answerLost, store.Ambiguous, 2},
		"refused for now":              {refusedNow, store.Answered, 1},
		"refused for ever":             {refusedEver, store.Answered, 1},
		"panics":                       {panics, store.Ambiguous, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newPhones(w)
			p.kinds = []string{"mail", "command"}
			p.hurt("coordinator mail", row.fault)
			a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
			deliver(t, w, a, w.arrive(deliveryID, 1, addressee))
			ring(t, a)
			if got := p.heard(); len(got) != row.told {
				t.Errorf("got %v, want %d", got, row.told)
			}
			same(t, "then", minutes(t, w, p, a, 30), nil)
			same(t, "on the record", rings(t, a), []string{"waiting coordinator told"})
			list, err := a.Store.Rings(t.Context(), reference(t, a).Ref)
			if err != nil {
				t.Fatal(err)
			}
			c := list[0].Calls
			if len(c) != 2 || c[0].Channel != "mail" || c[0].Mark != row.mark || c[0].Done || c[1].Channel != "command" || !c[1].Done {
				t.Errorf("got calls %+v", c)
			}
			if got := alarms(t, a)[AlarmChannel]; got != "rs/coordinator mail" {
				t.Errorf("got alarm %q", got)
			}
			if got := slices.Index(testified(t, a), gateway.ConsignmentNotificationFailure); got >= 0 {
				t.Error("a failure was signed, and somebody was told")
			}
		})
	}
}

func TestChannelsAreTriedAgainUntilOneTakesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	p.hurt("coordinator mail", notDone, refusedNow, notDone)
	a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
	deliver(t, w, a, w.arrive(deliveryID, 1, addressee))
	ring(t, a)
	for range 5 {
		ring(t, a) // the wait is not over: nobody hammers
	}
	if got := len(p.faults["coordinator mail"]); got != 2 {
		t.Fatalf("%d faults are left, want 2: it was tried at once again", got)
	}
	got := minutes(t, w, p, a, 10)
	if len(got) != 1 {
		t.Errorf("got %v, want one", got)
	}
	if got, want := testified(t, a), []gateway.Event{gateway.ContentConsignment, gateway.ConsignmentNotification}; !slices.Equal(got, want) {
		t.Errorf("got evidence %v, want %v", got, want)
	}
	// Attempts for one notice carry one key, and the next notice another.
	if len(p.keys) != 1 || len(p.keys[0]) != 16 {
		t.Errorf("got keys %q", p.keys)
	}
}

func TestNoticeThatNobodyTakesEndsWithEvidenceAnAlarmAndTheAlternate(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(func()) error{"at once, where none ever will": refusedEver, "after the time for trying": notDone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newPhones(w)
			p.hurt("coordinator mail", slices.Repeat([]func(func()) error{fault}, 500)...)
			a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
			deliver(t, w, a, w.arrive(deliveryID, 1, addressee))
			ring(t, a)
			ring(t, a)
			got := append(p.heard(), minutes(t, w, p, a, 200)...)
			if len(got) != 1 || !strings.HasSuffix(got[0], " social-services") {
				t.Errorf("got %v, want the alternate, once", got)
			}
			if left := len(p.faults["coordinator mail"]); left < 350 {
				t.Errorf("the channel was tried %d times", 500-left)
			}
			same(t, "on the record", rings(t, a), []string{"waiting coordinator failed", "waiting social-services told"})
			if got, want := testified(t, a), []gateway.Event{gateway.ContentConsignment, gateway.ConsignmentNotificationFailure}; !slices.Equal(got, want) {
				t.Errorf("got evidence %v, want %v", got, want)
			}
			list, err := a.Store.Evidence(t.Context(), deliveryID)
			if err != nil {
				t.Fatal(err)
			}
			s := statement(t, list[1].JWS)
			if s.Signer != "rs/coordinator" || s.Delivery != deliveryID || s.Role != "coordinator" || s.Code != gateway.CodeAttemptsExhausted {
				t.Errorf("got %+v", s)
			}
			if got := alarms(t, a)[AlarmUntold]; got != reference(t, a).Ref {
				t.Errorf("got alarm %q", got)
			}
			if !slices.Contains(w.told, list[1].JWS) {
				t.Error("the failure was not sent to the gateway")
			}
		})
	}
}

func TestRoleWithoutAChannelIsOnTheRecordAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	p.none["rs/coordinator"] = true
	a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
	deliver(t, w, a, w.arrive(deliveryID, 1, addressee))
	ring(t, a)
	ring(t, a)
	same(t, "told", p.heard(), []string{"0 social-services"})
	if got := alarms(t, a)[AlarmUnreachable]; got != "rs/coordinator" {
		t.Errorf("got alarm %q", got)
	}
	if !slices.Contains(testified(t, a), gateway.ConsignmentNotificationFailure) {
		t.Error("nothing was signed")
	}
}

func TestStepOfTheUrgentLaneOvertakesOneThatWasTriedInVain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	p.hurt("coordinator mail", slices.Repeat([]func(func()) error{notDone}, 10)...)
	a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
	deliver(t, w, a, w.arrive(deliveryID, 1, urgently))
	ring(t, a)
	got := minutes(t, w, p, a, 12)
	if len(got) != 1 || !strings.HasSuffix(got[0], " coordinator") {
		t.Errorf("got %v, want one notice", got)
	}
	same(t, "on the record", rings(t, a), []string{"waiting coordinator failed", "minute-10 coordinator told"})
	events := testified(t, a)
	if !slices.Contains(events, gateway.ConsignmentNotificationFailure) || !slices.Contains(events, gateway.ConsignmentNotification) {
		t.Errorf("got evidence %v, want that a step failed and that a later one did not", events)
	}
}

// TestNobodyIsForgottenWhereverTheProcessDies kills the process at each step in turn, of
// taking the delivery and of telling people.
func TestNobodyIsForgottenWhereverTheProcessDies(t *testing.T) {
	t.Parallel()
	died := 0
	for die := 1; ; die++ {
		w := newWorld(t)
		p := newPhones(w)
		it := w.arrive(deliveryID, 1, urgently)
		w.dieAt = die
		deaths := 0
		for range 10 {
			a, end := w.live(func(c *Config) { c.Bell = p.bell() })
			dead := w.live1(t, a, it)
			end()
			if !dead {
				break
			}
			w.mu.Lock()
			w.dieAt = 0
			w.mu.Unlock()
			deaths++
			w.pass(2 * time.Minute)
		}
		a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
		w.pass(2 * time.Minute)
		ring(t, a)
		got := p.heard()
		if len(got) < 1 || len(got) > 1+deaths {
			t.Fatalf("with a death at step %d: told %v", die, got)
		}
		count := map[gateway.Event]int{}
		for _, e := range testified(t, a) {
			count[e]++
		}
		if count[gateway.ContentConsignment] != 1 || count[gateway.ConsignmentNotification] != 1 || len(count) != 2 {
			t.Fatalf("with a death at step %d: got evidence %v", die, count)
		}
		if deaths == 0 {
			break
		}
		died++
	}
	if died < 12 {
		t.Errorf("the process died at %d places only", died)
	}
}

// live1 takes the delivery and tells people, all in this goroutine, and reports whether the
// process died of it.
func (w *world) live1(t *testing.T, a *Adapter, it Item) (died bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
			died = true
		}
	}()
	if err := a.take(t.Context(), it); err != nil {
		t.Fatal(err)
	}
	list, err := a.Store.Waiting(t.Context(), a.Now(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		if err := a.plan(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	due, err := a.Store.Pending(t.Context(), a.Now(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range due {
		if err := a.give(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return false
}

// TestKillInTheMiddleOfACallRepeatsItAfterAWait is a kill -9 while a channel has the
// notice: whether it took it, nobody knows.
func TestKillInTheMiddleOfACallRepeatsItAfterAWait(t *testing.T) {
	t.Parallel()
	for _, taken := range []bool{false, true} {
		w := newWorld(t)
		p := newPhones(w)
		a, end := w.live(func(c *Config) { c.Bell = p.bell() })
		p.hurt("coordinator mail", func(take func()) error {
			if taken {
				take()
			}
			end() // from here on nothing is written
			return nil
		})
		deliver(t, w, a, w.arrive(deliveryID, 1, addressee))
		ring(t, a)
		a, _ = w.live(func(c *Config) { c.Bell = p.bell() })
		ring(t, a)
		first := p.heard()
		if want := map[bool]int{false: 0, true: 1}[taken]; len(first) != want {
			t.Errorf("taken %v: got %v before the wait is over, want %d", taken, first, want)
		}
		if got := minutes(t, w, p, a, 3); len(got) != 1 {
			t.Errorf("taken %v: got %v after it, want one", taken, got)
		}
		if taken && (len(p.keys) != 2 || p.keys[0] != p.keys[1]) {
			t.Errorf("got keys %v, want the same twice: a mail system could not know it again", p.keys)
		}
		list, err := a.Store.Rings(t.Context(), reference(t, a).Ref)
		if err != nil {
			t.Fatal(err)
		}
		if c := list[0].Calls; len(c) != 2 || c[0].Mark != store.Ambiguous || c[0].Done || !c[1].Done {
			t.Errorf("taken %v: got calls %+v", taken, c)
		}
	}
}

func TestOneChannelThatHangsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	hung, release, told := make(chan struct{}), make(chan struct{}), make(chan struct{}, 8)
	p.each = func() { told <- struct{}{} }
	p.hurt("coordinator mail", func(func()) error {
		close(hung)
		<-release
		return errors.New("late")
	})
	a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
	deliver(t, w, a, w.arrive(deliveryID, 1, nil)) // with a part for child protection
	h := hands{held: map[int64]bool{}, free: make(chan struct{}, ringers)}
	if err := a.ringDue(t.Context(), &h); err != nil {
		t.Fatal(err)
	}
	<-hung
	for _, id := range []string{"019ab3c4-0000-7000-8000-0000000000f1", "019ab3c4-0000-7000-8000-0000000000f2"} {
		deliver(t, w, a, w.arrive(id, int64(len(id)), addressee))
	}
	if err := a.ringDue(t.Context(), &h); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		select {
		case <-told:
		case <-time.After(20 * time.Second):
			t.Fatal("others wait for it")
		}
	}
	close(release)
	h.work.Wait()
	got := p.heard()
	slices.Sort(got)
	same(t, "while one hangs", got, []string{"0 child-protection", "0 coordinator", "0 coordinator"})
}

func ExampleParseRef() {
	fmt.Println(ParseRef("7q4-kxm"), ParseRef("oil 5x2"))
	// Output: 7Q4KXM 0115X2
}

// mute cannot sign whether people were told.
type mute struct{ gateway.Notary }

func (m mute) Testify(s gateway.Statement) (string, error) {
	if s.Event == gateway.ConsignmentNotification || s.Event == gateway.ConsignmentNotificationFailure {
		return "", errors.New("the key is away")
	}
	return m.Notary.Testify(s)
}

func TestPeopleAreToldOnceAlsoWhereThatCannotBeSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	a, _ := w.live(func(c *Config) { c.Bell, c.Notary = p.bell(), mute{c.Notary} })
	deliver(t, w, a, w.arrive(deliveryID, 1, addressee))
	ring(t, a)
	if got := append(p.heard(), minutes(t, w, p, a, 30)...); len(got) != 1 {
		t.Errorf("got %v, want one", got)
	}
	same(t, "on the record", rings(t, a), []string{"waiting coordinator told"})
	if !strings.Contains(w.log.String(), "could not sign whether people were told") {
		t.Error("the operator is not told")
	}
}
