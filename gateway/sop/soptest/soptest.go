// Package soptest walks what can become of a message, for whoever has to come to the same
// end as the table states.csv: the procedure itself, and what keeps its results.
package soptest

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
)

// The two parties of the walk.
const (
	Here  gateway.Party = "me/coordinator" // who asks
	There gateway.Party = "rs/coordinator" // who owes
)

// States and Events span the table: every type meets every one of these.
var (
	States = []string{"waiting", "delivered", "read", "overdue", "answered", "partly", "redirected", "recalled", "failed", "superseded"}
	Events = []string{
		"consigned", "undelivered", "opened", "taken-on",
		"answer-full", "answer-partly", "answer-declined", "answer-redirected", "answer-again",
		"answer-mismatch", "answer-elsewhere", "answer-own", "answer-stranger", "other",
		"delay-later", "delay-earlier", "redirect", "recall", "recall-by-recipient", "correction", "consent", "close", "reopen", "superseded",
	}
)

// Cell is a row of the table, which holds for several frames, states and events.
type Cell struct{ Frames, States, Events, Next, Mark string }

// Meets reports whether the row is about these.
func (c Cell) Meets(frame, state, event string) bool {
	in := func(set, s string) bool { return set == "*" || slices.Contains(strings.Split(set, "|"), s) }
	return in(c.Frames, frame) && in(c.States, state) && in(c.Events, event)
}

// Table reads the table.
func Table(path string) ([]Cell, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the table of states: %w", err)
	}
	var out []Cell
	for _, l := range lines[1:] {
		out = append(out, Cell{l[0], l[1], l[2], l[3], l[4]})
	}
	return out, nil
}

// Asking is a message of a type from Here to There.
func Asking(name string, lane gateway.Lane, act ...string) gateway.Head {
	return gateway.Head{ID: "1", Issuer: Here, Audience: There, Thread: "t", Type: name, Lane: lane, Act: act}
}

// Outcome is how an answer to the type says what the event is called after.
func Outcome(ty gateway.Type, event string) string {
	all := map[string]map[string]string{
		"request": {"answer-full": "accepted", "answer-again": "accepted", "answer-partly": "partly", "answer-declined": "declined", "answer-redirected": "redirected"},
		"notice":  {"answer-full": "taken-on", "answer-again": "taken-on", "answer-partly": "partly", "answer-declined": "not-possible", "answer-redirected": "passed-on"},
		"change":  {"answer-full": "done", "answer-again": "done", "answer-partly": "partly", "answer-declined": "kept", "answer-redirected": "redirected"},
		"answer":  {"answer-full": "answered", "answer-partly": "partly", "answer-declined": "declined", "answer-redirected": "redirected"},
	}
	return all[ty.Frame][event]
}

// Happen makes the event in the life of the message that Asking is; due is when its answer
// is, zero where it is not.
func Happen(due time.Time, ty gateway.Type, event string, now time.Time) sop.Event {
	answer := ty.Answer
	if answer == "" {
		answer = "ack.answer/1.0"
	}
	back := gateway.Head{ID: "a-1", Issuer: There, Audience: Here, Thread: "t", Type: answer, InReplyTo: "1", Outcome: Outcome(ty, event)}
	change := func(topic string, act string, by gateway.Party) gateway.Head {
		h := gateway.Head{ID: "c-1", Issuer: by, Audience: There, Thread: "t", Type: topic + ".change/1.0", Target: "1", Act: []string{act}}
		if by == There {
			h.Audience = Here
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
		back.Issuer, back.Audience = Here, There
		e.Head = back
	case "answer-stranger":
		back.Issuer = "rs/child-protection"
		e.Head = back
	case "other":
		e.Head = gateway.Head{ID: "o-1", Issuer: There, Audience: Here, Thread: "t", Type: "info.request/1.0", InReplyTo: "1"}
	case "delay-later", "delay-earlier":
		e.Head = change("deadline", "extend", There)
		e.Head.AnswerBy = now.AddDate(1, 0, 0)
		if event == "delay-earlier" {
			e.Head.AnswerBy = now.AddDate(-1, 0, 0)
			if due.IsZero() {
				e.Head.AnswerBy = time.Time{}
			}
		}
	case "redirect":
		e.Head = change("redirect", "redirect", There)
	case "recall":
		e.Head = change("recall", "recall", Here)
	case "recall-by-recipient":
		e.Head = change("recall", "recall", There)
	case "correction":
		e.Head = change("correction", "minor", Here)
		e.Head.Target = "1#subject"
	case "consent":
		e.Head = change("consent", "consent-withdrawn", Here)
	case "close", "reopen":
		e.Head = change("case", event, Here)
		e.Head.Target = "t"
	case "superseded":
		e.Head = Asking(ty.Name, gateway.Normal)
		e.Head.ID, e.Head.Supersedes = "2", "1"
	default:
		e.Head = back
	}
	return e
}

// Reached is the state's name as the table writes it.
func Reached(x gateway.Exchange, now time.Time) string {
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
