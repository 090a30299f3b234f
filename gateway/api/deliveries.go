package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

// Delivery is one that waits for a country: closed for its addressee.
type Delivery struct {
	ID      string `json:"delivery"`
	Wrapped string `json:"wrapped"`               // compact JWE
	Trace   string `json:"traceparent,omitempty"` // W3C, under which the adapter goes on
}

// Queue is where deliveries wait, for adapters that cannot reach it themselves; in
// production it is queue.Pull. Safe for concurrent use.
type Queue interface {
	// Take returns up to n deliveries and waits for the first at most for wait. What it
	// returns is given to nobody else for a while, and comes again after it until its final
	// evidence is recorded. giveBack ends that while; it is nil where there is nothing.
	Take(ctx context.Context, c gateway.Country, n int, wait time.Duration) (list []Delivery, giveBack func(context.Context) error, err error)
	// Release ends it for all that was taken for the country.
	Release(ctx context.Context, c gateway.Country) error
}

// handedAtOnce is how many deliveries one answer has at most, so that it crosses a slow
// line before its caller's patience ends.
const handedAtOnce = 8

// deliveries is GET /v1/deliveries: what waits for the caller's country, held open for a
// while when there is nothing. With fresh=true the caller says that it has just started:
// what an earlier life of it had in hand is given again at once.
func (d *door) deliveries(c echo.Context, caller gateway.Party) error {
	fresh, err := isFresh(c)
	if err != nil {
		return err
	}
	country := caller.Country()
	leave, err := d.pulls.enter(country)
	if err != nil {
		return err
	}
	defer leave()
	// The server's time for writing an answer has begun, and this one waits.
	deadline := time.Now().Add(d.limits.Hold + d.limits.Accept)
	if err := http.NewResponseController(c.Response()).SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("holding a call open: %w", err)
	}
	ctx, cancel := d.untilStop(c.Request().Context())
	defer cancel()
	if fresh {
		if err := d.Queue.Release(ctx, country); err != nil {
			return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, err)
		}
	}
	list, giveBack, err := d.Queue.Take(ctx, country, handedAtOnce, d.limits.Hold)
	switch gone := c.Request().Context().Err(); {
	case err != nil && (gone != nil || ctx.Err() == nil):
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, err)
	case gone != nil && len(list) > 0:
		d.giveBack(c, country, giveBack)
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, gone)
	}
	body, err := json.Marshal(struct {
		Deliveries []Delivery `json:"deliveries"`
	}{orEmpty(list)})
	if err != nil {
		return err
	}
	if err := d.send(c, http.StatusOK, typeJSON, body); err != nil && len(list) > 0 {
		d.giveBack(c, country, giveBack)
		return nil
	}
	d.meters.handed(ctx, country, len(list))
	return nil
}

// isFresh reads the one parameter, strictly: a word that is taken for another would let a
// caller have twice what it has in hand.
func isFresh(c echo.Context) (bool, error) {
	q := c.QueryParams()
	switch values, ok := q["fresh"]; {
	case len(q) == 0:
		return false, nil
	case ok && len(q) == 1 && len(values) == 1 && values[0] == "true":
		return true, nil
	}
	return false, gateway.Refuse(gateway.CodeRequest, "", "Say fresh=true in the first call after a start, and nothing otherwise.")
}

// giveBack lets others have at once what did not reach its caller. Where it fails, the
// deliveries come again after their time.
func (d *door) giveBack(c echo.Context, country gateway.Country, give func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), 5*time.Second)
	defer cancel()
	if err := give(ctx); err != nil {
		d.Log.WarnContext(ctx, "gave back deliveries in vain", "country", string(country), "err", err)
	}
}

// untilStop is a context that ends with the process, so that a call which is held open
// does not hold up its end.
func (d *door) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-d.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
