// Package region runs a whole region on one machine, in one process: the gateway, its
// queue and seven adapters with folders for their offices, over loopback. It is for
// trying the exchange out and for showing it; gatewayd and adapterd are for running it.
package region

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/sync/errgroup"

	"example.org/trm/certs"
	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/cmd/internal/redisrun"
	"example.org/trm/cmd/internal/telemetry"
	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// Options say how a region is run.
type Options struct {
	// Dir holds everything: keys, directory, journals, the offices' folders. A region that
	// was run there before goes on where it stopped.
	Dir string
	// Listen is where the gateway answers. Default: a free port of loopback.
	Listen string
	// Embedded keeps the queue in this process also where redis-server is installed.
	Embedded bool
	Log      *slog.Logger
	Spans    sdktrace.SpanProcessor // sees every span; may be nil
	// Now is the clock of all of it: a story puts it forward. Default time.Now. Where it is
	// given, the offices look at it, and at what the gateway signed, many times a second.
	Now func() time.Time

	watch, follow time.Duration
}

// Audience is the gateway's name in assertions, in every region on one machine.
const Audience = gateway.Audience

// Region is a running region.
type Region struct {
	Dir      string
	URL      string // the gateway's
	Queue    string // what Redis it uses, in words
	Adapters map[gateway.Country]*Office

	gateway   *gatewayrun.Gateway
	telemetry *telemetry.Telemetry
	queue     *redisrun.Server
	stop      context.CancelFunc
	running   *errgroup.Group
	release   func() // of the folder
}

// Start makes what is missing in the folder and starts everything. The region runs until
// Stop, or until ctx ends and Stop is called.
func Start(ctx context.Context, o Options) (*Region, error) {
	release, err := lock(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	} else {
		o.watch, o.follow = 20*time.Millisecond, 100*time.Millisecond
	}
	if err := prepare(o.Dir, o.Now()); err != nil {
		release()
		return nil, err
	}
	r := &Region{Dir: o.Dir, Adapters: map[gateway.Country]*Office{}, release: release}
	ctx, r.stop = context.WithCancel(ctx)
	r.running, ctx = errgroup.WithContext(ctx)
	if err := r.start(ctx, o); err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	return r, nil
}

// prepare makes the development set, once.
func prepare(dir string, now time.Time) error {
	if _, err := os.Stat(filepath.Join(dir, "directory.json")); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := certs.Develop(dir, certs.Options{Now: now}); err != nil {
		return fmt.Errorf("making keys and a directory: %w", err)
	}
	return nil
}

func (r *Region) start(ctx context.Context, o Options) error {
	var err error
	if r.telemetry, err = telemetry.Setup(ctx, "trm", telemetry.Options{Processor: o.Spans}); err != nil {
		return err
	}
	if r.queue, err = redisrun.Start(ctx, redisrun.Options{Dir: filepath.Join(o.Dir, "redis"), Embedded: o.Embedded}); err != nil {
		return err
	}
	r.Queue = r.queue.What
	set, err := schemas.Open() // one for all eight: compiling it takes longer than starting them
	if err != nil {
		return err
	}
	listen := o.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	witnesses, err := startWitnesses(ctx, r.running, o)
	if err != nil {
		return err
	}
	g, err := gatewayrun.New(ctx, gatewayrun.Config{
		Listen: listen, Operators: "off", Audience: Audience, Certs: o.Dir, Development: true,
		Journal: filepath.Join(o.Dir, "gateway", "journal.db"), Log: gatewayrun.Log{Witnesses: witnesses},
	}, gatewayrun.Environment{Log: o.Log, Telemetry: r.telemetry, Redis: r.queue.Dial(), Schemas: set, Now: o.Now})
	if err != nil {
		return fmt.Errorf("starting the gateway: %w", err)
	}
	r.gateway, r.URL = g, "http://"+g.Addr().String()
	r.running.Go(func() error { return g.Run(ctx) })
	for _, c := range gateway.Countries {
		office, err := r.open(ctx, c, o, set)
		if err != nil {
			return fmt.Errorf("starting the adapter of %s: %w", c, err)
		}
		r.Adapters[c] = office
		r.running.Go(func() error { return office.adapter.Run(ctx) })
	}
	return nil
}

// Reload has the gateway read again what may change while it runs: the next directory,
// which waits there until it comes into force.
func (r *Region) Reload() error { return r.gateway.Reload() }

// Stop stops everything in order and waits for it. What was received stays in the folder.
func (r *Region) Stop() error {
	r.stop()
	err := r.running.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if r.queue != nil {
		r.queue.Stop()
	}
	if r.telemetry != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, r.telemetry.Shutdown(ctx))
	}
	r.release()
	return err
}

// Wait returns when a part of the region failed, or ctx ended.
func (r *Region) Wait(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- r.running.Wait() }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}
