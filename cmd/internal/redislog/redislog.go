// Package redislog gives what the Redis client says of its connections to a process's own
// log, instead of standard error. The client has one place for it in each process: call
// To from main, once.
package redislog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// To sends it to log, as debugging: that Redis is away is said once by whoever needs it,
// and not at every attempt to reach it.
func To(log *slog.Logger) { redis.SetLogger(lines{log}) }

type lines struct{ log *slog.Logger }

func (l lines) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, "redis client", "said", fmt.Sprintf(format, v...))
}
