//go:build unix

package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/sop/soptest"
)

// late is when all steps of what was delivered on that Tuesday have come.
var late = time.Date(2026, 12, 7, 8, 0, 0, 0, time.UTC)

// aloud says which steps were recorded, after they were.
type aloud struct{ gateway.Duties }

func (a aloud) Remind(ctx context.Context, r gateway.Reminder, e gateway.Evidence) (bool, error) {
	done, err := a.Duties.Remind(ctx, r, e)
	if done {
		fmt.Println(r.Message.ID, r.Event, ".")
	}
	return done, err
}

// remind signs all steps that have come, and ends.
func remind(path string) error {
	clock, err := opened()
	if err != nil {
		return err
	}
	j, err := journal.Open(path, journal.Options{Origin: "o", Clock: clock, Now: func() time.Time { return late }})
	if err != nil {
		return err
	}
	n := 0
	k := gateway.Timekeeper{
		Duties: aloud{j}, Notary: jsonNotary{}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return late },
		NewID: func() string { n++; return fmt.Sprintf("%d-%d", os.Getpid(), n) },
	}
	for {
		n, err := k.Remind(context.Background())
		if err != nil {
			return err
		}
		if n == 0 {
			return j.Close()
		}
	}
}

// TestEachStepIsSignedOnceAcrossKills kills the process while it signs, at any point: a
// step may be signed and not recorded, or recorded and nobody told.
func TestEachStepIsSignedOnceAcrossKills(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const many = 60
	for i := range many {
		h := referral(fmt.Sprintf("m%d", i))
		o.say(h, tuesday)
		o.hear(h, gateway.ContentConsignment, tuesday)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	told, kills := map[string]bool{}, 0
	for ended := false; !ended; {
		c := again(t, "remind", o.path)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines, kill := bufio.NewScanner(out), 5+rand.N(40)
		for n := 0; lines.Scan(); n++ {
			if step, ok := strings.CutSuffix(lines.Text(), " ."); ok { // the last line may be torn
				if told[step] {
					t.Errorf("%s was recorded twice", step)
				}
				told[step] = true
			}
			if n == kill {
				if err := c.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		err = c.Wait()
		switch s := c.ProcessState.Sys().(syscall.WaitStatus); {
		case s.Signal() == syscall.SIGKILL:
			kills++
		case err != nil:
			t.Fatalf("it ended with %v", err)
		default:
			ended = true
		}
	}
	o.Journal = nil
	o.reopen()
	last := map[string]string{}
	order := map[string]string{"DueSoon": "", "Overdue": "DueSoon", "Escalated": "Overdue"}
	steps := o.signed(soptest.Here)
	for _, s := range steps {
		w := strings.Fields(s)
		if last[w[0]] != order[w[1]] {
			t.Errorf("%s after %q", s, last[w[0]])
		}
		last[w[0]] = w[1]
		delete(told, w[0]+" "+w[1])
	}
	if len(steps) != 3*many || len(told) != 0 {
		t.Errorf("%d steps are recorded, want %d; told and not recorded: %v", len(steps), 3*many, told)
	}
	if kills < 3 {
		t.Errorf("%d kills: that is no test", kills)
	}
}
