package sop_test

import (
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
)

func clock(t testing.TB, agreed ...gateway.AgreedTerm) sop.Clock {
	t.Helper()
	all, err := sop.OpenCalendars()
	if err != nil {
		t.Fatal(err)
	}
	return sop.Clock{Types: types(t), Calendars: all, Pairs: pairs(agreed)}
}

// pairs are countries that all agreed on the same.
type pairs []gateway.AgreedTerm

func (p pairs) Pair(a, b gateway.Country) (gateway.Pair, bool) {
	return gateway.Pair{A: a, B: b, On: true, Terms: p}, true
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// asking is a message of a type from Montenegro to Serbia.
func asking(name string, lane gateway.Lane, act ...string) gateway.Head {
	return gateway.Head{ID: "1", Issuer: here, Audience: there, Thread: "t", Type: name, Lane: lane, Act: act}
}

func TestDutyIsDueByTypeLaneAndQuestion(t *testing.T) {
	t.Parallel()
	c := clock(t)
	delivered := at(t, "2026-11-24T10:00:00+01:00") // a Tuesday without holidays around
	for _, row := range []struct {
		head gateway.Head
		want string
	}{
		{asking("capacity.request/1.0", gateway.Normal, "place-available"), "2026-11-26T16:00:00+01:00"},
		{asking("capacity.request/1.0", gateway.Child, "place-available"), "2026-11-25T10:00:00+01:00"},
		{asking("referral.request/1.0", gateway.Normal, "accept-referral"), "2026-12-01T16:00:00+01:00"},
		{asking("info.request/1.0", gateway.Normal, "identity-match"), "2026-12-01T16:00:00+01:00"},
		{asking("info.request/1.0", gateway.Normal, "identity-match", "family-tracing"), "2026-12-08T16:00:00+01:00"},
		{asking("info.request/1.0", gateway.Normal, "family-tracing"), "2026-12-08T16:00:00+01:00"},
		{asking("info.request/1.0", gateway.Normal, "family-risk", "family-tracing"), "2026-12-15T16:00:00+01:00"},
		{asking("info.request/1.0", gateway.Child, "family-risk"), "2026-12-08T16:00:00+01:00"},
		{asking("travel.notice/1.0", gateway.Normal, "agreed"), "2026-11-26T10:00:00+01:00"},
		{asking("travel.notice/1.0", gateway.Normal, "not-agreed"), "2026-11-24T11:00:00+01:00"},
		{asking("arrival.notice/1.0", gateway.Normal, "failed"), "2026-11-24T14:00:00+01:00"},
		{asking("correction.change/1.0", gateway.Normal, "minor"), "2026-11-26T16:00:00+01:00"},
		{asking("correction.change/1.0", gateway.Normal, "minor", "safety"), "2026-11-25T10:00:00+01:00"},
		{asking("rights.request/1.0", gateway.Normal, "access"), "2026-12-24T16:00:00+01:00"},
	} {
		d, ok := c.Open(row.head, delivered, delivered)
		if !ok || !d.Due.Equal(at(t, row.want)) {
			t.Errorf("%s %s %v: due %s, want %s", row.head.Type, row.head.Lane, row.head.Act, d.Due, row.want)
		}
		if d.Debtor != there || d.Creditor != here || d.Answer == "" {
			t.Errorf("%s: %s owes %s a %q", row.head.Type, d.Debtor, d.Creditor, d.Answer)
		}
	}
}

func TestEveryTypeThatHasATermOpensADuty(t *testing.T) {
	t.Parallel()
	c, set := clock(t), types(t)
	delivered := at(t, "2026-11-24T10:00:00+01:00")
	for _, ty := range set.Types() {
		row, _ := set.Row(ty.Name)
		for _, lane := range ty.Lanes {
			d, ok := c.Open(asking(ty.Name, lane), delivered, delivered)
			want := row.Due.In(lane).N > 0
			if ok != want {
				t.Errorf("%s in lane %s: a duty is opened: %t, want %t", ty.Name, lane, ok, want)
			}
			if want && (!d.Soon.After(d.Begins) || !d.Soon.Before(d.Due)) {
				t.Errorf("%s in lane %s: begins %s, soon %s, due %s", ty.Name, lane, d.Begins, d.Soon, d.Due)
			}
		}
	}
}

func TestEarlierDateIsAWishAndALaterOneExtends(t *testing.T) {
	t.Parallel()
	c := clock(t)
	delivered := at(t, "2026-11-24T10:00:00+01:00")
	term, earlier, later := at(t, "2026-12-01T16:00:00+01:00"), at(t, "2026-11-25T16:00:00+01:00"), at(t, "2026-12-10T16:00:00+01:00")
	h := asking("referral.request/1.0", gateway.Normal)
	h.AnswerBy = earlier
	if d, _ := c.Open(h, delivered, delivered); !d.Due.Equal(term) || !d.Wish.Equal(earlier) || len(d.Earlier) != 0 {
		t.Errorf("an earlier date: due %s, wish %s", d.Due, d.Wish)
	}
	h.AnswerBy = later
	d, _ := c.Open(h, delivered, delivered)
	if !d.Due.Equal(later) || !d.Wish.IsZero() || len(d.Earlier) != 1 || !d.Earlier[0].Equal(term) {
		t.Errorf("a later date: due %s, wish %s, earlier %s", d.Due, d.Wish, d.Earlier)
	}
	n := asking("status.notice/1.0", gateway.Normal)
	n.AckBy = later
	if d, _ := c.Open(n, delivered, delivered); !d.Due.Equal(later) {
		t.Errorf("ackBy of a notice: due %s", d.Due)
	}
}

func TestDelayMovesTheDateAndKeepsTheOldOnes(t *testing.T) {
	t.Parallel()
	c := clock(t)
	delivered := at(t, "2026-11-24T10:00:00+01:00")
	x := c.Heard(c.Begin(asking("referral.request/1.0", gateway.Normal), delivered), gateway.ContentConsignment, delivered)
	delay := func(x gateway.Exchange, to, received time.Time) gateway.Exchange {
		return c.Said(x, gateway.Head{ID: "c", Issuer: there, Audience: here, Thread: "t", Type: "deadline.change/1.0", Target: "1", AnswerBy: to}, received)
	}
	d := x.Duty
	first := d.Due
	second, third := first.AddDate(0, 0, 2), first.AddDate(0, 0, 7)
	moved := delay(delay(x, second, delivered), third, delivered).Duty
	if !moved.Due.Equal(third) || len(moved.Earlier) != 2 || !moved.Earlier[0].Equal(first) || !moved.Earlier[1].Equal(second) {
		t.Errorf("due %s after %s", moved.Due, moved.Earlier)
	}
	if !d.Due.Equal(first) || len(d.Earlier) != 0 {
		t.Error("the duty before was changed")
	}
	if got := moved.Standing(first.Add(time.Hour)); got != gateway.StandingDue {
		t.Errorf("after the first date it is %s", got)
	}
	if moved.Late(first.Add(time.Hour)) {
		t.Error("moved in time, and late")
	}
	if late := delay(x, third, first.Add(time.Minute)).Duty; !late.Late(first.Add(time.Hour)) {
		t.Error("moved when the date had passed, and not late")
	}
}

func TestStandingsFollowEachOther(t *testing.T) {
	t.Parallel()
	c := clock(t)
	delivered := at(t, "2026-11-24T10:00:00+01:00")
	d, _ := c.Open(asking("referral.request/1.0", gateway.Normal), delivered.Add(-time.Minute), delivered)
	for _, row := range []struct {
		now  string
		want gateway.Standing
	}{
		{"2026-11-24T10:00:00+01:00", gateway.StandingDue},
		{"2026-11-30T07:59:59+01:00", gateway.StandingDue}, // four fifths passed on Monday at about six: nobody is there to be reminded
		{"2026-11-30T08:00:00+01:00", gateway.StandingSoon},
		{"2026-12-01T15:59:59+01:00", gateway.StandingSoon},
		{"2026-12-01T16:00:00+01:00", gateway.StandingOverdue},
		{"2026-12-02T15:59:59+01:00", gateway.StandingOverdue},
		{"2026-12-02T16:00:00+01:00", gateway.StandingEscalated},
	} {
		if got := d.Standing(at(t, row.now)); got != row.want {
			t.Errorf("at %s: %s, want %s", row.now, got, row.want)
		}
	}
	ended := d.End(at(t, "2026-12-02T09:00:00+01:00"))
	if got := ended.Standing(at(t, "2026-12-10T09:00:00+01:00")); got != gateway.StandingNone {
		t.Errorf("answered, and still %s", got)
	}
	if !ended.Late(at(t, "2026-12-10T09:00:00+01:00")) || d.End(delivered).Late(at(t, "2026-12-10T09:00:00+01:00")) {
		t.Error("lateness is not that of the answer")
	}
	if got := (gateway.Duty{}).Standing(delivered); got != gateway.StandingNone {
		t.Errorf("the zero value is %s", got)
	}
}

func TestUrgentMinutesCountFromReceiptDeliveredOrNot(t *testing.T) {
	t.Parallel()
	c := clock(t)
	received := at(t, "2026-11-29T03:00:00+01:00") // a Sunday night
	h := asking("alert.notice/1.0", gateway.Urgent, "danger")
	waiting, ok := c.Open(h, received, time.Time{})
	if !ok || !waiting.Due.IsZero() {
		t.Fatalf("an undelivered alert: %t, due %s", ok, waiting.Due)
	}
	delivered, _ := c.Open(h, received, received.Add(20*time.Minute))
	if !delivered.Due.Equal(received.Add(80 * time.Minute)) {
		t.Errorf("due %s", delivered.Due)
	}
	for name, d := range map[string]gateway.Duty{"waiting": waiting, "delivered": delivered} {
		if got := d.Standing(received.Add(59 * time.Minute)); got != gateway.StandingDue && got != gateway.StandingSoon {
			t.Errorf("%s, after 59 minutes: %s", name, got)
		}
		if got := d.Standing(received.Add(60 * time.Minute)); got != gateway.StandingEscalated {
			t.Errorf("%s, after 60 minutes: %s", name, got)
		}
	}
	taken := delivered.TakeOn(received.Add(30 * time.Minute)).TakeOn(received.Add(50 * time.Minute))
	if got := taken.Standing(received.Add(61 * time.Minute)); got == gateway.StandingEscalated || !taken.Taken.Equal(received.Add(30*time.Minute)) {
		t.Errorf("taken on at %s: %s", taken.Taken, got)
	}
	if got := taken.Standing(received.Add(81 * time.Minute)); got != gateway.StandingEscalated {
		t.Errorf("taken on, and not answered in time: %s", got)
	}
	if _, ok := c.Open(asking("alert.notice/1.0", gateway.Child, "danger"), received, time.Time{}); ok {
		t.Error("what was not delivered is owed in another lane")
	}
}

func TestPairsAgreeOnTheirOwnTerms(t *testing.T) {
	t.Parallel()
	delivered := at(t, "2026-11-24T10:00:00+01:00")
	due := func(normal, child, urgent string) (d gateway.Due) {
		for lane, term := range map[*gateway.Term]string{&d.Normal: normal, &d.Child: child, &d.Urgent: urgent} {
			if err := lane.UnmarshalText([]byte(term)); err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	c := clock(t,
		gateway.AgreedTerm{Topic: "referral", From: here.Country(), Due: due("3wd", "12h", "1h")},
		gateway.AgreedTerm{Topic: "referral", Due: due("7wd", "12h", "1h")},
		gateway.AgreedTerm{Topic: "info", Code: "compensation", Due: due("3wd", "12h", "1h")})
	for _, row := range []struct {
		head gateway.Head
		want string
	}{
		{asking("referral.request/1.0", gateway.Normal), "2026-11-27T16:00:00+01:00"},
		{asking("referral.request/1.0", gateway.Child), "2026-11-24T22:00:00+01:00"},
		{asking("info.request/1.0", gateway.Normal, "compensation"), "2026-11-27T16:00:00+01:00"},
		{asking("info.request/1.0", gateway.Normal, "testimony"), "2026-12-01T16:00:00+01:00"},
		{asking("return.request/1.0", gateway.Normal), "2026-12-08T16:00:00+01:00"},
	} {
		if d, _ := c.Open(row.head, delivered, delivered); !d.Due.Equal(at(t, row.want)) {
			t.Errorf("%s %v: due %s, want %s", row.head.Type, row.head.Act, d.Due, row.want)
		}
	}
	back := asking("referral.request/1.0", gateway.Normal)
	back.Issuer, back.Audience = there, here
	if d, _ := c.Open(back, delivered, delivered); !d.Due.Equal(at(t, "2026-12-03T16:00:00+01:00")) {
		t.Errorf("the other direction: due %s", d.Due)
	}
}

func TestTheReceiversCalendarCounts(t *testing.T) {
	t.Parallel()
	delivered := at(t, "2026-11-27T09:00:00+01:00") // a Friday before three days off in Albania
	h := asking("capacity.request/1.0", gateway.Normal)
	h.Audience = "al/coordinator"
	if d, _ := clock(t).Open(h, delivered, delivered); !d.Due.Equal(at(t, "2026-12-03T16:00:00+01:00")) {
		t.Errorf("due %s", d.Due)
	}
}
