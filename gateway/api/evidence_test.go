package api_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

// collector acknowledges everything, or fails.
type collector struct {
	mu    sync.Mutex
	heard []string
	hold  chan struct{} // if it is there, an answer waits for it
	err   error
}

func (c *collector) Collect(ctx context.Context, from gateway.Country, jws string) (string, error) {
	c.mu.Lock()
	c.heard = append(c.heard, string(from)+" "+jws)
	err, hold := c.err, c.hold
	c.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if jws == "panic" {
		panic("a value")
	}
	return "ack.of." + string(from), err
}

func (w *world) testify(p gateway.Party, jws string, headers ...string) answer {
	w.t.Helper()
	return w.call(p, "POST", "/v1/evidence", strings.NewReader(jws), append([]string{"Content-Type", "application/jwt"}, headers...)...)
}

func TestEvidenceIsAnsweredWithTheSignedAcknowledgement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.testify("rs/coordinator", "a.b.c")
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/jwt" || a.body != "ack.of.rs" {
		t.Errorf("got %d %s %q", a.StatusCode, a.Header.Get("Content-Type"), a.body)
	}
	if len(w.collector.heard) != 1 || w.collector.heard[0] != "rs a.b.c" {
		t.Errorf("collected %q, want the bytes as they came, of the caller's country", w.collector.heard)
	}
	if strings.Contains(w.logged.String(), "a.b.c") {
		t.Error("the log quotes evidence")
	}
}

// TestEvidenceThatCouldNotBeDecidedIsToBeSentAgain: only what is final may be final.
func TestEvidenceThatCouldNotBeDecidedIsToBeSentAgain(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"a failure":           errors.New("disk full"),
		"a temporary problem": gateway.Unavailable(gateway.CodeDirectoryStale, 1, nil),
	} {
		w := newWorld(t)
		w.collector.err = err
		a := w.testify("rs/coordinator", "a.b.c")
		if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || strings.Contains(a.body, "disk") {
			t.Errorf("%s: got %d %q", name, a.StatusCode, a.body)
		}
	}
	w := newWorld(t)
	w.wantProblem(w.testify("rs/coordinator", "panic"), gateway.CodeInternal)
	if strings.Contains(w.logged.String(), "a value") {
		t.Error("the log quotes what a handler panicked with")
	}
}

func TestEvidenceIsBoundedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(api.Limits{Rate: 0.001, Burst: 4}))
	w.wantProblem(w.testify("rs/coordinator", "a.b.c", "Content-Type", api.TypeEnvelope), gateway.CodeMediaType)
	w.wantProblem(w.testify("rs/coordinator", "a.b.c", "Content-Encoding", "gzip"), gateway.CodeMediaType)
	w.wantProblem(w.testify("rs/coordinator", strings.Repeat("a", 16<<10+1)), gateway.CodeTooLarge)
	if len(w.collector.heard) > 0 {
		t.Errorf("collected %d all the same", len(w.collector.heard))
	}
	if a := w.testify("rs/coordinator", strings.Repeat("a", 16<<10)); a.StatusCode != 200 {
		t.Errorf("evidence of the largest size got %d", a.StatusCode)
	}
	w.testify("rs/coordinator", "a.b.c")
	w.testify("rs/coordinator", "a.b.c")
	w.wantProblem(w.testify("rs/coordinator", "a.b.c"), gateway.CodeRateLimited)
	m := message(1)
	m.Issuer = "rs/coordinator"
	if a := w.submit("rs/coordinator", m.String()); a.StatusCode != 202 {
		t.Errorf("evidence used up the rate of messages: %d", a.StatusCode)
	}
}

func TestTooMuchEvidenceAtOnceWaitsAndThenComesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(api.Limits{Evidence: 1, Patience: 1}))
	w.collector.hold = make(chan struct{})
	first := w.async(w.request(t.Context(), "rs/coordinator", "POST", "/v1/evidence", strings.NewReader("a.b.c"), "Content-Type", "application/jwt"))
	for held := false; !held; {
		w.collector.mu.Lock()
		held = len(w.collector.heard) == 1
		w.collector.mu.Unlock()
	}
	w.wantProblem(w.testify("ba/coordinator", "a.b.c"), gateway.CodeBusy)
	close(w.collector.hold)
	if a := <-first; a.StatusCode != 200 {
		t.Errorf("the first got %d", a.StatusCode)
	}
}
