package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
	"example.org/trm/schemas"
)

// TestDueListsWhatIsOwedOnBothSides plays a referral that was answered late, a question
// that is open, and one that was moved.
func TestDueListsWhatIsOwedOnBothSides(t *testing.T) {
	t.Parallel()
	types, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	calendars, err := sop.OpenCalendars()
	if err != nil {
		t.Fatal(err)
	}
	clock := sop.Clock{Types: types, Calendars: calendars}
	begun := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	const me, rs gateway.Party = "me/coordinator", "rs/coordinator"
	message := func(id, kind string, from, to gateway.Party, at time.Time, change func(*gateway.Head)) exchanged {
		h := gateway.Head{ID: id, Issuer: from, Audience: to, Thread: "t", Type: kind, Lane: gateway.Normal}
		if change != nil {
			change(&h)
		}
		return exchanged{h, []step{
			{At: at, Event: gateway.SubmissionAcceptance, Signer: gateway.TheGateway},
			{At: at.Add(time.Second), Event: gateway.ContentConsignment, Signer: to},
		}}
	}
	found := []exchanged{
		message("answered", "referral.request/1.0", me, rs, begun, nil),
		message("open", "info.request/1.0", me, rs, begun, func(h *gateway.Head) { h.Act = []string{"testimony"} }),
		message("back", "capacity.request/1.0", rs, me, begun, func(h *gateway.Head) { h.AnswerBy = begun.AddDate(0, 0, 1) }),
		message("moved", "info.request/1.0", me, rs, begun, nil),
		message("delay", "deadline.change/1.0", rs, me, begun.Add(time.Hour), func(h *gateway.Head) { h.Target, h.AnswerBy = "moved", begun.AddDate(0, 1, 0) }),
		message("answer", "referral.answer/1.0", rs, me, begun.AddDate(0, 0, 20), func(h *gateway.Head) { h.InReplyTo, h.Outcome = "answered", "accepted" }),
	}
	now := begun.AddDate(0, 0, 7).Add(4 * time.Hour)
	var out bytes.Buffer
	a := &app{out: &out}
	if err := a.printDue(clock, duties(clock, found, false), rs, now); err != nil {
		t.Fatal(err)
	}
	want := `rs/coordinator owes
  due-soon  Tue 1 Dec 2026 16:00 CET   info.answer/1.0 to me/coordinator  for open
  due       Thu 24 Dec 2026 10:00 CET  info.answer/1.0 to me/coordinator  for moved, was 2026-12-01
rs/coordinator is owed
  escalated  Thu 26 Nov 2026 16:00 CET  capacity.answer/1.0 by me/coordinator  for back, asked for by 2026-11-25, late
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if n := len(duties(clock, found, true)); n != 4 {
		t.Errorf("with what was answered there are %d duties, want 4", n)
	}
	out.Reset()
	a.json = true
	if err := a.printDue(clock, duties(clock, found, true), rs, now); err != nil || strings.Count(out.String(), `"standing"`) != 4 {
		t.Errorf("%v\n%s", err, out.String())
	}
	out.Reset()
	a.json = false
	if err := a.printDue(clock, nil, rs, now); err != nil || strings.Count(out.String(), "  nothing\n") != 2 {
		t.Errorf("with nothing owed: %v\n%s", err, out.String())
	}
}
