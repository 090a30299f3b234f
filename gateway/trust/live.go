package trust

import (
	"sync/atomic"
	"time"

	"example.org/trm/gateway"
)

// Live is the directory in force for a running process. Look-ups are those of the
// directory that was in force when each began; whoever needs several of the same takes
// [Live.Current] once. Safe for concurrent use; swapping blocks nobody.
type Live struct{ current atomic.Pointer[Directory] }

var _ gateway.Directory = (*Live)(nil)

// NewLive begins with a directory, which must not be nil.
func NewLive(d *Directory) *Live {
	l := &Live{}
	l.Swap(d)
	return l
}

// Swap brings another directory into force, whole. Whether it may follow is for its
// caller: a [Register] asks. A nil directory is ignored.
func (l *Live) Swap(d *Directory) {
	if d != nil {
		l.current.Store(d)
	}
}

// Current is the directory in force.
func (l *Live) Current() *Directory { return l.current.Load() }

// Key finds a key by its id.
func (l *Live) Key(id string) (gateway.Key, bool) { return l.Current().Key(id) }

// Keys lists a party's keys of one use that are valid at t, the newest first.
func (l *Live) Keys(p gateway.Party, u gateway.Use, t time.Time) []gateway.Key {
	return l.Current().Keys(p, u, t)
}

// Institution finds a party.
func (l *Live) Institution(p gateway.Party) (gateway.Institution, bool) {
	return l.Current().Institution(p)
}

// Pair finds what two countries agreed.
func (l *Live) Pair(a, b gateway.Country) (gateway.Pair, bool) { return l.Current().Pair(a, b) }

// Caller finds the assertion key whose certificate has this x5t#S256.
func (l *Live) Caller(thumbprint string) (gateway.Key, bool) { return l.Current().Caller(thumbprint) }

// Ready refuses with "directory-stale" once the directory in force has expired: from then
// on nobody's key is known to be good, and nothing is received.
func (l *Live) Ready(now time.Time) error {
	d := l.Current()
	if now.Before(d.Expires()) {
		return nil
	}
	return gateway.Unavailable(gateway.CodeDirectoryStale, time.Minute, fault(NoLongerInForce, ""))
}
