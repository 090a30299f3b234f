package adapters

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// Procedure is the standing operating procedure of the exchange as the country's side asks
// it. Package sop knows it, and cmd brings the two together. It keeps nothing, asks no
// clock, and is safe for concurrent use.
type Procedure interface {
	// Replay says what became of each message of a conversation, in the order given, which
	// is that of the gateway's receipt. What the gateway has not received is left out.
	Replay(thread []store.Exchange) []gateway.Exchange
	// Local is a duty's date as its debtor's office reads it, and the days off before it
	// that may still move.
	Local(d gateway.Duty) (date string, provisional []string)
	// Retention is how long the facts of a message of the type are kept.
	Retention(typ string) time.Duration
}

// unruled stands in where an adapter was given no procedure: nothing is owed, and facts
// are kept as long as those of the longest type.
type unruled struct{}

func (unruled) Replay([]store.Exchange) []gateway.Exchange { return nil }
func (unruled) Local(gateway.Duty) (string, []string)      { return "", nil }
func (unruled) Retention(string) time.Duration             { return 3 * 365 * 24 * time.Hour }

// Obligation is one duty as the national system reads it: what the gateway says of it, and
// what its two offices' calendars do.
type Obligation struct {
	Issuer      gateway.Party    `json:"iss"`
	ID          string           `json:"jti"`
	Thread      string           `json:"thread"`
	Type        string           `json:"type"`
	Answer      string           `json:"answer"`
	Lane        gateway.Lane     `json:"lane"`
	Debtor      gateway.Party    `json:"debtor"`
	Standing    gateway.Standing `json:"standing"`
	Stage       gateway.Stage    `json:"stage"`
	ReceivedAt  time.Time        `json:"receivedAt"`
	Begins      time.Time        `json:"begins,omitzero"`
	Due         time.Time        `json:"due,omitzero"`
	Local       string           `json:"local,omitempty"` // due, in the debtor's time zone
	Soon        time.Time        `json:"soon,omitzero"`
	Escalates   time.Time        `json:"escalates,omitzero"`
	Wish        time.Time        `json:"wish,omitzero"`
	Earlier     []time.Time      `json:"earlier,omitempty"`
	TakenOn     time.Time        `json:"takenOn,omitzero"`
	Ended       time.Time        `json:"ended,omitzero"`
	Late        bool             `json:"late,omitempty"`
	Provisional []string         `json:"provisional,omitempty"` // days off before it that may still move
}

// Obligations are the duties of offices, the one that is due first at the top.
type Obligations struct {
	Owes []Obligation `json:"owes"`
	Owed []Obligation `json:"owed"`
}

// Obligations lists what the parties owe and are owed, from this journal alone: it needs no
// gateway. over also lists what was answered or fell away.
func (a *Adapter) Obligations(ctx context.Context, mine func(gateway.Party) bool, over bool) (Obligations, error) {
	out := Obligations{Owes: []Obligation{}, Owed: []Obligation{}}
	all, err := a.Store.Conversations(ctx)
	if err != nil {
		return out, err
	}
	now := a.Now()
	for _, list := range all {
		for _, x := range a.Procedure.Replay(list) {
			d := x.Duty
			switch {
			case d.Message.ID == "" || !over && !d.Ended.IsZero():
			case mine(d.Debtor):
				out.Owes = append(out.Owes, a.obligation(x, now))
			case mine(d.Creditor):
				out.Owed = append(out.Owed, a.obligation(x, now))
			}
		}
	}
	first := func(a, b Obligation) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) }
	slices.SortFunc(out.Owes, first)
	slices.SortFunc(out.Owed, first)
	return out, nil
}

func (a *Adapter) obligation(x gateway.Exchange, now time.Time) Obligation {
	d := x.Duty
	o := Obligation{
		Issuer: d.Message.Issuer, ID: d.Message.ID, Thread: d.Thread, Type: d.Type, Answer: d.Answer, Lane: d.Lane, Debtor: d.Debtor,
		Standing: d.Standing(now), Stage: x.Stage, ReceivedAt: d.Received, Begins: d.Begins, Due: d.Due, Soon: d.Soon, Escalates: d.Escalate,
		Wish: d.Wish, Earlier: d.Earlier, TakenOn: d.Taken, Ended: d.Ended, Late: d.Late(now),
	}
	o.Local, o.Provisional = a.Procedure.Local(d)
	return o
}

// getDuties lists what the caller's parties owe and are owed: of one of them with party=,
// and what is over too with all=true.
func (a *Adapter) getDuties(w http.ResponseWriter, r *http.Request, c Caller) error {
	mine, err := a.asked(r, c)
	if err != nil {
		return err
	}
	list, err := a.Obligations(r.Context(), mine, r.URL.Query().Get("all") == "true")
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, list)
	return nil
}

// asked are the parties that a question is about: all that the caller speaks for, or the
// one that it names with party=.
func (a *Adapter) asked(r *http.Request, c Caller) (func(gateway.Party) bool, error) {
	mine := a.may(c)
	one := gateway.Party(r.URL.Query().Get("party"))
	switch {
	case one == "":
		return mine, nil
	case !mine(one):
		return nil, gateway.Refuse(gateway.CodeForbidden, "", "This caller does not speak for that party.")
	}
	return func(p gateway.Party) bool { return p == one }, nil
}

// exchangeOf is what is kept of a delivery's message.
func (a *Adapter) exchangeOf(o incoming.Opened, given []Consignment) *store.Exchange {
	x := &store.Exchange{
		Head: o.Head, Delivery: o.Binding.Delivery, Received: o.Binding.IssuedAt,
		KeepUntil: o.Binding.IssuedAt.Add(a.Procedure.Retention(o.Head.Type)),
	}
	for _, c := range given {
		x.Roles = append(x.Roles, c.Reader.Role())
	}
	if o.Head.Topic() == "applied" && len(o.Views) > 0 {
		x.Reason = reasonOf(o.Views[0].Clear["results"])
	}
	return x
}

// reasonOf is the code of the first result that gives one: why something was kept.
func reasonOf(results any) string {
	m, _ := results.(map[string]any)
	var reasons []string
	for _, v := range m {
		result, _ := v.(map[string]any)
		if s, _ := result["reason"].(string); s != "" {
			reasons = append(reasons, s)
		}
	}
	if len(reasons) == 0 {
		return ""
	}
	return slices.Min(reasons)
}

// exchangeFor is what is kept of a message that was just signed: of its content the names
// of the parts that leave with something in them.
func (a *Adapter) exchangeFor(s outgoing.Signed) *store.Exchange {
	x := &store.Exchange{Head: s.Head, Own: true, KeepUntil: s.Head.IssuedAt.Add(a.Procedure.Retention(s.Head.Type))}
	for _, r := range s.Preview.Readers {
		for _, p := range r.Parts {
			x.Said = append(x.Said, p.Unit)
		}
	}
	slices.Sort(x.Said)
	x.Said = slices.Compact(x.Said)
	return x
}
