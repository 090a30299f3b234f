package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway/queue"
	"example.org/trm/test/redistest"
)

// collect runs an inflow until the test ends, or until the function returned is called.
func collect(t *testing.T, f *queue.Inflow, take func(context.Context, string) (string, error)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx, "rs", take) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("collecting: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func inflow(rdb *redis.Client) *queue.Inflow {
	return &queue.Inflow{Client: rdb, Log: slog.New(slog.DiscardHandler), Lease: 400 * time.Millisecond, Grace: time.Second}
}

// follow collects acknowledgements until the test ends.
func follow(t *testing.T, c *queue.Consumer, handle func(context.Context, string) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- c.Acks(ctx, handle) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("following acknowledgements: %v", err)
		}
	})
}

func gone(t *testing.T, rdb *redis.Client) {
	t.Helper()
	eventually(t, "no evidence is left", func() bool {
		n, err := rdb.XLen(context.Background(), "trm:{rs}:evidence").Result()
		return err == nil && n == 0
	})
}

func TestEvidenceComesBackAsAnAcknowledgement(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		collect(t, inflow(rdb), func(_ context.Context, jws string) (string, error) { return "ack of " + jws, nil })
		c := consumer(rdb, "me")
		var acks inbox
		follow(t, c, func(ctx context.Context, ack string) error { return acks.take(ctx, queue.Item{Delivery: ack}) })
		for _, e := range []string{"one", "two"} {
			if err := c.Testify(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		acks.wait(t, "ack of one", "ack of two")
		gone(t, rdb)
	})
}

func TestEvidenceThatCannotBeTakenYetHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	var ready atomic.Bool
	collect(t, inflow(rdb), func(_ context.Context, jws string) (string, error) {
		if jws == "early" && !ready.Load() {
			return "", errors.New("not yet")
		}
		return jws, nil
	})
	c := consumer(rdb, "me")
	var acks inbox
	follow(t, c, func(ctx context.Context, ack string) error { return acks.take(ctx, queue.Item{Delivery: ack}) })
	for _, e := range []string{"early", "later"} {
		if err := c.Testify(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	acks.wait(t, "later")
	if got := acks.all(); slices.Contains(got, "early") {
		t.Errorf("acknowledged %v", got)
	}
	ready.Store(true)
	acks.wait(t, "early")
	gone(t, rdb)
}

// The evidence may be removed only when its acknowledgement can be read.
func TestEvidenceStaysUntilItsAcknowledgementIsThere(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	// A stream of the wrong type cannot take the acknowledgement.
	if err := rdb.Set(t.Context(), "trm:{rs}:acks", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int32
	collect(t, inflow(rdb), func(_ context.Context, jws string) (string, error) {
		taken.Add(1)
		return jws, nil
	})
	c := consumer(rdb, "me")
	if err := c.Testify(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a second attempt", func() bool { return taken.Load() >= 2 })
	if n, err := rdb.XLen(t.Context(), "trm:{rs}:evidence").Result(); err != nil || n != 1 {
		t.Errorf("%d are left, %v", n, err)
	}
	if err := rdb.Del(t.Context(), "trm:{rs}:acks").Err(); err != nil {
		t.Fatal(err)
	}
	gone(t, rdb)
	if n, err := rdb.XLen(t.Context(), "trm:{rs}:acks").Result(); err != nil || n != 1 {
		t.Errorf("%d acknowledgements, %v", n, err)
	}
}

func TestEvidenceOfADeadCollectorIsClaimed(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	if err := consumer(rdb, "me").Testify(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if err := rdb.XGroupCreate(t.Context(), "trm:{rs}:evidence", "gateway", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "gateway", Consumer: "dead", Streams: []string{"trm:{rs}:evidence", ">"}}).Err(); err != nil {
		t.Fatal(err)
	}
	collect(t, inflow(rdb), func(_ context.Context, jws string) (string, error) { return jws, nil })
	gone(t, rdb)
}

func TestEvidenceHasABound(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	large := strings.Repeat("e", 16<<10+1)
	if err := consumer(rdb, "me").Testify(t.Context(), large); err == nil {
		t.Error("evidence beyond the bound was appended")
	}
	// One who does not keep to it.
	if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "trm:{rs}:evidence", Values: []any{"jws", large}}).Err(); err != nil {
		t.Fatal(err)
	}
	collect(t, inflow(rdb), func(context.Context, string) (string, error) {
		t.Error("evidence beyond the bound was taken")
		return "", nil
	})
	gone(t, rdb)
}

func TestEvidenceThatNobodyCollectsIsBounded(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	pipe := rdb.Pipeline()
	for range 20_000 { // by one who does not keep to it
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "trm:{rs}:evidence", Values: []any{"jws", "e"}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	bounded := func() bool {
		n, err := rdb.XLen(context.Background(), "trm:{rs}:evidence").Result()
		return err == nil && n <= 16384+200
	}
	f := inflow(rdb)
	stop := collect(t, f, func(context.Context, string) (string, error) { return "", errors.New("not now") })
	eventually(t, "a bounded stream, by the collector", bounded)
	stop()
	pipe = rdb.Pipeline()
	for range 4000 {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "trm:{rs}:evidence", Values: []any{"jws", "e"}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil || bounded() {
		t.Fatal(err, "and the stream is bounded before anybody bounds it")
	}
	if err := consumer(rdb, "me").Testify(t.Context(), "one more"); err != nil || !bounded() {
		t.Errorf("appending does not bound the stream: %v", err)
	}
}

func TestAcknowledgementsAreBounded(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	pipe := rdb.Pipeline()
	for i := range 6000 {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "trm:{rs}:evidence", Values: []any{"jws", fmt.Sprint(i)}})
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := inflow(rdb)
	f.Workers, f.Lease = 64, time.Minute
	collect(t, f, func(_ context.Context, jws string) (string, error) { return jws, nil })
	gone(t, rdb)
	if n, err := rdb.XLen(t.Context(), "trm:{rs}:acks").Result(); err != nil || n < 4096 || n > 4096+200 {
		t.Errorf("%d acknowledgements are kept, %v", n, err)
	}
}

func TestAcknowledgementsComeAgainWhenTheyCouldNotBeHandled(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	for _, a := range []string{"one", "two"} {
		if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "trm:{rs}:acks", Values: []any{"ack", a}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	var fails atomic.Int32
	var acks inbox
	follow(t, consumer(rdb, "me"), func(ctx context.Context, ack string) error {
		if ack == "one" && fails.Add(1) < 3 {
			return errors.New("disk full")
		}
		return acks.take(ctx, queue.Item{Delivery: ack})
	})
	acks.wait(t, "one", "two")
	if got := acks.all(); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("handled %v", got)
	}
}

func TestAcknowledgementsAreFollowedThroughALossAndAClockThatWentBack(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	add := func(id, ack string) {
		t.Helper()
		if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "trm:{rs}:acks", ID: id, Values: []any{"ack", ack}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	add("5000-0", "before")
	var acks inbox
	follow(t, consumer(rdb, "me"), func(ctx context.Context, ack string) error { return acks.take(ctx, queue.Item{Delivery: ack}) })
	acks.wait(t, "before")
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	add("4000-7", "after")
	acks.wait(t, "after")
}
