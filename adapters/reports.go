package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// Arrival is what the national system is told of a delivery.
type Arrival struct {
	Delivery string             `json:"delivery"`
	Issuer   gateway.Party      `json:"iss"`
	ID       string             `json:"jti"`
	Audience gateway.Party      `json:"aud"`
	Pair     gateway.PairNumber `json:"pair"`
	State    store.State        `json:"state"`
	Code     gateway.Code       `json:"code,omitempty"`
	TakenAt  time.Time          `json:"takenAt"`
	Expires  time.Time          `json:"expires"`
	Evidence []Told             `json:"evidence"`
	Changes  []Mark             `json:"changes,omitempty"` // recalled, corrected, or the person's agreement changed
	// Acknowledgement is the answer that closes a notice, once a person took it on: "sent",
	// when it is on its way, or "refused", when a person must write it.
	Acknowledgement string `json:"acknowledgement,omitempty"`
}

// Told is evidence of ours, and whether the gateway has acknowledged it.
type Told struct {
	Event gateway.Event  `json:"event"`
	Role  string         `json:"role,omitempty"`
	At    time.Time      `json:"at"`
	State store.Standing `json:"state"`
	JWS   string         `json:"jws"`
}

// Report signs that a person of the role opened a delivery ([gateway.ContentHandover]) or
// took it on ([gateway.TakenOn]), and sends it. The same again changes nothing. role may
// be empty for the addressee's own.
func (a *Adapter) Report(ctx context.Context, delivery string, e gateway.Event, role string) error {
	d, err := a.Store.Delivery(ctx, delivery)
	if errors.Is(err, store.ErrUnknown) {
		return gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	if err != nil {
		return err
	}
	if role == "" {
		role = d.Audience.Role()
	}
	at, err := a.Store.Attempts(ctx, delivery)
	if err != nil {
		return err
	}
	if d.State != store.Delivered || !slices.ContainsFunc(at[d.Audience.In(role)], func(a store.Attempt) bool { return a.Done }) {
		return gateway.Refuse(gateway.CodeEvidence, "/role", "That role has no part of this delivery, or not yet: report what a person of a role that has one did with it.")
	}
	ev, err := gateway.Testify(gateway.Statement{
		ID: a.NewID(), Signer: d.Audience, At: a.Now().UTC().Truncate(time.Second), Event: e, Message: d.Message,
		Delivery: d.ID, Pair: d.Pair, SDHash: d.SDHash, Role: role,
	}, a.Notary)
	if err != nil {
		return fmt.Errorf("signing evidence: %w", err)
	}
	t, err := a.Store.Give(ctx, d.ID, ev, a.Now().Add(a.Retell.after(1)))
	if err != nil {
		return err
	}
	if t.State != store.Untold {
		return nil
	}
	if err := a.tell(ctx, t); err != nil {
		// It is on disk and will be sent again: the person need not know.
		a.Log.Warn("evidence waits", "country", string(a.Country), "delivery", d.ID, "err", err)
	}
	return nil
}

func (a *Adapter) report(e gateway.Event) func(http.ResponseWriter, *http.Request, Caller) error {
	return func(w http.ResponseWriter, r *http.Request, c Caller) error {
		var in struct {
			Role string `json:"role"`
		}
		if r.ContentLength != 0 {
			raw, err := body(w, r)
			if err != nil {
				return err
			}
			if json.Unmarshal(raw, &in) != nil {
				return gateway.Refuse(gateway.CodeRequest, "", `Send {"role": "..."} or nothing.`)
			}
		}
		id := r.PathValue("id")
		d, err := a.seen(r.Context(), id, c, in.Role)
		if err != nil {
			return err
		}
		if err := a.Report(r.Context(), d.ID, e, in.Role); err != nil {
			return err
		}
		if e == gateway.TakenOn {
			if err := a.closeTaken(r.Context()); err != nil {
				return err
			}
		}
		return a.show(w, r, d.ID)
	}
}

// seen finds a delivery that the caller may know of.
func (a *Adapter) seen(ctx context.Context, id string, c Caller, role string) (store.Delivery, error) {
	d, err := a.Store.Delivery(ctx, id)
	reader := d.Audience
	if role != "" {
		reader = d.Audience.In(role)
	}
	if errors.Is(err, store.ErrUnknown) || err == nil && !c.may(reader) {
		return d, gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	return d, err
}

func (a *Adapter) getDelivery(w http.ResponseWriter, r *http.Request, c Caller) error {
	d, err := a.seen(r.Context(), r.PathValue("id"), c, "")
	if err != nil {
		return err
	}
	return a.show(w, r, d.ID)
}

func (a *Adapter) show(w http.ResponseWriter, r *http.Request, id string) error {
	d, err := a.Store.Delivery(r.Context(), id)
	if err != nil {
		return err
	}
	ts, err := a.Store.Evidence(r.Context(), id)
	if err != nil {
		return err
	}
	out := Arrival{
		Delivery: d.ID, Issuer: d.Message.Issuer, ID: d.Message.ID, Audience: d.Audience, Pair: d.Pair,
		State: d.State, Code: d.Code, TakenAt: d.TakenAt, Expires: d.Expires, Evidence: []Told{},
	}
	switch n, err := a.Store.NoticeOf(r.Context(), id); {
	case err == nil:
		out.Acknowledgement = n.AckState
	case !errors.Is(err, store.ErrUnknown):
		return err
	}
	for _, t := range ts {
		out.Evidence = append(out.Evidence, Told{Event: t.Event, Role: t.Role, At: t.MadeAt, State: t.State, JWS: t.JWS})
	}
	if x, err := a.Store.Message(r.Context(), d.Message); err == nil {
		list, err := a.Store.About(r.Context(), d.Message, x.Head.Thread)
		if err != nil {
			return err
		}
		out.Changes = marks(x, list)
	} else if !errors.Is(err, store.ErrUnknown) {
		return err
	}
	answer(w, http.StatusOK, out)
	return nil
}

// getAlarms lists what a person must look at. It is for callers who act for the whole
// country.
func (a *Adapter) getAlarms(w http.ResponseWriter, r *http.Request, c Caller) error {
	if len(c.Parties) > 0 {
		return gateway.Refuse(gateway.CodeForbidden, "", "")
	}
	alarms, err := a.Store.Alarms(r.Context(), 200)
	if err != nil {
		return err
	}
	gaps, err := a.Store.Gaps(r.Context(), 200)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"alarms": alarms, "gaps": gaps})
	return nil
}
