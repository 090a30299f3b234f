package ledger

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"example.org/trm/gateway"
	"example.org/trm/gateway/ledger/quorum"
)

// An origin is the region's name and a year, "trm/2026", and after a roll-back "trm/2026.2"
// and so on.

// base is the origin of the year.
func base(origin string) string {
	at := strings.LastIndexByte(origin, '.')
	if at < 0 {
		return origin
	}
	if n, err := strconv.Atoi(origin[at+1:]); err != nil || n < 2 {
		return origin
	}
	return origin[:at]
}

func generation(origin string) int {
	b := base(origin)
	if b == origin {
		return 1
	}
	n, _ := strconv.Atoi(origin[len(b)+1:]) // base has read it
	return n
}

// Next is the origin that succeeds all of those of the same year, which has one at least.
func Next(year string, known ...string) string {
	last := 1
	for _, k := range known {
		if base(k) == base(year) {
			last = max(last, generation(k))
		}
	}
	return fmt.Sprintf("%s.%d", base(year), last+1)
}

func sizeOf(origin string, logs []gateway.LogHead) (int64, bool) {
	for _, l := range logs {
		if l.Origin == origin {
			return l.Size, true
		}
	}
	return 0, false
}

// Began reads how a log began: the deed of its first entry, checked against the entry; zero
// where it succeeded no other.
func Began(ctx context.Context, r Reader, origin string) (gateway.Deed, error) {
	list, err := r.EntriesAt(ctx, origin, 0, 1)
	if err != nil || len(list) == 0 || list[0].Event != gateway.OriginSucceeded {
		return gateway.Deed{}, err
	}
	e, err := ParseEntry(list[0].Leaf)
	if err != nil || e.Event != gateway.OriginSucceeded || !hmac.Equal(e.Commitment, Commit(list[0].Nonce, list[0].Opening)) {
		return gateway.Deed{}, fmt.Errorf("reading how %s began: the first entry does not commit to what opens it", origin)
	}
	var d gateway.Deed
	if err := json.Unmarshal(list[0].Opening, &d); err != nil {
		return gateway.Deed{}, fmt.Errorf("reading how %s began: %w", origin, err)
	}
	return d, nil
}

// succeed begins a log whose first entry commits to the last checkpoint of another.
func succeed(ctx context.Context, w Writer, origin, of string, checkpoint []byte, at time.Time) error {
	d := &gateway.Deed{Event: gateway.OriginSucceeded, At: at, Of: of, Checkpoint: string(checkpoint)}
	return w.Begin(ctx, origin, d, func(r gateway.LogRow) (gateway.LogGrowth, error) {
		g, _, _, err := grow(0, []gateway.LogRow{r}, hashReader(func([]int64) ([][32]byte, error) { return nil, nil }))
		return g, err
	})
}

// Succeed begins a new origin after a roll-back, which commits to the last checkpoint that
// was signed of the old: the guard's, or the one that is given where the guard is lost. Its
// name is returned. A gateway that runs goes on in it by itself. Where the database holds
// everything that was signed there is nothing to succeed, and it is an error.
func Succeed(ctx context.Context, s Store, key quorum.Key, guard *Guard, checkpoint []byte, at time.Time) (string, error) {
	kept, err := guard.Read()
	if err != nil {
		return "", err
	}
	switch {
	case checkpoint == nil:
		checkpoint = kept
	case kept != nil && !bytes.Equal(kept, checkpoint) && !newer(checkpoint, kept):
		return "", fmt.Errorf("succeeding an origin: the guard file %s holds a newer checkpoint than the one given, and what was signed last is succeeded", guard.Path())
	}
	if checkpoint == nil {
		return "", fmt.Errorf("succeeding an origin: the guard file %s is not there: give the last checkpoint that anybody has, as witnesses and auditors do", guard.Path())
	}
	c, err := signedBy(key, checkpoint)
	if err != nil {
		return "", err
	}
	logs, err := s.Logs(ctx)
	if err != nil {
		return "", err
	}
	known := []string{c.Origin}
	for _, l := range logs {
		known = append(known, l.Origin)
		d, err := Began(ctx, s, l.Origin)
		if err != nil {
			return "", err
		}
		if d.Checkpoint == string(checkpoint) {
			return "", fmt.Errorf("succeeding an origin: %s was succeeded by %s already", c.Origin, l.Origin)
		}
	}
	if err := holds(ctx, s, logs, c, "the checkpoint"); err == nil && kept != nil {
		return "", fmt.Errorf("succeeding an origin: the database holds all %d entries that were signed of %s: there is nothing to succeed", c.Size, c.Origin)
	}
	origin := Next(c.Origin, known...)
	if err := succeed(ctx, s, origin, c.Origin, checkpoint, at); err != nil {
		return "", err
	}
	if !bytes.Equal(kept, checkpoint) {
		if err := guard.Keep(checkpoint); err != nil {
			return "", err
		}
	}
	return origin, nil
}

// signedBy opens a checkpoint of any of a region's origins.
func signedBy(region quorum.Key, signed []byte) (Checkpoint, error) {
	origin, _, _ := strings.Cut(string(signed), "\n")
	if !strings.HasPrefix(origin, region.Name+"/") {
		return Checkpoint{}, ErrKey
	}
	c, _, err := OpenCheckpoint(signed, region.Named(origin))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return c, nil
}

// holds asks whether the database has the tree of a checkpoint.
func holds(ctx context.Context, r Reader, logs []gateway.LogHead, c Checkpoint, where string) error {
	size, ok := sizeOf(c.Origin, logs)
	if !ok || size < c.Size {
		return rolledBack(where, c.Origin, size, c.Size)
	}
	root, err := tlog.TreeHash(c.Size, stored(ctx, r, c.Origin))
	if err != nil {
		return err
	}
	if root != c.Root {
		return rewritten(where, c.Origin, c.Size)
	}
	return nil
}
