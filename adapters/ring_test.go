package adapters

import (
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/gateway"
)

func TestUrgentMessageRingsEveryTenMinutesUntilAPersonTakesItOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
	deliver(t, w, a, w.arrive(deliveryID, 1, lane(gateway.Urgent)))
	ring(t, a)
	got := p.heard()
	slices.Sort(got)
	same(t, "at once", got, []string{"0 child-protection", "0 coordinator"})
	same(t, "before the alternate", minutes(t, w, p, a, 29), []string{"10 coordinator", "20 coordinator"})
	got = minutes(t, w, p, a, 41)
	slices.Sort(got)
	same(t, "with the alternate", got, []string{
		"30 coordinator", "30 social-services", "40 coordinator", "40 social-services", "50 coordinator", "50 social-services",
		"60 coordinator", "60 social-services", "70 coordinator", "70 social-services",
	})
	if status, _ := ask(t, a, "all", "POST", "/v1/deliveries/"+deliveryID+"/taken-on", ""); status != 200 {
		t.Fatalf("taking on: got %d", status)
	}
	same(t, "once it is taken on", minutes(t, w, p, a, 60), nil)
	if got, want := testified(t, a), []gateway.Event{gateway.ContentConsignment, gateway.ConsignmentNotification, gateway.TakenOn}; !slices.Equal(got, want) {
		t.Errorf("got evidence %v, want %v", got, want)
	}
}

func TestMinutesOfTheUrgentLaneCountFromTheGatewaysReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
	it := w.arrive(deliveryID, 1, lane(gateway.Urgent))
	w.pass(35 * time.Minute) // on the way
	deliver(t, w, a, it)
	ring(t, a)
	got := append(p.heard(), minutes(t, w, p, a, 5)...)
	slices.Sort(got)
	same(t, "from receipt", got, []string{"35 child-protection", "35 coordinator", "35 social-services", "40 coordinator", "40 social-services"})
}

func TestAdapterThatWasDownRingsTheStepThatIsDueAndNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	a, end := w.live(func(c *Config) { c.Bell = p.bell() })
	deliver(t, w, a, w.arrive(deliveryID, 1, lane(gateway.Urgent)))
	minutes(t, w, p, a, 5)
	end()
	w.pass(38 * time.Minute)
	a, _ = w.live(func(c *Config) { c.Bell = p.bell() })
	ring(t, a)
	got := p.heard()
	slices.Sort(got)
	same(t, "after 43 minutes", got, []string{"43 coordinator", "43 social-services"})
	same(t, "until the next", minutes(t, w, p, a, 6), nil)
	if list := rings(t, a); slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, "minute-10") }) {
		t.Errorf("what time has overtaken is on the record: %v", list)
	}
}

func TestOrdinaryMessageIsToldOnceAndRemindedOfItsDate(t *testing.T) {
	t.Parallel()
	for _, l := range []gateway.Lane{gateway.Normal, gateway.Child} {
		w := newWorld(t)
		p := newPhones(w)
		due := dues{soon: noon.Add(3 * time.Hour), due: noon.Add(4 * time.Hour), moved: new(time.Time)}
		a, _ := w.live(func(c *Config) { c.Bell, c.Procedure = p.bell(), due })
		deliver(t, w, a, w.arrive(deliveryID, 1, lane(l)))
		ring(t, a)
		got := p.heard()
		slices.Sort(got)
		same(t, "at once", got, []string{"0 child-protection", "0 coordinator"})
		if want := "A message is waiting. Ref " + reference(t, a).Ref + ". Answer by 16:00."; p.texts[0] != want {
			t.Errorf("got %q, want %q", p.texts[0], want)
		}
		same(t, "before the date", minutes(t, w, p, a, 179), nil)
		same(t, "when little is left", minutes(t, w, p, a, 1), []string{"180 coordinator"})
		got = minutes(t, w, p, a, 60)
		slices.Sort(got)
		same(t, "when it has passed", got, []string{"240 coordinator", "240 social-services"})
		same(t, "after that", minutes(t, w, p, a, 200), nil)
		// A date that is moved is another date.
		*due.moved = noon.Add(10 * time.Hour)
		got = minutes(t, w, p, a, 300)
		slices.Sort(got)
		same(t, "of the new date", got, []string{"540 coordinator", "600 coordinator", "600 social-services"})
	}
}

func TestAnAnswerOrARecallEndsTheReminders(t *testing.T) {
	t.Parallel()
	const asked = "019ab3c4-0000-7000-8000-0000000000aa"
	due := dues{soon: noon.Add(30 * time.Minute), due: noon.Add(40 * time.Minute)}
	for name, row := range map[string]struct {
		act  func(t *testing.T, w *world, a *Adapter)
		want string
	}{
		"answered": {func(t *testing.T, w *world, a *Adapter) {
			d := strings.Replace(draftJSON, "019ab3c4-0000-7000-8000-000000000001", "t-1", 1)
			d = strings.Replace(d, "referral.request", "referral.answer", 1)
			d = strings.Replace(d, `"thread"`, `"inReplyTo":"`+asked+`","thread"`, 1)
			if status, out := ask(t, a, "all", "POST", "/v1/drafts", d); status != 202 {
				t.Fatalf("got %d %v", status, out)
			}
			submitAll(t, w, a)
		}, "answered"},
		"recalled": {func(t *testing.T, w *world, a *Adapter) {
			const other = "019ab3c4-0000-7000-8000-00000000000e"
			deliver(t, w, a, w.arrive(other, 2, func(o *incoming.Opened) {
				o.Head.Type, o.Head.Target = "recall.change/1.0", asked
				o.Views = o.Views[:1]
			}))
		}, "recalled"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := newPhones(w)
			a, _ := w.live(func(c *Config) { c.Bell, c.Procedure = p.bell(), due })
			deliver(t, w, a, w.arrive(deliveryID, 1, func(o *incoming.Opened) {
				lane(gateway.Normal)(o)
				o.Head.ID = asked
			}))
			minutes(t, w, p, a, 10)
			row.act(t, w, a)
			for _, who := range minutes(t, w, p, a, 40) {
				if strings.HasPrefix(who, "30") || strings.HasPrefix(who, "40") {
					t.Errorf("was told at %s", who)
				}
			}
			_, out := ask(t, a, "all", "GET", "/v1/notices?all=true", "")
			states := map[string]bool{}
			for _, n := range out["notices"].([]any) {
				m := n.(map[string]any)
				if m["delivery"] == deliveryID {
					states[m["state"].(string)] = true
				}
			}
			if !states[row.want] {
				t.Errorf("got state %v, want %s", states, row.want)
			}
		})
	}
}

func TestTakenOnStopsTheRingingAndNotTheDuty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	a, _ := w.live(func(c *Config) {
		c.Bell, c.Procedure = p.bell(), dues{soon: noon.Add(50 * time.Minute), due: noon.Add(time.Hour)}
	})
	deliver(t, w, a, w.arrive(deliveryID, 1, lane(gateway.Urgent)))
	minutes(t, w, p, a, 15)
	if status, _ := ask(t, a, "all", "POST", "/v1/deliveries/"+deliveryID+"/taken-on", ""); status != 200 {
		t.Fatalf("taking on: got %d", status)
	}
	got := minutes(t, w, p, a, 60)
	slices.Sort(got)
	same(t, "after that", got, []string{"50 coordinator", "60 coordinator", "60 social-services"})
}

func TestRingingEndsWithTheMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
	deliver(t, w, a, w.arrive(deliveryID, 1, func(o *incoming.Opened) { o.Head.Lane, o.Head.Expires = gateway.Urgent, noon.Add(25*time.Minute) }))
	got := minutes(t, w, p, a, 90)
	slices.Sort(got)
	same(t, "until it expires", got, []string{"1 child-protection", "1 coordinator", "10 coordinator", "20 coordinator"})
	if n := reference(t, a); n.Ended != "expired" {
		t.Errorf("got end %q", n.Ended)
	}
}
