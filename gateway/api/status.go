package api

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

// Status is what the journal knows of a message.
type Status struct {
	Message    gateway.MessageID
	Audience   gateway.Party
	State      gateway.State
	Late       bool // delivered in time, but the evidence came after the gateway had given up
	ReceivedAt time.Time
	Expires    time.Time
	Pair       gateway.PairNumber // zero on a refusal
	Evidence   []string           // every signed statement, in the order of recording
	Withheld   string             // the concealed decision, for the sender
	Refused    *gateway.Problem
}

// message is a status as one correspondent sees it.
type message struct {
	Issuer   gateway.Party `json:"iss"`
	ID       string        `json:"jti"`
	Audience gateway.Party `json:"aud"`
	fate
	Withheld string            `json:"withheld,omitempty"`
	Problem  *gateway.Document `json:"problem,omitempty"`
}

// fate is what became of a message, whoever's it is.
type fate struct {
	State      gateway.State       `json:"state"`
	Late       bool                `json:"late,omitempty"`
	ReceivedAt time.Time           `json:"receivedAt"`
	Expires    time.Time           `json:"expires"`
	Pair       *gateway.PairNumber `json:"pair,omitempty"`
	Evidence   []string            `json:"evidence"`
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// status is GET /v1/messages/{cc}/{role}/{jti}. A message is shown to its two
// correspondents. To everybody else it does not exist, in the same words as one that
// really does not; neither does a refused one for the party that never got it.
func (d *door) status(c echo.Context, caller gateway.Party) error {
	missing := gateway.Refuse(gateway.CodeNotFound, "", "")
	iss, err := gateway.ParseParty(param(c, "cc") + "/" + param(c, "role"))
	if err != nil || !uuidForm.MatchString(param(c, "jti")) {
		return missing
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.limits.Accept)
	defer cancel()
	s, ok, err := d.Messages.Status(ctx, gateway.MessageID{Issuer: iss, ID: param(c, "jti")})
	if err != nil {
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, fmt.Errorf("reading status: %w", err))
	}
	switch {
	case ok && caller == s.Message.Issuer:
		return d.json(c, forSender(s))
	case ok && caller == s.Audience && s.Refused == nil:
		f, err := d.forRecipient(s)
		if err != nil {
			return err
		}
		return d.json(c, message{Issuer: s.Message.Issuer, ID: s.Message.ID, Audience: s.Audience, fate: f})
	}
	return missing
}

// pair is GET /v1/pairs/{from}/{to}/{origin}/{n}: what became of a number that did not
// arrive. It is told to the coordinators of the two countries. What waits is told without
// saying whose it is; what has ended is proven by its signed evidence, which names the
// message. A number that was never given, and anybody else's, is not found.
func (d *door) pair(c echo.Context, caller gateway.Party) error {
	missing := gateway.Refuse(gateway.CodeNotFound, "", "")
	n, err := strconv.ParseInt(param(c, "n"), 10, 64)
	num := gateway.PairNumber{From: gateway.Country(param(c, "from")), To: gateway.Country(param(c, "to")), Origin: param(c, "origin"), N: n}
	if err != nil || n < 1 || !num.From.Valid() || !num.To.Valid() || len(num.Origin) > 64 {
		return missing
	}
	if caller.Country() != num.From && caller.Country() != num.To {
		return missing
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.limits.Accept)
	defer cancel()
	s, ok, err := d.Messages.Pair(ctx, num)
	if err != nil {
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, fmt.Errorf("reading a number: %w", err))
	}
	if !ok {
		return missing
	}
	f, err := d.forRecipient(s)
	if err != nil {
		return err
	}
	return d.json(c, f)
}

// param is a part of the path as the caller meant it: the router leaves one that holds an
// escaped slash as it came. One that is not well escaped matches nothing.
func param(c echo.Context, name string) string {
	v := c.Param(name)
	if c.Request().URL.RawPath == "" {
		return v
	}
	v, err := url.PathUnescape(v)
	if err != nil {
		return ""
	}
	return v
}

// forSender is everything.
func forSender(s Status) message {
	m := message{Issuer: s.Message.Issuer, ID: s.Message.ID, Audience: s.Audience, fate: shown(s), Withheld: s.Withheld}
	m.Evidence = append(m.Evidence, s.Evidence...)
	if s.Refused != nil {
		doc := s.Refused.Document()
		m.Problem = &doc
	}
	return m
}

// forRecipient leaves out what only the sender may have: the concealed decision, and the
// receipt, whose digest of the envelope as received would tell the recipient whether
// anything was withheld.
func (d *door) forRecipient(s Status) (fate, error) {
	f := shown(s)
	for _, jws := range s.Evidence {
		e, _, err := d.Examiner.Examine(jws)
		if err != nil {
			return fate{}, fmt.Errorf("reading recorded evidence: %w", err)
		}
		if e.Event != gateway.SubmissionAcceptance {
			f.Evidence = append(f.Evidence, jws)
		}
	}
	return f, nil
}

func shown(s Status) fate {
	f := fate{State: s.State, Late: s.Late, ReceivedAt: s.ReceivedAt.UTC(), Expires: s.Expires.UTC(), Evidence: []string{}}
	if s.Pair.N > 0 {
		f.Pair = &s.Pair
	}
	return f
}
