package adapters

import (
	"context"
	"slices"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/store"
)

// Mark says of a delivery that it was recalled, corrected, or that the person's agreement
// to it changed.
type Mark struct {
	Type     string   `json:"type"` // recall.change/1.0
	Act      []string `json:"act"`
	Target   string   `json:"target"`
	Delivery string   `json:"delivery"` // of the change
}

// concerned finds the deliveries that a change is about, by the role here that was given
// something of them. Where the change carries nothing for such a role it is told all the
// same: whoever has a part of a message learns that the message was taken back.
func (a *Adapter) concerned(ctx context.Context, o incoming.Opened) (map[string][]string, error) {
	if !changesAll(o.Head) {
		return nil, nil
	}
	list, err := a.Store.Thread(ctx, o.Head.Thread)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, t := range targetsOf(store.Exchange{Head: o.Head, Received: o.Binding.IssuedAt}, list) {
		for _, role := range t.Roles {
			out[role] = append(out[role], t.Delivery)
		}
	}
	return out, nil
}

// overtaken finds the changes that came before the message that they are about, though its
// sender had sent it first: it is delivered with their marks.
func (a *Adapter) overtaken(ctx context.Context, o incoming.Opened) ([]Mark, error) {
	list, err := a.Store.About(ctx, o.Head.MessageID(), o.Head.Thread)
	if err != nil {
		return nil, err
	}
	return marks(store.Exchange{Head: o.Head, Received: o.Binding.IssuedAt}, list), nil
}

// marks are those of the changes to a message, in their order.
func marks(t store.Exchange, list []store.Exchange) []Mark {
	var out []Mark
	for _, x := range list {
		if changesAll(x.Head) && about(x, t) {
			out = append(out, Mark{Type: x.Head.Type, Act: x.Head.Act, Target: x.Head.Target, Delivery: x.Delivery})
		}
	}
	return out
}

// told adds what changes each consignment of a delivery concerns, and a consignment for
// each role that has what a change changes and gets nothing of the change itself: the head,
// which every reader sees, and no part.
func (a *Adapter) told(ctx context.Context, d store.Delivery, o incoming.Opened) ([]Consignment, error) {
	all := consignments(d, o)
	for i := range all {
		all[i].National = a.nationally(all[i])
	}
	if tells(o.Head) {
		m, err := a.overtaken(ctx, o)
		if err != nil {
			return nil, err
		}
		for i := range all {
			all[i].ChangedBy = m
		}
		return all, nil
	}
	concerned, err := a.concerned(ctx, o)
	if err != nil {
		return nil, err
	}
	for i, c := range all {
		all[i].Concerns = concerned[c.Reader.Role()]
		delete(concerned, c.Reader.Role())
	}
	roles := make([]string, 0, len(concerned))
	for role := range concerned {
		roles = append(roles, role)
	}
	slices.Sort(roles)
	for _, role := range roles {
		v := incoming.View{Party: d.Audience.In(role), Head: o.Views[0].Head}
		c := consignment(d, o, v)
		c.Concerns = concerned[role]
		all = append(all, c)
	}
	return all, nil
}
