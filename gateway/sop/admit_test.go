package sop_test

import (
	"errors"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
	"example.org/trm/schemas"
)

// said is what a journal knows in these tests.
type said map[gateway.MessageID]gateway.Earlier

func (s said) earlier(id gateway.MessageID) (gateway.Earlier, error) { return s[id], nil }

func types(t testing.TB) *schemas.Set {
	t.Helper()
	set, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

const (
	here  gateway.Party = "me/coordinator"
	there gateway.Party = "rs/coordinator"
)

// TestEveryTypeIsHeldAgainstWhatItRefersTo walks every pair of types: a message of the
// one that refers, in every way there is, to one of the other.
func TestEveryTypeIsHeldAgainstWhatItRefersTo(t *testing.T) {
	t.Parallel()
	set := types(t)
	rules := sop.Rules{Types: set}
	for _, sent := range set.Types() {
		for _, asked := range set.Types() {
			for name, earlier := range map[string]gateway.Earlier{
				"theirs":           {Audience: here, Thread: "t", Type: asked.Name},
				"another thread's": {Audience: here, Thread: "u", Type: asked.Name},
				"to another":       {Audience: "me/child-protection", Thread: "t", Type: asked.Name},
				"nobody's":         {},
			} {
				h := gateway.Head{ID: "2", Issuer: here, Audience: there, Thread: "t", Type: sent.Name, InReplyTo: "1"}
				err := rules.Admit(h, said{{Issuer: there, ID: "1"}: earlier}.earlier)
				want := gateway.Code("")
				switch {
				case sop.Warns(h):
				case name != "theirs":
					want = gateway.CodeReplyUnknown
				case sent.Frame == "answer" && asked.Answer != sent.Name:
					want = gateway.CodeReplyType
				}
				if got := codeOf(err); got != want {
					t.Errorf("%s that refers to a %s, %s: got %q, want %q", sent.Name, asked.Name, name, got, want)
				}
			}
		}
	}
}

func codeOf(err error) gateway.Code {
	if err == nil {
		return ""
	}
	return gateway.AsProblem(err).Code
}

func TestOneMayFollowOnesOwnMessageButNotAnswerIt(t *testing.T) {
	t.Parallel()
	rules := sop.Rules{Types: types(t)}
	own := said{{Issuer: here, ID: "1"}: {Audience: there, Thread: "t", Type: "referral.request/1.0"}}
	follow := gateway.Head{ID: "2", Issuer: here, Audience: there, Thread: "t", Type: "info.request/1.0", InReplyTo: "1"}
	if err := rules.Admit(follow, own.earlier); err != nil {
		t.Errorf("a question after one's own referral: %v", err)
	}
	answer := follow
	answer.Type = "referral.answer/1.0"
	if got := codeOf(rules.Admit(answer, own.earlier)); got != gateway.CodeReplyUnknown {
		t.Errorf("an answer to oneself: %q", got)
	}
	follow.Thread = "u"
	if got := codeOf(rules.Admit(follow, own.earlier)); got != gateway.CodeReplyUnknown {
		t.Errorf("a question after another thread's referral: %q", got)
	}
}

func TestMessageThatRefersToNothingIsNoReply(t *testing.T) {
	t.Parallel()
	set := types(t)
	for _, ty := range set.Types() {
		h := gateway.Head{ID: "2", Issuer: here, Audience: there, Thread: "t", Type: ty.Name}
		err := sop.Rules{Types: set}.Admit(h, said{}.earlier)
		if want := ty.Frame == "answer"; (err != nil) != want {
			t.Errorf("%s: got %v", ty.Name, err)
		}
	}
}

func TestWhatWarnsIsReceivedWithoutALookUp(t *testing.T) {
	t.Parallel()
	broken := func(gateway.MessageID) (gateway.Earlier, error) { return gateway.Earlier{}, errors.New("disk full") }
	rules := sop.Rules{Types: types(t)}
	for _, name := range []string{"alert.notice/1.0", "travel.notice/1.0", "arrival.notice/1.0", "recall.change/1.0", "correction.change/1.0", "consent.change/1.0"} {
		h := gateway.Head{ID: "2", Issuer: here, Audience: there, Thread: "t", Type: name, InReplyTo: "1"}
		if err := rules.Admit(h, broken); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"info.request/1.0", "ack.answer/1.0"} {
		h := gateway.Head{ID: "2", Issuer: here, Audience: there, Thread: "t", Type: name, InReplyTo: "1"}
		if got := codeOf(rules.Admit(h, broken)); got != gateway.CodeInternal {
			t.Errorf("%s, of which nothing could be looked up: %q", name, got)
		}
	}
}

func TestAnswerToWhatWasRecordedWithoutItsTypeIsAdmitted(t *testing.T) {
	t.Parallel()
	h := gateway.Head{ID: "2", Issuer: here, Audience: there, Thread: "t", Type: "ack.answer/1.0", InReplyTo: "1"}
	old := said{{Issuer: there, ID: "1"}: {Audience: here, Thread: "t"}}
	if err := (sop.Rules{Types: types(t)}).Admit(h, old.earlier); err != nil {
		t.Error(err)
	}
}
