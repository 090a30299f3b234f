package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// Sent is what the national system is told of a message on its way out.
type Sent struct {
	Issuer  gateway.Party     `json:"iss"`
	ID      string            `json:"jti"`
	Thread  string            `json:"thread"`
	State   store.Progress    `json:"state"`
	Sends   int               `json:"sends"`
	Receipt string            `json:"receipt,omitempty"`
	Problem *gateway.Document `json:"problem,omitempty"`
	// Gateway is what the gateway says of the message now, absent while it cannot be
	// asked. Evidence holds what of it was verified here.
	Gateway  gateway.State `json:"gateway,omitempty"`
	Evidence []Proven      `json:"evidence,omitempty"`
	// Found warns, once and of the urgent lane, of what the note tells.
	Found []outgoing.Found `json:"found,omitempty"`
}

// Proven is a piece of evidence whose signature was checked here.
type Proven struct {
	Event  gateway.Event `json:"event"`
	Signer gateway.Party `json:"signer"`
	At     time.Time     `json:"at"`
	Role   string        `json:"role,omitempty"`
	Code   gateway.Code  `json:"code,omitempty"`
	JWS    string        `json:"jws"`
}

// Send signs a draft and stores the envelope before anything leaves; [Adapter.Run] submits
// it. Once it returns, a crash loses nothing. The same repeat key, if one is given, returns
// the message that it made first.
func (a *Adapter) Send(ctx context.Context, d outgoing.Draft, repeat string) (store.Outgoing, error) {
	if d.From.Country() != a.Country {
		return store.Outgoing{}, gateway.Refuse(gateway.CodeForbidden, "/from", "This adapter sends for its own country.")
	}
	if repeat != "" {
		repeat = string(d.From) + " " + repeat
		if o, err := a.Store.Repeated(ctx, repeat); err == nil || !errors.Is(err, store.ErrUnknown) {
			return o, err
		}
	}
	k, ok := a.Keys(d.From)
	if !ok {
		return store.Outgoing{}, gateway.Refuse(gateway.CodePartyUnknown, "/from", "This adapter has no keys of that party.")
	}
	f, err := a.Store.Facts(ctx, d.Thread)
	if err != nil {
		return store.Outgoing{}, err
	}
	s, err := a.Desk.Sign(a.regional(d), f, k, outgoing.Options{})
	if err != nil {
		return store.Outgoing{}, err
	}
	p, err := a.Opener.Decode(s.Raw)
	if err != nil {
		return store.Outgoing{}, err
	}
	out := outgoingOf(p, s.Raw, repeat, a.Now())
	out.Exchange, out.Case = a.exchangeFor(s), d.Case
	o, _, err := a.Store.Put(ctx, out)
	if err != nil {
		return store.Outgoing{}, err
	}
	a.stored()
	return o, nil
}

func (a *Adapter) postDraft(w http.ResponseWriter, r *http.Request, c Caller) error {
	raw, d, err := draft(w, r, c)
	if err != nil {
		return err
	}
	repeat, err := repeatKey(r)
	if err != nil {
		return err
	}
	var o store.Outgoing
	err = a.once(r.Context(), "draft "+string(d.From)+" "+repeat, repeat != "", raw, func() error {
		o, err = a.Send(r.Context(), d, repeat)
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/outbox/"+o.ID.ID)
	s := sent(o)
	s.Found = d.Found()
	answer(w, http.StatusAccepted, s)
	return nil
}

func (a *Adapter) postPreview(w http.ResponseWriter, r *http.Request, c Caller) error {
	_, d, err := draft(w, r, c)
	if err != nil {
		return err
	}
	f, err := a.Store.Facts(r.Context(), d.Thread)
	if err != nil {
		return err
	}
	d, translated := a.translated(d)
	p, err := a.Desk.Preview(d, f)
	if err != nil {
		return err
	}
	if p.Unreached, err = a.unreached(r.Context(), p); err != nil {
		return err
	}
	answer(w, http.StatusOK, struct {
		outgoing.Preview
		// Translated are the places where the region's codes will stand for the office's own.
		Translated []Translated `json:"translated,omitempty"`
	}{p, translated})
	return nil
}

// once does what a request asks. Something else under a key that has done something is
// refused: its caller would believe that it was done.
func (a *Adapter) once(ctx context.Context, key string, keyed bool, raw []byte, do func() error) error {
	if !keyed {
		return do()
	}
	other, err := a.Store.Asked(ctx, key, raw)
	if err != nil {
		return err
	}
	if other {
		return gateway.Refuse(gateway.CodeKeyReused, "", "")
	}
	if err := do(); err != nil {
		return err
	}
	return a.Store.Ask(ctx, key, raw, a.Now())
}

func draft(w http.ResponseWriter, r *http.Request, c Caller) ([]byte, outgoing.Draft, error) {
	raw, err := body(w, r)
	if err != nil {
		return nil, outgoing.Draft{}, err
	}
	d, err := outgoing.ParseDraft(raw)
	if err != nil {
		return nil, outgoing.Draft{}, err
	}
	if !c.may(d.From) {
		return nil, outgoing.Draft{}, gateway.Refuse(gateway.CodeForbidden, "/from", "This caller does not send for that party.")
	}
	return raw, d, nil
}

// getOutbox says how far a message came: what was heard, and what the gateway says now, if
// it can be asked. Evidence is shown only once its signature was checked.
func (a *Adapter) getOutbox(w http.ResponseWriter, r *http.Request, c Caller) error {
	o, err := a.Store.Outgoing(r.Context(), r.PathValue("jti"))
	if errors.Is(err, store.ErrUnknown) || err == nil && !c.may(o.ID.Issuer) {
		return gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	if err != nil {
		return err
	}
	s := sent(o)
	heard, err := a.Store.Heard(r.Context(), o.ID)
	if err != nil {
		return err
	}
	if o.State == store.Received {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if st, err := a.Gate.Message(ctx, o.ID.Issuer, o.ID); err == nil {
			s.Gateway = st.State
			heard = append(heard, st.Evidence...)
		}
	}
	s.Evidence = a.proven(r.Context(), o.ID, heard)
	answer(w, http.StatusOK, s)
	return nil
}

// proven keeps the evidence that is about the message and whose signature holds, each
// once.
func (a *Adapter) proven(ctx context.Context, id gateway.MessageID, list []string) []Proven {
	var out []Proven
	for _, jws := range list {
		if slices.ContainsFunc(out, func(p Proven) bool { return p.JWS == jws }) {
			continue
		}
		e, err := a.about(ctx, id, jws)
		if err != nil {
			continue
		}
		s := e.Statement()
		out = append(out, Proven{Event: s.Event, Signer: s.Signer, At: s.At, Role: s.Role, Code: s.Code, JWS: jws})
	}
	return out
}

func sent(o store.Outgoing) Sent {
	s := Sent{Issuer: o.ID.Issuer, ID: o.ID.ID, Thread: o.Thread, State: o.State, Sends: o.Sends, Receipt: o.Receipt}
	if o.Problem != "" {
		var d gateway.Document
		if json.Unmarshal([]byte(o.Problem), &d) == nil {
			s.Problem = &d
		}
	}
	return s
}
