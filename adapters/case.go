package adapters

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// filing says that an office keeps conversations under a reference of its own: also those
// that the other side began, and those that were begun before the office had a reference.
type filing struct {
	Party   gateway.Party `json:"party"`
	Case    string        `json:"case"`
	Threads []string      `json:"threads"`
}

// postCase files conversations. Filing again changes nothing.
func (a *Adapter) postCase(w http.ResponseWriter, r *http.Request, c Caller) error {
	raw, err := body(w, r)
	if err != nil {
		return err
	}
	if _, err := envelope.DecodeJSON(raw); err != nil {
		return err
	}
	var in filing
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	switch {
	case d.Decode(&in) != nil:
		return gateway.Refuse(gateway.CodeSchema, "", "Send party, case and threads.")
	case !a.may(c)(in.Party):
		return gateway.Refuse(gateway.CodeForbidden, "/party", "This caller does not speak for that party.")
	case in.Case == "" || len(in.Case) > maxReference:
		return gateway.Refuse(gateway.CodeSchema, "/case", "Give a reference of at most 128 bytes.")
	case len(in.Threads) == 0 || len(in.Threads) > maxParts:
		return gateway.Refuse(gateway.CodeSchema, "/threads", "Name conversations, at most "+strconv.Itoa(maxParts)+".")
	}
	for i, t := range in.Threads {
		list, err := a.Store.Thread(r.Context(), t)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(list, func(x store.Exchange) bool { return x.Head.Issuer == in.Party || x.Head.Audience == in.Party }) {
			return gateway.Refuse(gateway.CodeNotFound, "/threads/"+strconv.Itoa(i), "Name a conversation of this party.")
		}
	}
	for _, t := range in.Threads {
		if err := a.Store.File(r.Context(), in.Case, store.Dossier{Thread: t, Party: in.Party}); err != nil {
			return err
		}
	}
	answer(w, http.StatusOK, map[string]int{"threads": len(in.Threads)})
	return nil
}
