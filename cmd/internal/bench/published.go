package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/journal"
)

// checkpoints are when the log's checkpoints came, as the guard file showed them: what is
// in it may be published, and nothing else is.
type checkpoints struct {
	mu    sync.Mutex // guards all
	all   []checkpoint
	path  string
	ended chan struct{}
}

type checkpoint struct {
	size int64
	at   time.Time
}

// watchLog looks into the guard file once a millisecond until ctx ends.
func watchLog(ctx context.Context, dir string) *checkpoints {
	c := &checkpoints{path: filepath.Join(dir, "log.guard"), ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				c.look()
			}
		}
	}()
	return c
}

func (c *checkpoints) look() {
	raw, err := os.ReadFile(c.path)
	if err != nil {
		return // there is none yet
	}
	lines := strings.SplitN(string(raw), "\n", 3)
	if len(lines) < 3 {
		return
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.all); err == nil && (n == 0 || c.all[n-1].size < size) {
		c.all = append(c.all, checkpoint{size, time.Now()})
	}
}

// covered is when the entry at an index was first under a checkpoint.
func (c *checkpoints) covered(index int64) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := sort.Search(len(c.all), func(i int) bool { return c.all[i].size > index })
	if i == len(c.all) {
		return time.Time{}, false
	}
	return c.all[i].at, true
}

// published is how long each message waited, once its sender had the receipt, for the
// checkpoint that covers it; 0 where that was there first.
func (c *checkpoints) published(ctx context.Context, file string, load []*message) (Spread, error) {
	j, err := journal.Open(file, journal.Options{Origin: "trm/bench"})
	if err != nil {
		return Spread{}, err
	}
	defer func() { _ = j.Close() }() // it was only read
	var waits []time.Duration
	for _, m := range load {
		list, err := j.Entries(ctx, m.head.MessageID())
		if err != nil {
			return Spread{}, err
		}
		if len(list) == 0 || list[0].Event != gateway.SubmissionAcceptance || list[0].Leaf == nil {
			return Spread{}, fmt.Errorf("message %s has no place in the log", m.head.ID)
		}
		at, ok := c.covered(list[0].Index)
		if !ok {
			return Spread{}, fmt.Errorf("entry %d is under no checkpoint", list[0].Index)
		}
		waits = append(waits, max(0, at.Sub(m.received)))
	}
	return spread(waits), nil
}
