package journaltest

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
)

// overriding is a message that sets a rule aside, as the receiver records it.
func (w *world) overriding(m message, approved bool) gateway.Override {
	w.Helper()
	m = told(m)
	var out gateway.Override
	_, err := w.give(m, func(s gateway.Slot) (gateway.Record, error) {
		r := w.record(m, s)
		r.Digest = gateway.Digest{3, byte(len(m.id)), m.id[len(m.id)-1]}
		r.Override = gateway.Override{
			Message: m.name(), Audience: r.Head.Audience, Pair: s.Number, Envelope: r.Digest, Reason: "danger-to-life", Rules: []string{"rule-a", "rule-b"}, At: w.now,
		}
		if approved {
			r.Override.Approved = w.now
		}
		out = r.Override
		out.Delivery = r.Bound.Binding.Delivery
		return r, nil
	})
	if err != nil {
		w.Fatalf("receiving %s: %v", m.id, err)
	}
	return out
}

// approvalOf is an approval of the message, and the bytes that stand for it.
func approvalOf(o gateway.Override, id, finding string) (gateway.Approval, string) {
	return gateway.Approval{
		ID: id, By: o.Message.Issuer, Message: o.Message, Envelope: o.Envelope.String(), Reason: o.Reason, Rules: o.Rules, Finding: finding,
	}, "approval " + id
}

// approves records an approval and must succeed; asked says with which override.
func (w *world) approves(o gateway.Override, id, finding string) (answer string, asked *gateway.Override) {
	w.Helper()
	a, jws := approvalOf(o, id, finding)
	answer, err := w.Approve(w.Context(), a, jws, func(x gateway.Override, known bool) (string, error) {
		if known {
			asked = &x
		}
		return "answer to " + id, nil
	})
	if err != nil {
		w.Fatalf("recording %s: %v", id, err)
	}
	return answer, asked
}

func (w *world) overrides(c gateway.Country) []gateway.Override {
	w.Helper()
	list, err := w.Overrides(w.Context(), c, noon.AddDate(0, -1, 0), noon.AddDate(0, 1, 0), 10)
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// approvals: one that comes first is found by the bytes of its message, and the same one
// again changes nothing, also after the journal was opened again.
func approvals(w *world) {
	m := told(message{id: "m-1"})
	o := gateway.Override{Message: m.name(), Envelope: gateway.Digest{9}, Reason: "danger-to-life", Rules: []string{"rule-a"}}
	if answer, asked := w.approves(o, "a-1", ""); answer != "answer to a-1" || asked != nil {
		w.Errorf("got %q, asked with %v", answer, asked)
	}
	w.approves(o, "a-2", "upheld") // a review is no approval
	w.reopen()
	a, jws := approvalOf(o, "a-1", "")
	again, err := w.Approve(w.Context(), a, jws, func(gateway.Override, bool) (string, error) {
		w.Error("it is decided again")
		return "", nil
	})
	if again != "answer to a-1" || err != nil {
		w.Errorf("the same approval got %q, %v", again, err)
	}
	if answer, ok, err := w.Answered(w.Context(), jws); answer != "answer to a-1" || !ok || err != nil {
		w.Errorf("its answer is %q, %t, %v", answer, ok, err)
	}
	if _, ok, err := w.Answered(w.Context(), "another"); ok || err != nil {
		w.Errorf("another has an answer: %t, %v", ok, err)
	}
	_, err = w.Approve(w.Context(), a, "other bytes", func(gateway.Override, bool) (string, error) { return "", nil })
	w.wantCode(err, gateway.CodeIDReused)
	if _, err := w.give(m, func(s gateway.Slot) (gateway.Record, error) {
		list, err := s.Approvals(gateway.Digest{9})
		if !reflect.DeepEqual(list, []gateway.Approval{a}) || err != nil {
			w.Errorf("for these bytes: %+v, %v, want %+v", list, err, a)
		}
		if list, err := s.Approvals(gateway.Digest{8}); len(list) > 0 || err != nil {
			w.Errorf("for other bytes: %v, %v", list, err)
		}
		return w.record(m, s), nil
	}); err != nil {
		w.Fatal(err)
	}
	// One that is refused leaves nothing, and a message keeps a bounded number.
	b, other := approvalOf(o, "a-3", "")
	_, err = w.Approve(w.Context(), b, other, func(gateway.Override, bool) (string, error) { return "", gateway.Refuse(gateway.CodeApproval, "", "") })
	w.wantCode(err, gateway.CodeApproval)
	if _, ok, _ := w.Answered(w.Context(), other); ok {
		w.Error("what was refused has an answer")
	}
	for n := range 20 {
		c, jws := approvalOf(o, "b-"+strings.Repeat("x", n), "")
		if _, err = w.Approve(w.Context(), c, jws, func(gateway.Override, bool) (string, error) { return "yes", nil }); err != nil {
			break
		}
	}
	w.wantCode(err, gateway.CodeApproval)
}

// overridden: what a message sets aside is kept with what became of it.
func overridden(w *world) {
	first, second := w.overriding(message{id: "m-1", urgent: true}, false), w.overriding(message{id: "m-2"}, true)
	w.overriding(message{id: "m-3", from: "me"}, true)
	w.receive(message{id: "m-4"}) // sets nothing aside
	if got := w.overrides("ba"); !reflect.DeepEqual(got, []gateway.Override{first, second}) {
		w.Fatalf("of ba: %+v, want %+v", got, []gateway.Override{first, second})
	}
	if list := w.overrides("rs"); len(list) > 0 {
		w.Errorf("of rs: %v", list)
	}
	w.now = w.now.Add(time.Hour)
	_, asked := w.approves(first, "a-1", "")
	if !reflect.DeepEqual(asked, &first) {
		w.Errorf("asked with %+v, want %+v", asked, first)
	}
	first.Approved = w.now
	w.now = w.now.Add(time.Hour)
	w.approves(first, "a-2", "") // one more changes nothing
	w.approves(first, "a-3", "not-upheld")
	first.Reviewed, first.Finding = w.now, "not-upheld"
	w.reopen()
	if got := w.overrides("ba"); !reflect.DeepEqual(got, []gateway.Override{first, second}) {
		w.Errorf("of ba: %+v, want %+v", got, []gateway.Override{first, second})
	}
	none, err := w.Overrides(w.Context(), "ba", noon.Add(time.Second), noon.AddDate(0, 1, 0), 10)
	if len(none) > 0 || err != nil {
		w.Errorf("received later: %v, %v", none, err)
	}
}

// unapproved: that nobody approved is recorded once, and not of what somebody did.
func unapproved(w *world) {
	o := w.overriding(message{id: "m-1", urgent: true}, false)
	w.overriding(message{id: "m-2"}, true)
	list, err := w.Unapproved(w.Context(), w.now, 10)
	if len(list) > 0 || err != nil {
		w.Errorf("too early: %v, %v", list, err)
	}
	w.now = w.now.Add(25 * time.Hour)
	list, err = w.Unapproved(w.Context(), w.now, 10)
	if !reflect.DeepEqual(list, []gateway.Override{o}) || err != nil {
		w.Fatalf("unapproved: %+v, %v, want %+v", list, err, o)
	}
	e := sign(gateway.Statement{
		ID: "lapse", Signer: gateway.TheGateway, At: w.now, Event: gateway.OverrideUnapproved, Message: o.Message, Delivery: o.Delivery, Pair: o.Pair, Code: gateway.CodeApprovalMissing,
	})
	for i, want := range []bool{true, false} {
		if done, err := w.Lapse(w.Context(), o, e); done != want || err != nil {
			w.Errorf("time %d: %t, %v", i+1, done, err)
		}
	}
	if list, err := w.Unapproved(w.Context(), w.now, 10); len(list) > 0 || err != nil {
		w.Errorf("afterwards: %v, %v", list, err)
	}
	events, err := w.Events(w.Context(), o.Message.Issuer, 0, 10)
	if err != nil || len(events) != 3 || events[2].Event != gateway.OverrideUnapproved {
		w.Errorf("the sender's feed: %v, %v", events, err)
	}
	// The answer to the message is still its receipt, and it is where it was.
	if got := w.receive(message{id: "m-1", urgent: true}); !got.Answer.Repeat || !strings.Contains(string(got.Answer.Receipt), "SubmissionAcceptance") {
		w.Errorf("the message's answer is %q", got.Answer.Receipt)
	}
	if s := w.status(message{id: "m-1"}); s.State != gateway.StateReceived || len(s.Evidence) != 2 {
		w.Errorf("its state is %s, with %d statements", s.State, len(s.Evidence))
	}
	third := w.overriding(message{id: "m-3", urgent: true}, false)
	w.approves(third, "a-1", "")
	if done, err := w.Lapse(w.Context(), third, e); done || err != nil {
		w.Errorf("of what was approved meanwhile: %t, %v", done, err)
	}
}

// unused: an approval whose message never came is forgotten, and one whose message came is
// not.
func unused(w *world) {
	o := w.overriding(message{id: "m-1", urgent: true}, false)
	w.approves(o, "a-1", "")
	w.approves(gateway.Override{Message: told(message{id: "never"}).name(), Envelope: gateway.Digest{5}}, "a-2", "")
	if n, err := w.ForgetApprovals(w.Context(), w.now, 10); n != 0 || err != nil {
		w.Errorf("too early it forgets %d, %v", n, err)
	}
	w.now = w.now.AddDate(0, 0, 91)
	if n, err := w.ForgetApprovals(w.Context(), w.now.AddDate(0, 0, -90), 10); n != 1 || err != nil {
		w.Errorf("it forgets %d, %v", n, err)
	}
	var kept []string
	for _, jws := range []string{"approval a-1", "approval a-2"} {
		if _, ok, _ := w.Answered(w.Context(), jws); ok {
			kept = append(kept, jws)
		}
	}
	if !slices.Equal(kept, []string{"approval a-1"}) {
		w.Errorf("it keeps %v", kept)
	}
	if err := w.Close(); err != nil {
		w.Fatal(err)
	}
	a, jws := approvalOf(o, "a-9", "")
	if _, err := w.Approve(w.Context(), a, jws, func(gateway.Override, bool) (string, error) { return "", errors.New("asked") }); err == nil {
		w.Error("an ended journal records")
	}
}
