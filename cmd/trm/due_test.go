package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
)

// phones is a directory of telephones.
type phones map[gateway.Party]gateway.Institution

func (p phones) Institution(of gateway.Party) (gateway.Institution, bool) {
	i, ok := p[of]
	return i, ok
}

func TestDueListsWhatIsOwedOnBothSidesAndWhomToTelephone(t *testing.T) {
	t.Parallel()
	calendars, err := sop.OpenCalendars()
	if err != nil {
		t.Fatal(err)
	}
	const md, rs gateway.Party = "md/coordinator", "rs/coordinator"
	directory := phones{
		rs:                    {Party: rs, Duty: "+999001", Alternate: "rs/child-protection"},
		"rs/child-protection": {Party: "rs/child-protection", Duty: "+999002"},
		md:                    {Party: md, Duty: "+999003"},
	}
	begun := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	at := func(day, hour int) time.Time { return time.Date(2026, 12, day, hour, 0, 0, 0, time.UTC) }
	list := adapters.Duties{
		Owes: []adapters.Duty{{Issuer: rs, ID: "back", Answer: "capacity.answer/1.0", Debtor: md, Standing: gateway.StandingDue, Begins: begun, Due: at(3, 14), Wish: at(2, 14)}},
		Owed: []adapters.Duty{
			{Issuer: md, ID: "alert", Answer: "ack.answer/1.0", Debtor: rs, Standing: gateway.StandingEscalated, Lane: gateway.Urgent},
			{Issuer: md, ID: "late", Answer: "referral.answer/1.0", Debtor: rs, Standing: gateway.StandingOverdue, Begins: begun, Due: at(1, 15), Late: true},
			{Issuer: md, ID: "moved", Answer: "info.answer/1.0", Debtor: rs, Standing: gateway.StandingDue, Begins: begun, Due: at(24, 9), Earlier: []time.Time{at(1, 15), at(8, 15)}},
		},
	}
	got := dueFor(md, list, calendars, directory)
	var out bytes.Buffer
	a := &app{out: &out}
	if err := a.printDue(got, md); err != nil {
		t.Fatal(err)
	}
	want := `md/coordinator owes
  due  Thu 3 Dec 2026 16:00 EET  capacity.answer/1.0 to rs/coordinator  for back, asked for by Wed 2 Dec 16:00
md/coordinator is owed
  escalated  not delivered yet          ack.answer/1.0 by rs/coordinator       for alert
  overdue    Tue 1 Dec 2026 17:00 EET   referral.answer/1.0 by rs/coordinator  for late, there Tue 1 Dec 2026 16:00 CET, late
  due        Thu 24 Dec 2026 11:00 EET  info.answer/1.0 by rs/coordinator      for moved, there Thu 24 Dec 2026 10:00 CET, was Tue 1 Dec 17:00, was Tue 8 Dec 17:00
  telephone rs/coordinator +999001, or its alternate rs/child-protection +999002
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	out.Reset()
	a.json = true
	if err := a.printDue(got, md); err != nil {
		t.Fatal(err)
	}
	var read owing
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, read); diff != "" {
		t.Errorf("in JSON (-want +got):\n%s", diff)
	}
	out.Reset()
	a.json = false
	if err := a.printDue(owing{More: true}, rs); err != nil || out.String() != "rs/coordinator owes\n  nothing\nrs/coordinator is owed\n  nothing\nand more, due later\n" {
		t.Errorf("with nothing owed: %v\n%s", err, out.String())
	}
}

// TestDueNamesTheDaysThatMayStillMove counts a term over Eid al-Fitr of 2027, whose date is
// computed.
func TestDueNamesTheDaysThatMayStillMove(t *testing.T) {
	t.Parallel()
	calendars, err := sop.OpenCalendars()
	if err != nil {
		t.Fatal(err)
	}
	d := adapters.Duty{Issuer: "me/coordinator", Debtor: "xk/coordinator", Begins: time.Date(2027, 3, 8, 9, 0, 0, 0, time.UTC), Due: time.Date(2027, 3, 15, 15, 0, 0, 0, time.UTC)}
	if l := lineFor("me/coordinator", d, calendars); len(l.Provisional) == 0 {
		t.Error("no day is named")
	}
	d.Debtor = "rs/coordinator"
	if l := lineFor("me/coordinator", d, calendars); len(l.Provisional) != 0 || l.There != "" {
		t.Errorf("got %v, there %q", l.Provisional, l.There)
	}
}
