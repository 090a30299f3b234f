package api

import (
	"context"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/trm/gateway"
)

// Overseer takes what second persons sign about messages; in production it is
// [gateway.Overseer]. An answer without error is signed, and what it says is durable. Safe
// for concurrent use.
type Overseer interface {
	Approve(ctx context.Context, caller gateway.Party, jws string) (answer string, err error)
}

// Overrides is the report of what a country's offices set aside; in production it is the
// journal. Safe for concurrent use.
type Overrides interface {
	// Overrides returns up to n overrides of a country's parties that were received in a
	// span of time, the oldest first.
	Overrides(ctx context.Context, c gateway.Country, from, until time.Time, n int) ([]gateway.Override, error)
}

// approve is POST /v1/approvals: a second person's approval of a message that overrides
// rules, or the review of one, answered with the gateway's signed statement that it is
// recorded.
func (d *door) approve(c echo.Context, caller gateway.Party) error {
	jws, release, err := d.statement(c, caller, "An approval has at most 16 KiB.")
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.limits.Accept)
	defer cancel()
	answer, err := d.Overseer.Approve(ctx, caller, jws)
	if err != nil {
		return err
	}
	return d.write(c, 200, typeReceipt, []byte(answer))
}

// override is one row of the report. It says nothing of what was in the message, and of
// its type nothing either.
type override struct {
	Issuer     gateway.Party `json:"iss"`
	ID         string        `json:"jti"`
	Audience   gateway.Party `json:"aud"`
	Reason     string        `json:"reason"`
	Rules      []string      `json:"rules"`
	ReceivedAt time.Time     `json:"receivedAt"`
	ApproveBy  time.Time     `json:"approveBy,omitzero"` // while it waits for its approval
	ApprovedAt time.Time     `json:"approvedAt,omitzero"`
	Unapproved time.Time     `json:"unapprovedAt,omitzero"` // when it was signed that nobody had approved it
	ReviewBy   time.Time     `json:"reviewBy"`
	ReviewedAt time.Time     `json:"reviewedAt,omitzero"`
	Finding    string        `json:"finding,omitempty"`
	Overdue    bool          `json:"overdue,omitempty"` // the review is
}

// overrides is GET /v1/overrides?month=2026-11: what the caller's own country set aside in
// a month (of UTC), for its coordinator and its auditor.
func (d *door) overrides(c echo.Context, caller gateway.Party) error {
	now := d.Now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	if q := c.QueryParam("month"); q != "" {
		var err error
		if month, err = time.Parse("2006-01", q); err != nil {
			return gateway.Refuse(gateway.CodeRequest, "", "Give in month a year and a month, such as 2026-11, or leave it out.")
		}
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.limits.Accept)
	defer cancel()
	list, err := d.Overrides.Overrides(ctx, caller.Country(), month, month.AddDate(0, 1, 0), most)
	if err != nil {
		return gateway.Unavailable(gateway.CodeBusy, 5*time.Second, fmt.Errorf("reading overrides: %w", err))
	}
	out := make([]override, len(list))
	for i, x := range list {
		out[i] = shownOverride(x, now)
	}
	return d.json(c, struct {
		Country   gateway.Country `json:"country"`
		Month     string          `json:"month"`
		Overrides []override      `json:"overrides"`
		More      bool            `json:"more"` // there may be more, later in the month
	}{caller.Country(), month.Format("2006-01"), out, len(list) == most})
}

func shownOverride(x gateway.Override, now time.Time) override {
	o := override{
		Issuer: x.Message.Issuer, ID: x.Message.ID, Audience: x.Audience, Reason: x.Reason, Rules: orEmpty(x.Rules), ReceivedAt: x.At,
		ApprovedAt: x.Approved, Unapproved: x.Lapsed, ReviewBy: x.ReviewBy(), ReviewedAt: x.Reviewed, Finding: x.Finding,
		Overdue: x.Reviewed.IsZero() && now.After(x.ReviewBy()),
	}
	if x.Approved.IsZero() {
		o.ApproveBy = x.ApproveBy()
	}
	return o
}
