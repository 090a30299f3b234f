package bench

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
)

// Bare is what nothing could do without, measured in the same run.
type Bare struct {
	RecordBytes int     `json:"recordBytes"` // what the journal keeps of a message, without indexes
	Append      Spread  `json:"append"`      // to a file beside the journal, flushed each time
	EntryBytes  int     `json:"entryBytes"`  // a wrapped delivery
	XAdd        Spread  `json:"xadd"`        // to the same Redis, one after the other
	Sign        float64 `json:"signMicros"`
	Verify      float64 `json:"verifyMicros"`
	Agree       float64 `json:"agreeMicros"`  // a fresh key, and ECDH with it: to close something
	Derive      float64 `json:"deriveMicros"` // ECDH alone: to open it
	Cipher      float64 `json:"cipherMicros"` // AES-256-GCM over a wrapped delivery
	Digest      float64 `json:"digestMicros"` // SHA-256 over an envelope

	Path    []Stage `json:"path"`    // of the gateway, alone on a processor, without door and disk
	Gateway Ratio   `json:"gateway"` // the whole of it beside its bare cryptography
	Adapter Ratio   `json:"adapter"` // opening a delivery beside its own
}

// Ratio is what something takes beside the bare cryptography that it needs.
type Ratio struct {
	Micros float64 `json:"micros"`
	Bare   float64 `json:"bareMicros"`
	Times  float64 `json:"times"`
}

// walked is how many messages go through the path alone.
const walked = 400

// bare measures it, while the region is idle.
func bare(ctx context.Context, d *desk, g *region, load []*message) (Bare, error) {
	load = load[:min(walked, len(load))]
	p, err := newPath(d)
	if err != nil {
		return Bare{}, err
	}
	m := load[0]
	r, err := p.accept(ctx, m)
	if err != nil {
		return Bare{}, err
	}
	b := Bare{EntryBytes: len(r.Bound.Wrapped), RecordBytes: len(r.Core.Protected) + len(r.Core.Payload) + len(r.Core.Signature) +
		len(r.Bound.Binding.Serialized) + len(r.Bound.Wrapped) + len(r.Answer.Receipt) + len(r.Sender) + len(r.Auditor)}
	c, err := newPrimitives(b.EntryBytes, len(m.raw))
	if err != nil {
		return b, err
	}
	sealed := 0
	for _, u := range r.Units {
		if u.Seal != nil {
			sealed++
		}
	}
	if b.Gateway, err = beside(load, func(part []*message) error { return p.walk(ctx, part) }, c.accepting()); err != nil {
		return b, err
	}
	b.Path = p.split
	if b.Adapter, err = beside(load, func(part []*message) error { return p.unwalk(d, part) }, c.opening(sealed)); err != nil {
		return b, err
	}
	if err := b.cryptography(c); err != nil {
		return b, err
	}
	if b.Append, err = appends(filepath.Dir(g.journal), b.RecordBytes); err != nil {
		return b, err
	}
	b.XAdd, err = entries(ctx, g.redis.Dial(), b.EntryBytes)
	return b, err
}

// cryptography measures each primitive.
func (b *Bare) cryptography(c primitives) error {
	for _, m := range []struct {
		into *float64
		do   func() error
	}{{&b.Sign, c.sign}, {&b.Verify, c.verify}, {&b.Agree, c.agree}, {&b.Derive, c.derive}, {&b.Cipher, c.cipher}, {&b.Digest, c.digest}} {
		took, err := fastest(m.do)
		if err != nil {
			return err
		}
		*m.into = micros(took)
	}
	return nil
}

// appends writes records to a file, each flushed before the next.
func appends(dir string, size int) (Spread, error) {
	f, err := os.CreateTemp(dir, "append-")
	if err != nil {
		return Spread{}, err
	}
	defer func() { _ = f.Close(); _ = os.Remove(f.Name()) }()
	record := make([]byte, size)
	return repeat(500, func() error {
		if _, err := f.Write(record); err != nil {
			return err
		}
		return f.Sync()
	})
}

// entries appends to a stream of its own.
func entries(ctx context.Context, rdb *redis.Client, size int) (Spread, error) {
	const key = "trm:{bench}:bare"
	entry := string(make([]byte, size))
	s, err := repeat(1000, func() error {
		return rdb.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []any{"id", "bare", "d", entry}}).Err()
	})
	if err != nil {
		return s, err
	}
	return s, rdb.Del(ctx, key).Err()
}

func repeat(n int, do func() error) (Spread, error) {
	all := make([]time.Duration, n)
	for i := range all {
		began := time.Now()
		if err := do(); err != nil {
			return Spread{}, err
		}
		all[i] = time.Since(began)
	}
	return spread(all), nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
