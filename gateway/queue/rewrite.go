package queue

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Rewrite has Redis write its append-only file anew, so that deliveries which were removed
// from their streams are no longer in it. Redis does so in the background; where it does
// already, or keeps no such file, nothing is begun. It returns on how many servers it was.
func Rewrite(ctx context.Context, rdb redis.UniversalClient) (int, error) {
	var begun atomic.Int64
	each := func(ctx context.Context, c redis.Cmdable) error {
		got, err := c.ConfigGet(ctx, "appendonly").Result()
		if err == nil && got["appendonly"] == "yes" {
			err = c.BgRewriteAOF(ctx).Err()
			begun.Add(1)
		}
		if err != nil && !strings.Contains(err.Error(), "already in progress") && !unknown(err) {
			return err
		}
		return nil
	}
	var err error
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return each(ctx, c) })
	} else {
		err = each(ctx, rdb)
	}
	if err != nil {
		return 0, fmt.Errorf("having redis rewrite its file: %w", err)
	}
	return int(begun.Load()), nil
}

// unknown says that the server has no such command: the one in the process keeps no file.
func unknown(err error) bool { return strings.Contains(err.Error(), "unknown command") }
