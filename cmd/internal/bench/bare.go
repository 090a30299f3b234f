package bench

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
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

func ratio(whole, bare float64) Ratio { return Ratio{whole, bare, whole / bare} }

// walked is how many messages go through the path alone.
const walked = 200

// bare measures it, while the region is idle.
func bare(ctx context.Context, d *desk, g *region, load []*message) (Bare, error) {
	load = load[:min(walked, len(load))]
	p, err := newPath(d)
	if err != nil {
		return Bare{}, err
	}
	var b Bare
	split, whole, kept, err := p.walk(ctx, load)
	if err != nil {
		return b, err
	}
	opening, err := unwalk(d, load, kept)
	if err != nil {
		return b, err
	}
	r, m := kept[0], load[0]
	b.EntryBytes = len(r.Bound.Wrapped)
	b.RecordBytes = len(r.Core.Protected) + len(r.Core.Payload) + len(r.Core.Signature) + len(r.Bound.Binding.Serialized) +
		len(r.Bound.Wrapped) + len(r.Answer.Receipt) + len(r.Sender) + len(r.Auditor)
	if err := b.cryptography(len(m.raw)); err != nil {
		return b, err
	}
	sealed := 0
	for _, u := range r.Units {
		if u.Seal != nil {
			sealed++
		}
	}
	b.Path, b.Gateway = split, ratio(micros(whole), b.accepting())
	// The delivery, the origin, what binds, and every sealed unit.
	b.Adapter = ratio(micros(opening), 2*b.Verify+float64(1+sealed)*b.Derive+b.Cipher+b.Digest)
	if b.Append, err = appends(filepath.Dir(g.journal), b.RecordBytes); err != nil {
		return b, err
	}
	b.XAdd, err = entries(ctx, g.redis.Dial(), b.EntryBytes)
	return b, err
}

// accepting is the bare cryptography of the gateway's path: the origin's signature, what
// binds, the receipt, the delivery and two decisions.
func (b *Bare) accepting() float64 { return b.Verify + 2*b.Sign + 3*b.Agree + b.Cipher + b.Digest }

// cryptography measures the primitives of the standard library, with keys of the kind
// that the load's parties have.
func (b *Bare) cryptography(envelope int) error {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte("what is signed"))
	signature, err := ecdsa.SignASN1(rand.Reader, k, hash[:])
	if err != nil {
		return err
	}
	peer, err := k.PublicKey.ECDH()
	if err != nil {
		return err
	}
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(hash[:])
	if err != nil {
		return err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	plain, closed, nonce := make([]byte, b.EntryBytes), make([]byte, 0, b.EntryBytes+gcm.Overhead()), make([]byte, gcm.NonceSize())
	message := make([]byte, envelope)
	for _, m := range []struct {
		into *float64
		do   func() error
	}{
		{&b.Sign, func() error { _, err := ecdsa.SignASN1(rand.Reader, k, hash[:]); return err }},
		{&b.Verify, func() error {
			if !ecdsa.VerifyASN1(&k.PublicKey, hash[:], signature) {
				return errors.New("a signature does not verify")
			}
			return nil
		}},
		{&b.Agree, func() error {
			e, err := ecdh.P256().GenerateKey(rand.Reader)
			if err == nil {
				_, err = e.ECDH(peer)
			}
			return err
		}},
		{&b.Derive, func() error { _, err := own.ECDH(peer); return err }},
		{&b.Cipher, func() error { gcm.Seal(closed, nonce, plain, nil); return nil }},
		{&b.Digest, func() error { sha256.Sum256(message); return nil }},
	} {
		took, err := fastest(m.do)
		if err != nil {
			return fmt.Errorf("measuring the bare cryptography: %w", err)
		}
		*m.into = micros(took)
	}
	return nil
}

// fastest is the share of one call in the fastest of a few rounds.
func fastest(do func() error) (time.Duration, error) {
	const calls = 200
	var best time.Duration
	for range rounds {
		began := time.Now()
		for range calls {
			if err := do(); err != nil {
				return 0, err
			}
		}
		if took := time.Since(began) / calls; best == 0 || took < best {
			best = took
		}
	}
	return best, nil
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
