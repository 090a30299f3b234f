package queue_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway"
	"example.org/trm/gateway/queue"
	"example.org/trm/test/redistest"
)

// user is a client of a real Redis with the rights that rules give.
func user(t *testing.T, s *redistest.Server, name string, rules []string) *redis.Client {
	t.Helper()
	args := []any{"ACL", "SETUSER", name}
	for _, r := range rules {
		args = append(args, r)
	}
	if err := s.Client().Do(t.Context(), append(args, "on", ">secret")...).Err(); err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Username: name, Password: "secret"})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestTheGatewaysUserDoesItsWorkInEveryCountryAndNoMore(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	g := user(t, s, "gateway", queue.GatewayACL())
	if unsafe, err := queue.Unsafe(t.Context(), g); err != nil || unsafe != nil {
		t.Errorf("reading settings: %q, %v", unsafe, err)
	}
	t.Run("in", func(t *testing.T) {
		for _, c := range gateway.Countries {
			t.Run(string(c), func(t *testing.T) {
				t.Parallel()
				whole(t, s, g, c)
			})
		}
	})
	// What happens only when a process dies or much waits.
	for _, cmd := range [][]any{
		{"XPENDING", "trm:{rs}:deliveries", "adapter", "-", "+", "1"},
		{"XCLAIM", "trm:{rs}:urgent", "adapter", "https", "0", "1-1", "IDLE", "1000", "JUSTID"},
		{"XPENDING", "trm:{rs}:evidence", "gateway", "-", "+", "1"},
		{"XCLAIM", "trm:{rs}:evidence", "gateway", "n", "0", "1-1", "JUSTID"},
		{"XAUTOCLAIM", "trm:{rs}:evidence", "gateway", "n", "0", "0"},
		{"XTRIM", "trm:{rs}:evidence", "MAXLEN", "~", "1000"},
		{"XGROUP", "CREATE", "trm:{rs}:evidence", "another", "0", "MKSTREAM"},
		{"XGROUP", "CREATE", "trm:{rs}:urgent", "another", "0", "MKSTREAM"},
	} {
		if err := g.Do(t.Context(), cmd...).Err(); err != nil {
			t.Errorf("%v: got %v", cmd, err)
		}
	}
	for _, cmd := range [][]any{
		{"XADD", "trm:{rs}:evidence", "*", "jws", "forged"},
		{"XREAD", "STREAMS", "trm:{rs}:acks", "0"},
		{"XRANGE", "trm:{rs}:evidence", "-", "+"},
		{"XADD", "trm:{xx}:deliveries", "*", "id", "a"},
		{"XGROUP", "DESTROY", "trm:{rs}:deliveries", "adapter"},
		{"XTRIM", "trm:{rs}:deliveries", "MAXLEN", "0"},
		{"DEL", "trm:{rs}:deliveries"}, {"SET", "a", "b"}, {"GET", "a"}, {"KEYS", "*"}, {"FLUSHALL"},
		{"EVAL", "return redis.call('GET', KEYS[1])", "1", "a"},
		{"EVAL", "return redis.call('DEL', KEYS[1])", "1", "trm:{rs}:deliveries"},
		{"EVAL", "return redis.call('FLUSHALL')", "0"},
		{"CONFIG", "SET", "appendonly", "no"}, {"ACL", "LIST"}, {"MONITOR"}, {"CLIENT", "LIST"}, {"SHUTDOWN"}, {"PUBLISH", "a", "b"},
	} {
		if err := g.Do(t.Context(), cmd...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "The user executing the script can't") {
			t.Errorf("%v: got %v, want a refusal", cmd, err)
		}
	}
}

// whole takes a country's part of the exchange all the way round, each end with rights of
// its own.
func whole(t *testing.T, s *redistest.Server, g *redis.Client, c gateway.Country) {
	t.Helper()
	streams := &queue.Streams{Client: g}
	w := delivery("a", 1, 1)
	w.Country = c
	u := w
	u.ID, u.Urgent = "u", true
	put(t, streams, w, w, u) // once more is no error, and asks what is there
	if missing, err := streams.Missing(t.Context(), c, []gateway.Waiting{w, u}); err != nil || missing != nil {
		t.Fatalf("%s: missing are %v, %v", c, missing, err)
	}
	var items inbox
	office := user(t, s, string(c), queue.ACL(c))
	adapter := &queue.Consumer{Client: office, Country: c, Name: "n", Log: slog.New(slog.DiscardHandler), Lease: 300 * time.Millisecond}
	stop := consume(t, adapter, items.take)
	items.wait(t, "a", "u")
	stop()
	if err := streams.Remove(t.Context(), c, []gateway.Waiting{w, u}); err != nil {
		t.Fatalf("%s: removing: %v", c, err)
	}

	next := w
	next.ID, next.At.Sequence = "pulled", 2
	put(t, streams, next)
	p := &queue.Pull{Client: g, Log: slog.New(slog.DiscardHandler), Lease: time.Minute}
	if got, err := p.Take(t.Context(), c, 10, time.Second); err != nil || len(got) != 1 || got[0].Delivery != "pulled" {
		t.Fatalf("%s: pulled %v, %v", c, got, err)
	}

	if err := adapter.Testify(t.Context(), "evidence"); err != nil {
		t.Fatalf("%s: testifying: %v", c, err)
	}
	ctx, end := context.WithCancel(t.Context())
	in := &queue.Inflow{Client: g, Log: slog.New(slog.DiscardHandler), Lease: 300 * time.Millisecond}
	collected := make(chan error, 1)
	go func() {
		collected <- in.Run(ctx, c, func(_ context.Context, jws string) (string, error) { return "ack of " + jws, nil })
	}()
	acked := make(chan string, 1)
	heard := make(chan error, 1)
	go func() {
		heard <- adapter.Acks(ctx, func(_ context.Context, ack string) error {
			select {
			case acked <- ack:
			default:
			}
			return nil
		})
	}()
	if got := receive(t, acked); got != "ack of evidence" {
		t.Errorf("%s: read %q", c, got)
	}
	eventually(t, "no evidence is left", func() bool {
		n, err := s.Client().XLen(t.Context(), "trm:{"+string(c)+"}:evidence").Result()
		return err == nil && n == 0
	})
	end()
	for _, done := range []chan error{collected, heard} {
		if err := <-done; err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
}
