package gatewayrun_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
)

// feed is what a sender's feed holds, proven with the directory's keys.
func (w *world) feed(p gateway.Party) []gateway.Statement {
	w.t.Helper()
	a := w.call(p, "GET", "/v1/events", nil)
	var f struct{ Events []api.Event }
	if err := json.Unmarshal([]byte(a.body), &f); err != nil || a.StatusCode != 200 {
		w.t.Fatalf("reading the feed got %d %q", a.StatusCode, a.body)
	}
	out := make([]gateway.Statement, len(f.Events))
	for i, e := range f.Events {
		proven, err := gateway.Witnessed(e.JWS, envelope.Codec{}, w.dirs)
		if err != nil {
			w.t.Fatalf("%s does not prove: %v", e.Event, err)
		}
		out[i] = proven.Statement()
	}
	return out
}

// told waits until the sender's feed has n events.
func (w *world) told(p gateway.Party, n int) []gateway.Statement {
	w.t.Helper()
	for {
		if got := w.feed(p); len(got) >= n {
			return got
		}
		select {
		case <-w.t.Context().Done():
			w.t.Fatalf("the feed of %s has %d events, want %d", p, len(w.feed(p)), n)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// said writes a feed in short: when, what, about which date.
func said(list []gateway.Statement) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.At.Format("02 15:04 ") + string(s.Event)
		if !s.Due.IsZero() {
			out[i] += s.Due.Format(" for 02 15:04")
		}
	}
	return out
}

func (w *world) duties(p gateway.Party) (out struct{ Owes, Owed []map[string]any }) {
	w.t.Helper()
	a := w.call(p, "GET", "/v1/duties", nil)
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.StatusCode != 200 {
		w.t.Fatalf("asking for duties got %d %q", a.StatusCode, a.body)
	}
	return out
}

// metrics holds what operators see.
func (w *world) metrics(want ...string) {
	w.t.Helper()
	door := w.url
	defer func() { w.url = door }()
	w.url = "http://" + w.gateway.Operators().String()
	a := w.call("", "GET", "/metrics", nil)
	for _, m := range want {
		if !strings.Contains(a.body, m+"\n") {
			w.t.Errorf("no %s among the metrics", m)
		}
	}
}

// plain takes the example into the ordinary lane, and its wish for an answer into the past.
func plain(d map[string]any) {
	d["lane"] = "normal"
	for _, name := range []string{"answerBy", "ackBy"} {
		if _, ok := d[name]; ok {
			d[name] = "2026-11-24T09:30:00Z"
		}
	}
}

func (w *world) at(t time.Time) { w.now.add(t.Sub(w.now.Now())) }

// TestARecipientThatIsSilentForSixDaysIsOnRecord moves the clock: a referral of Tuesday
// morning is due the next Tuesday at four; nobody answers.
func TestARecipientThatIsSilentForSixDaysIsOnRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gatewayrun.Config) { c.Operators = "127.0.0.1:0" })
	w.start()
	m := w.signed("referral.request/1.0", outgoing.Options{}, plain)
	sender := m.Head.Issuer
	if a := w.submit(sender, m.Raw); a.StatusCode != 202 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	w.deliver("rs")
	w.told(sender, 2)
	// In Belgrade it is an hour later; four fifths of the time end on Monday before eight.
	for i, now := range []time.Time{
		time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC),
		time.Date(2026, 12, 1, 15, 0, 0, 0, time.UTC),
	} {
		w.at(now.Add(-time.Second))
		if got := w.feed(sender); len(got) != 2+i {
			t.Errorf("a second too early: %q", said(got))
		}
		w.at(now)
		w.told(sender, 3+i)
	}
	if got := w.duties("rs/coordinator"); len(got.Owes) != 1 || got.Owes[0]["standing"] != "overdue" || got.Owes[0]["due"] != "2026-12-01T15:00:00Z" || got.Owes[0]["jti"] != m.ID.ID {
		t.Errorf("the debtor is shown %v", got)
	}
	w.metrics(`trm_gateway_duties{country="rs",standing="overdue"} 1`, `trm_gateway_duties{country="rs",standing="due"} 0`, `trm_gateway_duties{country="me",standing="overdue"} 0`,
		`trm_gateway_overdue_age_seconds{country="rs"} 0`)
	// The gateway is away when the last step comes, and says later that it came.
	w.stop()
	w.at(time.Date(2026, 12, 3, 8, 30, 0, 0, time.UTC))
	w.start()
	got := w.told(sender, 5)
	want := []string{
		"24 09:00 SubmissionAcceptance", "24 09:00 ContentConsignment", "30 07:00 DueSoon for 01 15:00", "01 15:00 Overdue for 01 15:00", "03 08:30 Escalated for 01 15:00",
	}
	if !slices.Equal(said(got), want) {
		t.Errorf("the record says\n%s", strings.Join(said(got), "\n"))
	}
	for _, s := range got[2:] {
		if s.Signer != gateway.TheGateway || s.Message != m.ID || s.Delivery != got[1].Delivery || s.Pair != got[0].Pair {
			t.Errorf("%s is about %+v", s.Event, s)
		}
	}
	w.metrics(`trm_gateway_duties{country="rs",standing="escalated"} 1`, `trm_gateway_duties{country="rs",standing="overdue"} 0`, `trm_gateway_overdue_age_seconds{country="rs"} 149400`)
	// Nothing is said twice, however late it becomes; the status has the same statements.
	w.at(time.Date(2027, 1, 20, 8, 0, 0, 0, time.UTC))
	w.stop()
	w.start()
	if again := w.feed(sender); len(again) != 5 {
		t.Errorf("after weeks the record says\n%s", strings.Join(said(again), "\n"))
	}
	seen := w.state("rs/coordinator", "/v1/messages/"+string(sender)+"/"+m.ID.ID, gateway.StateDelivered)
	if list, _ := seen["evidence"].([]any); len(list) != 4 {
		t.Errorf("the debtor is shown %d statements, want all but the receipt", len(list))
	}
}

// TestAnUrgentMessageEscalatesAnHourAfterItsReceipt although nobody took it from the queue.
func TestAnUrgentMessageEscalatesAnHourAfterItsReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.signed("alert.notice/1.0", outgoing.Options{}, func(d map[string]any) { plain(d); d["lane"] = "urgent" })
	sender := m.Head.Issuer
	if a := w.submit(sender, m.Raw, "TRM-Lane", "urgent"); a.StatusCode != 202 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	w.now.add(59*time.Minute + 59*time.Second)
	if got := w.feed(sender); len(got) != 1 {
		t.Errorf("before the hour was over: %q", said(got))
	}
	if got := w.duties(m.Head.Audience); len(got.Owes) != 0 {
		t.Errorf("the recipient owes %v before it was delivered", got.Owes)
	}
	w.now.add(time.Second)
	if got, want := said(w.told(sender, 2)), []string{"24 09:00 SubmissionAcceptance", "24 10:00 Escalated for 24 10:00"}; !slices.Equal(got, want) {
		t.Errorf("the record says %q, want %q", got, want)
	}
	if got := w.duties(sender); len(got.Owed) != 1 || got.Owed[0]["standing"] != "escalated" || got.Owed[0]["due"] != nil {
		t.Errorf("the sender is shown %v", got)
	}
	w.deliver(m.Head.Audience.Country())
	w.now.add(time.Hour)
	if got := said(w.told(sender, 5)); !slices.Equal(got[2:], []string{"24 10:00 ContentConsignment", "24 11:00 DueSoon for 24 11:00", "24 11:00 Overdue for 24 11:00"}) {
		t.Errorf("after the delivery the record says %q", got)
	}
}

// TestTheDatesAreThoseThatThePairAgreed has a directory in which Montenegro and Serbia agreed
// on three days for a referral; both sides read the date from the gateway.
func TestTheDatesAreThoseThatThePairAgreed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sign(w.dir, func(doc *trust.Document) {
		for i, p := range doc.Pairs {
			if p.A == "me" && p.B == "rs" {
				hours := gateway.Term{N: 12, Unit: "h"}
				doc.Pairs[i].Terms = []gateway.AgreedTerm{{Topic: "referral", From: "me", Due: gateway.Due{Normal: gateway.Term{N: 3, Unit: "wd"}, Child: hours, Urgent: hours}}}
			}
		}
	})
	pins, first, err := trust.ReadFolder(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	if w.dirs, err = trust.Open(first, pins, morning, 0); err != nil {
		t.Fatal(err)
	}
	w.start()
	m := w.signed("referral.request/1.0", outgoing.Options{}, plain)
	sender, debtor := m.Head.Issuer, m.Head.Audience
	if a := w.submit(sender, m.Raw); a.StatusCode != 202 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	w.deliver("rs")
	w.told(sender, 2)
	client := &adapters.Client{Base: w.url, Audience: audience, Now: w.now.Now, NewID: newID, HTTP: http.DefaultClient, Keys: func(p gateway.Party) (*certs.Keys, bool) { return w.keys(p), true }}
	for _, p := range []gateway.Party{sender, debtor} {
		list, err := client.Duties(t.Context(), p)
		all := append(list.Owes, list.Owed...)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s got %v, %v", p, all, err)
		}
		// The table says five working days, which would end on 1 December.
		if d := all[0]; !d.Due.Equal(time.Date(2026, 11, 27, 15, 0, 0, 0, time.UTC)) || d.Issuer != sender || d.Debtor != debtor {
			t.Errorf("%s: due %s", p, d.Due)
		}
	}
	w.at(time.Date(2026, 11, 27, 15, 0, 0, 0, time.UTC))
	if got := said(w.told(sender, 4)); !slices.Equal(got[2:], []string{"27 15:00 DueSoon for 27 15:00", "27 15:00 Overdue for 27 15:00"}) {
		t.Errorf("the record says %q", got)
	}
}

// TestNothingIsSignedOfADutyWhileNobodyWouldBelieveIt has a directory that expires before the
// date comes.
func TestNothingIsSignedOfADutyWhileNobodyWouldBelieveIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sign(w.dir, func(d *trust.Document) { d.Expires = morning.AddDate(0, 0, 5) })
	w.start()
	m := w.signed("referral.request/1.0", outgoing.Options{}, plain)
	sender := m.Head.Issuer
	if a := w.submit(sender, m.Raw); a.StatusCode != 202 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	w.deliver("rs")
	w.told(sender, 2)
	w.at(time.Date(2026, 12, 7, 9, 0, 0, 0, time.UTC))
	for !strings.Contains(w.logged.String(), "signing steps of duties") {
		select {
		case <-t.Context().Done():
			t.Fatal("the log does not say why nothing is signed")
		case <-time.After(20 * time.Millisecond):
		}
	}
	if got := w.feed(sender); len(got) != 2 {
		t.Errorf("the record says %q", said(got))
	}
}

// TestADelayNoticeMovesTheDateAndAnAnswerEndsIt sends both as the debtor does.
func TestADelayNoticeMovesTheDateAndAnAnswerEndsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.signed("referral.request/1.0", outgoing.Options{}, plain)
	sender, debtor := m.Head.Issuer, m.Head.Audience
	send := func(s outgoing.Signed) {
		t.Helper()
		if a := w.submit(s.Head.Issuer, s.Raw); a.StatusCode != 202 {
			t.Fatalf("got %d %q", a.StatusCode, a.body)
		}
	}
	reply := func(change func(map[string]any)) func(map[string]any) {
		return func(d map[string]any) {
			d["from"], d["to"], d["thread"], d["lane"] = string(debtor), string(sender), m.Head.Thread, "normal"
			change(d)
		}
	}
	send(m)
	w.deliver("rs")
	w.told(sender, 2)
	w.at(time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC))
	w.told(sender, 3)
	send(w.signed("deadline.change/1.0", outgoing.Options{}, reply(func(d map[string]any) {
		delete(d, "inReplyTo")
		d["target"], d["answerBy"] = m.ID.ID, "2026-12-10T15:00:00Z"
	})))
	w.at(time.Date(2026, 12, 4, 12, 0, 0, 0, time.UTC)) // the first date, and the day after, are over
	for p, owes := range map[gateway.Party]bool{sender: false, debtor: true} {
		got := w.duties(p)
		list := got.Owed
		if owes {
			list = got.Owes
		}
		if len(list) != 1 || list[0]["due"] != "2026-12-10T15:00:00Z" || list[0]["standing"] != "due" || list[0]["late"] != nil || !reflect.DeepEqual(list[0]["earlier"], []any{"2026-12-01T15:00:00Z"}) {
			t.Errorf("%s is shown %v", p, got)
		}
	}
	send(w.signed("referral.answer/1.0", outgoing.Options{}, reply(func(d map[string]any) { d["inReplyTo"] = m.ID.ID })))
	if got := w.duties(debtor); len(got.Owes) != 0 {
		t.Errorf("after the answer %v is owed", got.Owes)
	}
	w.at(time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC))
	w.stop()
	w.start()
	if got, want := said(w.feed(sender))[2:], []string{"30 07:00 DueSoon for 01 15:00"}; !slices.Equal(got, want) {
		t.Errorf("the record says %q, want %q", got, want)
	}
}

// TestNoPartySignsAStepOfADuty although it testifies to everything else about a delivery.
func TestNoPartySignsAStepOfADuty(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.signed("referral.request/1.0", outgoing.Options{}, nil)
	sender := m.Head.Issuer
	if a := w.submit(sender, m.Raw); a.StatusCode != 202 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	o := w.deliver("rs")
	for _, signer := range []gateway.Party{"rs/coordinator", gateway.TheGateway} {
		for _, event := range []gateway.Event{gateway.DueSoon, gateway.Overdue, gateway.Escalated} {
			at := w.now.Now()
			jws, err := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{signer: w.keys("rs/coordinator").Evidence}}.Testify(gateway.Statement{
				ID: newID(), Signer: signer, At: at, Event: event, Message: m.ID, Delivery: o.Binding.Delivery, Pair: o.Binding.Pair, Due: at,
			})
			if err != nil {
				t.Fatal(err)
			}
			a := w.call("rs/coordinator", "POST", "/v1/evidence", []byte(jws), "Content-Type", "application/jwt")
			if s, _, err := (envelope.Codec{}).Examine(a.body); a.StatusCode != 200 || err != nil || s.Event != gateway.EvidenceRefused {
				t.Errorf("%s signed as %s got %d %q", event, signer, a.StatusCode, a.body)
			}
		}
	}
	if got := w.feed(sender); len(got) != 2 {
		t.Errorf("the record says %q", said(got))
	}
}
