package adapters

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/certs"
	"example.org/trm/gateway"
)

// table is the part of the table of types that closes notices.
type table struct{}

func (table) Type(name string) (gateway.Type, bool) {
	return gateway.Type{Name: name, Answer: "ack.answer/1.0"}, true
}

func alert(o *incoming.Opened) {
	urgently(o)
	o.Head.Type, o.Head.Purpose = "alert.notice/1.0", "protection"
}

// stored are the heads of what waits to be sent.
func stored(t *testing.T, a *Adapter) []gateway.Head {
	t.Helper()
	list, err := a.Store.Due(t.Context(), noon.AddDate(1, 0, 0), 100)
	if err != nil {
		t.Fatal(err)
	}
	var out []gateway.Head
	for _, o := range list {
		var h gateway.Head
		if err := json.Unmarshal(o.Envelope, &h); err != nil {
			t.Fatal(err)
		}
		out = append(out, h)
	}
	return out
}

func TestTakingANoticeOnMakesTheAnswerThatClosesItOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var drafts []outgoing.Draft
	a, _ := w.live(func(c *Config) { c.Types, c.Desk = table{}, watchedDesk{seen: &drafts} })
	deliver(t, w, a, w.arrive(deliveryID, 1, alert))
	for range 3 {
		status, out := ask(t, a, "all", "POST", "/v1/deliveries/"+deliveryID+"/taken-on", "")
		if status != 200 || out["acknowledgement"] != "sent" {
			t.Fatalf("got %d %v", status, out)
		}
	}
	got := stored(t, a)
	if len(got) != 1 || got[0].Type != "ack.answer/1.0" || got[0].Issuer != "rs/coordinator" || got[0].Audience != "ba/coordinator" ||
		got[0].Thread != "t-1" || got[0].Outcome != "taken-on" || got[0].Lane != gateway.Urgent {
		t.Errorf("got %+v", got)
	}
	if len(drafts) != 1 || drafts[0].InReplyTo != "m-"+deliveryID || drafts[0].Purpose != "protection" {
		t.Errorf("got drafts %+v", drafts)
	}
	contact := drafts[0].Blocks["contact"]
	if contact["role"] != "coordinator" || contact["alternate"] != "social-services" || len(drafts[0].Blocks) != 1 || len(drafts[0].Sealed) != 0 {
		t.Errorf("got blocks %v", drafts[0].Blocks)
	}
	if got, want := testified(t, a), []gateway.Event{gateway.ContentConsignment, gateway.TakenOn}; !slices.Equal(got, want) {
		t.Errorf("got evidence %v, want %v", got, want)
	}
}

func TestOnlyTheAddresseeClosesANoticeAndOnlyANoticeIsClosed(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*incoming.Opened)
		role   string
	}{
		"another role took its part": {func(o *incoming.Opened) { views := o.Views; alert(o); o.Views = views }, "child-protection"},
		"a request wants more":       {urgently, "coordinator"},
	} {
		w := newWorld(t)
		a, _ := w.live(func(c *Config) { c.Types = table{} })
		deliver(t, w, a, w.arrive(deliveryID, 1, row.change))
		status, out := ask(t, a, "all", "POST", "/v1/deliveries/"+deliveryID+"/taken-on", `{"role":"`+row.role+`"}`)
		if status != 200 || out["acknowledgement"] != nil {
			t.Errorf("%s: got %d %v", name, status, out)
		}
		if got := stored(t, a); len(got) > 0 {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestClosingAnswerIsMadeAfterACrashWithoutAnotherClick(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, end := w.live(func(c *Config) { c.Types = table{} })
	deliver(t, w, a, w.arrive(deliveryID, 1, alert))
	// The process dies when the evidence is on disk and the answer is not.
	if err := a.Report(t.Context(), deliveryID, gateway.TakenOn, ""); err != nil {
		t.Fatal(err)
	}
	end()
	a, _ = w.live(func(c *Config) { c.Types = table{} })
	ring(t, a)
	ring(t, a)
	if got := stored(t, a); len(got) != 1 || got[0].Type != "ack.answer/1.0" {
		t.Errorf("got %+v", got)
	}
	// Or when the answer is on disk, and that it is so is not.
	if err := a.Store.Acked(t.Context(), reference(t, a).Ref, ""); err != nil {
		t.Fatal(err)
	}
	ring(t, a)
	if got := stored(t, a); len(got) != 1 {
		t.Errorf("got %d answers, want one", len(got))
	}
}

func TestClosingAnswerThatCannotBeMadeIsAPersonsToWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refusal := error(gateway.Refuse(gateway.CodePairOff, "", ""))
	var drafts []outgoing.Draft
	a, _ := w.live(func(c *Config) { c.Types, c.Desk = table{}, watchedDesk{seen: &drafts, refusal: &refusal} })
	deliver(t, w, a, w.arrive(deliveryID, 1, alert))
	status, out := ask(t, a, "all", "POST", "/v1/deliveries/"+deliveryID+"/taken-on", "")
	if status != 200 || out["acknowledgement"] != "refused" {
		t.Errorf("got %d %v: the person did take it on", status, out)
	}
	if got := alarms(t, a)[AlarmAck]; got != deliveryID {
		t.Errorf("got alarm %q", got)
	}
	// What may pass tomorrow is tried again.
	w2 := newWorld(t)
	refusal = errors.New("the disk is full")
	a, _ = w2.live(func(c *Config) { c.Types, c.Desk = table{}, watchedDesk{seen: &drafts, refusal: &refusal} })
	deliver(t, w2, a, w2.arrive(deliveryID, 1, alert))
	if status, out := ask(t, a, "all", "POST", "/v1/deliveries/"+deliveryID+"/taken-on", ""); status != 200 || out["acknowledgement"] != nil {
		t.Errorf("got %d %v", status, out)
	}
	refusal = nil
	ring(t, a)
	if got := stored(t, a); len(got) != 1 {
		t.Errorf("got %d answers, want one", len(got))
	}
}

// watchedDesk keeps the drafts that it signs.
type watchedDesk struct {
	stubDesk
	seen    *[]outgoing.Draft
	refusal *error
}

func (d watchedDesk) Sign(draft outgoing.Draft, f gateway.ThreadFacts, k *certs.Keys, o outgoing.Options) (outgoing.Signed, error) {
	*d.seen = append(*d.seen, draft)
	if d.refusal != nil && *d.refusal != nil {
		return outgoing.Signed{}, *d.refusal
	}
	return d.stubDesk.Sign(draft, f, k, o)
}

// escalate lets the adapter hear the gateway say that nobody took its message on.
func escalate(t *testing.T, a *Adapter, w *world, jti string, events ...gateway.Event) {
	t.Helper()
	id := gateway.MessageID{Issuer: "rs/coordinator", ID: jti}
	for i, e := range events {
		s := gateway.Statement{ID: w.newID(), Signer: gateway.TheGateway, At: noon, Event: e, Message: id}
		if !e.OfDuty() {
			s.Signer = "ba/coordinator"
		}
		ev, err := gateway.Testify(s, (*stubNotary)(w))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Store.Hear(t.Context(), "rs/coordinator", int64(i+1), []gateway.Evidence{ev}, func(gateway.Evidence) gateway.MessageID { return id }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSendersDutyOfficerIsRungAndShownWhomToTelephone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	a, _ := w.live(func(c *Config) { c.Bell, c.Procedure = p.bell(), dues{due: noon.Add(time.Hour)} })
	_, out := ask(t, a, "all", "POST", "/v1/drafts", draftJSON)
	jti, _ := out["jti"].(string)
	submitAll(t, w, a)
	escalate(t, a, w, jti, gateway.DueSoon, gateway.Overdue)
	ring(t, a)
	same(t, "before it is escalated", p.heard(), nil)
	escalate(t, a, w, jti, gateway.Escalated, gateway.Escalated)
	ring(t, a)
	if got := p.heard(); len(got) != 1 || !strings.HasSuffix(got[0], " coordinator") {
		t.Errorf("got %v, want the sender, once", got)
	}
	same(t, "after that", minutes(t, w, p, a, 60), nil)
	_, out = ask(t, a, "all", "GET", "/v1/notices", "")
	list, _ := out["notices"].([]any)
	if len(list) != 1 {
		t.Fatalf("got %v", out)
	}
	n, _ := list[0].(map[string]any)
	numbers, _ := n["telephone"].([]any)
	if n["state"] != "escalated" || n["jti"] != jti || n["other"] != "ba/coordinator" || len(numbers) != 2 {
		t.Fatalf("got %v", n)
	}
	if first, _ := numbers[0].(map[string]any); first["party"] != "ba/coordinator" || first["telephone"] != "+999000114" {
		t.Errorf("got %v", numbers)
	}
	if second, _ := numbers[1].(map[string]any); second["party"] != "ba/social-services" {
		t.Errorf("got %v", numbers)
	}
	// Nothing is signed about what happened here: the gateway has signed it.
	if len(w.told) > 0 {
		t.Errorf("got evidence %v", w.told)
	}
	// Once somebody there takes it on, there is nobody to telephone any more.
	w.pass(time.Minute)
	escalate(t, a, w, jti, gateway.TakenOn)
	ring(t, a)
	_, out = ask(t, a, "all", "GET", "/v1/refs/"+n["ref"].(string), "")
	if out["state"] != "taken-on" {
		t.Errorf("got %v, want taken-on", out["state"])
	}
}

func TestSenderThatHearsOfBothIsNotRung(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	a, _ := w.live(func(c *Config) { c.Bell, c.Procedure = p.bell(), dues{due: noon.Add(time.Hour)} })
	_, out := ask(t, a, "all", "POST", "/v1/drafts", draftJSON)
	jti, _ := out["jti"].(string)
	submitAll(t, w, a)
	escalate(t, a, w, jti, gateway.Escalated, gateway.TakenOn) // heard together, after a night without a line
	ring(t, a)
	same(t, "told", p.heard(), nil)
	if n := reference(t, a); n.Ended != store.EndTakenOn {
		t.Errorf("got %+v", n)
	}
}

func TestRecipientThatCouldNotTellItsPeopleIsAnAlarmAtTheSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	a.heard(t.Context(), gateway.MessageID{Issuer: "rs/coordinator", ID: "m-1"}, gateway.Statement{
		Event: gateway.ConsignmentNotificationFailure, Signer: "ba/coordinator", Code: gateway.CodeAttemptsExhausted,
	})
	if got := alarms(t, a)[AlarmUnaware]; got != "m-1" {
		t.Errorf("got %q", got)
	}
	// Whoever sends there next is shown it before.
	_, out := ask(t, a, "all", "POST", "/v1/drafts", draftJSON)
	submitAll(t, w, a)
	escalate(t, a, w, out["jti"].(string), gateway.ConsignmentNotificationFailure)
	for _, row := range []struct {
		event gateway.Event
		want  []gateway.Unreached
	}{
		{"", []gateway.Unreached{{Party: "ba/coordinator", Telephone: "+999000114", Why: gateway.NotTold}}},
		{gateway.ConsignmentNotification, nil},
	} {
		if row.event != "" {
			escalate(t, a, w, out["jti"].(string), row.event)
		}
		got, err := a.unreached(t.Context(), outgoing.Preview{To: "ba/coordinator"})
		if err != nil || !slices.Equal(got, row.want) {
			t.Errorf("got %v, %v, want %v", got, err, row.want)
		}
	}
}
