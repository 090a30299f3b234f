package bench

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

// primitives are the bare cryptography of the standard library, with keys of the kind that
// the load's parties have. Each is one call.
type primitives struct {
	sign, verify func() error
	agree        func() error // a fresh key, and ECDH with it: to close something
	derive       func() error // ECDH alone: to open it
	cipher       func() error // AES-256-GCM over a wrapped delivery
	digest       func() error // SHA-256 over an envelope
}

func newPrimitives(wrapped, envelope int) (primitives, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return primitives{}, err
	}
	hash := sha256.Sum256([]byte("what is signed"))
	signature, err := ecdsa.SignASN1(rand.Reader, k, hash[:])
	if err != nil {
		return primitives{}, err
	}
	peer, err := k.PublicKey.ECDH()
	if err != nil {
		return primitives{}, err
	}
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return primitives{}, err
	}
	block, err := aes.NewCipher(hash[:])
	if err != nil {
		return primitives{}, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return primitives{}, err
	}
	plain, closed, nonce := make([]byte, wrapped), make([]byte, 0, wrapped+gcm.Overhead()), make([]byte, gcm.NonceSize())
	message := make([]byte, envelope)
	return primitives{
		sign: func() error { _, err := ecdsa.SignASN1(rand.Reader, k, hash[:]); return err },
		verify: func() error {
			if !ecdsa.VerifyASN1(&k.PublicKey, hash[:], signature) {
				return errors.New("a signature does not verify")
			}
			return nil
		},
		agree: func() error {
			e, err := ecdh.P256().GenerateKey(rand.Reader)
			if err == nil {
				_, err = e.ECDH(peer)
			}
			return err
		},
		derive: func() error { _, err := own.ECDH(peer); return err },
		cipher: func() error { gcm.Seal(closed, nonce, plain, nil); return nil },
		digest: func() error { sha256.Sum256(message); return nil },
	}, nil
}

// accepting is what the gateway's path needs: the origin's signature, what binds, the
// receipt, the delivery and two decisions.
func (p primitives) accepting() []func() error {
	return []func() error{p.digest, p.verify, p.sign, p.agree, p.cipher, p.agree, p.agree, p.sign}
}

// opening is what a recipient needs: the delivery, the origin, what binds, and every
// sealed unit.
func (p primitives) opening(sealed int) []func() error {
	list := []func() error{p.derive, p.cipher, p.digest, p.verify, p.verify}
	for range sealed {
		list = append(list, p.derive)
	}
	return list
}

// calls makes calls, n times.
func calls(n int, list []func() error) error {
	for range n {
		for _, do := range list {
			if err := do(); err != nil {
				return fmt.Errorf("measuring the bare cryptography: %w", err)
			}
		}
	}
	return nil
}

// fastest is the share of one call in the fastest of a few rounds: whatever else the
// machine does only ever adds.
func fastest(do func() error) (time.Duration, error) {
	const rounds, n = 40, 25
	var best time.Duration
	for range rounds {
		began := time.Now()
		if err := calls(n, []func() error{do}); err != nil {
			return 0, err
		}
		if took := time.Since(began) / n; best == 0 || took < best {
			best = took
		}
	}
	return best, nil
}

// beside measures two things in turn, for a few messages at a time, so that both see the
// same machine: by the processor time of this process, which has in it what collecting
// garbage costs, and not what other processes take.
func beside(load []*message, whole func([]*message) error, bare []func() error) (Ratio, error) {
	var spent [2]time.Duration
	for part := range slices.Chunk(load, 10) {
		for i, do := range []func() error{
			func() error { return whole(part) },
			func() error { return calls(len(part), bare) },
		} {
			before, err := ownUsage()
			if err == nil {
				err = do()
			}
			if err != nil {
				return Ratio{}, err
			}
			after, err := ownUsage()
			if err != nil {
				return Ratio{}, err
			}
			spent[i] += after.User + after.System - before.User - before.System
		}
	}
	each := func(d time.Duration) float64 { return micros(d) / float64(len(load)) }
	return Ratio{each(spent[0]), each(spent[1]), float64(spent[0]) / float64(spent[1])}, nil
}
