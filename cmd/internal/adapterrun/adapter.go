// Package adapterrun wires an adapter's parts into one process. It decides nothing:
// adapterd runs it from a file, the demo seven times beside a gateway.
package adapterrun

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"

	"example.org/trm/adapters"
	"example.org/trm/adapters/country"
	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/cmd/internal/codelists"
	"example.org/trm/cmd/internal/telemetry"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/queue"
	"example.org/trm/gateway/sop"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// Environment is what a configuration file cannot hold. The zero value works.
type Environment struct {
	Log       *slog.Logger          // nil: silence
	Telemetry *telemetry.Telemetry  // nil: made from the configuration
	Redis     redis.UniversalClient // nil: opened from Config.Redis; otherwise its owner closes it
	Schemas   *schemas.Set          // nil: opened; sharing one saves its compilation
	Now       func() time.Time      // nil: time.Now
	Watch     time.Duration         // how often Now is looked at for who is to be told; zero: as adapters have it
}

// Adapter is an adapter that listens but does not yet take anything.
type Adapter struct {
	*adapters.Adapter
	config    Config
	log       *slog.Logger
	now       func() time.Time
	register  *trust.Register
	codes     *codelists.Folder
	keys      *keyring
	client    *adapters.Client
	listener  net.Listener // nil: no local API
	operators net.Listener // nil: no metrics
	metrics   http.Handler
	closers   []func() error // in the order of opening
}

// New opens everything: keys, directory, schemas, policy, journal, queue, transport,
// listeners. What it opened is closed by Run, or here if something fails.
func New(ctx context.Context, c Config, env Environment) (*Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("opening the adapter: %w", err)
	}
	a := &Adapter{config: c, log: env.Log, now: env.Now}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.now == nil {
		a.now = time.Now
	}
	if err := a.open(ctx, env); err != nil {
		return nil, fmt.Errorf("opening the adapter of %s: %w", c.Country, errors.Join(err, a.close()))
	}
	return a, nil
}

func (a *Adapter) open(ctx context.Context, env Environment) error {
	c := a.config
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	pins, first, err := trust.ReadFolder(c.Certs)
	if err != nil {
		return err
	}
	if a.register, err = trust.OpenRegister(filepath.Join(c.Data, "directory"), pins, first, a.now()); err != nil {
		return err
	}
	a.register.Log, a.register.Now = a.log, a.now
	live := a.register.Live()
	if live.Current().Development() && !c.Development {
		return errDevelopment
	}
	a.keys = &keyring{folder: c.Certs, country: c.Country, directory: live, now: a.now}
	if err := a.keys.reload(); err != nil {
		return err
	}
	find := a.keys.find
	if env.Schemas == nil {
		if env.Schemas, err = schemas.Open(); err != nil {
			return err
		}
	}
	// A shelf of its own: what this adapter takes nobody else in the process has.
	env.Schemas = env.Schemas.Under(a.now)
	a.codes = &codelists.Folder{Dir: filepath.Join(c.Data, "codes"), Set: env.Schemas, Prove: a.register.Codes}
	a.loadCodes()
	rules, err := policy.Default()
	if err != nil {
		return err
	}
	tel, err := a.telemetry(ctx, env)
	if err != nil {
		return err
	}
	profile, err := country.Of(c.Country)
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, filepath.Join(c.Data, "adapter.db"))
	if err != nil {
		return err
	}
	a.closers = append(a.closers, st.Close)
	sops, err := openProcedure(env.Schemas, live)
	if err != nil {
		return err
	}
	transport, err := openTransport(c.Deliver, a.now)
	if err != nil {
		return err
	}
	callers, err := readCallers(c.Callers)
	if err != nil {
		return err
	}
	calls, err := gatewayHTTP(c.Gateway)
	if err != nil {
		return err
	}
	a.client = &adapters.Client{Base: c.Gateway.URL, Audience: or(c.Gateway.Audience, gateway.Audience), Keys: find, HTTP: calls, Now: a.now, NewID: newID}
	from, err := a.source(env, tel)
	if err != nil {
		return err
	}
	bell, err := openBell(c.Notify, profile, live, a.now)
	if err != nil {
		return err
	}
	a.warnUnreached(bell, live.Current().Parties())
	a.Adapter, err = adapters.New(adapters.Config{
		Country: c.Country, Source: from, Transport: transport, Store: st, Gate: a.client, Approver: a.client, Approvals: envelope.Codec{}, Feed: a.client, Follow: c.Follow, Keys: find,
		Office: incoming.Office{Country: c.Country, Keys: find, Directory: live, Catalogue: schemas.Reader{Set: env.Schemas}},
		Desk: outgoing.Desk{
			Directory: live, Catalogue: env.Schemas, Policy: rules, Now: a.now, NewID: newID, Procedure: sop.Rules{Types: env.Schemas},
			// Without the caller's context: the look-up is one row of our own journal.
			Earlier: func(id gateway.MessageID) (gateway.Earlier, bool, error) { return st.Earlier(context.Background(), id) },
		},
		Procedure: sops, Bell: bell, Watch: env.Watch, Types: env.Schemas,
		Notary: a.keys, Examiner: envelope.Codec{}, Opener: envelope.Codec{}, Directory: live, Now: a.now, NewID: newID,
		Log: a.log, Tracer: tel.Tracer, Meter: tel.Meter, Refresh: a.refresh, Releases: a.takeCodes, Profile: profile, Coder: env.Schemas,
		Ready: func(context.Context) error { return live.Ready(a.now()) }, Callers: callers, Attempt: c.Attempt,
		Retry: adapters.Pace(c.Retry), Retell: adapters.Pace(c.Retell), Resubmit: adapters.Pace(c.Resubmit), Keep: c.Keep,
	})
	if err != nil {
		return err
	}
	return a.listen(ctx)
}

// source is where deliveries come from.
func (a *Adapter) source(env Environment, tel *telemetry.Telemetry) (adapters.Source, error) {
	c := a.config
	if c.Source == sourceHTTPS {
		return &adapters.Pull{Client: a.client, As: a.office(), Log: a.log, Grace: orDuration(c.Grace, 10*time.Second)}, nil
	}
	rdb := env.Redis
	if rdb == nil {
		var err error
		if rdb, err = openRedis(c.Redis); err != nil {
			return nil, err
		}
		a.closers = append(a.closers, rdb.Close)
	}
	return source{&queue.Consumer{
		Client: rdb, Country: c.Country, Name: or(c.Name, "adapter"), Log: a.log, Tracer: tel.Tracer, Meter: tel.Meter,
		Grace: orDuration(c.Grace, 10*time.Second),
	}}, nil
}

// office is the party that speaks for the country as a whole.
func (a *Adapter) office() gateway.Party {
	return gateway.Party(string(a.config.Country) + "/coordinator")
}

// source is the queue as the adapter sees it.
type source struct{ *queue.Consumer }

func (s source) Run(ctx context.Context, take func(ctx context.Context, it adapters.Item) error) error {
	return s.Consumer.Run(ctx, func(ctx context.Context, it queue.Item) error { return take(ctx, adapters.Item(it)) })
}

func (a *Adapter) telemetry(ctx context.Context, env Environment) (*telemetry.Telemetry, error) {
	if env.Telemetry != nil {
		return env.Telemetry, nil
	}
	t, err := telemetry.Process(ctx, "adapterd", a.config.OTLP, attribute.String("trm.country", string(a.config.Country)))
	if err != nil {
		return nil, err
	}
	a.metrics, a.closers = t.Metrics, append(a.closers, t.Close)
	return t, nil
}

func (a *Adapter) listen(ctx context.Context) (err error) {
	if l := a.config.Listen; l != "" {
		network, address := "tcp", l
		if path, ok := strings.CutPrefix(l, "unix:"); ok {
			network, address = "unix", path
			_ = os.Remove(path) // of a process that was killed; one that lives holds the journal's lock too
		}
		if a.listener, err = (&net.ListenConfig{}).Listen(ctx, network, address); err != nil {
			return err
		}
		if network == "unix" {
			if err := os.Chmod(address, 0o600); err != nil {
				return err
			}
		}
	}
	if a.config.Operators != "" {
		a.operators, err = (&net.ListenConfig{}).Listen(ctx, "tcp", a.config.Operators)
	}
	return err
}

// Addr is where the local API listens, nil if it does not.
func (a *Adapter) Addr() net.Addr {
	if a.listener == nil {
		return nil
	}
	return a.listener.Addr()
}

// Operators is where metrics and health are shown, nil if they are not.
func (a *Adapter) Operators() net.Addr {
	if a.operators == nil {
		return nil
	}
	return a.operators.Addr()
}

// Run works until ctx ends, then stops in order: the local API, what is in hand, the
// journal, the queue.
func (a *Adapter) Run(ctx context.Context) error {
	// A directory may have come into force while this process was away: what is sealed by
	// the old one's keys nobody may be able to open.
	a.look(ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.Adapter.Run(ctx) })
	g.Go(func() error { return a.register.Run(ctx) })
	g.Go(func() error { return a.refreshing(ctx) })
	if a.listener != nil {
		g.Go(func() error { return a.serve(ctx, a.listener, a.Handler(), a.config.TLS) })
	}
	if a.operators != nil {
		g.Go(func() error { return a.serve(ctx, a.operators, a.window(), TLS{}) })
	}
	return errors.Join(g.Wait(), a.close())
}

// window is what operators see: metrics, and the local API's own answers about its health.
func (a *Adapter) window() http.Handler {
	mux, api := http.NewServeMux(), a.Handler()
	if a.metrics != nil {
		mux.Handle("GET /metrics", a.metrics)
	}
	mux.Handle("GET /healthz", api)
	mux.Handle("GET /readyz", api)
	return mux
}

// serve answers until ctx ends, and lets requests in hand finish.
func (a *Adapter) serve(ctx context.Context, l net.Listener, h http.Handler, t TLS) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug)}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), orDuration(a.config.Grace, 10*time.Second))
		defer cancel()
		stopped <- s.Shutdown(grace)
	}()
	var err error
	if t.Certificate != "" {
		err = s.ServeTLS(l, t.Certificate, t.Key)
	} else {
		err = s.Serve(l)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return <-stopped
}

// refresh looks for a newer directory at the gateway. It proves itself: who carries it
// does not matter.
func (a *Adapter) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	raw, err := a.client.Directory(ctx, a.office())
	if err != nil {
		return err
	}
	if err := a.register.Take(raw, a.now()); err != nil {
		return err
	}
	a.register.Turn(a.now())
	return nil
}

// refreshing looks for a newer directory and newer code lists again and again.
func (a *Adapter) refreshing(ctx context.Context) error {
	tick := time.NewTicker(orDuration(a.config.Refresh, 15*time.Minute))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		a.look(ctx)
	}
}

// reloadKeys takes up keys that were renewed. A folder that cannot be read must be seen to
// before the old ones run out.
func (a *Adapter) reloadKeys() {
	if err := a.keys.reload(); err != nil {
		a.log.Error("kept the old keys", "country", string(a.config.Country), "err", err)
	}
}

// look asks the gateway for a newer directory; that there is no answer is reported only.
func (a *Adapter) look(ctx context.Context) {
	defer a.reloadKeys()
	if err := a.refresh(ctx); err != nil && ctx.Err() == nil {
		a.log.Warn("looked for a newer directory in vain", "country", string(a.config.Country), "err", err)
	}
	if err := a.takeCodes(ctx); err != nil && ctx.Err() == nil {
		a.log.Warn("looked for newer code lists in vain", "country", string(a.config.Country), "err", err)
	}
}

// close closes what was opened, the last first.
func (a *Adapter) close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
