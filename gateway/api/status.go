package api

import (
	"context"
	"fmt"
	"regexp"
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
	Issuer     gateway.Party       `json:"iss"`
	ID         string              `json:"jti"`
	Audience   gateway.Party       `json:"aud"`
	State      gateway.State       `json:"state"`
	Late       bool                `json:"late,omitempty"`
	ReceivedAt time.Time           `json:"receivedAt"`
	Expires    time.Time           `json:"expires"`
	Pair       *gateway.PairNumber `json:"pair,omitempty"`
	Evidence   []string            `json:"evidence"`
	Withheld   string              `json:"withheld,omitempty"`
	Problem    *gateway.Document   `json:"problem,omitempty"`
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// status is GET /v1/messages/{cc}/{role}/{jti}. A message is shown to its two
// correspondents. To everybody else it does not exist, in the same words as one that
// really does not; neither does a refused one for the party that never got it.
func (d *door) status(c echo.Context, caller gateway.Party) error {
	missing := gateway.Refuse(gateway.CodeNotFound, "", "")
	iss, err := gateway.ParseParty(c.Param("cc") + "/" + c.Param("role"))
	if err != nil || !uuidForm.MatchString(c.Param("jti")) {
		return missing
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.limits.Accept)
	defer cancel()
	s, ok, err := d.Messages.Status(ctx, gateway.MessageID{Issuer: iss, ID: c.Param("jti")})
	if err != nil {
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, fmt.Errorf("reading status: %w", err))
	}
	switch {
	case ok && caller == s.Message.Issuer:
		return d.json(c, forSender(s))
	case ok && caller == s.Audience && s.Refused == nil:
		m, err := d.forRecipient(s)
		if err != nil {
			return err
		}
		return d.json(c, m)
	}
	return missing
}

// forSender is everything.
func forSender(s Status) message {
	m := shown(s)
	m.Evidence = append(m.Evidence, s.Evidence...)
	m.Withheld = s.Withheld
	if s.Refused != nil {
		doc := s.Refused.Document()
		m.Problem = &doc
	}
	return m
}

// forRecipient leaves out what only the sender may have: the concealed decision, and the
// receipt, whose digest of the envelope as received would tell the recipient whether
// anything was withheld.
func (d *door) forRecipient(s Status) (message, error) {
	m := shown(s)
	for _, jws := range s.Evidence {
		e, _, err := d.Examiner.Examine(jws)
		if err != nil {
			return message{}, fmt.Errorf("reading recorded evidence: %w", err)
		}
		if e.Event != gateway.SubmissionAcceptance {
			m.Evidence = append(m.Evidence, jws)
		}
	}
	return m, nil
}

func shown(s Status) message {
	m := message{
		Issuer: s.Message.Issuer, ID: s.Message.ID, Audience: s.Audience, State: s.State, Late: s.Late,
		ReceivedAt: s.ReceivedAt.UTC(), Expires: s.Expires.UTC(), Evidence: []string{},
	}
	if s.Pair.N > 0 {
		m.Pair = &s.Pair
	}
	return m
}
