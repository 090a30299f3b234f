package adapters

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

func draftOf(thread, n string) outgoing.Draft {
	return outgoing.Draft{Type: "referral.request/1.0", From: "rs/coordinator", To: "ba/coordinator", Thread: thread, InReplyTo: n}
}

func (w *world) submissions() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([][]byte(nil), w.submits...)
}

func (w *world) answer(fs ...func() (string, *gateway.Document, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = append(w.answers, fs...)
}

func outgoingNow(t *testing.T, a *Adapter, jti string) store.Outgoing {
	t.Helper()
	o, err := a.Store.Outgoing(t.Context(), jti)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestEnvelopeIsStoredBeforeItIsSentAndTheSameBytesGoAfterACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, end := w.live(nil)
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(w.submissions()) != 0 {
		t.Fatal("it was sent before anybody could know that it is stored")
	}
	// Received by the gateway, but the process dies of the answer.
	receipt := w.receipt(o.Envelope)
	w.answer(func() (string, *gateway.Document, error) { return "", nil, errors.New("cut off") })
	if err := a.send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	end()

	a, _ = w.live(nil)
	w.answer(func() (string, *gateway.Document, error) { return receipt, nil, nil })
	running(t, a.submit)
	eventually(t, "the receipt", func() bool { w.pass(time.Second); return outgoingNow(t, a, o.ID.ID).State == store.Received })
	if got := outgoingNow(t, a, o.ID.ID); got.Receipt != receipt {
		t.Error("the receipt is not the gateway's, byte for byte")
	}
	sent := w.submissions()
	if len(sent) != 2 || !bytes.Equal(sent[0], sent[1]) || !bytes.Equal(sent[0], o.Envelope) {
		t.Errorf("got %d submissions, want the same bytes twice", len(sent))
	}
	f, err := a.Store.Facts(t.Context(), "t-1")
	if err != nil || f.Opener != "rs/coordinator" || f.Last != o.ID.ID {
		t.Errorf("got facts %+v, %v", f, err)
	}
}

func TestReceiptThatDoesNotProveIsNoReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	other, err := a.Send(t.Context(), draftOf("t-2", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	wrong := w.receipt(other.Envelope)
	w.answer(func() (string, *gateway.Document, error) { return wrong, nil, nil })
	if err := a.send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := outgoingNow(t, a, o.ID.ID); got.State != store.Stored || alarms(t, a)[AlarmReceipt] != o.ID.ID {
		t.Errorf("got %s and alarms %v", got.State, alarms(t, a))
	}
}

func TestRefusalIsKeptAndNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	doc := gateway.Refuse(gateway.CodePairOff, "/aud", "").Document()
	w.answer(func() (string, *gateway.Document, error) { return "", &doc, nil })
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	got := outgoingNow(t, a, o.ID.ID)
	if got.State != store.Rejected || got.Problem == "" {
		t.Errorf("got %+v", got)
	}
	due, err := a.Store.Due(t.Context(), noon.AddDate(1, 0, 0), 10)
	if err != nil || len(due) != 0 {
		t.Errorf("got %d due, %v", len(due), err)
	}
	if bytes.Contains(w.log.Bytes(), []byte(gateway.CodePairOff)) {
		t.Error("the log tells why a message was refused, which can be about a person")
	}
}

func TestNextOfAThreadWaitsForTheAnswerToTheLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	first, err := a.Send(t.Context(), draftOf("t-1", "1"), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []outgoing.Draft{draftOf("t-1", "2"), draftOf("t-2", "1"), {Type: "alert.notice/1.0", From: "rs/coordinator", To: "ba/coordinator", Thread: "t-1", InReplyTo: "3", Lane: gateway.Urgent}} {
		if _, err := a.Send(t.Context(), d, ""); err != nil {
			t.Fatal(err)
		}
	}
	due := func() (ids []string) {
		list, err := a.Store.Due(t.Context(), w.clock(), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list {
			ids = append(ids, o.ID.ID)
		}
		return ids
	}
	if got := due(); len(got) != 3 || got[0] != "out-t-13" || got[1] != "out-t-11" || got[2] != "out-t-21" {
		t.Fatalf("got %v, want the urgent one, then the first of each thread", got)
	}
	if err := a.send(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if got := due(); len(got) != 3 || got[1] != "out-t-12" {
		t.Errorf("got %v, want the second of the thread among them", got)
	}
}

func TestWaitThatTheGatewayAsksForIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(func(c *Config) { c.Resubmit = Pace{time.Second, time.Hour} })
	w.answer(func() (string, *gateway.Document, error) { return "", nil, Later(errors.New("503"), 10*time.Minute) })
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := outgoingNow(t, a, o.ID.ID); got.NextAt.Before(noon.Add(10*time.Minute)) || got.Sends != 1 {
		t.Errorf("got the next at %s after %d", got.NextAt, got.Sends)
	}
}

func TestStoppingLeavesAnEnvelopeAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	w.answer(func() (string, *gateway.Document, error) { stop(); return "", nil, context.Canceled })
	if err := a.send(ctx, o); err != nil {
		t.Fatal(err)
	}
	if got := outgoingNow(t, a, o.ID.ID); got.State != store.Stored || got.Sends != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestReceiptIsTheGatewaysAcceptanceOfExactlyTheseBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	o, err := a.Send(t.Context(), draftOf("t-1", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := stubOpener{}.Decode(o.Envelope)
	if err != nil {
		t.Fatal(err)
	}
	receipt := func(change func(*gateway.Statement)) string {
		return w.ack("", gateway.SubmissionAcceptance, func(s *gateway.Statement) {
			s.Message, s.Envelope, s.Of = p.Head.MessageID(), p.Digest.String(), ""
			change(s)
		})
	}
	if _, err := CheckReceipt(receipt(func(*gateway.Statement) {}), p, a.Examiner, a.Directory); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*gateway.Statement){
		"another signer":  func(s *gateway.Statement) { s.Signer = "rs/coordinator" },
		"another event":   func(s *gateway.Statement) { s.Event = gateway.ContentConsignment },
		"another message": func(s *gateway.Statement) { s.Message.ID = "x" },
		"another issuer":  func(s *gateway.Statement) { s.Message.Issuer = "mk/coordinator" },
		"other bytes":     func(s *gateway.Statement) { s.Envelope = "x" },
		"forged":          func(s *gateway.Statement) { s.ID = "forged" },
	} {
		if _, err := CheckReceipt(receipt(change), p, a.Examiner, a.Directory); err == nil {
			t.Errorf("%s: it is a receipt", name)
		}
	}
}
