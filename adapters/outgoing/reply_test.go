package outgoing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
	"example.org/trm/test/canary"
)

// The messages that the desk's country has, in these tests.
const (
	askedOfUs   = "019ab3c4-5d6e-7f80-9a1b-0000000000a1" // referral.request, in the thread
	ours        = "019ab3c4-5d6e-7f80-9a1b-0000000000a2" // referral.request of our own, in the thread
	elsewhere   = "019ab3c4-5d6e-7f80-9a1b-0000000000a3" // asked of us in another thread
	noticed     = "019ab3c4-5d6e-7f80-9a1b-0000000000a4" // a notice to us, in the thread
	before      = "019ab3c4-5d6e-7f80-9a1b-0000000000a5" // said before the journal began
	neverSaid   = "019ab3c4-5d6e-7f80-9a1b-0000000000a6"
	theThread   = "019ab3c4-5d6e-7f80-9a1b-0000000000f1"
	otherThread = "019ab3c4-5d6e-7f80-9a1b-0000000000f2"
)

// remembering is a desk that knows its country's conversations.
func (w *world) remembering() outgoing.Desk {
	k := w.desk()
	k.Procedure = sop.Rules{Types: w.catalogue}
	k.Earlier = func(id gateway.MessageID) (gateway.Earlier, bool, error) {
		all := map[gateway.MessageID]gateway.Earlier{
			{Issuer: "rs/coordinator", ID: askedOfUs}: {Audience: "ba/coordinator", Thread: theThread, Type: "referral.request/1.0"},
			{Issuer: "ba/coordinator", ID: ours}:      {Audience: "rs/coordinator", Thread: theThread, Type: "referral.request/1.0"},
			{Issuer: "rs/coordinator", ID: elsewhere}: {Audience: "ba/coordinator", Thread: otherThread, Type: "referral.request/1.0"},
			{Issuer: "rs/coordinator", ID: noticed}:   {Audience: "ba/coordinator", Thread: theThread, Type: "status.notice/1.0"},
		}
		return all[id], id.ID != before, nil
	}
	return k
}

func (w *world) reply(t *testing.T, change func(*outgoing.Draft)) outgoing.Draft {
	t.Helper()
	return w.example(t, "referral.answer/1.0", func(d *outgoing.Draft) {
		d.From, d.To, d.Thread, d.InReplyTo = "ba/coordinator", "rs/coordinator", theThread, askedOfUs
		if change != nil {
			change(d)
		}
	})
}

// TestAReplyToNothingIsToldBeforeItIsSent, as the gateway would tell it, with the place in
// the draft.
func TestAReplyToNothingIsToldBeforeItIsSent(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	for name, tt := range map[string]struct {
		change  func(*outgoing.Draft)
		code    gateway.Code
		pointer string
	}{
		"what was asked":           {nil, "", ""},
		"what never was said":      {func(d *outgoing.Draft) { d.InReplyTo = neverSaid }, gateway.CodeReplyUnknown, "/inReplyTo"},
		"an own question":          {func(d *outgoing.Draft) { d.InReplyTo = ours }, gateway.CodeReplyUnknown, "/inReplyTo"},
		"another conversation":     {func(d *outgoing.Draft) { d.InReplyTo = elsewhere }, gateway.CodeReplyUnknown, "/inReplyTo"},
		"a notice":                 {func(d *outgoing.Draft) { d.InReplyTo = noticed }, gateway.CodeReplyType, "/type"},
		"from before this journal": {func(d *outgoing.Draft) { d.InReplyTo = before }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := w.reply(t, tt.change)
			p, err := w.remembering().Preview(d, gateway.ThreadFacts{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.remembering().Sign(d, gateway.ThreadFacts{}, w.keys(t, d.From), outgoing.Options{})
			if tt.code == "" {
				if p.Refused != nil || err != nil {
					t.Errorf("refused: %+v, %v", p.Refused, err)
				}
				return
			}
			if p.Refused == nil || p.Refused.Code != tt.code || p.Refused.Pointer != tt.pointer || p.Refused.Fix == "" {
				t.Errorf("the preview says %+v, want %s at %s", p.Refused, tt.code, tt.pointer)
			}
			if q := problem(t, err); q.Code != tt.code || q.Pointer != tt.pointer {
				t.Errorf("signing says %v at %s, want %s at %s", q, q.Pointer, tt.code, tt.pointer)
			}
		})
	}
}

// TestAJournalThatCannotBeAskedIsNoRefusal: nothing is known then, and the officer is not
// told that the draft is wrong.
func TestAJournalThatCannotBeAskedIsNoRefusal(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	k := w.remembering()
	broken := errors.New("the disk is away")
	k.Earlier = func(gateway.MessageID) (gateway.Earlier, bool, error) { return gateway.Earlier{}, true, broken }
	d := w.reply(t, nil)
	if _, err := k.Sign(d, gateway.ThreadFacts{}, w.keys(t, d.From), outgoing.Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v, want the journal's own error", err)
	}
}

// TestAnOfficesReferenceOfACaseStaysWithIt: it is read from a draft, and is in no message.
func TestAnOfficesReferenceOfACaseStaysWithIt(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	raw, ok := w.catalogue.Example("capacity.request/1.0")
	if !ok {
		t.Fatal("no example")
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	const reference = "Canary-Reference-8Q"
	members["case"], members["from"], members["to"] = reference, "ba/coordinator", "rs/coordinator"
	members["answerBy"] = noon.AddDate(0, 0, 1).Format("2006-01-02T15:04:05Z")
	d, err := outgoing.ParseDraft(draftJSON(t, members))
	if err != nil || d.Case != reference {
		t.Fatalf("got %t, %v", d.Case == reference, err)
	}
	s, err := w.desk().Sign(d, gateway.ThreadFacts{}, w.keys(t, d.From), outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var birds canary.Flock
	if err := birds.Add("case", reference); err != nil {
		t.Fatal(err)
	}
	for form, text := range map[string][]byte{"bytes": s.Raw, "preview": draftJSON(t, map[string]any{"p": s.Preview}), "text": []byte(said(d) + said(s.Head))} {
		if found := birds.Search(form, text); len(found) > 0 {
			t.Errorf("the reference is in the %s", form)
		}
	}
	members["case"] = string(bytes.Repeat([]byte("c"), 129))
	if _, err := outgoing.ParseDraft(draftJSON(t, members)); problem(t, err).Pointer != "/case" {
		t.Errorf("a reference that is too long: got %v", err)
	}
}
