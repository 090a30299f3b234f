package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Unsafe names the settings of a Redis that endanger what is waiting, each in a sentence
// with the setting and the remedy. The gateway goes on with them, more slowly after a
// loss: what it received is in its journal.
func Unsafe(ctx context.Context, rdb redis.UniversalClient) ([]string, error) {
	var out []string
	for _, s := range []struct {
		name, advice string
		fine         func(string) bool
	}{
		{"appendonly", "what is waiting is lost when Redis restarts; set it to yes", func(v string) bool { return v == "yes" }},
		{"maxmemory-policy", "Redis may evict what is waiting; set it to noeviction", func(v string) bool { return v == "noeviction" }},
		{"proto-max-bulk-len", "an adapter may append entries larger than the gateway wants to read; set it to 1mb", func(v string) bool {
			n, err := strconv.ParseInt(v, 10, 64)
			return err == nil && n <= 16<<20
		}},
	} {
		got, err := rdb.ConfigGet(ctx, s.name).Result()
		if err != nil {
			return nil, fmt.Errorf("reading settings of redis: %w", err)
		}
		if v, ok := got[s.name]; !ok || !s.fine(strings.ToLower(v)) {
			out = append(out, fmt.Sprintf("%s %s: %s", s.name, v, s.advice))
		}
	}
	return out, nil
}
