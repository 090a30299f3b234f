package adapters

import (
	"context"
	"errors"
	"testing"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// restored is a gateway that knows some messages and some numbers.
type restored struct {
	Gate
	messages map[string]bool
	numbers  map[int64]bool
	err      error
}

func (g *restored) Message(_ context.Context, _ gateway.Party, id gateway.MessageID) (Status, error) {
	if g.err != nil {
		return Status{}, g.err
	}
	if g.messages[id.ID] {
		return Status{Issuer: id.Issuer, ID: id.ID}, nil
	}
	return Status{}, gateway.Refuse(gateway.CodeNotFound, "", "")
}

func (g *restored) Number(_ context.Context, _ gateway.Party, n gateway.PairNumber) (Fate, error) {
	return Fate{Known: g.numbers[n.N]}, g.err
}

// acknowledge has the gateway record everything that was testified.
func acknowledge(t *testing.T, w *world, a *Adapter) {
	t.Helper()
	list, err := a.Store.Untold(t.Context(), a.Now().Add(24*time.Hour), 100)
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	for _, e := range list {
		if err := a.acknowledged(t.Context(), w.ack(e.JWS, gateway.EvidenceRecorded, nil)); err != nil {
			t.Fatal(err)
		}
	}
}

func states(t *testing.T, a *Adapter, delivery string) (out []store.Standing) {
	t.Helper()
	list, err := a.Store.Evidence(t.Context(), delivery)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		out = append(out, e.State)
	}
	return out
}

// After a roll-back the gateway gets what it lost: envelopes that it does not know, and
// evidence of deliveries that it knows. Its feeds are read from their beginning.
func TestAnotherOriginOfTheGatewayIsGivenWhatItLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := &feed{origin: "trm/2026"}
	g := &restored{Gate: (*stubGate)(w), messages: map[string]bool{}, numbers: map[int64]bool{1: true}}
	change := func(c *Config) { c.Feed, c.Gate = f, g }
	a, end := w.live(change)
	kept, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	lost, err := a.Send(t.Context(), draftOf("t-2", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	submitAll(t, w, a)
	takeAll(t, a, w.arriving("d-1", firstJTI, 1, inThread), w.arriving("d-2", "019a0000-0000-7000-8000-0000000000b2", 2, inThread))
	acknowledge(t, w, a)
	f.events = []Event{w.said(kept.ID.ID, gateway.SubmissionAcceptance, gateway.TheGateway, nil)}
	if _, err := a.succeed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.hear(t.Context(), "rs/coordinator"); err != nil {
		t.Fatal(err)
	}
	if outgoingNow(t, a, lost.ID.ID).State != store.Received || states(t, a, "d-1")[0] != store.Recorded {
		t.Fatal("the first origin that is seen means that something was lost")
	}

	f.origin, g.messages[kept.ID.ID] = "trm/2026.2", true
	g.err = errors.New("cut off")
	if _, err := a.succeed(t.Context()); err == nil {
		t.Fatal("what cannot be asked is no error")
	}
	end()
	a, _ = w.live(change)
	g.err = nil
	for range 2 {
		if _, err := a.succeed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := outgoingNow(t, a, kept.ID.ID).State; got != store.Received {
		t.Errorf("what the gateway still knows is %s", got)
	}
	if got := outgoingNow(t, a, lost.ID.ID); got.State != store.Stored || !got.Again {
		t.Errorf("what the gateway lost is %s", got.State)
	}
	if got := states(t, a, "d-1"); got[0] != store.Untold {
		t.Errorf("evidence of a delivery that the gateway knows is %v", got)
	}
	if got := states(t, a, "d-2"); got[0] != store.Recorded {
		t.Errorf("evidence of a delivery that the gateway does not know is %v", got)
	}
	f.asked = nil
	if err := a.hear(t.Context(), "rs/coordinator"); err != nil {
		t.Fatal(err)
	}
	if len(f.asked) == 0 || f.asked[0] != 0 {
		t.Errorf("the feed was read from %v", f.asked)
	}
	if heard, err := a.Store.Heard(t.Context(), kept.ID); err != nil || len(heard) != 1 {
		t.Errorf("what was heard before is there %d times, %v", len(heard), err)
	}
}

func TestAGatewayWithoutLogIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(func(c *Config) { c.Feed = &feed{} })
	if asked, err := a.succeed(t.Context()); !asked || err != nil {
		t.Fatal(asked, err)
	}
	if origin, err := a.Store.Origin(t.Context()); origin != "" || err != nil {
		t.Errorf("%q, %v", origin, err)
	}
}

// A log that is just beginning has no checkpoint yet: it is looked for again soon.
func TestALogThatIsNotShownYetIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := &feed{origin: "trm/2026"}
	a, _ := w.live(func(c *Config) { c.Feed = f })
	if asked, err := a.succeed(t.Context()); !asked || err != nil {
		t.Fatal(asked, err)
	}
	f.origin = ""
	if asked, err := a.succeed(t.Context()); asked || err != nil {
		t.Fatal(asked, err)
	}
	if origin, err := a.Store.Origin(t.Context()); origin != "trm/2026" || err != nil {
		t.Errorf("%q, %v", origin, err)
	}
}
