package sop_test

import (
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
	"example.org/trm/gateway/sop/soptest"
)

func table(t *testing.T) []soptest.Cell {
	t.Helper()
	cells, err := soptest.Table("states.csv")
	if err != nil {
		t.Fatal(err)
	}
	return cells
}

// stand is a message of a type in one of the states, and the moment of what happens next.
func stand(c sop.Clock, ty gateway.Type, state string, begun time.Time) (gateway.Exchange, time.Time) {
	h := asking(ty.Name, gateway.Normal)
	x := c.Begin(h, begun)
	now := begun.Add(time.Hour)
	if state != "waiting" && state != "failed" {
		x, _ = c.Apply(x, sop.Event{At: begun, Evidence: gateway.ContentConsignment})
	}
	switch state {
	case "read":
		x.Read = true
	case "overdue":
		now = begun.AddDate(0, 3, 0)
	case "answered":
		x.Stage, x.Answer, x.Outcome = gateway.StageClosed, "a-0", soptest.Outcome(ty, "answer-full")
	case "partly":
		x.Stage, x.Answer, x.Outcome = gateway.StageClosed, "a-0", "partly"
	case "redirected":
		x.Stage, x.Answer = gateway.StageRedirected, "a-0"
	case "recalled":
		x.Stage = gateway.StageRecalled
	case "failed":
		x.Stage = gateway.StageFailed
	case "superseded":
		x.Stage = gateway.StageSuperseded
	}
	if state == "answered" || state == "partly" || state == "redirected" || state == "recalled" || state == "superseded" {
		x.Duty = x.Duty.End(begun)
	}
	return x, now
}

func TestEveryTypeInEveryStateMeetsEveryEventAsTheTableSays(t *testing.T) {
	t.Parallel()
	c, cells := clock(t), table(t)
	begun := at(t, "2026-11-24T10:00:00+01:00")
	met := map[soptest.Cell]bool{}
	for _, ty := range types(t).Types() {
		for _, state := range soptest.States {
			for _, event := range soptest.Events {
				var rows []soptest.Cell
				for _, r := range cells {
					if r.Meets(ty.Frame, state, event) {
						rows, met[r] = append(rows, r), true
					}
				}
				if len(rows) != 1 {
					t.Errorf("%s %s, %s: %d rows of the table", ty.Name, state, event, len(rows))
					continue
				}
				x, now := stand(c, ty, state, begun)
				before := soptest.Reached(x, now)
				y, mark := c.Apply(x, soptest.Happen(x.Duty.Due, ty, event, now))
				want := rows[0].Next
				if want == "=" {
					want = before
				}
				if got := soptest.Reached(y, now); got != want && !unclocked(ty, state, want, got) || string(mark) != rows[0].Mark {
					t.Errorf("%s %s, %s: became %s, %s; the table says %s, %s", ty.Name, state, event, got, mark, want, rows[0].Mark)
				}
				checkDuty(t, ty, state, event, y, now)
			}
		}
	}
	for _, r := range cells {
		if !met[r] {
			t.Errorf("no cell meets the row %v", r)
		}
	}
}

// unclocked are types without a term, which are never overdue.
func unclocked(ty gateway.Type, state, want, got string) bool {
	free := ty.Frame == "answer" || ty.Topic == "deadline"
	return free && state == "overdue" && (want == "overdue" || want == "delivered") && (got == "delivered" || got == "read")
}

// checkDuty holds what must be true of every cell: something is owed exactly while the
// message stands delivered and unanswered.
func checkDuty(t *testing.T, ty gateway.Type, state, event string, y gateway.Exchange, now time.Time) {
	t.Helper()
	owes := ty.Frame != "answer" && ty.Topic != "deadline"
	got := y.Duty.Standing(now) != gateway.StandingNone
	if want := owes && y.Stage == gateway.StageDelivered; got != want {
		t.Errorf("%s %s, %s: something is owed: %t, want %t", ty.Name, state, event, got, want)
	}
}

func TestDelayNoticeBeforeDeliveryCountsFromDelivery(t *testing.T) {
	t.Parallel()
	c := clock(t)
	begun := at(t, "2026-11-24T10:00:00+01:00")
	later := begun.AddDate(0, 1, 0)
	x := c.Begin(asking("referral.request/1.0", gateway.Normal), begun)
	x, _ = c.Apply(x, sop.Event{At: begun, Head: gateway.Head{ID: "c", Issuer: there, Audience: here, Thread: "t", Type: "deadline.change/1.0", Target: "1", AnswerBy: later}})
	x, _ = c.Apply(x, sop.Event{At: begun, Evidence: gateway.ContentConsignment})
	if !x.Duty.Due.Equal(later) || len(x.Duty.Earlier) != 1 {
		t.Errorf("due %s after %s", x.Duty.Due, x.Duty.Earlier)
	}
}

func TestApplyLeavesTheExchangeBeforeAsItWas(t *testing.T) {
	t.Parallel()
	c := clock(t)
	begun := at(t, "2026-11-24T10:00:00+01:00")
	ty, _ := types(t).Type("referral.request/1.0")
	x, now := stand(c, ty, "delivered", begun)
	due := x.Duty.Due
	a, _ := c.Apply(x, soptest.Happen(x.Duty.Due, ty, "delay-later", now))
	b, _ := c.Apply(x, soptest.Happen(x.Duty.Due, ty, "delay-later", now.Add(time.Hour)))
	if !x.Duty.Due.Equal(due) || len(x.Duty.Earlier) != 0 || len(a.Duty.Earlier) != 1 || len(b.Duty.Earlier) != 1 {
		t.Error("two futures of one exchange share what they changed")
	}
}
