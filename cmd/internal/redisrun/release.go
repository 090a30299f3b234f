package redisrun

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrInUse says that a region runs on the folder already. Two would append to one file.
var ErrInUse = errors.New("a region runs there already")

// release makes sure that nobody else appends in dir. A redis-server outlives a region that
// was killed, and would go on writing to the file that the next one reads: it is ended. One
// that somebody is connected to belongs to a region that runs. note is where the last
// region wrote its address.
func release(ctx context.Context, dir, note string) error {
	addr, err := os.ReadFile(note)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !answers(string(addr)) { // asked first: the client writes a line about each failure
		return nil
	}
	c := redis.NewClient(&redis.Options{Addr: string(addr), MaxRetries: -1, PoolSize: 1, DialTimeout: time.Second})
	defer c.Close()
	there, err := c.ConfigGet(ctx, "dir").Result()
	if err != nil || !same(there["dir"], dir) {
		return ctx.Err() // nobody answers, or somebody else who has the port now
	}
	clients, err := c.ClientList(ctx).Result()
	if err != nil {
		return fmt.Errorf("asking the redis-server of an earlier run: %w", err)
	}
	if strings.Count(strings.TrimSpace(clients), "\n") > 0 { // a line each, and one is ours
		return fmt.Errorf("starting redis-server in %s: %w", dir, ErrInUse)
	}
	_ = c.Shutdown(ctx) // it answers by ending the connection
	for deadline := time.Now().Add(10 * time.Second); answers(string(addr)); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return errors.New("the redis-server of an earlier run does not end")
		}
	}
	return ctx.Err()
}

func answers(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// same reports whether two paths name one folder.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(filepath.Clean(b))
	return err == nil && os.SameFile(x, y)
}
