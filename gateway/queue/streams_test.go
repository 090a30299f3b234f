package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
	"example.org/trm/gateway/queue"
	"example.org/trm/test/redistest"
)

// eachRedis runs a test against a real server and against the one inside the process,
// which the demo falls back to.
func eachRedis(t *testing.T, test func(t *testing.T, rdb *redis.Client)) {
	t.Parallel()
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		test(t, redistest.Start(t).Client())
	})
	t.Run("in process", func(t *testing.T) {
		t.Parallel()
		rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
		t.Cleanup(func() { _ = rdb.Close() })
		test(t, rdb)
	})
}

func delivery(id string, generation, sequence uint64) gateway.Waiting {
	return gateway.Waiting{ID: id, Country: "rs", Wrapped: "wrapped " + id, At: gateway.StreamID{Generation: generation, Sequence: sequence}}
}

func put(t *testing.T, s *queue.Streams, ws ...gateway.Waiting) {
	t.Helper()
	for _, w := range ws {
		if err := s.Put(t.Context(), w); err != nil {
			t.Fatalf("putting %s: %v", w.ID, err)
		}
	}
}

// waiting are the deliveries in a stream, in its order.
func waiting(t *testing.T, rdb *redis.Client, key string) []string {
	t.Helper()
	all, err := rdb.XRange(t.Context(), key, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range all {
		ids = append(ids, fmt.Sprint(e.Values["id"]))
	}
	return ids
}

func TestADeliveryIsPutAtItsPosition(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := &queue.Streams{Client: rdb}
		u := delivery("c", 1, 1)
		u.Urgent = true
		put(t, s, delivery("a", 1, 1), delivery("b", 1, 2), u)
		got, err := rdb.XRange(t.Context(), "trm:{rs}:deliveries", "1-2", "1-2").Result()
		if err != nil || len(got) != 1 || got[0].Values["id"] != "b" || got[0].Values["d"] != "wrapped b" {
			t.Errorf("at 1-2 there is %v, %v", got, err)
		}
		if ids := waiting(t, rdb, "trm:{rs}:urgent"); !slices.Equal(ids, []string{"c"}) {
			t.Errorf("the urgent stream holds %v", ids)
		}
	})
}

func TestPuttingTwiceAtOnePositionPutsOnce(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := &queue.Streams{Client: rdb}
		put(t, s, delivery("a", 1, 1), delivery("b", 1, 2), delivery("a", 1, 1), delivery("b", 1, 2))
		if ids := waiting(t, rdb, "trm:{rs}:deliveries"); !slices.Equal(ids, []string{"a", "b"}) {
			t.Errorf("the stream holds %v", ids)
		}
	})
}

func TestATakenOrPassedPositionIsRefused(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := &queue.Streams{Client: rdb}
		put(t, s, delivery("a", 2, 5))
		for name, w := range map[string]gateway.Waiting{
			"taken": delivery("b", 2, 5), "passed in sequence": delivery("b", 2, 4), "of an old generation": delivery("b", 1, 900),
		} {
			if err := s.Put(t.Context(), w); !errors.Is(err, gateway.ErrPassed) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
}

// A position stays passed when its entry was removed: what a stale dispatcher writes is
// refused although nothing is there.
func TestARemovedPositionStaysPassed(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := &queue.Streams{Client: rdb}
	a := delivery("a", 2, 5)
	put(t, s, a)
	if err := s.Remove(t.Context(), "rs", []gateway.Waiting{a}); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), delivery("b", 2, 5)); !errors.Is(err, gateway.ErrPassed) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNotInItsStreamIsMissing(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := &queue.Streams{Client: rdb}
		var placed []gateway.Waiting
		for i := range 300 { // more than one script's worth
			placed = append(placed, delivery(fmt.Sprintf("d-%d", i), 1, uint64(i+1)))
		}
		u := delivery("u", 1, 1)
		u.Urgent = true
		placed = append(placed, u)
		put(t, s, placed...)
		missing := func() (ids []string) {
			t.Helper()
			got, err := s.Missing(t.Context(), "rs", placed)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range got {
				ids = append(ids, w.ID)
			}
			return ids
		}
		if ids := missing(); ids != nil {
			t.Errorf("missing are %v", ids)
		}
		if err := s.Remove(t.Context(), "rs", []gateway.Waiting{placed[7], placed[250], u, u}); err != nil {
			t.Fatal(err)
		}
		placed[100].ID = "another"
		if ids := missing(); !slices.Equal(ids, []string{"u", "d-7", "another", "d-250"}) {
			t.Errorf("missing are %v", ids)
		}
		if err := rdb.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if ids := missing(); len(ids) != len(placed) {
			t.Errorf("after the loss of everything, %d of %d are missing", len(ids), len(placed))
		}
	})
}

func TestRedisThatIsAwayIsAnErrorWithoutContent(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	streams := &queue.Streams{Client: s.Client()}
	s.Kill()
	w := delivery("a", 1, 1)
	w.Wrapped = "canary"
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := streams.Put(ctx, w)
	if err == nil || errors.Is(err, gateway.ErrPassed) || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
	if _, err := streams.Missing(ctx, "rs", []gateway.Waiting{w}); err == nil {
		t.Error("nothing is missing from a Redis that does not answer")
	}
}

func TestUnsafeSettingsAreNamed(t *testing.T) {
	t.Parallel()
	if got, err := queue.Unsafe(t.Context(), redistest.Start(t).Client()); err != nil || got != nil {
		t.Errorf("of a safe server, named %q, %v", got, err)
	}
	bad := redistest.Start(t, "--appendonly", "no", "--maxmemory-policy", "allkeys-lru", "--proto-max-bulk-len", "512mb").Client()
	got, err := queue.Unsafe(t.Context(), bad)
	if err != nil || len(got) != 3 {
		t.Fatalf("named %q, %v", got, err)
	}
	for i, name := range []string{"appendonly no", "maxmemory-policy allkeys-lru", "proto-max-bulk-len 536870912"} {
		if !strings.HasPrefix(got[i], name+": ") {
			t.Errorf("named %q, want %s", got[i], name)
		}
	}
}

func TestACountrysUserDoesItsOwnWorkAndNoMore(t *testing.T) {
	t.Parallel()
	admin := redistest.Start(t)
	root := admin.Client()
	args := []any{"ACL", "SETUSER", "adapter-rs"}
	for _, r := range queue.ACL("rs") {
		args = append(args, r)
	}
	if err := root.Do(t.Context(), append(args, "on", ">secret")...).Err(); err != nil {
		t.Fatal(err)
	}
	put(t, &queue.Streams{Client: root}, delivery("a", 1, 1))
	rs := redis.NewClient(&redis.Options{Addr: admin.Addr(), Username: "adapter-rs", Password: "secret"})
	t.Cleanup(func() { _ = rs.Close() })

	var items inbox
	consume(t, &queue.Consumer{Client: rs, Country: "rs", Name: "n", Log: slog.New(slog.DiscardHandler), Lease: 300 * time.Millisecond}, items.take)
	items.wait(t, "a")
	c := &queue.Consumer{Client: rs, Country: "rs", Name: "n", Log: slog.New(slog.DiscardHandler)}
	if err := c.Testify(t.Context(), "evidence"); err != nil {
		t.Errorf("appending evidence: %v", err)
	}
	if err := root.XAdd(t.Context(), &redis.XAddArgs{Stream: "trm:{rs}:acks", Values: []any{"ack", "signed"}}).Err(); err != nil {
		t.Fatal(err)
	}
	acked := make(chan string, 1)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- c.Acks(ctx, func(_ context.Context, ack string) error {
			select {
			case acked <- ack:
			default:
			}
			return nil
		})
	}()
	if ack := receive(t, acked); ack != "signed" {
		t.Errorf("read the acknowledgement %q", ack)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}

	for _, cmd := range [][]any{
		{"XADD", "trm:{rs}:deliveries", "*", "id", "forged"},
		{"XADD", "trm:{rs}:urgent", "*", "id", "forged"},
		{"XADD", "trm:{rs}:acks", "*", "ack", "forged"},
		{"XADD", "trm:{ba}:evidence", "*", "jws", "forged"},
		{"XDEL", "trm:{rs}:deliveries", "1-1"},
		{"XTRIM", "trm:{rs}:deliveries", "MAXLEN", "0"},
		{"XRANGE", "trm:{rs}:evidence", "-", "+"},
		{"XREAD", "STREAMS", "trm:{rs}:evidence", "0"},
		{"XREAD", "STREAMS", "trm:{ba}:acks", "0"},
		{"XREADGROUP", "GROUP", "adapter", "n", "STREAMS", "trm:{ba}:deliveries", ">"},
		{"XREADGROUP", "GROUP", "gateway", "n", "STREAMS", "trm:{rs}:evidence", ">"},
		{"XACK", "trm:{ba}:deliveries", "adapter", "1-1"},
		{"XGROUP", "DESTROY", "trm:{rs}:deliveries", "adapter"},
		{"XGROUP", "SETID", "trm:{rs}:deliveries", "adapter", "$"},
		{"DEL", "trm:{rs}:deliveries"}, {"FLUSHALL"}, {"KEYS", "*"}, {"CONFIG", "GET", "*"}, {"EVAL", "return 1", "0"}, {"ACL", "WHOAMI"}, {"MONITOR"},
	} {
		if err := rs.Do(t.Context(), cmd...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%v: got %v, want a refusal", cmd, err)
		}
	}
}
