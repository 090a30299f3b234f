package adapters

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// Waiting is a message that waits for somebody, as an office sees it: who was told of it,
// when, and by what. It is resolved inside the office only.
type Waiting struct {
	Ref        string        `json:"ref"`
	Delivery   string        `json:"delivery,omitempty"` // of what came here
	Issuer     gateway.Party `json:"iss"`
	ID         string        `json:"jti"`
	Party      gateway.Party `json:"party"` // of this country: whom it waits for, or who sent it
	Other      gateway.Party `json:"other"` // at the other end
	ReceivedAt time.Time     `json:"receivedAt"`
	AnswerBy   time.Time     `json:"answerBy,omitzero"`
	// State is "waiting", "taken-on", or why it ended: "answered", "redirected", "recalled",
	// "superseded", "expired". Of a message that went from here it is "escalated" until
	// then.
	State   string    `json:"state"`
	TakenOn time.Time `json:"takenOn,omitzero"`
	Told    []Telling `json:"told"`
	// Telephone is whom to call: of a message that went from here and that nobody at the
	// other end answers for.
	Telephone []Number `json:"telephone,omitempty"`
}

// Telling is one step for one role.
type Telling struct {
	Step  string          `json:"step"`
	Party gateway.Party   `json:"party"`
	Due   time.Time       `json:"due"`
	State store.RingState `json:"state"`
	At    time.Time       `json:"at,omitzero"` // when the state became final
	Calls []Calling       `json:"calls,omitempty"`
}

// Calling is one attempt at one channel.
type Calling struct {
	Channel string     `json:"channel"`
	At      time.Time  `json:"at"`
	Mark    store.Mark `json:"mark"`
	Done    bool       `json:"done"`
}

// Number is a duty telephone, as the directory has it.
type Number struct {
	Party     gateway.Party `json:"party"`
	Telephone string        `json:"telephone"`
}

// maxNotices bounds a list.
const maxNotices = 200

// getNotices lists what waits for the caller's parties, the newest first: all=true lists
// what has ended too, and party=cc/role one party's only.
func (a *Adapter) getNotices(w http.ResponseWriter, r *http.Request, c Caller) error {
	q := r.URL.Query()
	one, all := gateway.Party(q.Get("party")), q.Get("all") == "true"
	list, err := a.Store.Notices(r.Context(), !all, maxNotices)
	if err != nil {
		return err
	}
	out := []Waiting{}
	for _, n := range list {
		if !sees(c, n, one) {
			continue
		}
		x, ended, err := a.waiting(r, n, c)
		if err != nil {
			return err
		}
		if all || !ended {
			out = append(out, x)
		}
	}
	answer(w, http.StatusOK, map[string]any{"notices": out})
	return nil
}

// getRef says which message a reference stands for.
func (a *Adapter) getRef(w http.ResponseWriter, r *http.Request, c Caller) error {
	n, err := a.Store.Notice(r.Context(), ParseRef(r.PathValue("ref")))
	if errors.Is(err, store.ErrUnknown) || err == nil && !sees(c, n, "") {
		return gateway.Refuse(gateway.CodeNotFound, "", "Look at the reference again: six letters and digits, never I, L, O or U. It means something in its own office only.")
	}
	if err != nil {
		return err
	}
	x, _, err := a.waiting(r, n, c)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, x)
	return nil
}

// sees reports whether the caller may know of a notice, and it is of the party that was
// asked for, if one was.
func sees(c Caller, n store.Notice, one gateway.Party) bool {
	for _, p := range append([]gateway.Party{n.Party}, n.Readers...) {
		if c.may(p) && (one == "" || one == p) {
			return true
		}
	}
	return false
}

// waiting is a notice as it stands now, and whether it has ended: the clock may not have
// looked at it since.
func (a *Adapter) waiting(r *http.Request, n store.Notice, c Caller) (x Waiting, ended bool, err error) {
	d, why, err := a.owed(r.Context(), n, a.Now())
	if err != nil {
		return x, false, err
	}
	if n.Ended = why; !d.Due.IsZero() {
		n.Due = d.Due
	}
	x = Waiting{
		Ref: n.Ref, Delivery: n.Delivery, Issuer: n.Message.Issuer, ID: n.Message.ID, Party: n.Party, Other: n.Other,
		ReceivedAt: n.ReceivedAt, AnswerBy: n.Due, State: stateOf(n), TakenOn: n.Taken, Told: []Telling{},
	}
	rings, err := a.Store.Rings(r.Context(), n.Ref)
	if err != nil {
		return x, false, err
	}
	for _, g := range rings {
		// Whether another role got a part is for the addressee's colleagues there to know.
		if !c.may(g.Party) {
			continue
		}
		t := Telling{Step: g.Step, Party: g.Party, Due: g.DueAt, State: g.State, At: g.EndedAt}
		for _, k := range g.Calls {
			t.Calls = append(t.Calls, Calling{Channel: k.Channel, At: k.BeganAt, Mark: k.Mark, Done: k.Done})
		}
		x.Told = append(x.Told, t)
	}
	if n.Side == store.Outbound {
		x.Telephone = a.numbers(n.Other)
	}
	return x, why != "", nil
}

func stateOf(n store.Notice) string {
	switch {
	case n.Ended != "":
		return n.Ended
	case n.Side == store.Outbound:
		return stepEscalated
	case !n.Taken.IsZero():
		return store.EndTakenOn
	}
	return stepWaiting
}

// unreached are those whom an officer should telephone when the message is sent: the
// directory's word, and the recipient's own about the last message that it had from here.
func (a *Adapter) unreached(ctx context.Context, p outgoing.Preview) ([]gateway.Unreached, error) {
	if slices.ContainsFunc(p.Unreached, func(u gateway.Unreached) bool { return u.Party == p.To }) {
		return p.Unreached, nil
	}
	last, err := a.Store.LastTold(ctx, p.To)
	if err != nil || last != gateway.ConsignmentNotificationFailure {
		return p.Unreached, err
	}
	i, _ := a.Directory.Institution(p.To)
	return append([]gateway.Unreached{{Party: p.To, Telephone: i.Duty, Why: gateway.NotTold}}, p.Unreached...), nil
}

// numbers are the telephones of a party and of its alternate.
func (a *Adapter) numbers(p gateway.Party) []Number {
	var out []Number
	for range 2 {
		i, ok := a.Directory.Institution(p)
		if !ok {
			break
		}
		if i.Duty != "" {
			out = append(out, Number{Party: p, Telephone: i.Duty})
		}
		p = i.Alternate
	}
	return out
}
