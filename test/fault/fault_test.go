// Package fault holds the tests that break a running region: processes are killed as a
// power cut kills them, Redis loses everything, national systems answer wrongly or not at
// all. What must be true afterwards is asked by the harness at the end of each test.
package fault

import (
	"os"
	"sync"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/test/harness"
	"example.org/trm/test/nation"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// traffic sends messages in both directions, in several conversations at once, until it
// has sent enough. A conversation's messages are sent one after the other.
type traffic struct {
	r             *harness.Region
	conversations int
	each          int // messages of one conversation

	wg   sync.WaitGroup
	mu   sync.Mutex // guards sent
	sent int
}

func (f *traffic) start() {
	for i := range f.conversations {
		from, to := gateway.Party("me/coordinator"), gateway.Party("rs/coordinator")
		if i%2 == 1 {
			from, to = to, from
		}
		f.wg.Go(func() {
			thread := harness.NewThread()
			for n := range f.each {
				d := harness.Capacity(from, to)
				if n%3 == 1 {
					d = harness.Referral(from, to)
				}
				f.r.Send(d.With(map[string]any{"thread": thread}))
				f.mu.Lock()
				f.sent++
				f.mu.Unlock()
			}
		})
	}
}

// reach waits until n messages were sent, so that a fault meets messages in flight.
func (f *traffic) reach(t *testing.T, n int) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		f.mu.Lock()
		sent := f.sent
		f.mu.Unlock()
		if sent >= n {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("sent %d messages within a minute, want %d", sent, n)
		}
	}
}

// TestEverythingIsKilledOnce while 200 messages are on their way: gateway, each adapter
// and Redis with SIGKILL, and once Redis loses all its data.
func TestEverythingIsKilledOnce(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{Systems: map[gateway.Country]*nation.System{"me": nation.New(t)}})
	f := &traffic{r: r, conversations: 10, each: 20}
	f.start()
	for i, kill := range []func(){
		r.Gateway.Restart,
		r.Redis.Restart,
		r.Adapters["rs"].Restart,
		r.Redis.Flush,
		r.Adapters["me"].Restart,
	} {
		f.reach(t, 30*(i+1))
		kill()
	}
	f.wg.Wait()
	r.Check()
	if n := len(r.Sent()); n != 200 {
		t.Errorf("the adapters took %d messages, want 200", n)
	}
}

// TestKilledAgainAndAgain is a gateway, and an adapter, that do not live long: each
// crash meets another moment between two steps.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	for _, victim := range []string{"gateway", "adapter"} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			r := harness.New(t, harness.Options{})
			f := &traffic{r: r, conversations: 6, each: 10}
			f.start()
			for i := range 8 {
				f.reach(t, 6*(i+1))
				if victim == "gateway" {
					r.Gateway.Restart()
				} else {
					r.Adapters["rs"].Restart()
				}
			}
			f.wg.Wait()
			r.Check()
		})
	}
}

// TestRedisIsAwayForAWhile: messages are received meanwhile, and delivered when it is
// back, without a restart of anything else.
func TestRedisIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	r.Send(harness.Referral("me/coordinator", "rs/coordinator"))
	r.Settle()
	r.Redis.Kill()
	var waiting []*harness.Sent
	for range 5 {
		waiting = append(waiting, r.Send(harness.Referral("me/coordinator", "rs/coordinator")))
	}
	for _, s := range waiting {
		r.Until("the receipt of a message", func() bool {
			st, err := r.Status(s)
			return err == nil && st.Receipt != "" && st.Gateway != gateway.StateDelivered
		})
	}
	r.Redis.Restart()
	r.Check()
}

// TestRedisLosesEverything while deliveries wait in it that their destination has not
// taken, and nothing else tells the dispatcher.
func TestRedisLosesEverything(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	r.Send(harness.Capacity("me/coordinator", "rs/coordinator"))
	r.Settle()
	r.Adapters["rs"].Kill()
	var waiting []*harness.Sent
	for range 5 {
		waiting = append(waiting, r.Send(harness.Referral("me/coordinator", "rs/coordinator")))
	}
	for _, s := range waiting {
		r.Await(s, gateway.StateQueued)
	}
	r.Redis.Flush()
	r.Adapters["rs"].Start()
	r.Check()
}

// TestDeliveriesTakenOverHTTPS are given the same guarantees, from the same queue.
func TestDeliveriesTakenOverHTTPS(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{HTTPS: []gateway.Country{"rs"}})
	f := &traffic{r: r, conversations: 4, each: 15}
	f.start()
	for i, kill := range []func(){r.Gateway.Restart, r.Adapters["rs"].Restart, r.Redis.Restart, r.Redis.Flush} {
		f.reach(t, 12*(i+1))
		kill()
	}
	f.wg.Wait()
	r.Check()
}
