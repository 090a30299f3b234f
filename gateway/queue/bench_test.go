package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/queue"
	"example.org/trm/test/redistest"
)

// BenchmarkDispatch moves recorded deliveries of the usual size from the journal into
// Redis, with the bare XADD of as many bytes beside it.
func BenchmarkDispatch(b *testing.B) {
	wrapped := strings.Repeat("w", 16000)
	b.Run("dispatcher", func(b *testing.B) {
		rdb := redistest.Start(b).Client()
		j, err := journal.Open(filepath.Join(b.TempDir(), "journal.db"), journal.Options{Origin: "o", Backlog: 1 << 30, Window: 1 << 30})
		if err != nil {
			b.Fatal(err)
		}
		defer j.Close()
		for i := range b.N {
			id := gateway.MessageID{Issuer: "ba/coordinator", ID: fmt.Sprint(i)}
			if _, err := j.Receive(b.Context(), id, id.ID, "ba", "rs", func(s gateway.Slot) (gateway.Record, error) {
				h := gateway.Head{ID: id.ID, Issuer: id.Issuer, Audience: "rs/coordinator", Thread: id.ID, Expires: time.Now().Add(time.Hour)}
				return gateway.Record{
					Head: h, Order: id.ID, Facts: s.Facts.After(h), Sender: "s", Auditor: "a", Answer: gateway.Answer{Receipt: []byte("receipt " + id.ID)},
					Bound:    gateway.Bound{Binding: gateway.Binding{Delivery: "delivery " + id.ID}, Wrapped: wrapped},
					Evidence: gateway.Statement{ID: "r " + id.ID, Signer: gateway.TheGateway, Event: gateway.SubmissionAcceptance, Message: id, Pair: s.Number},
				}, nil
			}); err != nil {
				b.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(b.Context())
		streams := &counted{Streams: &queue.Streams{Client: rdb}, want: int64(b.N), stop: stop}
		d := gateway.Dispatcher{Country: "rs", Outbox: j, Streams: streams, Log: slog.New(slog.DiscardHandler), Now: time.Now}
		b.ResetTimer()
		if err := d.Run(ctx); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("xadd", func(b *testing.B) {
		rdb := redistest.Start(b).Client()
		b.ResetTimer()
		for i := range b.N {
			if err := rdb.XAdd(b.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"id", fmt.Sprint(i), "d", wrapped}}).Err(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// counted stops the benchmark after the last delivery.
type counted struct {
	*queue.Streams
	n, want int64
	stop    func()
}

func (c *counted) Put(ctx context.Context, w gateway.Waiting) error {
	err := c.Streams.Put(ctx, w)
	if c.n++; c.n == c.want {
		c.stop()
	}
	return err
}

// BenchmarkConsume hands over deliveries that are waiting and acknowledges them.
func BenchmarkConsume(b *testing.B) {
	rdb := redistest.Start(b).Client()
	s := &queue.Streams{Client: rdb}
	for i := range b.N {
		w := delivery(fmt.Sprint(i), 1, uint64(i+1))
		w.Wrapped = strings.Repeat("w", 16000)
		if err := s.Put(b.Context(), w); err != nil {
			b.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(b.Context())
	var n atomic.Int64
	var last atomic.Int64
	c := consumer(rdb, "me")
	c.Lease = 30 * time.Second
	b.ResetTimer()
	if err := c.Run(ctx, func(context.Context, queue.Item) error {
		if n.Add(1) == int64(b.N) {
			last.Store(int64(b.Elapsed()))
			stop()
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(last.Load())/float64(b.N), "ns/delivery") // without the time that stopping takes
}
