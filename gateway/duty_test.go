package gateway_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"example.org/trm/gateway"
)

func duty(lane gateway.Lane) gateway.Duty {
	d := gateway.Duty{
		Message: gateway.MessageID{Issuer: "ba/coordinator", ID: "m-1"}, Lane: lane, Debtor: "rs/coordinator", Creditor: "ba/coordinator",
		Received: noon, Begins: noon.Add(5 * time.Minute), Soon: noon.Add(80 * time.Minute), Due: noon.Add(100 * time.Minute), Escalate: noon.Add(24 * time.Hour),
	}
	if lane == gateway.Urgent {
		d.Escalate = noon.Add(time.Hour)
	}
	return d
}

func TestTheStepsOfADutyComeInOrder(t *testing.T) {
	t.Parallel()
	taken := func(d gateway.Duty, minutes int) gateway.Duty {
		return d.TakeOn(noon.Add(time.Duration(minutes) * time.Minute))
	}
	undelivered := duty(gateway.Urgent)
	undelivered.Begins, undelivered.Soon, undelivered.Due = time.Time{}, time.Time{}, time.Time{}
	for name, tt := range map[string]struct {
		duty gateway.Duty
		want string
	}{
		"ordinary":                       {duty(gateway.Normal), "[DueSoon 80/100 Overdue 100/100 Escalated 1440/100]"},
		"ordinary, taken on":             {taken(duty(gateway.Child), 30), "[DueSoon 80/100 Overdue 100/100 Escalated 1440/100]"},
		"urgent, nobody":                 {duty(gateway.Urgent), "[Escalated 60/60 DueSoon 80/100 Overdue 100/100]"},
		"urgent, taken on in time":       {taken(duty(gateway.Urgent), 59), "[DueSoon 80/100 Overdue 100/100 Escalated 100/100]"},
		"urgent, taken on at the hour":   {taken(duty(gateway.Urgent), 60), "[DueSoon 80/100 Overdue 100/100 Escalated 100/100]"},
		"urgent, taken on late":          {taken(duty(gateway.Urgent), 61), "[Escalated 60/60 DueSoon 80/100 Overdue 100/100 Escalated 100/100]"},
		"urgent, taken on when overdue":  {taken(duty(gateway.Urgent), 101), "[Escalated 60/60 DueSoon 80/100 Overdue 100/100]"},
		"urgent, undelivered":            {undelivered, "[Escalated 60/60]"},
		"urgent, undelivered, taken on":  {taken(undelivered, 20), "[]"},
		"ended, also before it could be": {duty(gateway.Normal).End(noon), "[]"},
		"nothing":                        {gateway.Duty{Escalate: noon, Due: noon}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, s := range tt.duty.Steps() {
				got = append(got, fmt.Sprintf("%s %v/%v", s.Event, s.At.Sub(noon).Minutes(), s.Due.Sub(noon).Minutes()))
			}
			if fmt.Sprint(got) != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}

// TestAStepIsSignedWhenTheDutyStandsAsItSays walks every minute of duties that are taken on
// at any time, or never: the standing changes where a step is, and nowhere else.
func TestAStepIsSignedWhenTheDutyStandsAsItSays(t *testing.T) {
	t.Parallel()
	says := map[gateway.Event]gateway.Standing{gateway.DueSoon: gateway.StandingSoon, gateway.Overdue: gateway.StandingOverdue, gateway.Escalated: gateway.StandingEscalated}
	rank := []gateway.Standing{gateway.StandingDue, gateway.StandingSoon, gateway.StandingOverdue, gateway.StandingEscalated}
	worse := func(a, b gateway.Standing) bool { return slices.Index(rank, a) > slices.Index(rank, b) }
	for _, lane := range []gateway.Lane{gateway.Normal, gateway.Child, gateway.Urgent} {
		for at := -1; at < 120; at++ {
			d := duty(lane)
			if at >= 0 {
				d = d.TakeOn(noon.Add(time.Duration(at) * time.Minute))
			}
			steps := d.Steps()
			for minute := 1; minute < 1500; minute++ {
				now := noon.Add(time.Duration(minute) * time.Minute)
				was, is := d.Standing(now.Add(-time.Minute)), d.Standing(now)
				var here []gateway.Step
				for _, s := range steps {
					if s.At.Equal(now) {
						here = append(here, s)
					}
				}
				if worse(is, was) && !slices.ContainsFunc(here, func(s gateway.Step) bool { return says[s.Event] == is }) {
					t.Fatalf("%s, taken on at %d: at %d it becomes %s, and no step says so", lane, at, minute, is)
				}
				for _, s := range here {
					if worse(says[s.Event], is) {
						t.Fatalf("%s, taken on at %d: at %d the step is %s, and it stands %s", lane, at, minute, s.Event, is)
					}
				}
			}
		}
	}
}

func TestATermReadsAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "1h", "24h", "5wd", "30d", "1095d", "9999h"} {
		term, err := gateway.ParseTerm(s)
		if err != nil || term.String() != s {
			t.Errorf("%q reads as %q, %v", s, term, err)
		}
	}
	for _, s := range []string{"0h", "05wd", "5", "wd", "5 wd", "5WD", "-1h", "+1h", "1.5h", "10000h", "5wdx", "24m", "99999999999999999999h"} {
		if term, err := gateway.ParseTerm(s); err == nil || term != (gateway.Term{}) {
			t.Errorf("%q reads as %q", s, term)
		}
	}
}
