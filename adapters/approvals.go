package adapters

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// Approver gives what second persons sign to the gateway; in production it is the [Client].
// The same bytes again get the same answer. What it refuses is a *gateway.Problem. Safe for
// concurrent use.
type Approver interface {
	Approve(ctx context.Context, as gateway.Party, jws string) (answer string, err error)
}

// maxApproval bounds an approval, as the gateway does.
const maxApproval = 16 << 10

// getEnvelope gives out the bytes of a message that was signed here, for the second person
// who approves exactly these. Everything in them that identifies or harms is sealed.
func (a *Adapter) getEnvelope(w http.ResponseWriter, r *http.Request, c Caller) error {
	o, err := a.Store.Outgoing(r.Context(), r.PathValue("jti"))
	if errors.Is(err, store.ErrUnknown) || err == nil && (!c.may(o.ID.Issuer) || len(o.Envelope) == 0) {
		return gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/trm+sd-jwt+json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(o.Envelope) // a caller who is gone needs no answer
	return nil
}

// postApproval passes an approval, or a review, on to the gateway, and submits the message
// again at once that waited for it. The approval key is not here: a second person has it.
func (a *Adapter) postApproval(w http.ResponseWriter, r *http.Request, c Caller) error {
	if a.Approver == nil {
		return gateway.Refuse(gateway.CodeNotFound, "", "")
	}
	if m, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); m != "application/jwt" {
		return gateway.Refuse(gateway.CodeMediaType, "", "Send application/jwt.")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxApproval))
	if err != nil {
		return gateway.Refuse(gateway.CodeTooLarge, "", "An approval has at most 16 KiB.")
	}
	jws := strings.TrimSpace(string(raw))
	x, _, err := a.Approvals.ExamineApproval(jws)
	if err != nil {
		return err
	}
	if x.By.Country() != a.Country || !c.may(x.By) {
		return gateway.Refuse(gateway.CodeForbidden, "", "Approve for a party that this token may send as.")
	}
	said, err := a.Approver.Approve(r.Context(), x.By, jws)
	if err != nil {
		if gateway.AsProblem(err).Code == gateway.CodeInternal {
			return gateway.Unavailable(gateway.CodeBusy, 0, err)
		}
		return err
	}
	if err := a.Store.Hasten(r.Context(), x.Message, a.Now()); err != nil {
		return err
	}
	a.stored()
	w.Header().Set("Content-Type", "application/jwt")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, said)
	return nil
}
