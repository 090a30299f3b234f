package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
	"example.org/trm/gateway/queue"
	"example.org/trm/test/redistest"
)

func pull(rdb *redis.Client, lease time.Duration) *queue.Pull {
	return &queue.Pull{Client: rdb, Log: slog.New(slog.DiscardHandler), Lease: lease}
}

func taken(t *testing.T, p *queue.Pull, n int, wait time.Duration) []string {
	t.Helper()
	items, err := p.Take(t.Context(), "rs", n, wait)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, it := range items {
		if it.Wrapped != "wrapped "+it.Delivery {
			t.Errorf("%s carries something else", it.Delivery)
		}
		ids = append(ids, it.Delivery)
	}
	return ids
}

func TestWhatIsPulledIsGivenOnceWhileItsLeaseLasts(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		p := pull(rdb, time.Hour)
		if ids := taken(t, p, 10, 0); ids != nil {
			t.Errorf("of nothing, took %v", ids)
		}
		u := delivery("u", 1, 1)
		u.Urgent = true
		put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1), delivery("b", 1, 2), delivery("c", 1, 3), u)
		if ids := taken(t, p, 2, 0); !slices.Equal(ids, []string{"u", "a"}) {
			t.Errorf("took %v", ids)
		}
		if ids := taken(t, p, 10, 0); !slices.Equal(ids, []string{"b", "c"}) {
			t.Errorf("then took %v", ids)
		}
		if ids := taken(t, p, 10, 0); ids != nil {
			t.Errorf("took %v while others have it", ids)
		}
	})
}

func TestWhatWasPulledAndNotFinishedIsGivenAgain(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := &queue.Streams{Client: rdb}
	p := pull(rdb, time.Millisecond)
	var all []gateway.Waiting
	for i := range 30 {
		all = append(all, delivery(fmt.Sprintf("%02d", i), 1, uint64(i+1)))
	}
	put(t, s, all...)
	if ids := taken(t, p, 30, 0); len(ids) != 30 {
		t.Fatalf("took %v", ids)
	}
	eventually(t, "the end of every lease", func() bool {
		got, err := rdb.XPendingExt(context.Background(), &redis.XPendingExtArgs{Stream: "trm:{rs}:deliveries", Group: "adapter", Start: "-", End: "+", Count: 30, Idle: 2 * time.Millisecond}).Result()
		return err == nil && len(got) == 30
	})
	// Their final evidence is recorded: the dispatcher removes them.
	if err := s.Remove(t.Context(), "rs", all[:29]); err != nil {
		t.Fatal(err)
	}
	if pending, err := rdb.XPending(t.Context(), "trm:{rs}:deliveries", "adapter").Result(); err != nil || pending.Count != 1 {
		t.Errorf("pending are %v, %v: what is finished must not stay", pending, err)
	}
	if ids := taken(t, p, 10, time.Second); !slices.Equal(ids, []string{"29"}) {
		t.Errorf("took %v", ids)
	}
}

func TestAPullWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	got := make(chan []string, 1)
	go func() { got <- taken(t, pull(rdb, time.Hour), 10, patience) }()
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1))
	if ids := receive(t, got); !slices.Equal(ids, []string{"a"}) {
		t.Errorf("took %v", ids)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pull(rdb, time.Hour).Take(ctx, "rs", 10, patience); !errors.Is(err, context.Canceled) {
		t.Errorf("for one who has left: %v", err)
	}
}

// A country may change its way: what one took the other gets, and neither before its time.
func TestAPullAndAConsumerShareAGroup(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1))
	if ids := taken(t, pull(rdb, time.Hour), 10, time.Second); !slices.Equal(ids, []string{"a"}) {
		t.Fatalf("took %v", ids)
	}
	put(t, &queue.Streams{Client: rdb}, delivery("b", 1, 2))
	var box inbox
	consume(t, consumer(rdb, "me"), box.take)
	box.wait(t, "b", "a") // a once its lease, as the consumer counts it, is over
}
