// Package bench measures what a message costs on its whole way: it runs a gateway, the
// adapters of the countries that receive, and Redis, each as a process of its own on
// loopback, sends them messages that were signed beforehand, and is the national systems
// at the other end. What it measured counts only once everything was proven: every
// receipt and every piece of evidence, each message delivered once, order in its thread.
//
// Beside the figures it measures, in the same run, what nothing could do without: the bare
// cryptography of a message, a flushed append to a file, an XADD to the same Redis. A ratio
// of the two says more than a figure, which is the machine's.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// Bounds of what one run may ask for.
const (
	MaxMessages = 50_000
	MaxBytes    = 1 << 30 // of signed messages, which are kept in memory
)

// Pair is the direction in which messages go.
type Pair struct{ From, To gateway.Country }

// String is the pair as it is given: "me-rs".
func (p Pair) String() string { return string(p.From) + "-" + string(p.To) }

// MarshalText is the same in JSON.
func (p Pair) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Options say what is run. All but Log, Dir and Profile must be set.
type Options struct {
	Type     string  // "referral.request" or another type whose example can begin a thread
	Messages int     // that are measured
	Warmup   int     // sent before them in the same way, and not measured
	Threads  int     // over which they go in turn; a thread is one pair's
	Pairs    []Pair  // over which threads go in turn
	Rate     float64 // messages in a second, sent on time whether or not earlier ones are answered; 0: each sender sends its next when it has a receipt
	Senders  int     // connections that send
	Fsync    string  // of Redis's append-only file: "always" or "everysec"
	Embedded bool    // Redis in this process, which keeps nothing: for a test
	Patience time.Duration
	// Program is how a part is started: "trm", "bench", "part". The kind of part and its
	// configuration file are appended; it calls [Part].
	Program []string
	Dir     string       // keeps everything that the region writes; empty: a temporary folder
	Profile string       // folder for a CPU profile of each part while it is measured; empty: none
	Log     func(string) // says what is being done; nil: nobody is told
}

// Validate reports everything that is wrong, at once.
func (o Options) Validate() error {
	var errs []error
	bad := func(wrong bool, what string) {
		if wrong {
			errs = append(errs, errors.New(what))
		}
	}
	bad(o.Messages < 1 || o.Warmup < 0 || o.Messages+o.Warmup > MaxMessages, fmt.Sprintf("messages: 1 to %d, with those of the warm-up", MaxMessages))
	if set, err := schemas.Open(); err != nil {
		errs = append(errs, err)
	} else {
		_, ok := set.Example(o.Type + "/1.0")
		bad(!ok, "type: trm types list names them, without the version")
	}
	bad(o.Threads < 1, "threads: at least 1")
	bad(len(o.Pairs) < 1, "pairs: at least one, such as me-rs")
	for _, p := range o.Pairs {
		bad(!p.From.Valid() || !p.To.Valid() || p.From == p.To, "pairs: "+p.String()+" are not two countries of the mechanism")
	}
	bad(o.Rate < 0 || o.Rate > 100_000, "rate: 0 to 100000 a second")
	bad(o.Senders < 1 || o.Senders > 512, "senders: 1 to 512")
	bad(o.Fsync != "always" && o.Fsync != "everysec", "fsync: always or everysec")
	bad(o.Patience <= 0, "patience: how long the whole may take")
	bad(len(o.Program) == 0, "program: how a part is started")
	return errors.Join(errs...)
}

// Run measures. It ends within Patience, leaves no process behind, and its error is the
// first thing that could not be done or did not prove.
func Run(ctx context.Context, o Options) (Report, error) {
	if err := o.Validate(); err != nil {
		return Report{}, fmt.Errorf("preparing a measurement: %w", err)
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Dir == "" {
		tmp, err := os.MkdirTemp("", "trm-bench-")
		if err != nil {
			return Report{}, err
		}
		defer os.RemoveAll(tmp)
		o.Dir = tmp
	}
	dir, err := filepath.Abs(o.Dir) // parts are started elsewhere
	if err != nil {
		return Report{}, err
	}
	o.Dir = dir
	ctx, cancel := context.WithTimeoutCause(ctx, o.Patience, fmt.Errorf("it took longer than %s", o.Patience))
	defer cancel()
	r, err := run(ctx, o)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	if err != nil {
		return r, fmt.Errorf("measuring: %w", err)
	}
	return r, nil
}

func run(ctx context.Context, o Options) (Report, error) {
	d, err := openDesk(o.Dir)
	if err != nil {
		return Report{}, err
	}
	o.Log(fmt.Sprintf("signing %d messages", o.Warmup+o.Messages))
	load, err := d.load(ctx, o)
	if err != nil {
		return Report{}, err
	}
	t := newTally(load)
	s, err := startSystem(t)
	if err != nil {
		return Report{}, err
	}
	defer s.stop()
	o.Log("starting the region")
	g, err := startRegion(ctx, o, s.url)
	if err != nil {
		return Report{}, err
	}
	r, err := measure(ctx, o, d, t, g)
	return r, errors.Join(err, g.stop())
}

// measure sends the load and proves what became of it.
func measure(ctx context.Context, o Options, d *desk, t *tally, g *region) (Report, error) {
	watched, unwatch := context.WithCancel(ctx)
	defer unwatch()
	watching := t.watch(watched, g)
	log := watchLog(watched, o.Dir)
	defer func() { unwatch(); watching(); <-log.ended }()
	s := newSender(o, d, g.gateway.addr)
	defer s.client.CloseIdleConnections()
	warm, load := t.load[:o.Warmup], t.load[o.Warmup:]
	if len(warm) > 0 {
		o.Log(fmt.Sprintf("warming up with %d messages", len(warm)))
		if err := s.send(ctx, t, warm); err != nil {
			return Report{}, err
		}
	}
	if err := g.profile(o.Profile); err != nil {
		return Report{}, err
	}
	before, err := g.usage(ctx)
	if err != nil {
		return Report{}, err
	}
	o.Log(fmt.Sprintf("sending %d messages", len(load)))
	if err := s.send(ctx, t, load); err != nil {
		return Report{}, err
	}
	after, err := g.usage(ctx)
	if err != nil {
		return Report{}, err
	}
	if err := g.profiled(o.Profile); err != nil {
		return Report{}, err
	}
	r := newReport(o, g, t, load)
	r.Processes, r.Others = costs(before, after, len(load)), foreign(before, after)
	o.Log("proving receipts, deliveries, evidence and order")
	if r.Proven, err = prove(ctx, d, s, t); err != nil {
		return r, fmt.Errorf("proving what was measured: %w", err)
	}
	if r.Published, err = log.published(ctx, g.journal, load); err != nil {
		return r, fmt.Errorf("looking into the log: %w", err)
	}
	o.Log("measuring what nothing could do without")
	if r.Bare, err = bare(ctx, d, g, load); err != nil {
		return r, err
	}
	return r, nil
}
