package adapters

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"example.org/trm/adapters/store"
	"example.org/trm/gateway"
)

// Feed is what the gateway tells a party about everything that it sent; [Client] is one.
type Feed interface {
	// Events returns the signed statements after a cursor, in the order of recording.
	Events(ctx context.Context, as gateway.Party, after int64) (Events, error)
	// Origin names the log in which the gateway goes on; empty where it shows none. In
	// another one, cursors may count anew.
	Origin(ctx context.Context, as gateway.Party) (string, error)
}

// Events is a page of a party's feed.
type Events struct {
	Events []Event `json:"events"`
	Next   int64   `json:"next"` // the cursor to go on from
	More   bool    `json:"more"` // there may be more already
}

// Event is one signed statement about a message that the party sent.
type Event struct {
	ID  string `json:"jti"` // of the message
	JWS string `json:"jws"`
}

// Events asks for a page of the party's feed.
func (c *Client) Events(ctx context.Context, as gateway.Party, after int64) (Events, error) {
	var e Events
	path := "/v1/events?" + url.Values{"after": {strconv.FormatInt(after, 10)}}.Encode()
	if err := c.get(ctx, as, path, maxDirectory, &e); err != nil {
		return Events{}, fmt.Errorf("asking for events: %w", err)
	}
	return e, nil
}

// follow reads the feeds of this country's senders, so that evidence is here whatever
// becomes of the gateway.
func (a *Adapter) follow(ctx context.Context) error {
	if a.Feed == nil {
		<-ctx.Done()
		return nil
	}
	for n, again := 0, 0; ; n++ {
		if n >= again {
			again = n + succeedEvery
			asked, err := a.succeed(ctx)
			if err != nil && ctx.Err() == nil {
				a.Log.Warn("asked in vain whether the gateway has lost something", "country", string(a.Country), "err", err)
			}
			if !asked {
				again = n + 1
			}
		}
		senders, err := a.Store.Senders(ctx)
		if err != nil {
			return err
		}
		for _, p := range senders {
			if err := a.hear(ctx, p); err != nil && ctx.Err() == nil {
				a.Log.Warn("read a feed in vain", "country", string(a.Country), "party", string(p), "err", err)
			}
		}
		if !pause(ctx, a.Follow, nil) {
			return nil
		}
	}
}

// hear reads one sender's feed to its end.
func (a *Adapter) hear(ctx context.Context, p gateway.Party) error {
	after, err := a.Store.Cursor(ctx, p)
	if err != nil {
		return err
	}
	for {
		page, err := a.Feed.Events(ctx, p, after)
		if err != nil {
			return err
		}
		if page.Next < after || page.More && page.Next == after {
			return errors.New("the feed does not go on")
		}
		of := make(map[string]gateway.MessageID, len(page.Events)) // by JWS
		var proven []gateway.Evidence
		for _, e := range page.Events {
			id := gateway.MessageID{Issuer: p, ID: e.ID}
			ev, err := a.about(ctx, id, e.JWS)
			if err != nil {
				a.alarm(ctx, AlarmHeard, e.ID, gateway.AsProblem(err).Code)
				continue
			}
			of[e.JWS] = id
			proven = append(proven, ev)
		}
		fresh, err := a.Store.Hear(ctx, p, page.Next, proven, func(e gateway.Evidence) gateway.MessageID { return of[e.JWS()] })
		if err != nil {
			return err
		}
		for _, e := range fresh {
			a.heard(ctx, of[e.JWS()], e.Statement())
		}
		if after = page.Next; !page.More {
			return nil
		}
	}
}

// about proves evidence about a message of ours: signed by the gateway or by the one to
// whom it was sent.
func (a *Adapter) about(ctx context.Context, id gateway.MessageID, jws string) (gateway.Evidence, error) {
	e, err := gateway.Witnessed(jws, a.Examiner, a.Directory)
	if err != nil {
		return e, err
	}
	s := e.Statement()
	if !concerns(s, id) {
		return e, gateway.Refuse(gateway.CodeEvidence, "", "")
	}
	o, err := a.Store.Outgoing(ctx, id.ID)
	switch {
	case errors.Is(err, store.ErrUnknown):
		return e, nil // sent before this journal began
	case err != nil:
		return e, err
	case s.Signer != gateway.TheGateway && s.Signer != o.Audience:
		return e, gateway.Refuse(gateway.CodeEvidence, "", "")
	}
	return e, nil
}

// concerns reports whether a statement is about the message. A recipient that could not
// open a delivery cannot say which message it was; that it belongs here is the gateway's
// word.
func concerns(s gateway.Statement, id gateway.MessageID) bool {
	return s.Message == id || s.Event == gateway.ContentConsignmentFailure && s.Message == (gateway.MessageID{})
}

func (a *Adapter) heard(ctx context.Context, id gateway.MessageID, s gateway.Statement) {
	a.Log.Info("heard of a message", "country", string(a.Country), "message", id.ID, "event", string(s.Event), "party", string(s.Signer))
	switch s.Event {
	case gateway.ContentConsignmentFailure:
		a.alarm(ctx, AlarmUndelivered, id.ID, s.Code)
	case gateway.ConsignmentNotificationFailure:
		a.alarm(ctx, AlarmUnaware, id.ID, s.Code)
	case gateway.Escalated:
		a.rouse()
	}
}

// followEvery is how often feeds are read, unless the configuration says otherwise, and
// succeedEvery after how many readings the gateway is asked whether it goes on in another log.
const (
	followEvery  = 5 * time.Second
	succeedEvery = 12
)
