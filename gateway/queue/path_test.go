package queue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/queue"
	"example.org/trm/test/redistest"
)

// path is the way of deliveries from the journal through Redis to a country and of its
// evidence back, over the real journal and the root's own verbs. Signatures are stood in
// for by JSON.
type path struct {
	t   *testing.T
	j   *journal.Journal
	rdb *redis.Client

	mu  sync.Mutex
	got []string // messages in the order in which they took effect
	n   int
}

// notary signs and reads statements as JSON.
type notary struct{}

func (notary) Testify(s gateway.Statement) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}

func (notary) Examine(jws string) (s gateway.Statement, kid string, err error) {
	err = json.Unmarshal([]byte(jws), &s)
	return s, string(s.Signer), err
}

func (notary) Check(string, gateway.Key) error { return nil }

// everyone is a directory in which every party has a key of its own name.
type everyone struct{ gateway.Directory }

func (everyone) Key(id string) (gateway.Key, bool) {
	return gateway.Key{Party: gateway.Party(id), Use: gateway.UseEvidence, NotAfter: time.Now().AddDate(1, 0, 0)}, true
}

func newPath(t *testing.T, rdb *redis.Client, reconcile time.Duration) *path {
	t.Helper()
	wake := make(chan struct{}, 1)
	j, err := journal.Open(filepath.Join(t.TempDir(), "journal.db"), journal.Options{Origin: "o", Recorded: func(gateway.Country) {
		select {
		case wake <- struct{}{}:
		default:
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	p := &path{t: t, j: j, rdb: rdb}
	quiet := slog.New(slog.DiscardHandler)
	d := gateway.Dispatcher{Country: "rs", Outbox: j, Streams: &queue.Streams{Client: rdb}, Log: quiet, Now: time.Now, Wake: wake, Reconcile: reconcile}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("dispatching: %v", err)
		}
	})
	collector := gateway.Collector{Examiner: notary{}, Notary: notary{}, Directory: everyone{}, Book: j, Log: quiet, Now: time.Now, NewID: func() string { return "ack" }}
	collect(t, inflow(rdb), func(ctx context.Context, jws string) (string, error) { return collector.Collect(ctx, "rs", jws) })
	return p
}

// send records the next message of a thread.
func (p *path) send(thread string) string {
	p.t.Helper()
	p.n++
	id := gateway.MessageID{Issuer: "ba/coordinator", ID: fmt.Sprintf("%s %d", thread, p.n)}
	now := time.Now()
	_, err := p.j.Receive(p.t.Context(), id, thread, "ba", "rs", func(s gateway.Slot) (gateway.Record, error) {
		h := gateway.Head{ID: id.ID, Issuer: id.Issuer, Audience: "rs/coordinator", Thread: thread, Expires: now.Add(time.Hour)}
		return gateway.Record{
			Head: h, At: now, Order: thread, Facts: s.Facts.After(h), Sender: "s", Auditor: "a", Answer: gateway.Answer{Receipt: []byte("receipt " + id.ID)},
			Bound:    gateway.Bound{Binding: gateway.Binding{Delivery: "delivery " + id.ID}, Wrapped: id.ID},
			Evidence: gateway.Statement{ID: "r " + id.ID, Signer: gateway.TheGateway, Event: gateway.SubmissionAcceptance, Message: id, Pair: s.Number},
		}, nil
	})
	if err != nil {
		p.t.Fatalf("recording: %v", err)
	}
	return id.ID
}

// adapt runs an adapter whose effect is once, as its journal makes it.
func (p *path) adapt(name string) {
	c := consumer(p.rdb, name)
	seen := map[string]bool{}
	consume(p.t, c, func(ctx context.Context, it queue.Item) error {
		p.mu.Lock()
		if !seen[it.Delivery] {
			seen[it.Delivery] = true
			p.got = append(p.got, it.Wrapped)
		}
		p.mu.Unlock()
		jws, err := notary{}.Testify(gateway.Statement{
			ID: "consigned " + it.Delivery, Signer: "rs/coordinator", At: time.Now(), Event: gateway.ContentConsignment,
			Message: gateway.MessageID{Issuer: "ba/coordinator", ID: it.Wrapped}, Delivery: it.Delivery,
		})
		if err != nil {
			return err
		}
		return c.Testify(ctx, jws)
	})
}

// arrive waits until every message has its final evidence, and checks that each took
// effect once and in the order of its thread.
func (p *path) arrive(ids []string) {
	p.t.Helper()
	for _, id := range ids {
		eventually(p.t, "the delivery of "+id, func() bool {
			s, ok, err := p.j.Status(context.Background(), gateway.MessageID{Issuer: "ba/coordinator", ID: id})
			return err == nil && ok && s.State == gateway.StateDelivered
		})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if got, want := slices.Sorted(slices.Values(p.got)), slices.Sorted(slices.Values(ids)); !slices.Equal(got, want) {
		p.t.Errorf("%d took effect, want %d", len(got), len(want))
	}
	last := map[string]int{}
	for _, id := range p.got {
		var thread string
		var n int
		if _, err := fmt.Sscan(id, &thread, &n); err != nil {
			p.t.Fatal(err)
		}
		if n < last[thread] {
			p.t.Errorf("%s %d came after %d", thread, n, last[thread])
		}
		last[thread] = n
	}
}

// swept waits until nothing is left in the stream.
func (p *path) swept() {
	p.t.Helper()
	eventually(p.t, "an empty stream", func() bool {
		n, err := p.rdb.XLen(context.Background(), "trm:{rs}:deliveries").Result()
		return err == nil && n == 0
	})
}

func TestDeliveriesGoThroughRedisAndLeaveItEmpty(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		p := newPath(t, rdb, time.Minute)
		p.adapt("me")
		var ids []string
		for i := range 40 {
			ids = append(ids, p.send(fmt.Sprintf("t%d", i%4)))
		}
		p.arrive(ids)
		p.swept()
	})
}

func TestALossOfEverythingIsMadeGood(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		p := newPath(t, rdb, 100*time.Millisecond)
		var ids []string
		for i := range 20 {
			ids = append(ids, p.send(fmt.Sprintf("t%d", i)))
		}
		eventually(t, "20 in the stream", func() bool {
			n, err := rdb.XLen(context.Background(), "trm:{rs}:deliveries").Result()
			return err == nil && n == 20
		})
		if err := rdb.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		p.adapt("me")
		for i := range 20 {
			ids = append(ids, p.send(fmt.Sprintf("t%d", i)))
			if i == 10 {
				if err := rdb.FlushAll(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		// Evidence that was lost is sent again by the adapter's own journal; here the
		// delivery that is put back brings it again.
		p.arrive(ids)
		p.swept()
	})
}

func TestAKilledRedisIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := newPath(t, server.Client(), 100*time.Millisecond)
	p.adapt("me")
	var ids []string
	for round := range 3 {
		for i := range 20 {
			ids = append(ids, p.send(fmt.Sprintf("t%d", i%7)))
			if i == 10 {
				server.Kill()
			}
		}
		_ = round
		server.Restart()
	}
	p.arrive(ids)
	p.swept()
}
