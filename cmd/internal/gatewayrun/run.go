package gatewayrun

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/queue"
)

// leaseTerm is how long after a process dies another takes over its dispatching.
const leaseTerm = 15 * time.Second

// Run serves until ctx ends, or until a part fails, and then stops in order: the door
// takes no more and finishes what is in hand; dispatchers and inflows end; the journal,
// the queue and the telemetry are closed. Whatever was answered with a receipt is on disk
// all the while. Call it once.
func (g *Gateway) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(ctx, func() { close(g.stopping) })
	// What lies behind the door ends after it.
	behind, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	if err := g.enterInForce(behind); err != nil {
		return errors.Join(fmt.Errorf("entering what is in force: %w", err), g.close())
	}
	var door, parts errgroup.Group
	part := func(f func(context.Context) error) {
		parts.Go(func() error { defer stop(); return f(behind) })
	}
	for _, d := range g.dispatchers {
		// Under a lease, so that one process dispatches to a country at a time; by the
		// same name a process that was killed has its own back at once.
		part(func(ctx context.Context) error {
			return g.journal.Alone(ctx, "dispatch "+string(d.Country), g.config.Name, leaseTerm, d.Run)
		})
	}
	for _, c := range gateway.Countries {
		part(func(ctx context.Context) error { return g.inflow.Run(ctx, c, g.take(c)) })
	}
	part(func(ctx context.Context) error {
		return g.every(ctx, 30*time.Second, "ending expired deliveries", g.collector.Lapse)
	})
	part(func(ctx context.Context) error {
		return g.every(ctx, 30*time.Second, "looking for approvals that did not come", g.overseer.Lapse)
	})
	part(func(ctx context.Context) error { return g.every(ctx, time.Hour, "purging", g.purge) })
	part(func(ctx context.Context) error {
		return g.every(ctx, time.Hour, "forgetting approvals", g.forgetApprovals)
	})
	part(g.timekeeper.Run)
	part(g.directory.run)
	part(func(ctx context.Context) error {
		return g.every(ctx, 30*time.Second, "reading releases of the code lists", func(context.Context) (int, error) { return 0, g.codes.Load() })
	})
	part(g.sequence)
	part(g.enter)
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

// every does something at once and then again and again; what it returns is how much there
// was, and while there was some it goes on.
func (g *Gateway) every(ctx context.Context, pause time.Duration, what string, do func(context.Context) (int, error)) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		n, err := 1, error(nil)
		for n > 0 && err == nil {
			n, err = do(ctx)
		}
		if err != nil && ctx.Err() == nil {
			g.log.Error("failed", "at", what, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// unused is how long an approval waits for its message: longer than any message lives.
const unused = 90 * 24 * time.Hour

// forgetApprovals removes approvals whose message never came.
func (g *Gateway) forgetApprovals(ctx context.Context) (int, error) {
	return g.journal.ForgetApprovals(ctx, g.now().Add(-unused), 500)
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
