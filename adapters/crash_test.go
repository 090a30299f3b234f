package adapters

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// TestEffectIsTakenOnceWhereverTheProcessDies kills the process at each step in turn:
// whenever it asks for the time, opens, signs, and before and after it sends evidence,
// which lie between every two stages; and does so again for each way in which the first
// attempt can go wrong.
func TestEffectIsTakenOnceWhereverTheProcessDies(t *testing.T) {
	t.Parallel()
	// Each fault is what the first attempt suffers.
	faults := map[string]func(take func()) error{
		"all is well":                  func(take func()) error { take(); return nil },
		"not done":                     func(func()) error { return errors.New("cut off") },
		"done, but the answer is lost": func(take func()) error { take(); return errors.New("cut off") },
		"panics before the effect":     func(func()) error { panic(crash{}) },
		"panics after the effect":      func(take func()) error { take(); panic(crash{}) },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for die := 1; ; die++ { // until a life is too short to die so late
				w := newWorld(t)
				it := w.arrive(deliveryID, 1, nil)
				w.faults = append(w.faults, fault)
				w.dieAt = die
				lives, deaths := w.survive(it)
				if deaths == 0 && die > 1 {
					if die < 8 {
						t.Errorf("the process has %d steps only: the test dies at too few places", die-1)
					}
					break
				}
				w.check(lives)
				if t.Failed() {
					t.Fatalf("with a death at step %d", die)
				}
			}
		})
	}
}

// survive offers the item to one life after the other until one takes it, and returns how
// many lives and deaths that took.
func (w *world) survive(it Item) (lives, deaths int) {
	w.t.Helper()
	for range 20 {
		lives++
		a, end := w.live(nil)
		for range 10 {
			err, died := w.offer(a, it)
			if died {
				if w.steps >= w.dieAt && w.dieAt > 0 {
					deaths++
					w.dieAt = 0
				}
				break
			}
			if err == nil {
				end()
				return lives, deaths
			}
			w.pass(2 * time.Second)
		}
		end()
	}
	w.t.Fatal("no life was long enough")
	return 0, 0
}

func (w *world) check(int) {
	w.t.Helper()
	a, end := w.live(nil)
	defer end()
	if len(w.effects) != 2 || len(w.order) != 2 {
		w.t.Errorf("got effects %v, want one for each of two roles", w.effects)
	}
	if s := final(w.t, a, deliveryID); s.Event != gateway.ContentConsignment {
		w.t.Errorf("got %s, want a consignment", s.Event)
	}
	if len(w.told) == 0 {
		w.t.Error("the gateway was told nothing")
	}
	for _, jws := range w.told {
		if jws != w.told[0] {
			w.t.Error("the gateway was told two things")
		}
	}
	d, err := a.Store.Delivery(w.t.Context(), deliveryID)
	if err != nil || d.State != store.Delivered {
		w.t.Errorf("got state %v %v, want delivered", d.State, err)
	}
}

func TestEvidenceThatCouldNotBeSentIsSentByTheNextLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	it := w.arrive(deliveryID, 1, nil)
	w.untold = 1
	a, end := w.live(nil)
	if err, _ := w.offer(a, it); err == nil {
		t.Fatal("the queue was let go of, and the evidence was not sent")
	}
	end()
	a, _ = w.live(nil)
	if err, _ := w.offer(a, it); err != nil {
		t.Fatal(err)
	}
	if len(w.told) != 1 || w.effects[deliveryID+".coordinator"] != 1 {
		t.Errorf("told %d times with effects %v, want once each", len(w.told), w.effects)
	}
}

func TestSameDeliveryAgainSendsTheSameEvidenceAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	it := w.arrive(deliveryID, 1, nil)
	a, _ := w.live(nil)
	for range 3 {
		if err, _ := w.offer(a, it); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.told) != 3 || w.told[0] != w.told[2] {
		t.Errorf("told %d times, want the same evidence three times", len(w.told))
	}
	for key, n := range w.effects {
		if n != 1 {
			t.Errorf("%s was delivered %d times", key, n)
		}
	}
}

func TestNothingOfADeliveryIsInTheJournalOrTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, end := w.live(nil)
	w.faults = append(w.faults, func(func()) error { return errors.New("cut off") })
	good := w.arrive(deliveryID, 1, nil)
	bad := w.arrive("019ab3c4-0000-7000-8000-00000000000e", 2, nil)
	w.refusals[bad.Wrapped] = gateway.Refuse(gateway.CodeSealBroken, "/health@child-protection", "")
	for range 3 {
		_, _ = w.offer(a, good)
		_, _ = w.offer(a, bad)
		w.pass(2 * time.Second)
	}
	end()
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(w.path + suffix)
		if err == nil && strings.Contains(string(raw), canaryText) {
			t.Errorf("the journal%s holds what was delivered", suffix)
		}
	}
	if strings.Contains(w.log.String(), canaryText) {
		t.Error("the log holds what was delivered")
	}
	if w.effects[deliveryID+".child-protection"] != 1 {
		t.Error("the canary was not delivered: the search would find nothing anywhere")
	}
}
