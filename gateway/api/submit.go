package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/codes"

	"example.org/trm/gateway"
)

// TypeEnvelope is the content type of a message, exactly.
const TypeEnvelope = "application/trm+sd-jwt+json"

// LaneHeader announces the urgent lane before the message is read. It is never logged.
const LaneHeader = "TRM-Lane"

// submit is POST /v1/messages: read within bounds, accept, answer with the receipt.
func (d *door) submit(c echo.Context, caller gateway.Party) error {
	ctx := c.Request().Context()
	answer, err := d.receive(c, caller)
	if err != nil {
		d.meters.turnedAway(ctx, gateway.AsProblem(err).Code)
		return err
	}
	if answer.Refusal != nil {
		// A code may tell about a person, so the line names neither party nor message.
		d.Log.InfoContext(ctx, "refused message", "country", string(caller.Country()), "problem", string(answer.Refusal.Code), "repeat", answer.Repeat)
		doc := problem{Document: answer.Refusal.Document()}
		doc.Evidence = answer.Signed
		c.Set(keyProblem, answer.Refusal.Code)
		return d.refuse(c, doc)
	}
	id := d.locate(c, answer.Receipt)
	d.Log.InfoContext(ctx, "accepted message", "message", id, "party", string(caller), "repeat", answer.Repeat)
	return d.write(c, http.StatusAccepted, typeReceipt, answer.Receipt)
}

// receive reads what was submitted, in the order of what it costs to refuse, and has it
// accepted.
func (d *door) receive(c echo.Context, caller gateway.Party) (gateway.Answer, error) {
	r := c.Request()
	lane, err := announced(r)
	if err != nil {
		return gateway.Answer{}, err
	}
	if err := checkMedia(r, TypeEnvelope, ""); err != nil {
		return gateway.Answer{}, err
	}
	if r.ContentLength > d.limits.Body {
		return gateway.Answer{}, gateway.Refuse(gateway.CodeTooLarge, "", "")
	}
	if err := d.rates.take(caller, of(lane)); err != nil {
		return gateway.Answer{}, err
	}
	raw, err := d.body(c, d.limits.Body, "")
	if err != nil {
		return gateway.Answer{}, err
	}
	release, err := d.slots.submission(r.Context(), lane)
	if err != nil {
		return gateway.Answer{}, err
	}
	defer release()
	return d.accept(r.Context(), caller, lane, raw)
}

// announced reads the lane that the caller announces: urgent, or nothing.
func announced(r *http.Request) (gateway.Lane, error) {
	switch values := r.Header.Values(LaneHeader); {
	case len(values) == 0:
		return gateway.Normal, nil
	case len(values) == 1 && values[0] == string(gateway.Urgent):
		return gateway.Urgent, nil
	}
	return "", gateway.Refuse(gateway.CodeRequest, "", "Send TRM-Lane: urgent once, or leave it out.")
}

// checkMedia asks for exactly one content type, without parameters, and plain bytes.
func checkMedia(r *http.Request, media, hint string) error {
	values := r.Header.Values("Content-Type")
	if len(values) != 1 || values[0] != media || r.Header.Get("Content-Encoding") != "" {
		return gateway.Refuse(gateway.CodeMediaType, "", hint)
	}
	return nil
}

// atOnce is how much is made ready for a body that announces its length: most messages
// fit, and what is only announced costs no more.
const atOnce = 32 << 10

// body reads what was sent, and not a byte more than it may have.
func (d *door) body(c echo.Context, most int64, hint string) ([]byte, error) {
	r := c.Request()
	var raw bytes.Buffer
	raw.Grow(int(min(max(r.ContentLength, 0), atOnce)) + bytes.MinRead)
	_, err := raw.ReadFrom(http.MaxBytesReader(c.Response().Writer, r.Body, most))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return nil, gateway.Refuse(gateway.CodeTooLarge, "", hint)
	case err != nil:
		return nil, gateway.Refuse(gateway.CodeMalformed, "", "The request ended before the message did.")
	}
	return raw.Bytes(), nil
}

// accept calls the verb within its time and under its own span, and counts the outcome.
func (d *door) accept(ctx context.Context, caller gateway.Party, lane gateway.Lane, raw []byte) (gateway.Answer, error) {
	ctx, span := d.tracer.Start(ctx, "accept")
	// Not "defer span.End()": called so, End writes what a panic holds into the span.
	defer func() { span.End() }()
	ctx, cancel := context.WithTimeout(ctx, d.limits.Accept)
	defer cancel()
	began := time.Now()
	answer, err := d.Receiver.Accept(ctx, caller, lane, gateway.Received(raw, d.Now()), traceparent(ctx))
	if err != nil {
		span.SetStatus(codes.Error, "")
		return gateway.Answer{}, err
	}
	d.meters.answered(ctx, answer, time.Since(began))
	return answer, nil
}

// locate says where the message's state is shown, and returns its id. The receipt is
// durable whatever comes of this, so a failure is the operator's to know and not the
// sender's.
func (d *door) locate(c echo.Context, receipt []byte) string {
	s, _, err := d.Examiner.Examine(string(receipt))
	if err != nil {
		d.Log.ErrorContext(c.Request().Context(), "failed to read own receipt", "request", requestID(c))
		return ""
	}
	c.Response().Header().Set("Location", "/v1/messages/"+string(s.Message.Issuer)+"/"+s.Message.ID)
	return s.Message.ID
}
