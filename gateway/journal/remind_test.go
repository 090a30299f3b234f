package journal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/sop/soptest"
)

// tuesday is before a week without holidays in Serbia, in the morning.
var tuesday = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func referral(id string) gateway.Head {
	h := soptest.Asking("referral.request/1.0", gateway.Normal, "accept-referral")
	h.ID, h.Thread = id, "thread of "+id
	return h
}

func alert(id string) gateway.Head {
	h := soptest.Asking("alert.notice/1.0", gateway.Urgent, "danger")
	h.ID, h.Thread = id, "thread of "+id
	return h
}

// back is what the other side says about a message.
func back(h gateway.Head, kind, outcome string) gateway.Head {
	return gateway.Head{ID: kind + " to " + h.ID, Issuer: h.Audience, Audience: h.Issuer, Thread: h.Thread, Type: kind + "/1.0", InReplyTo: h.ID, Outcome: outcome}
}

// change is what one side says about a message of a conversation.
func change(h gateway.Head, topic string, by gateway.Party) gateway.Head {
	c := gateway.Head{ID: topic + " of " + h.ID, Issuer: by, Audience: h.Audience, Thread: h.Thread, Type: topic + ".change/1.0", Target: h.ID}
	if by == h.Audience {
		c.Audience = h.Issuer
	}
	return c
}

// want holds what was signed against what should be, in short.
func (o *office) want(steps ...string) {
	o.t.Helper()
	if diff := cmp.Diff(steps, o.signed(soptest.Here)); diff != "" {
		o.t.Errorf("signed (-want +got):\n%s", diff)
	}
}

func (o *office) at(t time.Time) {
	o.now = t
	o.remind()
}

func TestEachStepIsSignedWhenItComes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.now = tuesday
	a, b := referral("a"), alert("b")
	o.say(a, tuesday)
	o.hear(a, gateway.ContentConsignment, tuesday)
	o.say(b, tuesday.Add(time.Minute))
	for range 24 * 60 * 10 / 10 { // ten days in steps of ten minutes
		o.at(o.now.Add(10 * time.Minute))
	}
	o.want("b Escalated for 24 10:01 at 24 10:10", "a DueSoon for 01 15:00 at 30 07:00", "a Overdue for 01 15:00 at 01 15:00", "a Escalated for 01 15:00 at 02 15:00")
}

// TestAfterAnOutageEachStepIsSignedOnceAndInOrder also where all of them came meanwhile.
func TestAfterAnOutageEachStepIsSignedOnceAndInOrder(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a, b := referral("a"), alert("b")
	o.say(a, tuesday)
	o.say(b, tuesday)
	o.hear(a, gateway.ContentConsignment, tuesday)
	o.hear(b, gateway.ContentConsignment, tuesday.Add(5*time.Minute))
	o.reopen()
	back := time.Date(2026, 12, 7, 8, 0, 0, 0, time.UTC)
	for range 3 {
		o.at(back)
		o.reopen()
	}
	got := o.signed(soptest.Here)
	for id, want := range map[string][]string{
		"a": {"a DueSoon for 01 15:00 at 07 08:00", "a Overdue for 01 15:00 at 07 08:00", "a Escalated for 01 15:00 at 07 08:00"},
		"b": {"b DueSoon for 24 10:05 at 07 08:00", "b Escalated for 24 10:00 at 07 08:00", "b Overdue for 24 10:05 at 07 08:00"},
	} {
		of := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return !strings.HasPrefix(s, id+" ") })
		if diff := cmp.Diff(want, of); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if len(got) != 6 {
		t.Errorf("signed %q", got)
	}
}

func TestWhatHappensToADutyDecidesWhatIsSigned(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 12, 1, 15, 0, 0, 0, time.UTC)
	end := time.Date(2027, 1, 5, 9, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		play func(o *office, a gateway.Head)
		want []string
	}{
		"answered in time": {func(o *office, a gateway.Head) { o.say(back(a, "referral.answer", "accepted"), due.Add(-time.Hour)) }, []string{
			"a DueSoon for 01 15:00 at 30 12:00"}},
		"answered late": {func(o *office, a gateway.Head) {
			o.at(due)
			o.say(back(a, "referral.answer", "declined"), due.Add(time.Hour))
		}, []string{"a DueSoon for 01 15:00 at 30 12:00", "a Overdue for 01 15:00 at 01 15:00"}},
		"answered before the first step, by evidence that came after": {func(o *office, a gateway.Head) {
			o.say(back(a, "referral.answer", "partly"), tuesday.Add(time.Hour))
		}, []string{"a DueSoon for 01 15:00 at 30 12:00"}},
		"answered twice, and otherwise": {func(o *office, a gateway.Head) {
			o.say(back(a, "referral.answer", "accepted"), due.Add(-time.Hour))
			again := back(a, "referral.answer", "declined")
			again.ID += " again"
			o.say(again, due.Add(time.Hour))
		}, []string{"a DueSoon for 01 15:00 at 30 12:00"}},
		"answered with the wrong type": {func(o *office, a gateway.Head) { o.say(back(a, "info.answer", "answered"), due.Add(-time.Hour)) }, []string{
			"a DueSoon for 01 15:00 at 30 12:00", "a Overdue for 01 15:00 at 05 09:00", "a Escalated for 01 15:00 at 05 09:00"}},
		"answered in another conversation": {func(o *office, a gateway.Head) {
			h := back(a, "referral.answer", "accepted")
			h.Thread = "another"
			o.say(h, due.Add(-time.Hour))
		}, []string{"a DueSoon for 01 15:00 at 30 12:00", "a Overdue for 01 15:00 at 05 09:00", "a Escalated for 01 15:00 at 05 09:00"}},
		"taken on": {func(o *office, a gateway.Head) { o.hear(a, gateway.TakenOn, due.Add(-time.Hour)) }, []string{
			"a DueSoon for 01 15:00 at 30 12:00", "a Overdue for 01 15:00 at 05 09:00", "a Escalated for 01 15:00 at 05 09:00"}},
		"redirected": {func(o *office, a gateway.Head) { o.say(change(a, "redirect", soptest.There), due.Add(-time.Hour)) }, []string{
			"a DueSoon for 01 15:00 at 30 12:00"}},
		"recalled after it was read": {func(o *office, a gateway.Head) {
			o.hear(a, gateway.ContentHandover, due.Add(-2*time.Hour))
			o.say(change(a, "recall", soptest.Here), due.Add(-time.Hour))
		}, []string{"a DueSoon for 01 15:00 at 30 12:00"}},
		"recalled by whoever owes": {func(o *office, a gateway.Head) { o.say(change(a, "recall", soptest.There), due.Add(-time.Hour)) }, []string{
			"a DueSoon for 01 15:00 at 30 12:00", "a Overdue for 01 15:00 at 05 09:00", "a Escalated for 01 15:00 at 05 09:00"}},
		"sent anew": {func(o *office, a gateway.Head) {
			h := a
			h.ID, h.Supersedes = "z", "a"
			o.say(h, due.Add(-time.Hour))
		}, []string{"a DueSoon for 01 15:00 at 30 12:00"}},
		"closed and reopened, which answers nothing": {func(o *office, a gateway.Head) {
			for _, act := range []string{"close", "reopen"} {
				h := change(a, "case", soptest.Here)
				h.ID, h.Target, h.Act = act, a.Thread, []string{act}
				o.say(h, due.Add(-time.Hour))
			}
		}, []string{"a DueSoon for 01 15:00 at 30 12:00", "a Overdue for 01 15:00 at 05 09:00", "a Escalated for 01 15:00 at 05 09:00"}},
		"moved in time": {func(o *office, a gateway.Head) {
			h := change(a, "deadline", soptest.There)
			h.AnswerBy = time.Date(2026, 12, 22, 15, 0, 0, 0, time.UTC)
			o.say(h, due.Add(-time.Hour))
			o.at(due.Add(time.Hour))
		}, []string{"a DueSoon for 01 15:00 at 30 12:00", "a DueSoon for 22 15:00 at 05 09:00", "a Overdue for 22 15:00 at 05 09:00", "a Escalated for 22 15:00 at 05 09:00"}},
		"moved when it was escalated": {func(o *office, a gateway.Head) {
			o.at(due.AddDate(0, 0, 2))
			h := change(a, "deadline", soptest.There)
			h.AnswerBy = time.Date(2026, 12, 22, 15, 0, 0, 0, time.UTC)
			o.say(h, due.AddDate(0, 0, 3))
			o.at(due.AddDate(0, 0, 4))
		}, []string{
			"a DueSoon for 01 15:00 at 30 12:00", "a Overdue for 01 15:00 at 03 15:00", "a Escalated for 01 15:00 at 03 15:00",
			"a DueSoon for 22 15:00 at 05 09:00", "a Overdue for 22 15:00 at 05 09:00", "a Escalated for 22 15:00 at 05 09:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			a := referral("a")
			o.now = tuesday
			o.say(a, tuesday)
			o.hear(a, gateway.ContentConsignment, tuesday)
			o.at(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
			tt.play(o, a)
			o.at(end)
			o.want(tt.want...)
		})
	}
}

// TestTheUrgentHourIsThatOfTheGatewaysReceipt whatever the recipient's clock says, and ends
// when a person takes the message on.
func TestTheUrgentHourIsThatOfTheGatewaysReceipt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		play func(o *office, b gateway.Head)
		want []string
	}{
		"nothing happens":  {func(*office, gateway.Head) {}, []string{"b Escalated for 24 10:00 at 24 12:00"}},
		"it cannot arrive": {func(o *office, b gateway.Head) { o.hear(b, gateway.ContentConsignmentFailure, tuesday) }, []string{"b Escalated for 24 10:00 at 24 12:00"}},
		"opened is not taken on": {func(o *office, b gateway.Head) {
			o.hear(b, gateway.ContentConsignment, tuesday)
			o.hear(b, gateway.ContentHandover, tuesday.Add(time.Minute))
		}, []string{"b DueSoon for 24 10:00 at 24 12:00", "b Overdue for 24 10:00 at 24 12:00", "b Escalated for 24 10:00 at 24 12:00"}},
		"taken on": {func(o *office, b gateway.Head) {
			o.hear(b, gateway.ContentConsignment, tuesday.Add(30*time.Minute))
			o.hear(b, gateway.TakenOn, tuesday.Add(59*time.Minute))
		}, []string{"b DueSoon for 24 10:30 at 24 12:00", "b Overdue for 24 10:30 at 24 12:00", "b Escalated for 24 10:30 at 24 12:00"}},
		"taken on, by evidence that overtook the delivery's": {func(o *office, b gateway.Head) {
			o.hear(b, gateway.TakenOn, tuesday.Add(20*time.Minute))
			o.at(tuesday.Add(90 * time.Minute))
			o.hear(b, gateway.ContentConsignment, tuesday.Add(10*time.Minute))
		}, []string{"b DueSoon for 24 10:10 at 24 12:00", "b Overdue for 24 10:10 at 24 12:00", "b Escalated for 24 10:10 at 24 12:00"}},
		"taken on after it was escalated, and answered": {func(o *office, b gateway.Head) {
			o.hear(b, gateway.ContentConsignment, tuesday.Add(30*time.Minute))
			o.at(tuesday.Add(70 * time.Minute))
			o.hear(b, gateway.TakenOn, tuesday.Add(75*time.Minute))
			o.say(back(b, "ack.answer", "taken-on"), tuesday.Add(80*time.Minute))
		}, []string{"b Escalated for 24 10:00 at 24 10:10"}},
		"a slow clock says that it was delivered before it was sent": {func(o *office, b gateway.Head) {
			o.hear(b, gateway.ContentConsignment, tuesday.Add(-10*time.Hour))
			o.hear(b, gateway.TakenOn, tuesday.Add(-10*time.Hour))
			o.at(tuesday.Add(59 * time.Minute))
		}, []string{"b DueSoon for 24 10:00 at 24 09:59", "b Overdue for 24 10:00 at 24 12:00", "b Escalated for 24 10:00 at 24 12:00"}},
		"recalled before anybody had it": {func(o *office, b gateway.Head) { o.say(change(b, "recall", soptest.Here), tuesday.Add(time.Minute)) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			b := alert("b")
			o.now = tuesday
			o.say(b, tuesday)
			tt.play(o, b)
			o.at(tuesday.Add(3 * time.Hour))
			o.want(tt.want...)
		})
	}
}

// TestTheOldDateStandsBesideTheNew follows a delay notice into what the offices are shown.
func TestTheOldDateStandsBesideTheNew(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := referral("a")
	o.say(a, tuesday)
	before, after := change(a, "deadline", soptest.There), change(a, "deadline", soptest.There)
	before.AnswerBy, after.AnswerBy = tuesday.AddDate(0, 0, 14), tuesday.AddDate(0, 0, 21)
	o.say(before, tuesday.Add(time.Minute)) // nothing was delivered yet: there is no date to move
	o.hear(a, gateway.ContentConsignment, tuesday.Add(time.Hour))
	after.ID += " again"
	o.say(after, tuesday.Add(2*time.Hour))
	first := time.Date(2026, 12, 1, 15, 0, 0, 0, time.UTC)
	for _, p := range []gateway.Party{soptest.Here, soptest.There} {
		list, err := o.Duties(t.Context(), p, 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("%s has %v, %v", p, list, err)
		}
		d := list[0]
		if !d.Due.Equal(after.AnswerBy) || len(d.Earlier) != 2 || !d.Earlier[0].Equal(first) || !d.Earlier[1].Equal(before.AnswerBy) || d.Missed {
			t.Errorf("due %s, before %s", d.Due, d.Earlier)
		}
	}
	if list, err := o.Duties(t.Context(), "me/mobile-team", 10); err != nil || len(list) != 0 {
		t.Errorf("another party has %v, %v", list, err)
	}
}

// TestAClockThatJumpsSignsNothingTwiceAndNothingTooEarly goes forward, back and forward.
func TestAClockThatJumpsSignsNothingTwiceAndNothingTooEarly(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := referral("a")
	o.say(a, tuesday)
	o.hear(a, gateway.ContentConsignment, tuesday)
	o.at(time.Date(2026, 12, 1, 15, 0, 0, 0, time.UTC))
	o.at(tuesday.AddDate(0, 0, -30))
	o.at(time.Date(2026, 12, 1, 14, 59, 59, 0, time.UTC))
	o.at(time.Date(2026, 12, 2, 14, 59, 59, 0, time.UTC))
	o.want("a DueSoon for 01 15:00 at 01 15:00", "a Overdue for 01 15:00 at 01 15:00")
	o.at(time.Date(2026, 12, 2, 15, 0, 0, 0, time.UTC))
	o.want("a DueSoon for 01 15:00 at 01 15:00", "a Overdue for 01 15:00 at 01 15:00", "a Escalated for 01 15:00 at 02 15:00")
}

// TestDatesAreThoseOfTheDebtorsCalendar counts over changes of summer time, feasts and days
// that move.
func TestDatesAreThoseOfTheDebtorsCalendar(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		to        gateway.Country
		delivered string
		want      string
	}{
		"the clock goes back on Sunday":    {"rs", "2026-10-23T09:00:00+02:00", "2026-10-30T16:00:00+01:00"},
		"the clock goes forward on Sunday": {"md", "2026-03-27T09:00:00+02:00", "2026-04-03T16:00:00+03:00"},
		"Orthodox Easter":                  {"rs", "2026-04-08T09:00:00+02:00", "2026-04-17T16:00:00+02:00"},
		"Catholic Easter counts elsewhere": {"al", "2026-04-01T09:00:00+02:00", "2026-04-09T16:00:00+02:00"},
		"days off that move":               {"al", "2026-11-27T09:00:00+01:00", "2026-12-09T16:00:00+01:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			delivered, err1 := time.Parse(time.RFC3339, tt.delivered)
			want, err2 := time.Parse(time.RFC3339, tt.want)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			o := newOffice(t)
			a := referral("a")
			a.Audience = gateway.Party(tt.to) + "/coordinator"
			o.say(a, delivered)
			o.hear(a, gateway.ContentConsignment, delivered)
			o.at(want.Add(-time.Second))
			if got := o.signed(soptest.Here); len(got) != 1 {
				t.Errorf("a second before the date: %q; due %s", got, o.exchange(a).Duty.Due)
			}
			o.at(want)
			if got := o.signed(soptest.Here); len(got) != 2 {
				t.Errorf("at the date: %q; due %s", got, o.exchange(a).Duty.Due)
			}
		})
	}
}

// faulty fails once before a step is recorded, or once after: its answer is lost.
type faulty struct {
	gateway.Duties
	before, after bool
	failed        map[string]bool
}

var errLost = errors.New("lost")

func (f *faulty) Remind(ctx context.Context, r gateway.Reminder, e gateway.Evidence) (bool, error) {
	step := fmt.Sprint(r.Message, r.Step)
	fail := func(mode string) bool {
		first := !f.failed[mode+step]
		f.failed[mode+step] = true
		return first
	}
	if f.before && fail("before") {
		return false, errLost
	}
	done, err := f.Duties.Remind(ctx, r, e)
	if f.after && fail("after") {
		return false, errLost
	}
	return done, err
}

func TestAStepIsSignedOnceWhetherTheFaultComesBeforeOrAfterTheRecord(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]faulty{"before": {before: true}, "after": {after: true}, "both": {before: true, after: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			a := referral("a")
			o.say(a, tuesday)
			o.hear(a, gateway.ContentConsignment, tuesday)
			o.now = time.Date(2026, 12, 7, 8, 0, 0, 0, time.UTC)
			f.Duties, f.failed = o.Journal, map[string]bool{}
			k, failures := o.keeper(&f), 0
			for n := 1; n > 0; {
				var err error
				if n, err = k.Remind(t.Context()); err != nil {
					if !errors.Is(err, errLost) {
						t.Fatal(err)
					}
					failures++
					n = 1
				}
			}
			o.want("a DueSoon for 01 15:00 at 07 08:00", "a Overdue for 01 15:00 at 07 08:00", "a Escalated for 01 15:00 at 07 08:00")
			if failures < 3 {
				t.Errorf("%d faults: that is no test", failures)
			}
		})
	}
}

// TestManyTimekeepersSignEachStepOnce over one journal, while answers come in between; each
// step that is recorded has one entry for the log.
func TestManyTimekeepersSignEachStepOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const many = 40
	for i := range many {
		h := referral(fmt.Sprint("m", i))
		o.say(h, tuesday)
		o.hear(h, gateway.ContentConsignment, tuesday)
	}
	before, err := o.Places()
	if err != nil {
		t.Fatal(err)
	}
	o.now = time.Date(2026, 12, 7, 8, 0, 0, 0, time.UTC)
	var all sync.WaitGroup
	for range 8 {
		k := o.keeper(&struct{ gateway.Duties }{o.Journal})
		k.Batch = 7
		all.Go(func() {
			for {
				if n, err := k.Remind(t.Context()); err != nil || n == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	all.Wait()
	seen := map[string]int{}
	for _, s := range o.signed(soptest.Here) {
		seen[s]++
	}
	if len(seen) != 3*many || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
		t.Errorf("signed %d different steps, want %d, each once", len(seen), 3*many)
	}
	if after, err := o.Places(); err != nil || after-before != 3*many {
		t.Errorf("%d entries for %d steps, %v", after-before, 3*many, err)
	}
}

// TestAnAnswerThatComesBeforeTheSignatureIsRecordedWins although the step had come.
func TestAnAnswerThatComesBeforeTheSignatureIsRecordedWins(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := referral("a")
	o.say(a, tuesday)
	o.hear(a, gateway.ContentConsignment, tuesday)
	o.now = time.Date(2026, 12, 1, 15, 0, 0, 0, time.UTC)
	list, err := o.Come(t.Context(), o.now, 10)
	if err != nil || len(list) != 1 || list[0].Event != gateway.DueSoon {
		t.Fatalf("got %v, %v", list, err)
	}
	o.say(back(a, "referral.answer", "accepted"), o.now)
	r := list[0]
	e, err := gateway.Testify(gateway.Statement{ID: "late", Signer: gateway.TheGateway, At: o.now, Event: r.Event, Message: r.Message, Delivery: r.Delivery, Pair: r.Pair, Due: r.Due}, jsonNotary{})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := o.Remind(t.Context(), r, e); done || err != nil {
		t.Errorf("recorded %t, %v", done, err)
	}
	o.remind()
	o.want()
}

func TestStandingsCountWhatTheOfficesOfACountryOwe(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i, to := range []gateway.Party{"rs/coordinator", "rs/child-protection", "al/coordinator"} {
		h := referral(fmt.Sprint("m", i))
		h.Audience = to
		o.say(h, tuesday)
		if i != 2 {
			o.hear(h, gateway.ContentConsignment, tuesday)
		}
	}
	u, w := alert("u"), referral("w")
	u.Audience = "al/coordinator"
	o.say(u, tuesday)
	o.say(w, tuesday)
	o.hear(w, gateway.ContentConsignment, tuesday)
	o.say(back(w, "referral.answer", "accepted"), tuesday.Add(time.Hour))
	late := time.Date(2026, 12, 1, 16, 0, 0, 0, time.UTC)
	got, err := o.Standings(t.Context(), late)
	if err != nil {
		t.Fatal(err)
	}
	if n := got["rs"].Count[gateway.StandingOverdue]; n != 2 || len(got["rs"].Count) != 1 || !got["rs"].Overdue.Equal(late.Add(-time.Hour)) {
		t.Errorf("rs: %+v", got["rs"])
	}
	if n := got["al"].Count[gateway.StandingEscalated]; n != 1 || len(got["al"].Count) != 1 || !got["al"].Overdue.IsZero() {
		t.Errorf("al: %+v", got["al"])
	}
	if len(got) != 2 {
		t.Errorf("got %v", got)
	}
}
