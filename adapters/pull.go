package adapters

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"example.org/trm/gateway"
)

// Pull is a [Source] over HTTPS, for a country whose firewall lets nothing else out. It
// gives the same promises as the queue, which the gateway reads for it:
//
//	GET  /v1/deliveries   {"deliveries":[{"delivery","wrapped","traceparent"}]}: what waits for
//	                      the country and is not leased to an earlier call; held open, for
//	                      less than half a minute, when there is nothing. With fresh=true, as
//	                      in the first call, also what an earlier life of this process has
//	                      leased
//	POST /v1/evidence     signed evidence as application/jwt; the answer is the signed
//	                      acknowledgement
//
// A delivery is handed out again, after its lease, until its final evidence is recorded, so
// that there is nothing to acknowledge beside. Client, As and Log must be set. Safe for concurrent use,
// but Run once.
type Pull struct {
	Client  *Client
	As      gateway.Party // who asks for the country
	Log     *slog.Logger
	Workers int  // deliveries in hand at once; default 16
	Retry   Pace // between attempts of one delivery, and between calls that fail; default 200ms to 30s
	// Grace is how long attempts in hand may go on after Run is told to stop. Default 5
	// seconds.
	Grace time.Duration

	once sync.Once
	acks chan string
}

var _ Source = (*Pull)(nil)

func (p *Pull) open() {
	p.once.Do(func() {
		p.acks = make(chan string, 256)
		p.Retry = p.Retry.or(200*time.Millisecond, 30*time.Second)
	})
}

// Run asks for deliveries until ctx ends, and then waits for those in hand.
func (p *Pull) Run(ctx context.Context, take func(ctx context.Context, it Item) error) error {
	p.open()
	var (
		work sync.WaitGroup
		held sync.Map // by delivery id: it is in hand
		free = make(chan struct{}, cmp.Or(p.Workers, 16))
	)
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	first := true
	for failed := 0; ctx.Err() == nil; {
		list, err := p.Client.deliveries(ctx, p.As, first)
		if err != nil {
			if failed++; ctx.Err() == nil {
				p.Log.Warn("asked for deliveries in vain", "party", string(p.As), "err", err)
			}
			pause(ctx, max(p.Retry.after(failed), WaitOf(err)), nil)
			continue
		}
		failed, first = 0, false
		fresh := false
		for _, d := range list {
			if _, known := held.LoadOrStore(d.Delivery, true); known {
				continue
			}
			fresh = true
			work.Go(func() {
				defer held.Delete(d.Delivery)
				p.carry(ctx, working, d, free, take)
			})
		}
		if !fresh {
			pause(ctx, p.Retry.First, nil) // a gateway that does not hold the call open is not hammered
		}
	}
	late := time.AfterFunc(cmp.Or(p.Grace, 5*time.Second), end)
	defer late.Stop()
	work.Wait()
	return nil
}

// carry gives one delivery to take until it is taken, with back-off. No attempt begins
// once ctx has ended; one that has begun goes on while working lives.
func (p *Pull) carry(ctx, working context.Context, d waiting, free chan struct{}, take func(context.Context, Item) error) {
	traced := propagation.TraceContext{}.Extract(working, propagation.MapCarrier{"traceparent": d.Trace})
	for n := 1; ; n++ {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		err := p.guard(traced, d, take)
		<-free
		if err == nil {
			return
		}
		if !pause(ctx, p.Retry.after(n), nil) {
			return
		}
	}
}

func (p *Pull) guard(ctx context.Context, d waiting, take func(context.Context, Item) error) (err error) {
	defer func() {
		if recover() != nil {
			p.Log.Error("attempt panicked", "delivery", d.Delivery, "stack", string(debug.Stack()))
			err = errors.New("attempt panicked")
		}
	}()
	return take(ctx, Item{Delivery: d.Delivery, Wrapped: d.Wrapped})
}

// Testify posts evidence. The acknowledgement that comes back goes to Acks; where nobody
// reads there, the evidence is sent again and gets another.
func (p *Pull) Testify(ctx context.Context, jws string) error {
	p.open()
	ack, err := p.Client.testify(ctx, p.As, jws)
	if err != nil {
		return err
	}
	select {
	case p.acks <- ack:
	default:
	}
	return nil
}

// Acks gives the acknowledgements that Testify got.
func (p *Pull) Acks(ctx context.Context, handle func(ctx context.Context, ack string) error) error {
	p.open()
	for {
		select {
		case <-ctx.Done():
			return nil
		case ack := <-p.acks:
			if err := handle(ctx, ack); err != nil {
				return err // the evidence is sent again, and so is the acknowledgement
			}
		}
	}
}

// waiting is a delivery as the gateway hands it out.
type waiting struct {
	Delivery string `json:"delivery"`
	Wrapped  string `json:"wrapped"`
	Trace    string `json:"traceparent"`
}

// maxDeliveries bounds an answer: as many deliveries as a gateway hands out at once.
const maxDeliveries = 16 << 20

// deliveries asks for what waits for the country; the gateway may hold the call open. A
// fresh process has nothing in hand.
func (c *Client) deliveries(ctx context.Context, as gateway.Party, fresh bool) ([]waiting, error) {
	path := "/v1/deliveries"
	if fresh {
		path += "?fresh=true"
	}
	var out struct {
		Deliveries []waiting `json:"deliveries"`
	}
	if err := c.get(ctx, as, path, maxDeliveries, &out); err != nil {
		return nil, fmt.Errorf("asking for deliveries: %w", err)
	}
	return out.Deliveries, nil
}

// testify posts evidence and returns the acknowledgement, whose signature is its reader's
// to check.
func (c *Client) testify(ctx context.Context, as gateway.Party, jws string) (ack string, err error) {
	r, err := c.call(ctx, as, http.MethodPost, "/v1/evidence", http.Header{"Content-Type": {"application/jwt"}}, []byte(jws), maxReceipt)
	if err == nil {
		err = r.failure()
	}
	if err == nil && r.media != "application/jwt" {
		err = errors.New("an answer that is not the gateway's")
	}
	if err != nil {
		return "", fmt.Errorf("posting evidence: %w", err)
	}
	return string(r.body), nil
}

var _ json.Unmarshaler = (*waiting)(nil)

// UnmarshalJSON refuses a delivery without its two halves, which nothing can be done with.
func (w *waiting) UnmarshalJSON(raw []byte) error {
	type plain waiting
	if err := json.Unmarshal(raw, (*plain)(w)); err != nil {
		return err
	}
	if w.Delivery == "" || w.Wrapped == "" {
		return errors.New("a delivery without id or content")
	}
	return nil
}
