package gatewayrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/queue"
)

// Run serves until ctx ends, or until a part fails, and then stops in order: the door
// takes no more and finishes what is in hand; dispatchers and inflows end; the journal,
// the queue and the telemetry are closed. Whatever was answered with a receipt is on disk
// all the while. Call it once.
func (g *Gateway) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// What lies behind the door ends after it.
	behind, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var door, parts errgroup.Group
	part := func(f func(context.Context) error) {
		parts.Go(func() error { defer stop(); return f(behind) })
	}
	for _, d := range g.dispatchers {
		part(d.Run)
	}
	for _, c := range gateway.Countries {
		part(func(ctx context.Context) error { return g.inflow.Run(ctx, c, g.take(c)) })
	}
	part(g.lapsing)
	part(g.directory.run)
	part(g.warn)
	door.Go(func() error { defer stop(); return g.serve(ctx, g.listener, g.door, g.certificate) })
	if g.operators != nil {
		door.Go(func() error { defer stop(); return g.serve(ctx, g.operators, g.window(), nil) })
	}
	err := door.Wait()
	end()
	return errors.Join(err, parts.Wait(), g.close())
}

// serve answers until ctx ends, and lets requests in hand finish.
func (g *Gateway) serve(ctx context.Context, l net.Listener, h http.Handler, c *certificate) error {
	s := api.HTTP(h, g.log)
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.config.Grace)
		defer cancel()
		stopped <- s.Shutdown(grace)
	}()
	var err error
	if c != nil {
		s.TLSConfig = c.config()
		err = s.ServeTLS(l, "", "")
	} else {
		err = s.Serve(l)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	if err := <-stopped; err != nil {
		return errors.Join(fmt.Errorf("finishing requests in hand: %w", err), s.Close())
	}
	return nil
}

// window is what operators see: metrics, and the door's own answers about its health.
func (g *Gateway) window() http.Handler {
	mux := http.NewServeMux()
	if g.metrics != nil {
		mux.Handle("GET /metrics", g.metrics)
	}
	mux.Handle("GET /healthz", g.door)
	mux.Handle("GET /readyz", g.door)
	return mux
}

// take hands a country's evidence to the collector.
func (g *Gateway) take(c gateway.Country) func(context.Context, string) (string, error) {
	return func(ctx context.Context, jws string) (string, error) { return g.collector.Collect(ctx, c, jws) }
}

// lapsing ends what expired, every half minute.
func (g *Gateway) lapsing(ctx context.Context) error {
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		for {
			n, err := g.collector.Lapse(ctx)
			if err != nil && ctx.Err() == nil {
				g.log.Error("ending expired deliveries", "err", err)
			}
			if n == 0 || err != nil {
				break
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// warn names what is unsafe about Redis, once it answers.
func (g *Gateway) warn(ctx context.Context) error {
	for {
		unsafe, err := queue.Unsafe(ctx, g.redis)
		if err == nil {
			for _, u := range unsafe {
				g.log.Warn("unsafe setting of redis", "setting", u)
			}
			break
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(10 * time.Second):
		}
	}
	<-ctx.Done()
	return nil
}

// checks are what readiness asks.
func (g *Gateway) checks() []api.Check {
	return []api.Check{
		{Name: "journal", Probe: g.journal.Ready},
		{Name: "keys", Probe: func(ctx context.Context) error {
			return errors.Join(g.signers.listed(g.directory, g.now()), g.signers.work(ctx))
		}},
		{Name: "directory", Probe: func(context.Context) error { return g.directory.Ready(g.now()) }},
		api.ClockCheck(time.Minute),
	}
}

// safe says whether what the gateway signs now will be believed.
func (g *Gateway) safe() error {
	now := g.now()
	if err := g.directory.Ready(now); err != nil {
		return err
	}
	if err := g.signers.listed(g.directory, now); err != nil {
		return gateway.Unavailable(gateway.CodeBusy, time.Minute, err)
	}
	return nil
}

// guarded records nothing while nobody would believe it. What was recorded before is
// still found: a repeat gets its answer whatever the directory says today.
type guarded struct {
	*journal.Journal
	safe func() error
}

// Receive is the journal's, where it is safe.
func (j guarded) Receive(ctx context.Context, id gateway.MessageID, thread string, from, to gateway.Country, record func(gateway.Slot) (gateway.Record, error)) (gateway.Recorded, error) {
	if err := j.safe(); err != nil {
		return gateway.Recorded{}, err
	}
	return j.Journal.Receive(ctx, id, thread, from, to, record)
}

// messages is the journal as the door sees it.
type messages struct{ *journal.Journal }

// Status finds what a message's correspondents may know of it.
func (m messages) Status(ctx context.Context, id gateway.MessageID) (api.Status, bool, error) {
	s, ok, err := m.Journal.Status(ctx, id)
	return status(s), ok, err
}

// Pair finds the same by the message's number.
func (m messages) Pair(ctx context.Context, n gateway.PairNumber) (api.Status, bool, error) {
	s, ok, err := m.Journal.Pair(ctx, n)
	return status(s), ok, err
}

func status(s journal.Status) api.Status {
	return api.Status{
		Message: s.Message, Audience: s.Audience, State: s.State, Late: s.Late, ReceivedAt: s.ReceivedAt, Expires: s.Expires,
		Pair: s.Pair, Evidence: s.Evidence, Withheld: s.Sender, Refused: s.Refused,
	}
}

// rulebook is the policy as /v1/policy shows it: every rule, with the titles of the laws
// that rules name by their keys.
func rulebook(p *policy.Policy) ([]byte, error) {
	sources := map[string]string{}
	for _, r := range p.Rules() {
		for _, key := range r.Law {
			sources[key] = p.Source(key)
		}
	}
	return json.Marshal(struct {
		Release string            `json:"release"`
		Digest  string            `json:"digest"`
		Sources map[string]string `json:"sources"`
		Rules   []policy.Rule     `json:"rules"`
	}{p.Release(), p.Digest(), sources, p.Rules()})
}
