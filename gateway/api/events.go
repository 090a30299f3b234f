package api

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

// Event is one step of a sender's feed.
type Event struct {
	Cursor  int64         `json:"cursor"` // where to read on from
	Message string        `json:"jti"`
	Event   gateway.Event `json:"event"`
	JWS     string        `json:"jws"`
}

// page is how many events one answer has at most.
const page = 100

// events is GET /v1/events?after=CURSOR: the signed statements about everything that the
// caller sent, in the order of recording. A sender that remembers the last cursor reads on
// from there and misses nothing.
func (d *door) events(c echo.Context, caller gateway.Party) error {
	after := int64(0)
	if q := c.QueryParams()["after"]; len(q) > 0 && q[0] != "" || len(q) > 1 {
		var err error
		if after, err = strconv.ParseInt(q[0], 10, 64); err != nil || after < 0 || len(q) > 1 {
			return gateway.Refuse(gateway.CodeRequest, "", "Give in after the cursor of an event, or leave it out.")
		}
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.limits.Accept)
	defer cancel()
	list, err := d.Messages.Events(ctx, caller, after, page)
	if err != nil {
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, fmt.Errorf("reading events: %w", err))
	}
	if len(list) > 0 {
		after = list[len(list)-1].Cursor
	}
	return d.json(c, struct {
		Events []Event `json:"events"`
		Next   int64   `json:"next"` // the cursor to go on from
		More   bool    `json:"more"` // there may be more already
	}{orEmpty(list), after, len(list) == page})
}
