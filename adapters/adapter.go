package adapters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"example.org/trm/adapters/country"
	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/certs"
	"example.org/trm/gateway"
)

// Item is one delivery as it waits for the country: nothing of it is proven.
type Item struct {
	Delivery string // id
	Wrapped  string // compact JWE
}

// Source is the country's end of the queue.
type Source interface {
	// Run gives each delivery to take, at least once, until ctx ends. It lets go of one
	// only after take has returned nil; an error leaves it waiting for another offer. It
	// may call take for several deliveries at once, but not for one delivery twice.
	Run(ctx context.Context, take func(ctx context.Context, it Item) error) error
	// Testify sends signed evidence to the gateway. Sending it again is harmless.
	Testify(ctx context.Context, jws string) error
	// Acks gives the gateway's signed acknowledgements to handle until ctx ends.
	Acks(ctx context.Context, handle func(ctx context.Context, ack string) error) error
}

// Office opens what was delivered; [incoming.Office] does.
type Office interface {
	// Open proves a delivery and says what each role may see. What it refuses is a
	// *Problem; the Opened beside it holds as much as was read.
	Open(wrapped string) (incoming.Opened, error)
}

// Desk makes envelopes of drafts; [outgoing.Desk] does.
type Desk interface {
	Preview(d outgoing.Draft, facts gateway.ThreadFacts) (outgoing.Preview, error)
	Sign(d outgoing.Draft, facts gateway.ThreadFacts, k *certs.Keys, o outgoing.Options) (outgoing.Signed, error)
}

// Gate is the gateway as the way out sees it; [Client] is one.
type Gate interface {
	// Submit gives the bytes to the gateway as the party. The same bytes again get the
	// same answer. Either receipt or problem is given, or an error: then nothing is
	// known, and the same bytes are to be sent again.
	Submit(ctx context.Context, as gateway.Party, raw []byte, lane gateway.Lane) (receipt string, problem *gateway.Document, err error)
	// Message asks what became of a message.
	Message(ctx context.Context, as gateway.Party, id gateway.MessageID) (Status, error)
	// Number asks what became of a pair's number.
	Number(ctx context.Context, as gateway.Party, n gateway.PairNumber) (Fate, error)
}

// Config is what an adapter is made of. Fields without a default must be set.
type Config struct {
	Country   gateway.Country
	Source    Source
	Office    Office
	Transport Transport
	Store     *store.Store
	Desk      Desk
	Gate      Gate
	Keys      func(gateway.Party) (*certs.Keys, bool) // of this country's parties
	Notary    gateway.Notary                          // signs evidence for this country's parties
	Examiner  gateway.Examiner
	Opener    gateway.Opener
	Directory gateway.Directory
	Now       func() time.Time
	NewID     func() string // UUIDv7s

	// Log, by default, discards.
	Log *slog.Logger
	// Tracer and Meter, by default, do nothing.
	Tracer trace.TracerProvider
	Meter  metric.MeterProvider
	// Feed, if set, is followed for evidence about what this country sent, every Follow.
	// Default 5 seconds.
	Feed   Feed
	Follow time.Duration
	// Profile translates national codes, which Coder finds. By default nothing is translated.
	Profile country.Profile
	Coder   Coder
	// Refresh, if set, looks for a newer directory. It is called once before a delivery
	// is refused for something that a newer directory could explain.
	Refresh func(ctx context.Context) error
	// Releases, if set, looks for newer releases of the code lists. It is called once
	// before a message is shown in a release that is not here.
	Releases func(ctx context.Context) error
	// Approver, if set, takes the approvals of messages that override rules; Approvals reads
	// them.
	Approver  Approver
	Approvals gateway.ApprovalExaminer
	// Bell, if set, tells people that messages wait. Without one nobody is told from here,
	// and nothing is signed about it: the national system tells its own people.
	Bell *Bell
	// Watch is how often the clock is looked at for who is to be told what, where nothing
	// wakes that loop. Default 5 seconds.
	Watch time.Duration
	// Types, if set, says which answer closes a notice, so that taking it on can make it.
	Types Types
	// Ready, if set, is asked by readiness beside the journal: whether directory and keys
	// are such that something can be sent and received safely.
	Ready func(ctx context.Context) error
	// Procedure says what is owed, by when, and how long facts are kept. By default nothing
	// is owed.
	Procedure Procedure
	// Callers may use the local API. Without any, nobody may.
	Callers []Caller
	// Attempt is the time that one attempt may take. Default 30 seconds.
	Attempt time.Duration
	// Retry is the wait between attempts. Default 2 seconds to 5 minutes.
	Retry Pace
	// Retell is the wait before evidence is sent again that nobody acknowledged. Default
	// 30 seconds to 1 hour.
	Retell Pace
	// Resubmit is the wait before an envelope is submitted again that got no answer.
	// Default 1 second to 5 minutes.
	Resubmit Pace
	// Keep is how long after its exp a message's journal rows are kept. Default 30 days.
	Keep time.Duration
}

// Adapter is a country's process: see the package documentation for what it promises.
type Adapter struct {
	Config
	watch watch
	wake  chan struct{} // an envelope was stored
	bell  chan struct{} // somebody may have to be told
}

// New checks a configuration and makes an adapter of it. It starts nothing.
func New(c Config) (*Adapter, error) {
	var errs []error
	need := func(name string, missing bool) {
		if missing {
			errs = append(errs, fmt.Errorf("%s is not set", name))
		}
	}
	if !c.Country.Valid() {
		errs = append(errs, errors.New("the country is not one of the mechanism"))
	}
	need("Source", c.Source == nil)
	need("Office", c.Office == nil)
	need("Transport", c.Transport == nil)
	need("Store", c.Store == nil)
	need("Desk", c.Desk == nil)
	need("Gate", c.Gate == nil)
	need("Keys", c.Keys == nil)
	need("Notary", c.Notary == nil)
	need("Examiner", c.Examiner == nil)
	need("Opener", c.Opener == nil)
	need("Directory", c.Directory == nil)
	need("Now", c.Now == nil)
	need("NewID", c.NewID == nil)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("making an adapter: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Tracer == nil {
		c.Tracer = tracenoop.NewTracerProvider()
	}
	if c.Meter == nil {
		c.Meter = metricnoop.NewMeterProvider()
	}
	if c.Procedure == nil {
		c.Procedure = unruled{}
	}
	if c.Attempt <= 0 {
		c.Attempt = 30 * time.Second
	}
	if c.Watch <= 0 {
		c.Watch = 5 * time.Second
	}
	if c.Follow <= 0 {
		c.Follow = followEvery
	}
	if c.Keep <= 0 {
		c.Keep = 30 * 24 * time.Hour
	}
	c.Retry = c.Retry.or(2*time.Second, 5*time.Minute)
	c.Retell = c.Retell.or(30*time.Second, time.Hour)
	c.Resubmit = c.Resubmit.or(time.Second, 5*time.Minute)
	if c.Bell != nil {
		if c.Bell.Channels == nil || c.Bell.Say == nil {
			return nil, errors.New("making an adapter: Bell lacks Channels or Say")
		}
		c.Bell = c.Bell.or()
	}
	w, err := newWatch(c)
	if err != nil {
		return nil, fmt.Errorf("making an adapter: %w", err)
	}
	return &Adapter{Config: c, watch: w, wake: make(chan struct{}, 1), bell: make(chan struct{}, 1)}, nil
}

// Run takes deliveries, sends evidence and submits envelopes until ctx ends; what is in
// hand then is finished or left as the journal says, for the next start. Nothing that
// fails ends it: it tries again.
func (a *Adapter) Run(ctx context.Context) error {
	stop, err := a.backlog()
	if err != nil {
		return fmt.Errorf("running the adapter: %w", err)
	}
	a.zero(ctx)
	var wg sync.WaitGroup
	for name, loop := range map[string]func(context.Context) error{
		"taking deliveries":        func(ctx context.Context) error { return a.Source.Run(ctx, a.take) },
		"reading acknowledgements": func(ctx context.Context) error { return a.Source.Acks(ctx, a.acknowledged) },
		"sending evidence again":   a.retell,
		"submitting envelopes":     a.submit,
		"following feeds":          a.follow,
		"asking about gaps":        a.explain,
		"purging":                  a.purge,
		"telling people":           a.ring,
	} {
		wg.Go(func() { a.persist(ctx, name, loop) })
	}
	wg.Wait()
	return stop()
}

// persist runs a loop again, with back-off, for as long as ctx lives.
func (a *Adapter) persist(ctx context.Context, name string, loop func(context.Context) error) {
	pace := Pace{First: 100 * time.Millisecond, Last: 10 * time.Second}
	for n := 1; ctx.Err() == nil; n++ {
		began := a.Now()
		if err := loop(ctx); err != nil && ctx.Err() == nil {
			a.Log.Warn("began again after a failure", "country", string(a.Country), "what", name, "err", err)
		}
		if a.Now().Sub(began) > time.Minute {
			n = 1
		}
		if !pause(ctx, pace.after(n), nil) {
			return
		}
	}
}

// purge forgets, every hour, what nothing can ask for any more.
func (a *Adapter) purge(ctx context.Context) error {
	for {
		if _, err := a.Store.Purge(ctx, a.Now().Add(-a.Keep)); err != nil {
			return err
		}
		if err := a.Store.Forget(ctx, a.Now()); err != nil {
			return err
		}
		if !pause(ctx, time.Hour, nil) {
			return nil
		}
	}
}
