package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

// Receiver takes submissions; in production it is [gateway.Receiver]. An Answer without
// error is durable, and the same bytes get the same one. Safe for concurrent use.
type Receiver interface {
	Accept(ctx context.Context, caller gateway.Party, announced gateway.Lane, e gateway.Envelope, trace string) (gateway.Answer, error)
}

// Messages says what became of a message; in production it is the journal. Safe for
// concurrent use.
type Messages interface {
	// Status finds a message by its name.
	Status(ctx context.Context, id gateway.MessageID) (Status, bool, error)
	// Pair finds the message that has a number.
	Pair(ctx context.Context, n gateway.PairNumber) (Status, bool, error)
	// Events returns up to n signed statements about the messages that a party sent, in
	// the order of recording, after a cursor; 0 begins with the oldest. A statement keeps
	// its cursor for ever.
	Events(ctx context.Context, sender gateway.Party, after int64, n int) ([]Event, error)
}

// Directory finds who calls, and is what /v1/directory hands out. Its answers are those
// of the directory in force, and may change between two calls. Safe for concurrent use.
type Directory interface {
	// Key finds a key by its id, also one that is no longer valid.
	Key(id string) (gateway.Key, bool)
	// Caller finds the assertion key whose certificate has this x5t#S256.
	Caller(thumbprint string) (gateway.Key, bool)
	// Signed is the directory exactly as the coordinators signed it.
	Signed() []byte
}

// Server is the door. Its fields are set before [Server.Handler] is called and not
// changed after; those that name something are required, except where they say so.
type Server struct {
	Receiver  Receiver
	Previewer Previewer
	// Reach, if set, names those of the parties whose people no machine tells that a message
	// waits; a preview shows them.
	Reach     func(parties ...gateway.Party) []gateway.Unreached
	Overseer  Overseer
	Overrides Overrides
	Messages  Messages
	Ledger    Ledger
	Audits    Audits
	Duties    Duties
	Queue     Queue
	Collector Collector
	Directory Directory
	Schemas   *schemas.Set
	Policy    []byte           // the rules in force as JSON, for people to read
	Examiner  gateway.Examiner // reads the evidence that is shown
	Checks    []Check          // what readiness asks
	Details   []Detail         // what readiness tells beside it
	Audience  string           // what an assertion must name in aud: this gateway
	Limits    Limits           // zero: the defaults
	Stopping  <-chan struct{}  // closed when the process begins to stop: calls that are held open are answered; nil: never
	Log       *slog.Logger
	Now       func() time.Time     // the clock; nil: time.Now
	Tracer    trace.TracerProvider // nil: no spans
	Meter     metric.MeterProvider // nil: no metrics
}

// Handler is the whole door as one handler, safe for concurrent use. Every call makes a
// new one that remembers nothing of another's assertions: call it once.
func (s *Server) Handler() (http.Handler, error) {
	d, err := s.open()
	if err != nil {
		return nil, fmt.Errorf("opening the door: %w", err)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = d.fail // reached only for what the middleware could not answer
	e.Use(d.watch)
	for _, r := range d.routes() {
		e.Add(r.method, r.path, d.guard(r))
	}
	return e, nil
}

// door is a Server that was opened: what the routes share.
type door struct {
	Server
	limits  Limits
	callers *callers
	slots   *slots
	pulls   pulls
	exports chan struct{} // holds one for each page that is being made
	rates   *rates
	health  *health
	meters  meters
	tracer  trace.Tracer
	known   map[string]bool // route templates, for names of spans and metrics
}

func (s *Server) open() (*door, error) {
	d := &door{Server: *s, limits: s.Limits.orDefaults()}
	if d.Now == nil {
		d.Now = time.Now
	}
	var err error
	if d.meters, err = newMeters(s.Meter); err != nil {
		return nil, err
	}
	d.tracer = tracer(s.Tracer)
	d.callers = newCallers(s.Directory, s.Audience, d.Now)
	d.slots = newSlots(d.limits)
	d.exports = make(chan struct{}, exports)
	d.rates = newRates(d.limits, d.Now)
	d.health = newHealth(s.Checks, s.Log, d.Now)
	d.known = make(map[string]bool)
	for _, r := range d.routes() {
		d.known[r.path] = true
	}
	return d, nil
}
