package api

import (
	"context"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

// Duties says who owes an answer to whom; in production it is the journal. Safe for
// concurrent use.
type Duties interface {
	// Duties returns up to n duties that a party owes or is owed and that stand, the one
	// that is due first at the top.
	Duties(ctx context.Context, p gateway.Party, n int) ([]gateway.Duty, error)
}

// most is how many duties one answer has: more than an office can owe and look at.
const most = 1000

// duty is a duty as one of its two parties sees it.
type duty struct {
	Issuer     gateway.Party    `json:"iss"`
	ID         string           `json:"jti"`
	Thread     string           `json:"thread"`
	Type       string           `json:"type"`
	Answer     string           `json:"answer"`
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

// duties is GET /v1/duties: what the caller owes and is owed. What was not delivered to it
// yet a debtor does not know, and is not told here either.
func (d *door) duties(c echo.Context, caller gateway.Party) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.limits.Accept)
	defer cancel()
	list, err := d.Duties.Duties(ctx, caller, most)
	if err != nil {
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, fmt.Errorf("reading duties: %w", err))
	}
	now := d.Now()
	owes, owed := []duty{}, []duty{}
	for _, x := range list {
		switch {
		case x.Creditor == caller:
			owed = append(owed, shownDuty(x, now))
		case !x.Begins.IsZero():
			owes = append(owes, shownDuty(x, now))
		}
	}
	return d.json(c, struct {
		Owes []duty `json:"owes"`
		Owed []duty `json:"owed"`
		More bool   `json:"more"` // there may be more, due later
	}{owes, owed, len(list) == most})
}

func shownDuty(x gateway.Duty, now time.Time) duty {
	return duty{
		Issuer: x.Creditor, ID: x.Message.ID, Thread: x.Thread, Type: x.Type, Answer: x.Answer, Lane: x.Lane, Debtor: x.Debtor,
		Standing: x.Standing(now), ReceivedAt: x.Received, Begins: x.Begins, Due: x.Due, Soon: x.Soon, Escalates: x.Escalate,
		Wish: x.Wish, Earlier: x.Earlier, TakenOn: x.Taken, Late: x.Late(now),
	}
}
