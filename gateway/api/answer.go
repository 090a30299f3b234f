package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

// Content types of answers.
const (
	typeProblem = "application/problem+json"
	typeJSON    = "application/json"
	typeReceipt = "application/jwt"
	typeYAML    = "application/yaml"
	typeSchema  = "application/schema+json"
)

// problem is what a caller is told: the gateway's document, and what HTTP adds to it.
type problem struct {
	gateway.Document
	// Instance names this one occurrence (RFC 9457, Section 3.1.5), for a caller who
	// asks the operator about it. It stands only where the caller learns nothing else.
	Instance string `json:"instance,omitempty"`
	// Failing names the checks that make the gateway not ready.
	Failing []string `json:"failing,omitempty"`
}

// fail is the one place where an error becomes an answer. What it does not know is
// "internal": the caller learns that and a number, the operator reads the cause.
func (d *door) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return // an answer is on its way; nothing more can be said
	}
	p := d.explain(err, c)
	doc := problem{Document: p.Document()}
	if p.Code == gateway.CodeInternal {
		doc.Detail, doc.Pointer = "", ""
		doc.Instance = "urn:uuid:" + requestID(c)
	}
	var f *failing
	if errors.As(err, &f) {
		doc.Failing = f.names
	}
	c.Set(keyProblem, p.Code)
	h := c.Response().Header()
	if doc.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if p.Wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.Wait.Seconds()))))
	}
	if err := d.refuse(c, doc); err != nil { // strings and numbers always marshal
		d.Log.ErrorContext(c.Request().Context(), "failed", "request", requestID(c), "err", err)
	}
}

// explain finds the problem in an error, also in those that Echo makes.
func (d *door) explain(err error, c echo.Context) *gateway.Problem {
	var p *gateway.Problem
	var h *echo.HTTPError
	var big *http.MaxBytesError
	switch ctx := c.Request().Context(); {
	case errors.As(err, &p):
	case errors.As(err, &big):
		p = gateway.Refuse(gateway.CodeTooLarge, "", "")
	case errors.As(err, &h) && h.Code == http.StatusMethodNotAllowed:
		p = gateway.Refuse(gateway.CodeMethod, "", "")
	case errors.As(err, &h) && h.Code < 500:
		p = gateway.Refuse(gateway.CodeNotFound, "", "")
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		// The caller went away, or the gateway is stopping: nobody is to be woken.
		p = gateway.Unavailable(gateway.CodeBusy, 5*time.Second, err)
	default:
		p = gateway.AsProblem(err)
	}
	d.report(p, err, c)
	return p
}

// report tells the operator what is the gateway's fault. What a caller did wrong is
// counted, not logged: the cause of a refusal may quote the bytes it refused. Nor is what
// a caller can make happen as often as it likes.
func (d *door) report(p *gateway.Problem, err error, c echo.Context) {
	ctx := c.Request().Context()
	switch {
	case p.Code == gateway.CodeInternal:
		d.Log.ErrorContext(ctx, "failed", "request", requestID(c), "err", err)
	case gateway.Codes[p.Code].Status < 500 || ctx.Err() != nil || errors.Is(err, errFull) || errors.As(err, new(*failing)):
	default:
		d.Log.WarnContext(ctx, "turned away", "request", requestID(c), "problem", string(p.Code), "err", p.Unwrap())
	}
}

// refuse writes a problem document.
func (d *door) refuse(c echo.Context, doc problem) error {
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return d.write(c, doc.Status, typeProblem, body)
}

// json answers with a value.
func (d *door) json(c echo.Context, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return d.write(c, http.StatusOK, typeJSON, body)
}

// write sends the body exactly as it is. A caller that does not take it has gone away,
// which is no error of ours: what is durable stays so, and the same request gets the same
// answer.
func (d *door) write(c echo.Context, status int, contentType string, body []byte) error {
	_ = d.send(c, status, contentType, body)
	return nil
}

// send is write for an answer of which it matters that it was sent.
func (d *door) send(c echo.Context, status int, contentType string, body []byte) error {
	h := c.Response().Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.Response().WriteHeader(status)
	_, err := c.Response().Write(body)
	if err != nil {
		d.Log.DebugContext(c.Request().Context(), "caller went away", "request", requestID(c))
	}
	return err
}
