package adapters

import (
	"context"
	"encoding/base32"
	"errors"
	"net/http"
	"slices"
	"strings"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// Begun is the answer to a change as far as an adapter can write it. What was done about
// the change is for the office to say: outcome and each result are missing, and without
// them no message can be made of it.
type Begun struct {
	Draft map[string]any `json:"draft"`
	// ReadBy are the roles whose people are known to have opened what is recalled. That
	// there are none proves nothing: a system need not report reading.
	ReadBy []string `json:"readBy"`
	// Changed are the deliveries that the change is about, where they came.
	Changed []string `json:"changed"`
	// Missing are what the office has to say before it can be sent.
	Missing []string `json:"missing"`
}

// BeginAnswer begins the answer to a change that was delivered. It erases nothing and
// says of nothing that it was erased.
func (a *Adapter) BeginAnswer(ctx context.Context, d store.Delivery) (Begun, error) {
	x, err := a.Store.Message(ctx, d.Message)
	if errors.Is(err, store.ErrUnknown) || err == nil && x.Head.Frame() != "change" {
		return Begun{}, gateway.Refuse(gateway.CodeNotFound, "", "Only a change that was delivered is answered so.")
	}
	if err != nil {
		return Begun{}, err
	}
	list, err := a.Store.Thread(ctx, x.Head.Thread)
	if err != nil {
		return Begun{}, err
	}
	b := Begun{ReadBy: []string{}, Changed: []string{}, Missing: []string{"/outcome"}}
	for _, t := range targetsOf(x, list) {
		b.ReadBy = append(b.ReadBy, readersOf(t, list)...)
		if t.Delivery != "" {
			b.Changed = append(b.Changed, t.Delivery)
		}
	}
	slices.Sort(b.ReadBy)
	b.ReadBy = slices.Compact(b.ReadBy)
	results := map[string]any{}
	// A local id tells nobody anything, and is the same whenever this answer is begun, so that
	// sending it again is the same request.
	add := func(code, role string) error {
		sum, err := a.Store.Derive(ctx, "answer", d.ID, code, role)
		if err != nil {
			return err
		}
		id := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5]))
		members := map[string]any{"code": code}
		if role != "" {
			members["readBy"] = role
		}
		results[id] = members
		b.Missing = append(b.Missing, "/blocks/results/"+id+"/result")
		return nil
	}
	for _, code := range x.Head.Act {
		if x.Head.Topic() != KindRecall || len(b.ReadBy) == 0 {
			if err := add(code, ""); err != nil {
				return Begun{}, err
			}
			continue
		}
		for _, role := range b.ReadBy {
			if err := add(code, role); err != nil {
				return Begun{}, err
			}
		}
	}
	b.Draft = map[string]any{
		"type": "applied.answer/1.0", "from": x.Head.Audience, "to": x.Head.Issuer, "thread": x.Head.Thread, "inReplyTo": x.Head.ID,
		"lane": x.Head.Lane, "purpose": x.Head.Purpose, "blocks": map[string]any{"results": results},
	}
	return b, nil
}

func (a *Adapter) getAnswer(w http.ResponseWriter, r *http.Request, c Caller) error {
	d, err := a.seen(r.Context(), r.PathValue("id"), c, "")
	if err != nil {
		return err
	}
	b, err := a.BeginAnswer(r.Context(), d)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, b)
	return nil
}
