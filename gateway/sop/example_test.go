package sop_test

import (
	"fmt"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/sop"
	"example.org/trm/schemas"
)

// A referral reaches Tirana on a Friday. Saturday and Sunday are holidays, which Albania
// moves to Monday and Tuesday; another holiday lies in the week after.
func ExampleClock_Open() {
	calendars, err := sop.OpenCalendars()
	if err != nil {
		fmt.Println(err)
		return
	}
	types, err := schemas.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	clock := sop.Clock{Types: types, Calendars: calendars}
	delivered := time.Date(2026, time.November, 27, 9, 0, 0, 0, time.UTC)
	duty, _ := clock.Open(gateway.Head{
		ID: "01a1fffd-3069-75c8-986c-9e174e9d3d52", Issuer: "me/coordinator", Audience: "al/coordinator",
		Type: "referral.request/1.0", Lane: gateway.Normal,
	}, delivered, delivered)
	fmt.Println(duty.Debtor, "owes a", duty.Answer, "by", duty.Due.Format(time.RFC1123))
	fmt.Println(duty.Standing(delivered.AddDate(0, 0, 20)))
	// Output:
	// al/coordinator owes a referral.answer/1.0 by Wed, 09 Dec 2026 15:00:00 UTC
	// escalated
}

func ExampleOrthodoxEaster() {
	fmt.Println(sop.OrthodoxEaster(2027), sop.WesternEaster(2027))
	// Output: 2027-05-02 2027-03-28
}
