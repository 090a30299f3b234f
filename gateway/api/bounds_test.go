package api_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

func TestAPartyIsHeldToItsRateAndKeepsItsUrgentLane(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(api.Limits{Rate: 0.5, Burst: 2}))
	for i := range 2 {
		if a := w.submit("ba/coordinator", message(i).String()); a.StatusCode != 202 {
			t.Fatalf("message %d within the burst got %d", i, a.StatusCode)
		}
	}
	a := w.submit("ba/coordinator", message(3).String())
	w.wantProblem(a, gateway.CodeRateLimited)
	if got := a.Header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After is %q, want the 2 seconds until there is room", got)
	}
	if a := w.submit("ba/coordinator", message(3).String(), api.LaneHeader, "urgent"); a.StatusCode != 202 {
		t.Errorf("the urgent lane of a party that floods got %d", a.StatusCode)
	}
	m := message(4)
	m.Issuer = "rs/coordinator"
	if a := w.submit("rs/coordinator", m.String()); a.StatusCode != 202 {
		t.Errorf("another party got %d", a.StatusCode)
	}
	w.now.add(2 * time.Second)
	if a := w.submit("ba/coordinator", message(5).String()); a.StatusCode != 202 {
		t.Errorf("after Retry-After the party got %d", a.StatusCode)
	}
}

func TestTheUrgentLaneHasPlacesThatNobodyElseCanTake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(api.Limits{Submissions: 2, Reserved: 1, Patience: time.Millisecond}))
	w.receiver.hold, w.receiver.entered = make(chan struct{}), make(chan gateway.Lane, 2)
	// Assertions are made here: a world belongs to one goroutine.
	send := func(n int, headers ...string) func() answer {
		token := "Bearer " + w.assertion("ba/coordinator", nil)
		return func() answer {
			r, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/v1/messages", strings.NewReader(message(n).String()))
			if err != nil {
				t.Error(err)
				return answer{}
			}
			r.Header.Set("Content-Type", api.TypeEnvelope)
			r.Header.Set("Authorization", token)
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			return w.do(r)
		}
	}
	var wg sync.WaitGroup
	got := make([]answer, 2)
	first, urgent := send(1), send(2, api.LaneHeader, "urgent")
	wg.Go(func() { got[0] = first() })
	<-w.receiver.entered
	a := send(3)()
	w.wantProblem(a, gateway.CodeBusy)
	if a.Header.Get("Retry-After") == "" {
		t.Error("a caller that finds no place is not told when to come again")
	}
	wg.Go(func() { got[1] = urgent() })
	if lane := <-w.receiver.entered; lane != gateway.Urgent {
		t.Errorf("%s got the reserved place", lane)
	}
	w.wantProblem(send(4, api.LaneHeader, "urgent")(), gateway.CodeBusy)
	close(w.receiver.hold)
	wg.Wait()
	for i, a := range got {
		if a.StatusCode != 202 {
			t.Errorf("submission %d that had a place got %d", i, a.StatusCode)
		}
	}
	if a := send(5)(); a.StatusCode != 202 {
		t.Errorf("after places were given back a submission got %d", a.StatusCode)
	}
}

func TestRequestsInProgressAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(api.Limits{Requests: 1}))
	w.receiver.hold, w.receiver.entered = make(chan struct{}), make(chan gateway.Lane, 1)
	token := "Bearer " + w.assertion("ba/coordinator", nil)
	done := make(chan answer)
	go func() {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", w.url+"/v1/messages", strings.NewReader(message(1).String()))
		r.Header.Set("Content-Type", api.TypeEnvelope)
		r.Header.Set("Authorization", token)
		done <- w.do(r)
	}()
	<-w.receiver.entered
	w.wantProblem(w.get("", "/healthz"), gateway.CodeBusy)
	close(w.receiver.hold)
	if a := <-done; a.StatusCode != 202 {
		t.Errorf("the request in progress got %d", a.StatusCode)
	}
	if a := w.get("", "/healthz"); a.StatusCode != 200 {
		t.Errorf("after it ended the next got %d", a.StatusCode)
	}
}

// TestACallerThatNeverFinishesIsCutOff sends the beginning of a request and waits for the
// server to hang up, with times that a test can wait for.
func TestACallerThatNeverFinishesIsCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, err := w.server.Handler()
	if err != nil {
		t.Fatal(err)
	}
	srv := api.HTTP(h, slog.New(slog.DiscardHandler))
	for name, d := range map[string]time.Duration{"ReadHeaderTimeout": srv.ReadHeaderTimeout, "ReadTimeout": srv.ReadTimeout, "WriteTimeout": srv.WriteTimeout, "IdleTimeout": srv.IdleTimeout} {
		if d <= 0 || d > time.Minute {
			t.Errorf("%s is %s, want a bound of a minute at most", name, d)
		}
	}
	if srv.MaxHeaderBytes <= 0 || srv.MaxHeaderBytes > 64<<10 {
		t.Errorf("MaxHeaderBytes is %d", srv.MaxHeaderBytes)
	}
	srv.ReadHeaderTimeout, srv.ReadTimeout = 50*time.Millisecond, 50*time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() { srv.Close(); <-served })
	token := w.assertion("ba/coordinator", nil)
	for name, start := range map[string]string{
		"in the header": "POST /v1/messages HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"in the body":   "POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Type: " + api.TypeEnvelope + "\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, start); err != nil {
				t.Fatal(err)
			}
			if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, bufio.NewReader(c)); err != nil {
				t.Errorf("the connection is still open: %v", err)
			}
		})
	}
}
