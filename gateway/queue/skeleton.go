package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"example.org/trm/gateway"
)

var errSoon = errors.New("queue: being built")

// Streams is Redis as the dispatcher sees it. Client must be set.
type Streams struct {
	Client redis.UniversalClient
	Tracer trace.TracerProvider // default: the global one
}

var _ gateway.Streams = (*Streams)(nil)

func (s *Streams) Put(ctx context.Context, w gateway.Waiting) error { return errSoon }
func (s *Streams) Missing(ctx context.Context, c gateway.Country, placed []gateway.Waiting) ([]gateway.Waiting, error) {
	return nil, errSoon
}
func (s *Streams) Remove(ctx context.Context, c gateway.Country, ws []gateway.Waiting) error {
	return errSoon
}

// Inflow is the gateway's end of the evidence streams. Client and Log must be set.
type Inflow struct {
	Client redis.UniversalClient
	Name   string // of this process among those that read; default "gateway"
	Log    *slog.Logger
	Tracer trace.TracerProvider // default: the global one
	Lease  time.Duration        // default 30 seconds
}

// Run gives each piece of a country's evidence to take, at least once, until ctx ends.
// The acknowledgement that take returns is appended to the country's acks before the
// evidence is removed; an error leaves it waiting for another attempt.
func (f *Inflow) Run(ctx context.Context, c gateway.Country, take func(ctx context.Context, jws string) (ack string, err error)) error {
	return errSoon
}

// Consumer is an adapter's end of its country's streams. Client, Country, Name and Log
// must be set.
type Consumer struct {
	Client  redis.UniversalClient
	Country gateway.Country
	Name    string // of this process, the same after a restart
	Log     *slog.Logger
	Tracer  trace.TracerProvider // default: the global one
	Lease   time.Duration        // default 30 seconds
	Workers int                  // deliveries handled at once on each stream; default 16
}

// Item is one delivery as the adapter takes it.
type Item struct {
	Delivery string // id
	Wrapped  string // compact JWE
}

// Run gives each delivery to handle, at least once, until ctx ends.
func (c *Consumer) Run(ctx context.Context, handle func(ctx context.Context, it Item) error) error {
	return errSoon
}

// Testify appends signed evidence to the country's stream.
func (c *Consumer) Testify(ctx context.Context, jws string) error { return errSoon }

// Acks gives the gateway's signed acknowledgements to handle until ctx ends.
func (c *Consumer) Acks(ctx context.Context, handle func(ctx context.Context, ack string) error) error {
	return errSoon
}

// Unsafe names the settings of a Redis that endanger what is waiting.
func Unsafe(ctx context.Context, rdb redis.UniversalClient) ([]string, error) { return nil, errSoon }

// ACL returns the rules of a country's user, for ACL SETUSER.
func ACL(c gateway.Country) []string { return nil }
