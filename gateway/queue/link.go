package queue

import (
	"log/slog"
	"sync"
)

// link remembers whether Redis answers, to say so once when it changes and not at every
// attempt. Safe for concurrent use.
type link struct {
	log *slog.Logger

	mu   sync.Mutex
	last string // the error while it does not answer; guarded by mu
}

func (k *link) down(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last == "" {
		k.log.Warn("lost redis, trying again", "err", err)
	}
	k.last = err.Error()
}

func (k *link) up() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last != "" {
		k.log.Info("redis is back")
		k.last = ""
	}
}
