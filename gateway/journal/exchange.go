package journal

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal/sqlite"
)

// Clock says what a message, and what happens to it, make of who owes what. The sop
// package implements it. It is asked inside transactions: it keeps nothing, waits for
// nothing, and is safe for concurrent use.
type Clock interface {
	// Begin is the exchange of a message that was received.
	Begin(h gateway.Head, received time.Time) gateway.Exchange
	// Heard is the exchange after a signed statement about its message.
	Heard(x gateway.Exchange, e gateway.Event, at time.Time) gateway.Exchange
	// Said is the exchange after another message was received.
	Said(x gateway.Exchange, h gateway.Head, received time.Time) gateway.Exchange
}

// signed is for which date each step of a duty was signed last.
type signed struct{ soon, overdue, escalated time.Time }

func (s *signed) of(e gateway.Event) *time.Time {
	switch e {
	case gateway.DueSoon:
		return &s.soon
	case gateway.Overdue:
		return &s.overdue
	}
	return &s.escalated
}

// next is the first step that is not signed.
func (s *signed) next(d gateway.Duty) (gateway.Step, bool) {
	for _, step := range d.Steps() {
		if step.Due.After(*s.of(step.Event)) {
			return step, true
		}
	}
	return gateway.Step{}, false
}

// begin keeps what a message that was received lays on its recipient; nothing where it
// wants no answer.
func (j *Journal) begin(tx *sqlite.Tx, message int64, r gateway.Record) error {
	if j.o.Clock == nil {
		return nil
	}
	x := j.o.Clock.Begin(r.Head, r.At)
	if len(x.Terms) == 0 {
		return nil
	}
	terms := make([]string, len(x.Terms))
	for i, t := range x.Terms {
		terms[i] = t.String()
	}
	h := x.Asked
	_, err := tx.Exec(`INSERT INTO duties (debtor, creditor, lane, closed_by, terms, `+changing+`, message) VALUES (?, ?, ?, ?, ?, `+marks+`, ?)`,
		append([]any{string(h.Audience), string(h.Issuer), string(h.Lane), x.Closes, strings.Join(terms, " ")}, changed(message, x, signed{})...)...)
	return err
}

// said tells the exchanges that a message speaks of that it was received: the one that it
// answers, changes, or takes the place of.
func (j *Journal) said(tx *sqlite.Tx, h gateway.Head, received time.Time) error {
	if j.o.Clock == nil {
		return nil
	}
	target, _, _ := strings.Cut(h.Target, "#")
	told := map[gateway.MessageID]bool{}
	for _, id := range []gateway.MessageID{{Issuer: h.Audience, ID: h.InReplyTo}, {Issuer: h.Issuer, ID: target}, {Issuer: h.Audience, ID: target}, {Issuer: h.Issuer, ID: h.Supersedes}} {
		if id.ID == "" || told[id] {
			continue
		}
		told[id] = true
		err := j.happens(tx, exchangeOf+`WHERE m.iss = ? AND m.jti = ?`, []any{string(id.Issuer), id.ID}, func(x gateway.Exchange) gateway.Exchange {
			return j.o.Clock.Said(x, h, received)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// heard tells the exchange of a message what was testified about it. What is dated after
// it was heard happened when it was heard: nobody has more time because its clock is fast.
func (j *Journal) heard(tx *sqlite.Tx, message int64, s gateway.Statement) error {
	if j.o.Clock == nil {
		return nil
	}
	return j.happens(tx, exchangeOf+`WHERE d.message = ?`, []any{message}, func(x gateway.Exchange) gateway.Exchange {
		at := s.At
		if now := j.o.Now().UTC().Truncate(time.Second); at.After(now) {
			at = now
		}
		return j.o.Clock.Heard(x, s.Event, at)
	})
}

// happens changes an exchange, where it is kept.
func (j *Journal) happens(tx *sqlite.Tx, q string, args []any, after func(gateway.Exchange) gateway.Exchange) error {
	message, x, s, err := scanExchange(tx.Row(q, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return change(tx, message, after(x), s)
}

// What of a row can change, and as many places for it.
const (
	changing = `asked, stage, read, answer, outcome, begins, due, soon, escalate, wish, earlier, missed, taken, ended, signed_soon, signed_overdue, signed_escalated, next_at`
	marks    = `?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?`
)

// change writes an exchange anew, and when its next step comes.
func change(tx *sqlite.Tx, message int64, x gateway.Exchange, s signed) error {
	_, err := tx.Exec(`UPDATE duties SET (`+changing+`) = (`+marks+`) WHERE message = ?`, changed(message, x, s)...)
	return err
}

// changed are the values of what can change, and the message at the end.
func changed(message int64, x gateway.Exchange, s signed) []any {
	d := x.Duty
	earlier := make([]string, len(d.Earlier))
	for i, t := range d.Earlier {
		earlier[i] = strconv.FormatInt(seconds(t), 10)
	}
	asked := x.Asked.AnswerBy
	if x.Asked.AckBy.After(asked) {
		asked = x.Asked.AckBy // one of the two, whichever is later, is what extends a term
	}
	var next time.Time
	if step, ok := s.next(d); ok {
		next = step.At
	}
	return []any{
		seconds(asked), string(x.Stage), x.Read, x.Answer, x.Outcome, seconds(d.Begins), seconds(d.Due), seconds(d.Soon), seconds(d.Escalate), seconds(d.Wish),
		strings.Join(earlier, " "), d.Missed, seconds(d.Taken), seconds(d.Ended), seconds(s.soon), seconds(s.overdue), seconds(s.escalated), seconds(next), message,
	}
}

const exchangeOf = `
	SELECT d.message, m.iss, m.jti, m.aud, m.thread, m.type, m.received_at, d.lane, d.closed_by, d.terms, d.asked, d.stage, d.read, d.answer, d.outcome,
		d.begins, d.due, d.soon, d.escalate, d.wish, d.earlier, d.missed, d.taken, d.ended, d.signed_soon, d.signed_overdue, d.signed_escalated
	FROM duties d JOIN messages m ON m.seq = d.message `

// scanExchange reads a row of exchangeOf. What a message asked for is in its asked date,
// whichever member it stood in.
func scanExchange(scan func(...any) error) (message int64, x gateway.Exchange, s signed, err error) {
	var (
		h                                                               = &x.Asked
		d                                                               = &x.Duty
		terms, earlier                                                  string
		received, asked, begins, due, soon, escalate, wish, taken, over int64
		signedSoon, signedOverdue, signedEscalated                      int64
	)
	err = scan(&message, &h.Issuer, &h.ID, &h.Audience, &h.Thread, &h.Type, &received, &h.Lane, &x.Closes, &terms, &asked, &x.Stage, &x.Read, &x.Answer, &x.Outcome,
		&begins, &due, &soon, &escalate, &wish, &earlier, &d.Missed, &taken, &over, &signedSoon, &signedOverdue, &signedEscalated)
	if err != nil {
		return 0, x, s, err
	}
	x.Received, h.AnswerBy = fromSeconds(received), fromSeconds(asked)
	for _, word := range strings.Fields(terms) {
		t, err := gateway.ParseTerm(word)
		if err != nil {
			return 0, x, s, fmt.Errorf("reading a duty: %w", err)
		}
		x.Terms = append(x.Terms, t)
	}
	for _, word := range strings.Fields(earlier) {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return 0, x, s, fmt.Errorf("reading a duty: %w", err)
		}
		d.Earlier = append(d.Earlier, fromSeconds(n))
	}
	d.Taken, d.Ended = fromSeconds(taken), fromSeconds(over)
	s = signed{fromSeconds(signedSoon), fromSeconds(signedOverdue), fromSeconds(signedEscalated)}
	if begins == 0 && escalate == 0 {
		return message, x, s, nil // nothing is owed before the delivery
	}
	d.Message, d.Thread, d.Type, d.Answer, d.Lane, d.Debtor, d.Creditor = h.MessageID(), h.Thread, h.Type, x.Closes, h.Lane, h.Audience, h.Issuer
	d.Received, d.Begins, d.Due, d.Soon = x.Received, fromSeconds(begins), fromSeconds(due), fromSeconds(soon)
	d.Escalate, d.Wish = fromSeconds(escalate), fromSeconds(wish)
	return message, x, s, nil
}
