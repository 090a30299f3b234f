package queue_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/gateway/queue"
)

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

// inbox collects what a consumer hands over.
type inbox struct {
	mu    sync.Mutex
	ids   []string
	waits []chan struct{}
}

func (b *inbox) take(_ context.Context, it queue.Item) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids = append(b.ids, it.Delivery)
	for _, w := range b.waits {
		close(w)
	}
	b.waits = nil
	return nil
}

func (b *inbox) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.ids)
}

// wait returns when all of ids have come.
func (b *inbox) wait(t *testing.T, ids ...string) {
	t.Helper()
	late := time.After(patience)
	for {
		b.mu.Lock()
		missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(b.ids, id) })
		w := make(chan struct{})
		b.waits = append(b.waits, w)
		b.mu.Unlock()
		if len(missing) == 0 {
			return
		}
		select {
		case <-w:
		case <-late:
			t.Fatalf("%d never came: %v", len(missing), missing)
		}
	}
}

// receive is the next value of a channel.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("not reached")
	}
}

// consume runs a consumer until the test ends, or until the function returned is called.
func consume(t *testing.T, c *queue.Consumer, handle func(context.Context, queue.Item) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, handle) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("consuming: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func consumer(rdb *redis.Client, name string) *queue.Consumer {
	return &queue.Consumer{Client: rdb, Country: "rs", Name: name, Log: slog.New(slog.DiscardHandler), Lease: 400 * time.Millisecond, Grace: time.Second}
}

// pending waits until nothing is pending in the group of a stream.
func settled(t *testing.T, rdb *redis.Client, key string) {
	t.Helper()
	eventually(t, "nothing is pending in "+key, func() bool {
		p, err := rdb.XPending(context.Background(), key, "adapter").Result()
		return err == nil && p.Count == 0
	})
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	late := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not reached: %s", what)
		}
	}
}

// countingHook counts commands by name.
type countingHook struct {
	mu sync.Mutex
	n  map[string]int
}

func (h *countingHook) of(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n[name]
}

func (h *countingHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *countingHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h *countingHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.mu.Lock()
		if h.n == nil {
			h.n = map[string]int{}
		}
		h.n[cmd.Name()]++
		h.mu.Unlock()
		return next(ctx, cmd)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
