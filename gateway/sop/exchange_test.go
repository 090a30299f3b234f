package sop_test

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
)

// states and events span the table: every type meets every one of these.
var (
	states = []string{"waiting", "delivered", "read", "overdue", "answered", "partly", "redirected", "recalled", "failed", "superseded"}
	events = []string{
		"consigned", "undelivered", "opened", "taken-on",
		"answer-full", "answer-partly", "answer-declined", "answer-redirected", "answer-again",
		"answer-mismatch", "answer-elsewhere", "answer-own", "answer-stranger", "other",
		"delay-later", "delay-earlier", "redirect", "recall", "recall-by-recipient", "correction", "consent", "close", "reopen", "superseded",
	}
)

// cell is a row of states.csv.
type cell struct{ frames, states, events, next, mark string }

func (c cell) meets(frame, state, event string) bool {
	in := func(set, s string) bool { return set == "*" || slices.Contains(strings.Split(set, "|"), s) }
	return in(c.frames, frame) && in(c.states, state) && in(c.events, event)
}

func table(t *testing.T) []cell {
	t.Helper()
	f, err := os.Open("states.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []cell
	for _, l := range lines[1:] {
		out = append(out, cell{l[0], l[1], l[2], l[3], l[4]})
	}
	return out
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
		x.Stage, x.Answer, x.Outcome = gateway.StageClosed, "a-0", outcome(ty, "answer-full")
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

// outcome is how an answer to the type says what the event is called after.
func outcome(ty gateway.Type, event string) string {
	all := map[string]map[string]string{
		"request": {"answer-full": "accepted", "answer-again": "accepted", "answer-partly": "partly", "answer-declined": "declined", "answer-redirected": "redirected"},
		"notice":  {"answer-full": "taken-on", "answer-again": "taken-on", "answer-partly": "partly", "answer-declined": "not-possible", "answer-redirected": "passed-on"},
		"change":  {"answer-full": "done", "answer-again": "done", "answer-partly": "partly", "answer-declined": "kept", "answer-redirected": "redirected"},
		"answer":  {"answer-full": "answered", "answer-partly": "partly", "answer-declined": "declined", "answer-redirected": "redirected"},
	}
	return all[ty.Frame][event]
}

// happen makes the event in the life of the exchange.
func happen(x gateway.Exchange, ty gateway.Type, event string, now time.Time) sop.Event {
	answer := ty.Answer
	if answer == "" {
		answer = "ack.answer/1.0"
	}
	back := gateway.Head{ID: "a-1", Issuer: there, Audience: here, Thread: "t", Type: answer, InReplyTo: "1", Outcome: outcome(ty, event)}
	change := func(topic string, act string, by gateway.Party) gateway.Head {
		h := gateway.Head{ID: "c-1", Issuer: by, Audience: there, Thread: "t", Type: topic + ".change/1.0", Target: "1", Act: []string{act}}
		if by == there {
			h.Audience = here
		}
		return h
	}
	e := sop.Event{At: now}
	switch event {
	case "consigned":
		e.Evidence = gateway.ContentConsignment
	case "undelivered":
		e.Evidence = gateway.ContentConsignmentFailure
	case "opened":
		e.Evidence = gateway.ContentHandover
	case "taken-on":
		e.Evidence = gateway.TakenOn
	case "answer-again":
		back.ID = "a-0"
		e.Head = back
	case "answer-mismatch":
		back.Type = "gossip.answer/1.0"
		e.Head = back
	case "answer-elsewhere":
		back.InReplyTo = "2"
		e.Head = back
	case "answer-own":
		back.Issuer, back.Audience = here, there
		e.Head = back
	case "answer-stranger":
		back.Issuer = "rs/child-protection"
		e.Head = back
	case "other":
		e.Head = gateway.Head{ID: "o-1", Issuer: there, Audience: here, Thread: "t", Type: "info.request/1.0", InReplyTo: "1"}
	case "delay-later", "delay-earlier":
		e.Head = change("deadline", "extend", there)
		e.Head.AnswerBy = now.AddDate(1, 0, 0)
		if event == "delay-earlier" {
			e.Head.AnswerBy = now.AddDate(-1, 0, 0)
			if x.Duty.Due.IsZero() {
				e.Head.AnswerBy = time.Time{}
			}
		}
	case "redirect":
		e.Head = change("redirect", "redirect", there)
	case "recall":
		e.Head = change("recall", "recall", here)
	case "recall-by-recipient":
		e.Head = change("recall", "recall", there)
	case "correction":
		e.Head = change("correction", "minor", here)
		e.Head.Target = "1#subject"
	case "consent":
		e.Head = change("consent", "consent-withdrawn", here)
	case "close", "reopen":
		e.Head = change("case", event, here)
		e.Head.Target = "t"
	case "superseded":
		e.Head = asking(ty.Name, gateway.Normal)
		e.Head.ID, e.Head.Supersedes = "2", "1"
	default:
		e.Head = back
	}
	return e
}

// reached is the state's name as the table writes it.
func reached(x gateway.Exchange, now time.Time) string {
	switch {
	case x.Stage == gateway.StageClosed && x.Outcome == "partly":
		return "partly"
	case x.Stage == gateway.StageDelivered && x.Duty.Late(now) && !x.Duty.Missed:
		return "overdue"
	case x.Stage == gateway.StageDelivered && x.Read:
		return "read"
	}
	return string(x.Stage)
}

func TestEveryTypeInEveryStateMeetsEveryEventAsTheTableSays(t *testing.T) {
	t.Parallel()
	c, cells := clock(t), table(t)
	begun := at(t, "2026-11-24T10:00:00+01:00")
	met := map[cell]bool{}
	for _, ty := range types(t).Types() {
		for _, state := range states {
			for _, event := range events {
				var rows []cell
				for _, r := range cells {
					if r.meets(ty.Frame, state, event) {
						rows, met[r] = append(rows, r), true
					}
				}
				if len(rows) != 1 {
					t.Errorf("%s %s, %s: %d rows of the table", ty.Name, state, event, len(rows))
					continue
				}
				x, now := stand(c, ty, state, begun)
				before := reached(x, now)
				y, mark := c.Apply(x, happen(x, ty, event, now))
				want := rows[0].next
				if want == "=" {
					want = before
				}
				if got := reached(y, now); got != want && !unclocked(ty, state, want, got) || string(mark) != rows[0].mark {
					t.Errorf("%s %s, %s: became %s, %s; the table says %s, %s", ty.Name, state, event, got, mark, want, rows[0].mark)
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
	a, _ := c.Apply(x, happen(x, ty, "delay-later", now))
	b, _ := c.Apply(x, happen(x, ty, "delay-later", now.Add(time.Hour)))
	if !x.Duty.Due.Equal(due) || len(x.Duty.Earlier) != 0 || len(a.Duty.Earlier) != 1 || len(b.Duty.Earlier) != 1 {
		t.Error("two futures of one exchange share what they changed")
	}
}
