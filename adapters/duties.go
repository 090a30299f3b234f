package adapters

import (
	"context"
	"fmt"
	"time"

	"example.org/trm/gateway"
)

// Duties are what a party owes and is owed, as the gateway reckons it, the one that is due
// first at the top.
type Duties struct {
	Owes []Duty `json:"owes"`
	Owed []Duty `json:"owed"`
	More bool   `json:"more"` // there may be more, due later
}

// Duty is who owes an answer, and by when, in the gateway's words. Times are zero where
// there is none.
type Duty struct {
	Issuer     gateway.Party    `json:"iss"` // who sent the message and is owed the answer
	ID         string           `json:"jti"`
	Thread     string           `json:"thread"`
	Type       string           `json:"type"`
	Answer     string           `json:"answer"` // the type that discharges it
	Lane       gateway.Lane     `json:"lane"`
	Debtor     gateway.Party    `json:"debtor"`
	Standing   gateway.Standing `json:"standing"`
	ReceivedAt time.Time        `json:"receivedAt"`
	Begins     time.Time        `json:"begins,omitzero"`
	Due        time.Time        `json:"due,omitzero"`
	Soon       time.Time        `json:"soon,omitzero"`
	Escalates  time.Time        `json:"escalates,omitzero"`
	Wish       time.Time        `json:"wish,omitzero"`
	Earlier    []time.Time      `json:"earlier,omitempty"`
	TakenOn    time.Time        `json:"takenOn,omitzero"`
	Late       bool             `json:"late,omitempty"`
}

// Duties asks what a party owes and is owed.
func (c *Client) Duties(ctx context.Context, as gateway.Party) (Duties, error) {
	var d Duties
	if err := c.get(ctx, as, "/v1/duties", maxDirectory, &d); err != nil {
		return Duties{}, fmt.Errorf("asking for duties: %w", err)
	}
	return d, nil
}
