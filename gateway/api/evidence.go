package api

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/codes"

	"example.org/trm/gateway"
)

// Collector takes the evidence of recipients; in production it is [gateway.Collector]. The
// acknowledgement that it returns without error is signed, and what it says is durable.
// Safe for concurrent use.
type Collector interface {
	Collect(ctx context.Context, from gateway.Country, jws string) (ack string, err error)
}

// maxEvidence bounds a piece of evidence, as the queue does.
const maxEvidence = 16 << 10

// evidence is POST /v1/evidence: one signed statement, answered with the gateway's signed
// acknowledgement that it is recorded, or that it is refused for ever. Who posts it does
// not matter beside the country: the statement proves its signer.
func (d *door) evidence(c echo.Context, caller gateway.Party) error {
	jws, release, err := d.statement(c, caller, "A piece of evidence has at most 16 KiB.")
	if err != nil {
		return err
	}
	defer release()
	ack, err := d.collect(c.Request().Context(), caller.Country(), jws)
	if err != nil {
		return err
	}
	return d.write(c, 200, typeReceipt, []byte(ack))
}

// statement reads one short signed statement, evidence or an approval, within its caller's
// rate. It holds a slot until release is called.
func (d *door) statement(c echo.Context, caller gateway.Party, tooLong string) (jws string, release func(), err error) {
	r := c.Request()
	if err := checkMedia(r, typeReceipt, "Send application/jwt."); err != nil {
		return "", nil, err
	}
	if err := d.rates.take(caller, testifying); err != nil {
		return "", nil, err
	}
	raw, err := d.body(c, maxEvidence, tooLong)
	if err != nil {
		return "", nil, err
	}
	if release, err = d.slots.evidence(r.Context()); err != nil {
		return "", nil, err
	}
	return string(raw), release, nil
}

// collect calls the verb within its time and under its own span. Whatever it could not
// decide is to be sent again.
func (d *door) collect(ctx context.Context, from gateway.Country, jws string) (string, error) {
	ctx, span := d.tracer.Start(ctx, "collect")
	defer func() { span.End() }() // see accept
	ctx, cancel := context.WithTimeout(ctx, d.limits.Accept)
	defer cancel()
	ack, err := d.Collector.Collect(ctx, from, jws)
	if err != nil {
		span.SetStatus(codes.Error, "")
		if p := gateway.AsProblem(err); p.Code == gateway.CodeInternal {
			err = gateway.Unavailable(gateway.CodeBusy, 5*time.Second, err)
		}
	}
	return ack, err
}
