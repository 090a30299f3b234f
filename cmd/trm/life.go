package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/certs"
	"example.org/trm/cmd/internal/region"
	"example.org/trm/gateway"
	"example.org/trm/gateway/trust"
)

const day = 24 * time.Hour

// life is the long story: a child, from the street on which she is found to the twelfth
// month after her return. Between two scenes time passes, and what an office owes comes
// due.
var life = []scene{
	{title: "A mobile team in Montenegro finds a girl begging. She says that she is eighteen; the team thinks that she is not. It warns Serbia, whose citizen she seems to be: no agreement is needed, and no answer is waited for.",
		draft: "full/01-alert.json", thread: "street", name: "alert"},
	{title: "It is night in Belgrade. Nobody takes the warning on.", after: 65 * time.Minute},
	{title: "The duty officer takes it on. The ringing stops.",
		draft: "full/02-ack.json", thread: "street", after: 5 * time.Minute, answers: "alert"},
	{title: "Montenegro asks whether Serbia has room. No name, no facts.",
		draft: "full/03-capacity-request.json", thread: "case", after: 9 * time.Hour},
	{title: "Serbia answers within the day.",
		draft: "full/04-capacity-answer.json", thread: "case", after: 20 * time.Hour},
	{title: "Montenegro refers her. It sends more than it may: her name does not leave, because nobody has accepted her yet.",
		draft: "full/05-referral-request.json", thread: "case", name: "referral", after: 2 * time.Hour, all: true},
	{title: "Serbia accepts in part: a foster place now, a guardian later.",
		draft: "full/06-referral-answer.json", thread: "case", after: 18 * time.Hour},
	{title: "Now Serbia may ask who she is. It attests that no claim for protection is open.",
		draft: "full/07-info-request.json", thread: "case", name: "question", after: day},
	{title: "Montenegro answers. Her name leaves, sealed to one office.",
		draft: "full/08-info-answer.json", thread: "case", name: "identity", after: 6 * time.Hour},
	{title: "A guardian is appointed in Serbia. Child protection in Montenegro can read who; the coordinator cannot.",
		draft: "full/09-status-guardian.json", thread: "case", name: "guardian", after: 5 * day},
	{title: "Montenegro takes note.",
		draft: "full/10-ack.json", thread: "case", after: 3 * time.Hour, answers: "guardian"},
	{title: "An age assessment says fifteen, not sixteen. Montenegro corrects what it sent; the correction says which part of which message.",
		draft: "full/11-correction.json", thread: "case", name: "correction", after: 10 * day, targets: "identity"},
	{title: "Serbia applies the correction.",
		draft: "full/12-applied.json", thread: "case", after: 4 * time.Hour, answers: "correction"},
	{title: "She no longer wants what she told about begging to be passed on. Montenegro says so to everybody who received it.",
		draft: "full/13-withdrawal.json", thread: "case", name: "withdrawal", after: 12 * day, targets: "identity"},
	{title: "Serbia keeps a part, and says for which legal reason.",
		draft: "full/14-applied.json", thread: "case", after: day, answers: "withdrawal"},
	{title: "A bus ticket is bought in Belgrade before Montenegro agreed to anything. The coordinator's office hears of it and warns: a return that nobody agreed.",
		draft: "full/15-travel-not-agreed.json", thread: "case", name: "ticket", after: 30 * day},
	{title: "Montenegro takes it on, and sends somebody to the bus station.",
		draft: "full/16-ack.json", thread: "case", after: 25 * time.Minute, answers: "ticket"},
	{title: "The coach comes in without her.",
		draft: "full/17-arrival-failed.json", thread: "case", name: "failed", after: 9 * time.Hour},
	{title: "Serbia's duty officer takes it on.",
		draft: "full/19-ack.json", thread: "case", after: 6 * time.Minute, answers: "failed"},
	{title: "Montenegro raises the alarm: a child is missing.",
		draft: "full/18-alert-missing.json", thread: "case", name: "missing", after: 4 * time.Minute},
	{title: "Serbia takes it on. She is found at the first stop, safe.",
		draft: "full/19-ack.json", thread: "case", after: 12 * time.Minute, answers: "missing"},
	{title: "This time properly: Serbia proposes a return. The guardian agreed, and she was heard.",
		draft: "full/20-return-request.json", thread: "case", name: "return", after: 40 * day},
	{title: "For twelve working days Montenegro does not answer.", after: 18 * day},
	{title: "Montenegro agrees, late.",
		draft: "full/21-return-answer.json", thread: "case", after: day, answers: "return"},
	{title: "She travels by car with her guardian.",
		draft: "full/22-travel-agreed.json", thread: "case", name: "car", after: 7 * day},
	{title: "Montenegro expects them.",
		draft: "full/29-ack-me.json", thread: "case", after: 4 * time.Hour, answers: "car"},
	{title: "She arrived.",
		draft: "full/23-arrival.json", thread: "case", name: "arrived", after: day},
	{title: "Serbia takes note.",
		draft: "full/28-ack-rs.json", thread: "case", after: 5 * time.Hour, answers: "arrived"},
	{title: "The first month.",
		draft: "full/24-followup.json", thread: "case", name: "month 1", after: 30 * day, with: map[string]any{"month": 1, "wantsMore": true}},
	{title: "Serbia takes note.",
		draft: "full/28-ack-rs.json", thread: "case", after: day, answers: "month 1"},
	{title: "The third.",
		draft: "full/24-followup.json", thread: "case", name: "month 3", after: 60 * day, with: map[string]any{"month": 3, "wantsMore": true}},
	{title: "Serbia takes note.",
		draft: "full/28-ack-rs.json", thread: "case", after: day, answers: "month 3"},
	{title: "The sixth.",
		draft: "full/24-followup.json", thread: "case", name: "month 6", after: 91 * day, with: map[string]any{"month": 6, "wantsMore": true}},
	{title: "Serbia takes note.",
		draft: "full/28-ack-rs.json", thread: "case", after: day, answers: "month 6"},
	{title: "The twelfth. She is well, and wants no further calls: that ends it, without a reminder.",
		draft: "full/25-followup-ends.json", thread: "case", name: "month 12", after: 183 * day},
	{title: "Serbia takes note.",
		draft: "full/28-ack-rs.json", thread: "case", after: 2 * day, answers: "month 12"},
	{title: "Montenegro proposes to close the case.",
		draft: "full/26-close.json", thread: "case", name: "close", after: 10 * day},
	{title: "Serbia agrees. The case is closed because both said so; silence would not have closed it.",
		draft: "full/27-applied.json", thread: "case", after: 2 * day, answers: "close"},
}

// live plays the long story and stops the region. Its clock is put forward between the
// scenes.
func (a *app) live(ctx context.Context, r *region.Region, clock *region.Clock, o region.Options) error {
	t, err := a.teller(r, clock)
	if err != nil {
		return errors.Join(err, r.Stop())
	}
	t.brief = true
	err = t.live(ctx, o)
	return errors.Join(err, t.region.Stop())
}

func (t *teller) live(ctx context.Context, o region.Options) error {
	began, first := time.Now(), t.clock.Now()
	sent := 0
	t.printf("\n")
	for i, s := range life {
		if err := t.pass(ctx, s.after, s.draft == "", o); err != nil {
			return fmt.Errorf("before scene %d: %w", i+1, err)
		}
		t.printf("%d  %s  %s\n", i+1, t.date(first), s.title)
		if s.draft != "" {
			if err := t.play(ctx, s); err != nil {
				return fmt.Errorf("scene %d: %w", i+1, err)
			}
			sent++
		}
		if err := t.showTold(ctx); err != nil {
			return fmt.Errorf("scene %d: %w", i+1, err)
		}
		t.printf("\n")
	}
	t.printf("%d messages over %d days sent, delivered, proven in %s. Each was verified under its sender's signature\nas its recipient would, and every receipt.\n", sent, int(t.clock.Now().Sub(first)/day), since(began))
	return nil
}

// date says how far the story has come, and when that is where most of it happens.
func (t *teller) date(first time.Time) string {
	now := t.clock.Now()
	return fmt.Sprintf("day %d, %s", int(now.Sub(first)/day), now.In(t.zone).Format("Mon 2 Jan 2006 15:04"))
}

// renewAfter is how much may pass before keys are renewed: those that open what is sealed
// live ninety days, and overlap by thirty.
const renewAfter = 25 * day

// pass lets time pass. Where so much passes that keys run out, the coordinators sign the
// next directory meanwhile, and everybody starts again with it.
func (t *teller) pass(ctx context.Context, d time.Duration, silent bool, o region.Options) error {
	if d < renewAfter {
		return t.wait(ctx, d, silent)
	}
	t.clock.Forward(d - trust.Delay)
	report, err := certs.Renew(t.home, certs.Options{Now: t.clock.Now()})
	if err != nil {
		return err
	}
	if report.Keys > 0 {
		if err := t.publish(report.Number); err != nil {
			return err
		}
	}
	t.clock.Forward(trust.Delay)
	if err := t.region.Stop(); err != nil {
		return err
	}
	if t.region, err = region.Start(ctx, o); err != nil {
		return err
	}
	if err := writeGatewayAddress(t.home, gatewayAddress{URL: t.region.URL, Audience: region.Audience}); err != nil {
		return err
	}
	if t.desk, err = t.deskAt(t.clock.Now); err != nil {
		return err
	}
	if report.Keys > 0 {
		t.printf("   meanwhile  %d keys were renewed; directory %d is in force, signed by %d coordinators\n\n", report.Keys, report.Number, len(report.SignedBy))
	}
	return nil
}

// publish gives the next directory to the gateway, as its operator does.
func (t *teller) publish(number int) error {
	raw, err := os.ReadFile(filepath.Join(t.home, "directories", strconv.Itoa(number)+".json"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(t.home, "directory.json"), raw, 0o600); err != nil {
		return err
	}
	return t.region.Reload()
}

// wait puts the clock forward: where somebody waits, in steps, and after each lets what is
// due happen. A bell that rings every ten minutes is not to be heard once for an hour.
func (t *teller) wait(ctx context.Context, d time.Duration, silent bool) error {
	step := d
	switch {
	case d <= 2*time.Hour:
		step = min(d, 10*time.Minute)
	case silent:
		step = 2 * day
	}
	for d > 0 {
		t.clock.Forward(min(step, d))
		d -= step
		quiet := brief
		if silent {
			quiet = calm
		}
		if err := t.settle(ctx, quiet); err != nil {
			return err
		}
	}
	return nil
}

// How long nothing may happen until everything has that was due. The offices look at their
// clock all the time here, the gateway at its own every second.
const (
	brief = 200 * time.Millisecond
	calm  = 1300 * time.Millisecond
)

// settle waits until the offices have told whom they had to tell.
func (t *teller) settle(ctx context.Context, quiet time.Duration) error {
	last, since := -1, time.Now()
	for time.Since(since) < quiet {
		list, err := t.tellings(ctx)
		if err != nil {
			return err
		}
		if len(list) != last {
			last, since = len(list), time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(40 * time.Millisecond):
		}
	}
	return t.listen(ctx)
}

// telling is one thing that somebody was told, or that the gateway signed because time had
// passed.
type telling struct {
	at   time.Time
	rank int // among what happened at one time
	text string
}

// listen keeps what the gateway has signed about the duty that the last message with a
// name lays on its recipient.
func (t *teller) listen(ctx context.Context) error {
	if id := t.waited; id.ID != "" {
		line, err := t.desk.trace(ctx, id.Issuer, id)
		if gateway.AsProblem(err).Code == gateway.CodeNotFound {
			return nil // its retention is over
		}
		if err != nil {
			return err
		}
		for i, s := range line.Steps {
			if !slices.Contains([]gateway.Event{gateway.DueSoon, gateway.Overdue, gateway.Escalated}, s.Event) {
				continue
			}
			t.signed[fmt.Sprint(id.ID, s.Event, s.At)] = telling{s.At, i - len(line.Steps), fmt.Sprintf("signed     %s, by the gateway", s.Event)}
		}
	}
	return nil
}

// tellings are whom the two offices told, and whom they were shown to telephone.
func (t *teller) tellings(ctx context.Context) (map[string]telling, error) {
	out := map[string]telling{}
	for _, c := range []gateway.Country{"me", "rs"} {
		var list struct {
			Notices []adapters.Waiting `json:"notices"`
		}
		if err := callOffice(ctx, t.region.Adapters[c], http.MethodGet, "/v1/notices?all=true", nil, &list); err != nil {
			return nil, err
		}
		for _, n := range list.Notices {
			for _, told := range n.Told {
				if len(told.Calls) == 0 {
					continue
				}
				text := fmt.Sprintf("told       %s, ref %s, %s", told.Party, n.Ref, stepText(told.Step))
				if len(n.Telephone) > 0 {
					text += "; shown whom to telephone:"
					for _, p := range n.Telephone {
						text += fmt.Sprintf(" %s %s", p.Party, p.Telephone)
					}
				}
				out[n.Ref+told.Step+string(told.Party)] = telling{told.At, 0, text}
			}
		}
	}
	return out, nil
}

// showTold prints who was told what since the last time.
func (t *teller) showTold(ctx context.Context) error {
	if err := t.settle(ctx, brief); err != nil {
		return err
	}
	all, err := t.tellings(ctx)
	if err != nil {
		return err
	}
	maps.Copy(all, t.signed)
	var fresh []telling
	for key, x := range all {
		if !t.shown[key] {
			t.shown[key] = true
			fresh = append(fresh, x)
		}
	}
	slices.SortFunc(fresh, func(a, b telling) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.rank, b.rank), strings.Compare(a.text, b.text))
	})
	for _, x := range fresh {
		t.printf("   %s  %s\n", x.at.In(t.zone).Format("2 Jan 15:04"), x.text)
	}
	return nil
}
