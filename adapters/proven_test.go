package adapters

import (
	"context"
	"errors"
	"testing"

	"example.org/trm/adapters/incoming"
	"example.org/trm/gateway"
)

func TestDeliveryThatDoesNotProveEndsWithSignedFailureAndAnAlarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	it := w.arrive(deliveryID, 1, nil)
	w.refusals[it.Wrapped] = gateway.Refuse(gateway.CodeBinding, "", "")
	if err, _ := w.offer(a, it); err != nil {
		t.Fatal(err)
	}
	s := final(t, a, deliveryID)
	if s.Event != gateway.ContentConsignmentFailure || s.Code != gateway.CodeBinding || len(w.effects) != 0 {
		t.Errorf("got %s %s with effects %v", s.Event, s.Code, w.effects)
	}
	if alarms(t, a)[AlarmRefused] != deliveryID {
		t.Errorf("got alarms %v", alarms(t, a))
	}
}

func TestDeliveryThatCannotBeOpenedYetIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	it := w.arrive(deliveryID, 1, nil)
	w.refusals[it.Wrapped] = gateway.Unavailable(gateway.CodeDirectoryStale, 0, nil)
	if err, _ := w.offer(a, it); err == nil {
		t.Fatal("a stale directory ended a delivery")
	}
	delete(w.refusals, it.Wrapped)
	if err, _ := w.offer(a, it); err != nil || final(t, a, deliveryID).Event != gateway.ContentConsignment {
		t.Errorf("got %v", err)
	}
}

func TestNewerDirectoryIsLookedForBeforeAKeyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	it := w.arrive(deliveryID, 1, nil)
	w.refusals[it.Wrapped] = gateway.Refuse(gateway.CodeKeyUnknown, "", "")
	a, _ := w.live(func(c *Config) {
		c.Refresh = func(context.Context) error { delete(w.refusals, it.Wrapped); return nil }
	})
	if err, _ := w.offer(a, it); err != nil || final(t, a, deliveryID).Event != gateway.ContentConsignment {
		t.Errorf("got %v, want the delivery in the national system", err)
	}
}

func TestEntryThatIsNotWhatItSaysIsSetAsideWithoutEvidence(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Item, *incoming.Opened){
		"under another delivery's name": func(it *Item, _ *incoming.Opened) { it.Delivery = otherID },
		"for another country":           func(_ *Item, o *incoming.Opened) { o.Head.Audience = "mk/coordinator" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a, _ := w.live(nil)
			var it Item
			w.arrive(deliveryID, 1, func(o *incoming.Opened) {
				it = Item{Delivery: deliveryID, Wrapped: "wrapped-" + deliveryID}
				spoil(&it, o)
			})
			if err, _ := w.offer(a, it); err != nil {
				t.Fatal(err)
			}
			if len(w.told) != 0 || len(w.effects) != 0 || alarms(t, a)[AlarmNotOurs] != it.Delivery {
				t.Errorf("told %v, effects %v, alarms %v", w.told, w.effects, alarms(t, a))
			}
		})
	}
}

func TestSecondDeliveryOfAMessageTakesNoEffect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	if err, _ := w.offer(a, w.arrive(deliveryID, 1, nil)); err != nil {
		t.Fatal(err)
	}
	again := w.arrive(otherID, 2, func(o *incoming.Opened) { o.Head.ID = "m-" + deliveryID })
	if err, _ := w.offer(a, again); err != nil {
		t.Fatal(err)
	}
	if s := final(t, a, otherID); s.Event != gateway.ContentConsignmentFailure || s.Code != gateway.CodeIDReused {
		t.Errorf("got %s %s", s.Event, s.Code)
	}
	if len(w.effects) != 2 || alarms(t, a)[AlarmContradicts] != otherID {
		t.Errorf("got effects %v and alarms %v", w.effects, alarms(t, a))
	}
}

func TestDeliveryThatWasBoundAgainToOtherUnitsIsSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	it := w.arrive(deliveryID, 1, nil)
	w.faults = append(w.faults, func(func()) error { return errors.New("away") })
	if err, _ := w.offer(a, it); err == nil {
		t.Fatal("it ended")
	}
	w.arrive(deliveryID, 1, func(o *incoming.Opened) { o.Binding.SDHash = "other" })
	if err, _ := w.offer(a, it); err != nil {
		t.Fatal(err)
	}
	if len(w.told) != 0 || alarms(t, a)[AlarmContradicts] != deliveryID {
		t.Errorf("told %v, alarms %v", w.told, alarms(t, a))
	}
}
