package adapters

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
)

// feed is a sender's, two events a page.
type feed struct {
	events []Event
	asked  []int64
	err    error
	origin string
}

func (f *feed) Origin(context.Context, gateway.Party) (string, error) { return f.origin, f.err }

func (f *feed) Events(_ context.Context, _ gateway.Party, after int64) (Events, error) {
	f.asked = append(f.asked, after)
	if f.err != nil {
		return Events{}, f.err
	}
	end := min(int(after)+2, len(f.events))
	return Events{Events: f.events[after:end], Next: int64(end), More: end == int(after)+2}, nil
}

// said is evidence about a message that this country sent.
func (w *world) said(jti string, e gateway.Event, by gateway.Party, change func(*gateway.Statement)) Event {
	jws := w.ack("", e, func(s *gateway.Statement) {
		s.Signer, s.Message, s.Of = by, gateway.MessageID{Issuer: "rs/coordinator", ID: jti}, ""
		if change != nil {
			change(s)
		}
	})
	return Event{ID: jti, JWS: jws}
}

func TestEvidenceAboutWhatWasSentIsHeardOnceAndKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := &feed{}
	a, end := w.live(func(c *Config) { c.Feed = f })
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	f.events = []Event{
		w.said(o.ID.ID, gateway.SubmissionAcceptance, gateway.TheGateway, nil),
		w.said(o.ID.ID, gateway.ContentConsignment, "ba/coordinator", nil),
		w.said(o.ID.ID, gateway.ContentHandover, "ba/coordinator", nil),
	}
	f.err = errors.New("cut off")
	if err := a.hear(t.Context(), "rs/coordinator"); err == nil {
		t.Fatal("a feed that is cut off is no error")
	}
	f.err, f.asked = nil, nil
	for range 2 {
		if err := a.hear(t.Context(), "rs/coordinator"); err != nil {
			t.Fatal(err)
		}
	}
	end()
	a, _ = w.live(func(c *Config) { c.Feed = f })
	if err := a.hear(t.Context(), "rs/coordinator"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{0, 2, 3, 3}, f.asked); diff != "" {
		t.Errorf("asked from (-want +got):\n%s", diff)
	}
	// The gateway is away in this world: what was heard is shown nevertheless.
	_, seen := ask(t, a, "all", http.MethodGet, "/v1/outbox/"+o.ID.ID, "")
	list, _ := seen["evidence"].([]any)
	var events []any
	for _, e := range list {
		m, _ := e.(map[string]any)
		events = append(events, m["event"])
	}
	if diff := cmp.Diff([]any{"SubmissionAcceptance", "ContentConsignment", "ContentHandover"}, events); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
}

func TestSenderIsToldWhatDidNotArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := &feed{}
	a, _ := w.live(func(c *Config) { c.Feed = f })
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	f.events = []Event{w.said(o.ID.ID, gateway.ContentConsignmentFailure, "ba/coordinator", func(s *gateway.Statement) {
		s.Message, s.Code = gateway.MessageID{}, gateway.CodeDeliveryKey // it did not open
	})}
	if err := a.hear(t.Context(), "rs/coordinator"); err != nil {
		t.Fatal(err)
	}
	if got := alarms(t, a); got[AlarmUndelivered] != o.ID.ID {
		t.Errorf("got alarms %v", got)
	}
}

func TestEvidenceThatDoesNotProveIsAnAlarmAndDoesNotStopTheFeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := &feed{}
	a, _ := w.live(func(c *Config) { c.Feed = f })
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	id := o.ID.ID
	f.events = []Event{
		{ID: id, JWS: "{"},
		w.said(id, gateway.ContentConsignment, "mk/coordinator", nil),                                               // not the addressee
		w.said(id, gateway.ContentConsignment, "ba/coordinator", func(s *gateway.Statement) { s.ID = "forged" }),    // not signed
		w.said(id, gateway.ContentConsignment, "ba/coordinator", func(s *gateway.Statement) { s.Message.ID = "x" }), // not about it
		w.said(id, gateway.TakenOn, "ba/coordinator", nil),
	}
	if err := a.hear(t.Context(), "rs/coordinator"); err != nil {
		t.Fatal(err)
	}
	kept, err := a.Store.Heard(t.Context(), o.ID)
	if err != nil || len(kept) != 1 || statement(t, kept[0]).Event != gateway.TakenOn {
		t.Errorf("got %d kept, %v", len(kept), err)
	}
	list, err := a.Store.Alarms(t.Context(), 10)
	if err != nil || len(list) != 1 || list[0].Kind != AlarmHeard || list[0].Count != 4 {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestFeedThatDoesNotGoOnIsNotReadForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(func(c *Config) { c.Feed = stuck{} })
	if err := a.hear(t.Context(), "rs/coordinator"); err == nil {
		t.Error("it was read to an end that it does not have")
	}
}

type stuck struct{}

func (stuck) Origin(context.Context, gateway.Party) (string, error) { return "", nil }

func (stuck) Events(_ context.Context, _ gateway.Party, after int64) (Events, error) {
	return Events{Next: after, More: true}, nil
}
