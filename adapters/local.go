package adapters

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"example.org/trm/gateway"
)

// Caller is somebody in the country who may use the local API, and as whom.
type Caller struct {
	Token   string          // at least 32 characters
	Parties []gateway.Party // for whom it may send and report; empty: all of the country's
}

// maxDraft bounds what a national system may send.
const maxDraft = 256 << 10

// Handler is the local API, for the national system in the same country:
//
//	POST /v1/drafts                     plain JSON in; 202 with the message's id once the sealed envelope is on disk
//	POST /v1/preview                    what each role at the other end would see, and what would be withheld
//	GET  /v1/outbox/{jti}               how far a message came, with receipt and evidence
//	GET  /v1/outbox/{jti}/envelope      its bytes as they were signed, for a second person to approve
//	POST /v1/approvals                  a second person's approval of a message that overrides rules, or its review
//	GET  /v1/deliveries/{id}            how far a delivery came
//	POST /v1/deliveries/{id}/read       a person opened it
//	POST /v1/deliveries/{id}/taken-on   a person took it on; for a notice that makes the answer which closes it, too
//	GET  /v1/notices                    what waits for whom, and who was told what and when
//	GET  /v1/refs/{ref}                 the message that a reference stands for
//	GET  /v1/deliveries/{id}/answer     the answer to a change, begun: what was done is for the office to say
//	GET  /v1/duties                     what the caller's parties owe and are owed, and by when
//	POST /v1/cases                      conversations that an office keeps under a reference of its own
//	POST /v1/changes/preview            whom a recall, correction or change of consent would reach, and with what
//	POST /v1/changes                    that, sent: one message to each past recipient
//	GET  /v1/changes                    what was sent so, and what has become of each; and what came in
//	GET  /v1/alarms                     what a person must look at, and the gaps in pair numbers
//	GET  /healthz, GET /readyz          alive; able to receive and send safely
//
// Everything but the last two asks for a bearer token of [Config.Callers]. A request with
// an Idempotency-Key gets the first answer to that key for ever; another request under it
// is refused.
func (a *Adapter) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request, Caller) error{
		"POST /v1/drafts":                   a.postDraft,
		"POST /v1/preview":                  a.postPreview,
		"GET /v1/outbox/{jti}":              a.getOutbox,
		"GET /v1/outbox/{jti}/envelope":     a.getEnvelope,
		"POST /v1/approvals":                a.postApproval,
		"GET /v1/deliveries/{id}":           a.getDelivery,
		"POST /v1/deliveries/{id}/read":     a.report(gateway.ContentHandover),
		"POST /v1/deliveries/{id}/taken-on": a.report(gateway.TakenOn),
		"GET /v1/notices":                   a.getNotices,
		"GET /v1/refs/{ref}":                a.getRef,
		"GET /v1/deliveries/{id}/answer":    a.getAnswer,
		"GET /v1/duties":                    a.getDuties,
		"POST /v1/cases":                    a.postCase,
		"POST /v1/changes":                  a.postChanges,
		"POST /v1/changes/preview":          a.postChangesPreview,
		"GET /v1/changes":                   a.getChanges,
		"GET /v1/alarms":                    a.getAlarms,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			c, ok := a.caller(r)
			if !ok {
				w.Header().Set("WWW-Authenticate", "Bearer")
				a.fail(w, r, gateway.Refuse(gateway.CodeUnauthenticated, "", "Call with a bearer token of this adapter."))
				return
			}
			if err := h(w, r, c); err != nil {
				a.fail(w, r, err)
			}
		})
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, struct{}{}) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		err := a.Store.Writable(r.Context())
		if err == nil && a.Ready != nil {
			err = a.Ready(r.Context())
		}
		if err != nil {
			a.Log.Warn("not ready", "country", string(a.Country), "err", err)
			a.fail(w, r, gateway.Unavailable(gateway.CodeBusy, 0, err))
			return
		}
		answer(w, http.StatusOK, struct{}{})
	})
	return mux
}

// caller finds who calls. The comparison takes the same time whatever is wrong.
func (a *Adapter) caller(r *http.Request) (found Caller, ok bool) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || token == "" {
		return Caller{}, false
	}
	got := sha256.Sum256([]byte(token))
	for _, c := range a.Callers {
		want := sha256.Sum256([]byte(c.Token))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			found, ok = c, true
		}
	}
	return found, ok
}

func (c Caller) may(p gateway.Party) bool {
	return len(c.Parties) == 0 || slices.Contains(c.Parties, p)
}

// fail renders what went wrong. What is not a problem is internal: the caller learns
// nothing more, the operator reads the log.
func (a *Adapter) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := gateway.AsProblem(err)
	d := p.Document()
	if p.Code == gateway.CodeInternal {
		a.Log.Error("local request failed", "country", string(a.Country), "route", r.Pattern, "err", err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(d.Status)
	_ = json.NewEncoder(w).Encode(d) // a caller who is gone needs no answer
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// body reads a request's JSON, bounded. Its content appears in no error.
func body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if m, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); m != "application/json" {
		return nil, gateway.Refuse(gateway.CodeMediaType, "", "Send application/json.")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDraft))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return nil, gateway.Refuse(gateway.CodeTooLarge, "", "A draft has at most 256 KiB.")
	case err != nil:
		return nil, gateway.Refuse(gateway.CodeMalformed, "", "The request ended early.")
	}
	return raw, nil
}
