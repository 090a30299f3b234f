package queue_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
	"example.org/trm/gateway/queue"
	"example.org/trm/test/redistest"
)

func TestWhatIsReturnedIsGivenAgainAtOnceInItsOrder(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		p := pull(rdb, time.Hour)
		u := delivery("u", 1, 1)
		u.Urgent = true
		put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1), delivery("b", 1, 2), delivery("c", 1, 3), u)
		items, err := p.Take(t.Context(), "rs", 3, 0)
		if err != nil || len(items) != 3 {
			t.Fatalf("took %v, %v", items, err)
		}
		if err := p.Return(t.Context(), items[:2]); err != nil { // u and a; b stays
			t.Fatal(err)
		}
		if ids := taken(t, p, 10, 0); !slices.Equal(ids, []string{"u", "a", "c"}) {
			t.Errorf("took %v", ids)
		}
		if err := p.Return(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}

// An adapter that starts lets go of what its earlier life had, however much that was, and
// of nothing else.
func TestWhatIsReleasedIsGivenAgainAtOnce(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		p := pull(rdb, time.Hour)
		if err := p.Release(t.Context(), "rs"); err != nil { // before there is anything
			t.Fatal(err)
		}
		s := &queue.Streams{Client: rdb}
		var want []string
		for i := range 250 {
			put(t, s, delivery(fmt.Sprintf("%03d", i), 1, uint64(i+1)))
			want = append(want, fmt.Sprintf("%03d", i))
		}
		u := delivery("u", 1, 1)
		u.Urgent = true
		put(t, s, u)
		if ids := taken(t, p, 300, 0); len(ids) != 251 {
			t.Fatalf("took %d", len(ids))
		}
		other := gateway.Waiting{ID: "m", Country: "me", Wrapped: "wrapped m", At: gateway.StreamID{Generation: 1, Sequence: 1}}
		put(t, s, other)
		if items, err := p.Take(t.Context(), "me", 1, 0); err != nil || len(items) != 1 {
			t.Fatal(items, err)
		}
		if err := p.Release(t.Context(), "rs"); err != nil {
			t.Fatal(err)
		}
		if ids := taken(t, p, 300, 0); !slices.Equal(ids, append([]string{"u"}, want...)) {
			t.Errorf("took %d again: %v", len(ids), ids)
		}
		if items, err := p.Take(t.Context(), "me", 1, 0); err != nil || len(items) != 0 {
			t.Errorf("another country's were let go of: %v, %v", items, err)
		}
	})
}

func TestWhatAnotherHasClaimedIsNotTakenFromItByReturning(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	p := pull(rdb, time.Hour)
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1))
	items, err := p.Take(t.Context(), "rs", 1, 0)
	if err != nil || len(items) != 1 {
		t.Fatal(items, err)
	}
	if err := rdb.XClaim(t.Context(), &redis.XClaimArgs{Stream: "trm:{rs}:deliveries", Group: "adapter", Consumer: "me", Messages: []string{"1-1"}}).Err(); err != nil {
		t.Fatal(err)
	}
	if err := p.Return(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	if err := p.Release(t.Context(), "rs"); err != nil {
		t.Fatal(err)
	}
	if ids := taken(t, p, 1, 0); ids != nil {
		t.Errorf("took %v, which another has", ids)
	}
}

// What was returned may also be taken by an adapter that reaches Redis itself.
func TestAConsumerTakesWhatWasReturnedWithoutWaitingForALease(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	p := pull(rdb, time.Hour)
	put(t, &queue.Streams{Client: rdb}, delivery("a", 1, 1))
	items, err := p.Take(t.Context(), "rs", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Return(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	c := consumer(rdb, "me")
	c.Lease = time.Hour
	var box inbox
	consume(t, c, box.take)
	box.wait(t, "a")
}
