// Package gatewayrun wires the gateway's parts into one process. It decides nothing:
// gatewayd runs it from a file, the demo beside seven adapters.
package gatewayrun

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/metric"

	"example.org/trm/cmd/internal/codelists"
	"example.org/trm/cmd/internal/telemetry"
	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/ledger"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/queue"
	"example.org/trm/gateway/sop"
	"example.org/trm/schemas"
)

// Environment is what a configuration file cannot hold. The zero value works.
type Environment struct {
	Log       *slog.Logger          // nil: silence
	Telemetry *telemetry.Telemetry  // nil: made from the configuration; otherwise its owner shuts it down, and there is no /metrics
	Redis     redis.UniversalClient // nil: opened from Config.Redis; otherwise its owner closes it
	Schemas   *schemas.Set          // nil: opened; sharing one saves its compilation
	Now       func() time.Time      // nil: time.Now
}

// Gateway is a gateway that listens but does not serve yet.
type Gateway struct {
	config      Config
	log         *slog.Logger
	now         func() time.Time
	directory   *directory
	signers     *signers
	codes       *codelists.Folder
	journal     *journal.Journal
	ledger      *ledger.Log // nil: the directory lists none
	inForce     func() []gateway.Deed
	keep        func() error             // puts what is in force on the shelf
	entered     map[gateway.Event]string // digests of what the log says is in force
	told        map[string]bool          // the statements that it says were taken
	enteredIn   string                   // the log that does
	redis       redis.UniversalClient
	dispatchers []*gateway.Dispatcher
	collector   *gateway.Collector
	timekeeper  *gateway.Timekeeper
	overseer    *gateway.Overseer
	inflow      *queue.Inflow
	eraser      *eraser
	certificate *certificate // nil: no TLS
	door        http.Handler
	listener    net.Listener
	metrics     http.Handler
	operators   net.Listener   // nil: none
	stopping    chan struct{}  // closed when Run begins to stop
	closers     []func() error // in the order of opening
}

// New opens everything: keys, directory, schemas, policy, journal, queue, listeners. What
// it opened is closed by Run, or here if something fails.
func New(ctx context.Context, c Config, env Environment) (*Gateway, error) {
	g := &Gateway{log: env.Log, now: env.Now, stopping: make(chan struct{}), entered: map[gateway.Event]string{}, told: map[string]bool{}}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.now == nil {
		g.now = time.Now
	}
	g.config = c.orDefaults(g.now())
	err := c.Validate()
	if err == nil {
		err = g.open(ctx, env)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the gateway: %w", errors.Join(err, g.close()))
	}
	return g, nil
}

func (g *Gateway) open(ctx context.Context, env Environment) (err error) {
	c := g.config
	if err := os.MkdirAll(filepath.Dir(c.Journal), 0o700); err != nil {
		return err
	}
	if g.directory, err = openDirectory(c, g.log, g.now); err != nil {
		return err
	}
	if g.signers, err = openSigners(c.Certs, g.directory, g.now()); err != nil {
		return err
	}
	if env.Schemas == nil {
		if env.Schemas, err = schemas.Open(); err != nil {
			return err
		}
	}
	// A shelf of its own: what this gateway takes nobody else in the process has.
	env.Schemas = env.Schemas.Under(g.now)
	g.codes = &codelists.Folder{Dir: c.Codes, Set: env.Schemas, Prove: g.directory.register.Codes}
	if err := g.codes.Load(); err != nil {
		g.log.Error("refused code lists", "err", err)
	}
	rules, rulebook, err := openPolicy(c.Policy)
	if err != nil {
		return err
	}
	tel, err := g.openTelemetry(ctx, env)
	if err != nil {
		return err
	}
	if g.redis = env.Redis; g.redis == nil {
		if g.redis, err = openRedis(c.Redis); err != nil {
			return err
		}
		g.closers = append(g.closers, g.redis.Close)
	}
	calendars, err := sop.OpenCalendars()
	if err != nil {
		return err
	}
	wakes := g.openDispatchers(tel)
	g.journal, err = journal.Open(c.Journal, journal.Options{
		Origin: c.Origin, Backlog: c.Backlog, Log: g.log, Now: g.now, Meter: tel.Meter,
		Clock: sop.Clock{Types: env.Schemas, Calendars: calendars, Pairs: g.directory},
		Recorded: func(to gateway.Country) {
			select {
			case wakes[to] <- struct{}{}:
			default: // it is awake, or no country of ours
			}
		},
		Entered: func() {
			if g.ledger != nil {
				g.ledger.Wake()
			}
		},
	})
	if err != nil {
		return err
	}
	g.closers = append(g.closers, g.journal.Close)
	if g.ledger, err = g.openLog(ctx, tel); err != nil {
		return err
	}
	g.keep = func() error { return g.keepEditions(rules, env.Schemas) }
	g.inForce = func() []gateway.Deed {
		d := g.directory.Current()
		return []gateway.Deed{
			{Event: gateway.DirectoryInForce, Number: int64(d.Number()), Digest: d.Digest()},
			{Event: gateway.PolicyInForce, Digest: rules.Digest()},
			{Event: gateway.SchemasInForce, Digest: env.Schemas.Digest()},
		}
	}
	g.eraser = &eraser{journal: g.journal, redis: g.redis, retention: retention(env.Schemas, c.Refused), keep: c.Keep, now: g.now}
	for _, watch := range []func(metric.MeterProvider, *journal.Journal, func() time.Time) (func() error, error){watchBacklogs, watchDuties} {
		unwatch, err := watch(tel.Meter, g.journal, g.now)
		if err != nil {
			return err
		}
		g.closers = append(g.closers, unwatch)
	}
	unwatch, err := watchDirectory(tel.Meter, g.directory, g.now)
	if err != nil {
		return err
	}
	g.closers = append(g.closers, unwatch)
	for _, d := range g.dispatchers {
		d.Outbox = g.journal
	}
	g.collector = &gateway.Collector{
		Examiner: envelope.Codec{}, Notary: g.signers, Directory: g.directory, Book: g.journal, Log: g.log, Now: g.now, NewID: newID, Grace: c.Lapse,
	}
	g.timekeeper = &gateway.Timekeeper{Duties: g.journal, Notary: g.signers, Log: g.log, Now: g.now, NewID: newID, Doubt: g.doubt()}
	g.overseer = &gateway.Overseer{
		Examiner: envelope.Codec{}, Notary: g.signers, Directory: g.directory, Overrides: guarded{g.journal, g.safe}, Log: g.log, Now: g.now, NewID: newID, Doubt: g.doubt(),
	}
	g.inflow = &queue.Inflow{Client: g.redis, Log: g.log, Tracer: tel.Tracer, Meter: tel.Meter}
	if g.door, err = g.server(env.Schemas, rules, rulebook, tel).Handler(); err != nil {
		return err
	}
	return g.listen(ctx)
}

// server is the door over everything that was opened.
func (g *Gateway) server(set *schemas.Set, rules *policy.Policy, rulebook []byte, tel *telemetry.Telemetry) *api.Server {
	c, procedure := g.config, sop.Rules{Types: set}
	return &api.Server{
		Receiver: &gateway.Receiver{
			Opener: envelope.Codec{}, Directory: g.directory, Catalogue: set, Procedure: procedure, Policy: rules,
			Binder: g.signers, Notary: g.signers, Journal: guarded{g.journal, g.safe},
			Origin: c.Origin, Now: g.now, NewID: newID, Auditor: auditor,
		},
		Previewer: &gateway.Previewer{Directory: g.directory, Forms: set, Procedure: procedure, Policy: rules, Memory: g.journal, Now: g.now},
		Reach:     func(ps ...gateway.Party) []gateway.Unreached { return gateway.Unreachable(g.directory, ps...) },
		Overseer:  g.overseer, Overrides: g.journal,
		Ledger: records{g.ledger, g.journal}, Audits: g.audits(), Details: g.details(),
		Messages: messages{g.journal}, Duties: g.journal, Queue: pulled{&queue.Pull{Client: g.redis, Log: g.log, Tracer: tel.Tracer, Meter: tel.Meter, Lease: c.Lease}},
		Collector: g.collector, Stopping: g.stopping, Directory: g.directory, Schemas: set, Policy: rulebook, Examiner: envelope.Codec{},
		Checks: g.checks(), Audience: c.Audience, Log: g.log, Now: g.now, Tracer: tel.Tracer, Meter: tel.Meter,
		Limits: api.Limits{Submissions: c.Limits.Submissions, Reserved: c.Limits.Reserved, Rate: c.Limits.Rate, Burst: c.Limits.Burst},
	}
}

// openDispatchers makes one dispatcher for each country, and the channels that wake them.
// They get the journal once it is open, which needs the channels.
func (g *Gateway) openDispatchers(tel *telemetry.Telemetry) map[gateway.Country]chan struct{} {
	streams := &queue.Streams{Client: g.redis, Tracer: tel.Tracer}
	wakes := make(map[gateway.Country]chan struct{}, len(gateway.Countries))
	for _, c := range gateway.Countries {
		wakes[c] = make(chan struct{}, 1)
		g.dispatchers = append(g.dispatchers, &gateway.Dispatcher{Country: c, Streams: streams, Log: g.log, Now: g.now, Wake: wakes[c], Reconcile: g.config.Reconcile})
	}
	return wakes
}

func (g *Gateway) openTelemetry(ctx context.Context, env Environment) (*telemetry.Telemetry, error) {
	if env.Telemetry != nil {
		return env.Telemetry, nil
	}
	t, err := telemetry.Process(ctx, "gatewayd", g.config.OTLP)
	if err != nil {
		return nil, err
	}
	g.metrics, g.closers = t.Metrics, append(g.closers, t.Close)
	return t, nil
}

func (g *Gateway) listen(ctx context.Context) (err error) {
	if g.certificate, err = openCertificate(g.config.TLS); err != nil {
		return err
	}
	if g.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", g.config.Listen); err != nil {
		return err
	}
	if g.config.Operators != "off" {
		g.operators, err = (&net.ListenConfig{}).Listen(ctx, "tcp", g.config.Operators)
	}
	return err
}

// Addr is where the door listens.
func (g *Gateway) Addr() net.Addr { return g.listener.Addr() }

// Operators is where metrics are, nil if they are not shown.
func (g *Gateway) Operators() net.Addr {
	if g.operators == nil {
		return nil
	}
	return g.operators.Addr()
}

// Reload reads again what may change under a running process: the directory, the
// gateway's keys, the door's certificate and releases of the code lists. What it refuses
// leaves the old one in place.
func (g *Gateway) Reload() error {
	errs := []error{g.signers.reload(g.now())}
	if g.certificate != nil {
		errs = append(errs, g.certificate.reload())
	}
	return errors.Join(append(errs, g.directory.reload(), g.codes.Load())...)
}

// close closes what was opened, the last first.
func (g *Gateway) close() error {
	var errs []error
	for _, l := range []net.Listener{g.listener, g.operators} {
		if l != nil {
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	for i := len(g.closers) - 1; i >= 0; i-- {
		errs = append(errs, g.closers[i]())
	}
	g.closers = nil
	return errors.Join(errs...)
}

// auditor is the party of a country that may open its decisions.
func auditor(c gateway.Country) gateway.Party { return gateway.Party(c) + "/auditor" }

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func openPolicy(path string) (*policy.Policy, []byte, error) {
	open := policy.Default
	if path != "" {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the policy: %w", err)
		}
		open = func() (*policy.Policy, error) { return policy.Parse(raw) }
	}
	p, err := open()
	if err != nil {
		return nil, nil, err
	}
	book, err := rulebook(p)
	return p, book, err
}
