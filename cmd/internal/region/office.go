package region

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"example.org/trm/adapters"
	"example.org/trm/adapters/filedrop"
	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/queue"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
)

// Office is one country's adapter in a region: it delivers into a folder per role.
type Office struct {
	Country gateway.Country
	Files   string // the folder that holds one folder per role
	API     string // where the adapter's local API answers
	Token   string // what a caller of it shows

	adapter *adapters.Adapter
	store   *store.Store
	local   net.Listener
	log     *slog.Logger
}

// open makes a country's adapter in the region's folder.
func (r *Region) open(ctx context.Context, c gateway.Country, o Options) (*Office, error) {
	base := filepath.Join(o.Dir, "adapters", string(c))
	office := &Office{Country: c, Files: filepath.Join(o.Dir, "offices", string(c)), Token: rand.Text() + rand.Text(), log: o.Log}
	for _, dir := range []string{base, office.Files} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(base, "token"), []byte(office.Token+"\n"), 0o600); err != nil {
		return nil, err
	}
	directory, err := trust.OpenFolder(o.Dir, time.Now())
	if err != nil {
		return nil, err
	}
	catalogue, err := schemas.Open()
	if err != nil {
		return nil, err
	}
	rules, err := policy.Default()
	if err != nil {
		return nil, err
	}
	if office.store, err = store.Open(ctx, filepath.Join(base, "journal.db")); err != nil {
		return nil, err
	}
	keys, notary, err := keysOf(o.Dir, c, directory)
	if err != nil {
		return nil, err
	}
	drop := filedrop.Drop{Dir: office.Files}
	if err := drop.Sweep(); err != nil {
		return nil, err
	}
	office.adapter, err = adapters.New(adapters.Config{
		Country:   c,
		Source:    source{&queue.Consumer{Client: r.queue.client, Country: c, Name: "demo", Log: o.Log, Tracer: r.telemetry.Tracer, Meter: r.telemetry.Meter}},
		Office:    incoming.Office{Country: c, Keys: keys, Directory: directory, Catalogue: catalogue},
		Transport: drop,
		Store:     office.store,
		Desk:      outgoing.Desk{Directory: directory, Catalogue: catalogue, Policy: rules, Now: time.Now, NewID: newID},
		Gate: &adapters.Client{
			Base: r.URL, Audience: Audience, Keys: keys, Now: time.Now, NewID: newID,
			HTTP: &http.Client{Timeout: 30 * time.Second, CheckRedirect: adapters.NoRedirects},
		},
		Keys: keys, Notary: notary, Examiner: envelope.Codec{}, Opener: envelope.Codec{}, Directory: directory,
		Now: time.Now, NewID: newID, Log: o.Log, Tracer: r.telemetry.Tracer, Meter: r.telemetry.Meter,
		Callers: []adapters.Caller{{Token: office.Token}},
	})
	if err != nil {
		return nil, err
	}
	if office.local, err = listenLoopback(); err != nil {
		return nil, err
	}
	office.API = "http://" + office.local.Addr().String()
	return office, nil
}

// run takes, delivers, sends and answers its local API until ctx ends.
func (o *Office) run(ctx context.Context) error {
	server := &http.Server{Handler: o.adapter.Handler(), ReadHeaderTimeout: 5 * time.Second}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return o.adapter.Run(ctx) })
	g.Go(func() error {
		if err := server.Serve(o.local); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		quick, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		return server.Shutdown(quick)
	})
	return g.Wait()
}

// keysOf loads the keys of every party of a country that the directory knows.
func keysOf(dir string, c gateway.Country, d *trust.Directory) (func(gateway.Party) (*certs.Keys, bool), envelope.Notary, error) {
	ring := map[gateway.Party]*certs.Keys{}
	notary := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{}}
	for _, p := range d.Parties() {
		if p.Country() != c {
			continue
		}
		k, err := certs.Load(dir, p)
		if err != nil {
			return nil, notary, err
		}
		ring[p], notary.Keys[p] = k, k.Evidence
	}
	return func(p gateway.Party) (*certs.Keys, bool) { k, ok := ring[p]; return k, ok }, notary, nil
}

// source is the queue's end as an adapter wants it.
type source struct{ *queue.Consumer }

func (s source) Run(ctx context.Context, take func(context.Context, adapters.Item) error) error {
	return s.Consumer.Run(ctx, func(ctx context.Context, it queue.Item) error {
		return take(ctx, adapters.Item{Delivery: it.Delivery, Wrapped: it.Wrapped})
	})
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
