package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

func TestAGatewayThatCannotReceiveSafelyIsNotReadyAndSaysWhichCheckFails(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	var asked atomic.Int64
	probe := func(ctx context.Context) error {
		asked.Add(1)
		if broken.Load() {
			return errors.New("disk full on the journal's volume")
		}
		return nil
	}
	w := newWorld(t, withChecks(api.Check{Name: "journal", Probe: probe}, api.Check{Name: "clock", Probe: func(context.Context) error { return nil }}))
	if a := w.get("", "/readyz"); a.StatusCode != 200 {
		t.Fatalf("got %d %q", a.StatusCode, a.body)
	}
	broken.Store(true)
	if a := w.get("", "/readyz"); a.StatusCode != 200 || asked.Load() != 1 {
		t.Errorf("asking again within a second ran the checks again")
	}
	w.now.add(2 * time.Second)
	a := w.get("", "/readyz")
	w.wantProblem(a, gateway.CodeBusy)
	var got struct{ Failing []string }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || len(got.Failing) != 1 || got.Failing[0] != "journal" {
		t.Errorf("got %q, want the name of the failing check alone", a.body)
	}
	if strings.Contains(a.body, "disk") {
		t.Error("the reason is the operator's, and was told to everybody")
	}
	w.now.add(2 * time.Second)
	w.get("", "/readyz")
	if n := strings.Count(w.logged.String(), "disk full"); n != 1 {
		t.Errorf("the log has the reason %d times, want once", n)
	}
	broken.Store(false)
	w.now.add(2 * time.Second)
	if a := w.get("", "/readyz"); a.StatusCode != 200 || !strings.Contains(w.logged.String(), "holds again") {
		t.Errorf("after the fault ended got %d", a.StatusCode)
	}
	if a := w.get("", "/healthz"); a.StatusCode != 200 {
		t.Errorf("/healthz got %d", a.StatusCode)
	}
}

// TestWhileTheChecksRunOthersAreNotKeptWaiting: anyone may ask, and a journal that hangs
// must not fill the door with those who do.
func TestWhileTheChecksRunOthersAreNotKeptWaiting(t *testing.T) {
	t.Parallel()
	begun, let := make(chan struct{}, 2), make(chan struct{}, 1)
	w := newWorld(t, withChecks(api.Check{Name: "journal", Probe: func(context.Context) error {
		begun <- struct{}{}
		<-let
		return errors.New("slow")
	}}))
	let <- struct{}{}
	w.wantProblem(w.get("", "/readyz"), gateway.CodeBusy)
	<-begun
	w.now.add(2 * time.Second)
	done := make(chan answer)
	go func() {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", w.url+"/readyz", nil)
		done <- w.do(r)
	}()
	<-begun // the checks hang
	w.wantProblem(w.get("", "/readyz"), gateway.CodeBusy)
	let <- struct{}{}
	w.wantProblem(<-done, gateway.CodeBusy)
}

// TestACheckThatHangsFails bounds what a check may take by its context.
func TestACheckThatHangsFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withChecks(api.Check{Name: "journal", Probe: func(ctx context.Context) error {
		if _, ok := ctx.Deadline(); !ok {
			return nil // and the test fails: it was to have one
		}
		return context.DeadlineExceeded
	}}))
	w.wantProblem(w.get("", "/readyz"), gateway.CodeBusy)
}

func TestAClockThatNobodyMovedIsSane(t *testing.T) {
	t.Parallel()
	if err := api.ClockCheck(time.Second).Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if err := api.ClockCheck(-1).Probe(t.Context()); err == nil {
		t.Error("a tolerance that nothing can keep is kept")
	}
}
