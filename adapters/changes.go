package adapters

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// The states of a change at one past recipient. From the first on it is the sender's duty,
// from StateDelivered on the recipient's.
const (
	ChangeNotSent   = "not-sent"  // refused here or by the gateway: somebody telephones
	ChangeToSend    = "to-send"   // stored here; the gateway has not answered yet
	ChangeSent      = "sent"      // received by the gateway
	ChangeFailed    = "failed"    // it did not arrive: somebody telephones
	ChangeDelivered = "delivered" // in the recipient's system; what was done about it is not known
	ChangeDone      = "done"      // applied
	ChangePartly    = "partly"    // applied in part
	ChangeKept      = "kept"      // not applied, for the legal reason given
	ChangeAnswered  = "answered"  // with another outcome
)

// ChangeState is a change at one past recipient, and what has become of the message to it; or, of
// what came in, what this country has done about it.
type ChangeState struct {
	Change    string        `json:"change,omitempty"` // the request that it is a part of
	Issuer    gateway.Party `json:"iss"`
	ID        string        `json:"jti,omitempty"` // empty where none could be made
	Audience  gateway.Party `json:"aud"`
	Thread    string        `json:"thread"`
	Type      string        `json:"type"`
	Act       []string      `json:"act"`
	Target    string        `json:"target"`
	State     string        `json:"state"`
	Code      gateway.Code  `json:"code,omitempty"`     // why it was not sent
	Withheld  string        `json:"withheld,omitempty"` // the rule by which the corrected part stayed here
	Reason    string        `json:"reason,omitempty"`   // the legal reason why it was kept
	Received  time.Time     `json:"received,omitzero"`  // by the gateway
	Delivered time.Time     `json:"delivered,omitzero"`
	Answered  time.Time     `json:"answered,omitzero"`
	Due       time.Time     `json:"due,omitzero"`
	Overdue   bool          `json:"overdue,omitempty"`
	ReadBy    []string      `json:"readBy,omitempty"`   // whose people are known to have opened what is changed
	Delivery  string        `json:"delivery,omitempty"` // of one that came in
	Changed   []string      `json:"changed,omitempty"`  // of one that came in: the deliveries that it changes

	own bool // this country sent it
}

// Changes are what offices of a country told past recipients, and what they were told.
type Changes struct {
	Sent     []ChangeState `json:"sent"`     // by request, the newest first
	Received []ChangeState `json:"received"` // the newest first
}

// Changes lists the recalls, corrections and changes of consent of the parties: those that
// one request sent, also where it could not reach a recipient, and those that were sent by
// themselves.
func (a *Adapter) Changes(ctx context.Context, mine func(gateway.Party) bool) (Changes, error) {
	out := Changes{Sent: []ChangeState{}, Received: []ChangeState{}}
	all, err := a.Store.Conversations(ctx)
	if err != nil {
		return out, err
	}
	known := map[gateway.MessageID]ChangeState{}
	for _, list := range all {
		for _, s := range a.changeStates(list) {
			switch {
			case s.own && mine(s.Issuer):
				known[gateway.MessageID{Issuer: s.Issuer, ID: s.ID}] = s
			case !s.own && mine(s.Audience):
				out.Received = append(out.Received, s)
			}
		}
	}
	requests, err := a.Store.Changes(ctx)
	if err != nil {
		return out, err
	}
	for _, c := range requests {
		states, err := a.partStates(ctx, c, known)
		if err != nil {
			return out, err
		}
		for _, s := range states {
			if mine(s.Issuer) {
				out.Sent = append(out.Sent, s)
			}
			delete(known, gateway.MessageID{Issuer: s.Issuer, ID: s.ID})
		}
	}
	var single []ChangeState
	for _, s := range known {
		single = append(single, s)
	}
	newest := func(x, y ChangeState) int { return cmp.Or(y.Received.Compare(x.Received), cmp.Compare(y.ID, x.ID)) }
	slices.SortFunc(single, newest)
	slices.SortFunc(out.Received, newest)
	out.Sent = append(out.Sent, single...)
	return out, nil
}

// partStates are the states of a request's parts, in their order. A part that the gateway
// refused is no exchange any more, and one that the desk refused never was.
func (a *Adapter) partStates(ctx context.Context, c store.Change, known map[gateway.MessageID]ChangeState) ([]ChangeState, error) {
	out := make([]ChangeState, 0, len(c.Parts))
	for _, p := range c.Parts {
		s, ok := known[p.Message]
		if !ok || p.Message.ID == "" {
			s = ChangeState{
				Issuer: p.Message.Issuer, ID: p.Message.ID, Audience: p.Audience, Thread: p.Thread, Type: p.Type, Act: p.Act, Target: p.Target,
				State: ChangeNotSent, Code: p.Code,
			}
		}
		if !ok && p.Message.ID != "" {
			o, err := a.Store.Outgoing(ctx, p.Message.ID)
			if err != nil && !errors.Is(err, store.ErrUnknown) {
				return nil, err
			}
			if d := sent(o).Problem; d != nil {
				s.Code = d.Code
			}
		}
		s.Change, s.Withheld = c.ID, p.Withheld
		out = append(out, s)
	}
	return out, nil
}

// replayed are the exchanges of a conversation by their messages.
func (a *Adapter) replayed(list []store.Exchange) map[gateway.MessageID]gateway.Exchange {
	out := map[gateway.MessageID]gateway.Exchange{}
	for _, x := range a.Procedure.Replay(list) {
		out[x.Asked.MessageID()] = x
	}
	return out
}

// changesAll reports whether a message is of those that go to every past recipient.
func changesAll(h gateway.Head) bool {
	return h.Frame() == "change" && slices.Contains([]string{KindConsent, KindCorrection, KindRecall}, h.Topic())
}

// changeStates are what has become of the changes of a conversation.
func (a *Adapter) changeStates(list []store.Exchange) []ChangeState {
	if !slices.ContainsFunc(list, func(x store.Exchange) bool { return changesAll(x.Head) }) {
		return nil
	}
	played := a.replayed(list)
	var out []ChangeState
	for _, x := range list {
		if changesAll(x.Head) {
			out = append(out, changeState(x, list, played[x.Head.MessageID()].Duty, a.Now()))
		}
	}
	return out
}

// changeState is what has become of one, among the messages of its conversation.
func changeState(x store.Exchange, list []store.Exchange, d gateway.Duty, now time.Time) ChangeState {
	h := x.Head
	s := ChangeState{
		own:    x.Own,
		Change: x.Change, Issuer: h.Issuer, ID: h.ID, Audience: h.Audience, Thread: h.Thread, Type: h.Type, Act: h.Act, Target: h.Target,
		Withheld: x.WithheldBy, Received: x.Received, Delivered: x.Delivered, Delivery: x.Delivery, State: ChangeToSend,
	}
	switch {
	case !x.Delivered.IsZero():
		s.State = ChangeDelivered
	case !x.Failed.IsZero():
		s.State = ChangeFailed
	case !x.Received.IsZero():
		s.State = ChangeSent
	}
	for _, y := range list { // the later answer stands
		if y.Head.Frame() == "answer" && y.Head.InReplyTo == h.ID && y.Head.Issuer == h.Audience && !y.Received.IsZero() {
			s.Answered, s.Reason = y.Received, y.Reason
			s.State = ChangeAnswered
			if slices.Contains([]string{ChangeDone, ChangePartly, ChangeKept}, y.Head.Outcome) {
				s.State = y.Head.Outcome
			}
		}
	}
	s.Due = d.Due
	s.Overdue = d.Ended.IsZero() && !d.Due.IsZero() && now.After(d.Due)
	for _, t := range targetsOf(x, list) {
		s.ReadBy = append(s.ReadBy, readersOf(t, list)...)
		if !x.Own && t.Delivery != "" {
			s.Changed = append(s.Changed, t.Delivery)
		}
	}
	slices.Sort(s.ReadBy)
	s.ReadBy = slices.Compact(s.ReadBy)
	return s
}

// targetsOf are the messages of a conversation that a change is about.
func targetsOf(x store.Exchange, list []store.Exchange) []store.Exchange {
	var out []store.Exchange
	for _, t := range list {
		if about(x, t) {
			out = append(out, t)
		}
	}
	return out
}

// about reports whether a change is about a message of its sender: the one that it names,
// whichever came first, or, where it names the conversation, one that was sent before it.
func about(x, t store.Exchange) bool {
	h := x.Head
	if t.Head.Issuer != h.Issuer || t.Head.Thread != h.Thread || t.Head.ID == h.ID {
		return false
	}
	return names(h.Target, t.Head.ID) || h.Target == h.Thread && tells(t.Head) && (x.Received.IsZero() || !t.Received.After(x.Received))
}

// names reports whether a target is a message, or a part of it.
func names(target, jti string) bool {
	rest, ok := bytes.CutPrefix([]byte(target), []byte(jti))
	return ok && jti != "" && (len(rest) == 0 || rest[0] == '#')
}

// readersOf are the roles whose people are known to have opened a message: as they
// testified, and whoever answered it has read it.
func readersOf(t store.Exchange, list []store.Exchange) []string {
	roles := t.Readers()
	for _, y := range list {
		if y.Head.Frame() == "answer" && y.Head.InReplyTo == t.Head.ID && y.Head.Issuer == t.Head.Audience {
			roles = append(roles, y.Head.Issuer.Role())
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

func (a *Adapter) postChanges(w http.ResponseWriter, r *http.Request, c Caller) error {
	raw, in, err := changeRequest(w, r)
	if err != nil {
		return err
	}
	key, err := repeatKey(r)
	if err != nil {
		return err
	}
	if key != "" {
		// Two offices may call their requests alike.
		key = fmt.Sprint(c.Parties) + " " + key
	}
	var done store.Change
	err = a.once(r.Context(), "change "+key, key != "", raw, func() error {
		done, err = a.SendChange(r.Context(), in, a.may(c), key)
		return err
	})
	if err != nil {
		return err
	}
	known := map[gateway.MessageID]ChangeState{}
	for _, p := range done.Parts {
		list, err := a.Store.Thread(r.Context(), p.Thread)
		if err != nil {
			return err
		}
		for _, s := range a.changeStates(list) {
			known[gateway.MessageID{Issuer: s.Issuer, ID: s.ID}] = s
		}
	}
	parts, err := a.partStates(r.Context(), done, known)
	if err != nil {
		return err
	}
	mine := a.may(c)
	parts = slices.DeleteFunc(parts, func(s ChangeState) bool { return !mine(s.Issuer) })
	answer(w, http.StatusAccepted, map[string]any{"change": done.ID, "parts": parts})
	return nil
}

func (a *Adapter) postChangesPreview(w http.ResponseWriter, r *http.Request, c Caller) error {
	_, in, err := changeRequest(w, r)
	if err != nil {
		return err
	}
	reach, err := a.PreviewChange(r.Context(), in, a.may(c))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, reach)
	return nil
}

// getChanges lists what was told to past recipients, and what came in: of one party with
// party=.
func (a *Adapter) getChanges(w http.ResponseWriter, r *http.Request, c Caller) error {
	mine, err := a.asked(r, c)
	if err != nil {
		return err
	}
	list, err := a.Changes(r.Context(), mine)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, list)
	return nil
}

// may is for whom a caller speaks.
func (a *Adapter) may(c Caller) func(gateway.Party) bool {
	return func(p gateway.Party) bool { return p.Country() == a.Country && c.may(p) }
}

// repeatKey is the national system's own name of a request, empty if it gives none.
func repeatKey(r *http.Request) (string, error) {
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 128 {
		return "", gateway.Refuse(gateway.CodeTooLarge, "", "An Idempotency-Key has at most 128 characters.")
	}
	return key, nil
}

// changeRequest reads a request as strictly as a draft. What is wrong in it is not quoted.
func changeRequest(w http.ResponseWriter, r *http.Request) ([]byte, ChangeRequest, error) {
	var in ChangeRequest
	raw, err := body(w, r)
	if err != nil {
		return nil, in, err
	}
	if _, err := envelope.DecodeJSON(raw); err != nil {
		return nil, in, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if d.Decode(&in) != nil {
		return nil, in, gateway.Refuse(gateway.CodeSchema, "", "Known are kind, from, case, threads, messages, effect, block, content, reason, lane, purpose, basis, agreement, effectiveAt and test.")
	}
	return raw, in, nil
}
