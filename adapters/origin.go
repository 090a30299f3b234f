package adapters

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.org/trm/gateway"
)

// Origin names the log in which the gateway goes on, "trm/2026": the first line of its
// newest checkpoint. It is empty where the gateway shows none.
func (c *Client) Origin(ctx context.Context, as gateway.Party) (string, error) {
	r, err := c.call(ctx, as, "GET", "/v1/log/checkpoint", nil, nil, maxStatus)
	if err == nil {
		err = r.failure()
	}
	var p *gateway.Problem
	if errors.As(err, &p) && p.Code == gateway.CodeNotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("asking for the log: %w", err)
	}
	origin, _, _ := strings.Cut(string(r.body), "\n")
	return origin, nil
}

// lookBack is how far back evidence is told again: as long as anything is owed for.
const lookBack = 30 * 24 * time.Hour

// succeed looks whether the gateway goes on in another log than before. After a roll-back
// it does, and has lost what came since the copy that it was restored from: what we sent
// is with us, and so is what we testified.
//
// The new origin is remembered once everything was asked about, so that a crash or an
// absence in between has it begin again, which changes nothing.
//
// asked is false where the gateway could not be asked, or shows no log where it had one: it
// is to be asked again soon.
func (a *Adapter) succeed(ctx context.Context) (asked bool, err error) {
	known, err := a.Store.Origin(ctx)
	if err != nil {
		return false, err
	}
	origin, err := a.Feed.Origin(ctx, a.office())
	if err != nil || origin == "" || origin == known {
		return err == nil && origin == known, err
	}
	if known != "" {
		a.Log.Warn("the gateway goes on in another log", "country", string(a.Country), "origin", origin, "before", known)
		n, err := a.GiveAgain(ctx)
		if err != nil {
			return false, err
		}
		m, err := a.tellAgain(ctx)
		if err != nil {
			return false, err
		}
		a.Log.Info("asked what the gateway still knows", "country", string(a.Country), "messages", n, "deliveries", m)
	}
	err = a.Store.GoOn(ctx, origin)
	return err == nil, err
}

// tellAgain sends again what was testified about deliveries that the gateway knows: it may
// have lost what it had recorded about them. What it does not know comes again under
// another number and is testified then.
func (a *Adapter) tellAgain(ctx context.Context) (int, error) {
	told, err := a.Store.Testified(ctx, a.Now().Add(-lookBack))
	if err != nil {
		return 0, err
	}
	n := 0
	for delivery, number := range told {
		f, err := a.Gate.Number(ctx, a.office(), number)
		if err != nil {
			return n, fmt.Errorf("looking for what the gateway has lost: %w", err)
		}
		if !f.Known {
			continue
		}
		if err := a.Store.Retell(ctx, delivery, a.Now()); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
