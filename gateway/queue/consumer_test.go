package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
	"example.org/trm/gateway/queue"
	"example.org/trm/test/redistest"
)

func TestDeliveriesAreHandedOverAndAcknowledged(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		var box inbox
		stop := consume(t, consumer(rdb, "a"), box.take)
		s := &queue.Streams{Client: rdb}
		u := delivery("u", 1, 1)
		u.Urgent = true
		put(t, s, delivery("a", 1, 1), delivery("b", 1, 2), u)
		box.wait(t, "a", "b", "u")
		settled(t, rdb, "trm:{rs}:deliveries")
		settled(t, rdb, "trm:{rs}:urgent")
		stop()
		if ids := waiting(t, rdb, "trm:{rs}:deliveries"); len(ids) != 2 {
			t.Errorf("the consumer removed what only the dispatcher removes: left are %v", ids)
		}
		if got := box.all(); len(got) != 3 {
			t.Errorf("handed over %v", got)
		}
	})
}

func TestAPoisonedDeliveryHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	var box inbox
	var poisoned atomic.Int32
	c := consumer(rdb, "a")
	c.Workers = 1
	consume(t, c, func(ctx context.Context, it queue.Item) error {
		switch it.Delivery {
		case "poison":
			poisoned.Add(1)
			return errors.New("always")
		case "panic":
			panic("always")
		}
		return box.take(ctx, it)
	})
	s := &queue.Streams{Client: rdb}
	put(t, s, delivery("poison", 1, 1), delivery("panic", 1, 2))
	var want []string
	for i := range 100 {
		put(t, s, delivery(fmt.Sprint(i), 1, uint64(i+3)))
		want = append(want, fmt.Sprint(i))
	}
	box.wait(t, want...)
	eventually(t, "a third attempt of the poisoned one", func() bool { return poisoned.Load() >= 3 })
	p, err := rdb.XPending(t.Context(), "trm:{rs}:deliveries", "adapter").Result()
	if err != nil || p.Count != 2 {
		t.Errorf("pending are %v, %v; want the two that fail", p, err)
	}
}

func TestAFailedAttemptWaitsLongerEachTime(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1))
	at := make(chan time.Time, 16)
	consume(t, consumer(rdb, "a"), func(context.Context, queue.Item) error {
		select {
		case at <- time.Now():
		default:
		}
		return errors.New("not yet")
	})
	last := receive(t, at)
	for _, least := range []time.Duration{100, 200, 400} {
		now := receive(t, at)
		if d := now.Sub(last); d < least*time.Millisecond {
			t.Errorf("tried again after %s, want at least %d ms", d, least)
		}
		last = now
	}
}

func TestWhatARestartedConsumerHadTakenComesFirst(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := &queue.Streams{Client: rdb}
	put(t, s, delivery("a", 1, 1), delivery("b", 1, 2))
	// An earlier life took both and died; a lease that is not over must not keep it waiting.
	if err := rdb.XGroupCreate(t.Context(), "trm:{rs}:deliveries", "adapter", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "adapter", Consumer: "me", Streams: []string{"trm:{rs}:deliveries", ">"}}).Err(); err != nil {
		t.Fatal(err)
	}
	put(t, s, delivery("c", 1, 3))
	var box inbox
	c := consumer(rdb, "me")
	c.Lease, c.Workers = time.Hour, 1
	consume(t, c, box.take)
	box.wait(t, "a", "b", "c")
	if got := box.all(); len(got) != 3 || got[2] != "c" {
		t.Errorf("handed over in the order %v", got)
	}
}

func TestADeadConsumersDeliveriesAreClaimed(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1), delivery("b", 1, 2))
	if err := rdb.XGroupCreate(t.Context(), "trm:{rs}:deliveries", "adapter", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "adapter", Consumer: "dead", Streams: []string{"trm:{rs}:deliveries", ">"}}).Err(); err != nil {
		t.Fatal(err)
	}
	var box inbox
	consume(t, consumer(rdb, "alive"), box.take)
	box.wait(t, "a", "b")
	settled(t, rdb, "trm:{rs}:deliveries")
}

// Two adapters of one country: an attempt that takes longer than its lease stays with the
// one that has it. The other's lease is shorter, so that only renewing keeps it out: what
// a consumer claims from itself would come too late.
func TestALongAttemptKeepsItsLease(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1))
	var attempts atomic.Int32
	begun, end := make(chan struct{}), make(chan struct{})
	slow := func(ctx context.Context, _ queue.Item) error {
		if attempts.Add(1) == 1 {
			close(begun)
		}
		select {
		case <-end:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	first, second := consumer(rdb, "first"), consumer(rdb, "second")
	first.Lease, second.Lease = 3*time.Second, 2*time.Second // the first renews every second
	consume(t, first, slow)
	receive(t, begun)
	var claims countingHook
	watched := redis.NewClient(rdb.Options())
	t.Cleanup(func() { _ = watched.Close() })
	watched.AddHook(&claims)
	second.Client = watched
	consume(t, second, slow)
	// On each of two streams at once and then every second.
	eventually(t, "looks of the second over more than its lease", func() bool { return claims.of("xautoclaim") >= 8 })
	close(end)
	settled(t, rdb, "trm:{rs}:deliveries")
	if n := attempts.Load(); n != 1 {
		t.Errorf("attempted %d times", n)
	}
}

func TestAnAttemptEndsWhenItsEntryIsTakenAway(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1))
	ended := make(chan error, 1)
	begun := make(chan struct{}, 1)
	consume(t, consumer(rdb, "first"), func(ctx context.Context, _ queue.Item) error {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	})
	receive(t, begun)
	if err := rdb.XClaim(t.Context(), &redis.XClaimArgs{Stream: "trm:{rs}:deliveries", Group: "adapter", Consumer: "thief", Messages: []string{"1-1"}}).Err(); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, ended); err == nil || !strings.Contains(err.Error(), "claimed") {
		t.Errorf("ended with %v", err)
	}
}

func TestADeliveryThatLiesThereTwiceIsHandledOnce(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := &queue.Streams{Client: rdb}
	put(t, s, delivery("a", 1, 1))
	var attempts atomic.Int32
	begun, end := make(chan struct{}, 2), make(chan struct{})
	consume(t, consumer(rdb, "me"), func(_ context.Context, it queue.Item) error {
		if it.Delivery == "a" {
			attempts.Add(1)
		}
		begun <- struct{}{}
		<-end
		return nil
	})
	receive(t, begun)
	put(t, s, delivery("a", 2, 1), delivery("b", 2, 2))
	receive(t, begun) // b: the other entry of a was read before it
	close(end)
	settled(t, rdb, "trm:{rs}:deliveries")
	if n := attempts.Load(); n != 1 {
		t.Errorf("attempted %d times: one attempt settles both entries", n)
	}
}

func TestMalformedEntriesAreDroppedWithoutBeingQuoted(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	huge := strings.Repeat("canary", 200_000/6)
	many := []any{"id", "canary", "d", "canary"}
	for i := range 9 {
		many = append(many, fmt.Sprint(i), "canary")
	}
	for _, values := range [][]any{
		{"x", "canary"}, {"id", "canary"}, {"d", "canary"}, {"id", "", "d", "canary"}, {"id", huge, "d", "canary"}, many,
	} {
		if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "trm:{rs}:deliveries", Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1<<60, 1))
	var box inbox
	var log lockedBuffer
	c := consumer(rdb, "me")
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	stop := consume(t, c, box.take)
	box.wait(t, "a")
	settled(t, rdb, "trm:{rs}:deliveries")
	stop()
	if got := box.all(); len(got) != 1 {
		t.Errorf("handed over %d", len(got))
	}
	if n := strings.Count(log.String(), "malformed"); n != 6 || strings.Contains(log.String(), "canary") {
		t.Errorf("logged %d of 6:\n%s", n, log.String())
	}
}

func TestAnEntryRemovedWhilePendingIsForgotten(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := &queue.Streams{Client: rdb}
	a := delivery("a", 1, 1)
	put(t, s, a, delivery("b", 1, 2))
	if err := rdb.XGroupCreate(t.Context(), "trm:{rs}:deliveries", "adapter", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "adapter", Consumer: "me", Streams: []string{"trm:{rs}:deliveries", ">"}}).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), "rs", []gateway.Waiting{a}); err != nil {
		t.Fatal(err)
	}
	var box inbox
	consume(t, consumer(rdb, "me"), box.take)
	box.wait(t, "b")
	settled(t, rdb, "trm:{rs}:deliveries")
	if got := box.all(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("handed over %v", got)
	}
}

func TestAttemptsInHandAreFinishedWhenAConsumerStops(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1))
	ctx, stop := context.WithCancel(t.Context())
	c := consumer(rdb, "me")
	c.Grace = patience
	done := make(chan error, 1)
	go func() {
		done <- c.Run(ctx, func(work context.Context, _ queue.Item) error {
			stop()
			return work.Err() // still alive, although Run was told to stop
		})
	}()
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
	settled(t, rdb, "trm:{rs}:deliveries")
}

func TestAnAttemptThatDoesNotEndIsCutOffAfterGrace(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1))
	ctx, stop := context.WithCancel(t.Context())
	c := consumer(rdb, "me")
	c.Grace = 10 * time.Millisecond
	done := make(chan error, 1)
	go func() {
		done <- c.Run(ctx, func(work context.Context, _ queue.Item) error {
			stop()
			<-work.Done()
			return work.Err()
		})
	}()
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
	p, err := rdb.XPending(t.Context(), "trm:{rs}:deliveries", "adapter").Result()
	if err != nil || p.Count != 1 {
		t.Errorf("pending are %v, %v: what was cut off must come again", p, err)
	}
}

func TestALossOfEverythingNeedsNoRestart(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		var box inbox
		consume(t, consumer(rdb, "me"), box.take)
		s := &queue.Streams{Client: rdb}
		put(t, s, delivery("a", 1, 1))
		box.wait(t, "a")
		if err := rdb.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		put(t, s, delivery("b", 2, 1))
		box.wait(t, "b")
		settled(t, rdb, "trm:{rs}:deliveries")
	})
}

func TestRedisThatWasAwayIsToldOnceAndNeedsNoRestart(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var box inbox
	var log lockedBuffer
	c := consumer(server.Client(), "me")
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	consume(t, c, box.take)
	s := &queue.Streams{Client: server.Client()}
	put(t, s, delivery("a", 1, 1))
	box.wait(t, "a")
	server.Kill()
	eventually(t, "a word about it", func() bool { return strings.Contains(log.String(), "lost redis") })
	server.Restart()
	put(t, s, delivery("b", 2, 1))
	box.wait(t, "b")
	// One line for each of the two streams, however often each was tried.
	if n := strings.Count(log.String(), "lost redis"); n > 2 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
	eventually(t, "a word that it is back", func() bool { return strings.Count(log.String(), "redis is back") >= 1 })
}
