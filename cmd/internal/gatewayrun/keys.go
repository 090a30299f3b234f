package gatewayrun

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// signers are the gateway's private keys: for receipts and evidence, and for what it
// releases. Of each use there are two while an old key and its successor overlap, and the
// directory decides from when on the new one is believed. Safe for concurrent use.
type signers struct {
	dir       string
	directory gateway.Directory
	held      atomic.Pointer[certs.Keys]
}

var (
	_ gateway.Notary = (*signers)(nil)
	_ gateway.Binder = (*signers)(nil)
)

func openSigners(dir string, d gateway.Directory, now time.Time) (*signers, error) {
	s := &signers{dir: dir, directory: d}
	if err := s.reload(now); err != nil {
		return nil, err
	}
	return s, s.listed(now)
}

// reload reads the folder again; what it cannot use leaves the old keys in place.
func (s *signers) reload(now time.Time) error {
	k, err := certs.LoadAt(s.dir, gateway.TheGateway, now)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s has no keys of the gateway (keys/gateway/*.jwk): trm keys init makes a development set: %w", s.dir, err)
	case err != nil:
		return err
	}
	for _, u := range []gateway.Use{gateway.UseEvidence, gateway.UseBinding} {
		if len(k.All(u)) == 0 {
			return fmt.Errorf("%s has no key of use %s for the gateway", s.dir, u)
		}
	}
	s.held.Store(k)
	return nil
}

// current is the newest key of a use that everybody believes at t.
func (s *signers) current(u gateway.Use, t time.Time) (*envelope.Private, error) {
	listed := false
	for _, p := range s.held.Load().All(u) {
		k, ok := s.directory.Key(p.ID())
		ok = ok && k.Party == gateway.TheGateway && k.Use == u
		if ok && k.ValidAt(t) {
			return p, nil
		}
		listed = listed || ok
	}
	if listed {
		return nil, fmt.Errorf("the gateway's key of use %s is not valid now", u)
	}
	return nil, fmt.Errorf("the directory does not list the gateway's key of use %s: the keys and the directory belong to different regions, or the key is not in force yet", u)
}

// Testify signs with the key that is believed at the time that the statement gives.
func (s *signers) Testify(st gateway.Statement) (string, error) {
	k, err := s.current(gateway.UseEvidence, st.At)
	if err != nil {
		return "", fmt.Errorf("testifying: %w", err)
	}
	return envelope.Notary{Keys: map[gateway.Party]*envelope.Private{gateway.TheGateway: k}}.Testify(st)
}

// Bind signs with the key that the message names.
func (s *signers) Bind(core gateway.Core, units []gateway.Unit, b gateway.Binding, recipient gateway.Key) (gateway.Bound, error) {
	return envelope.Binder{Keys: s.held.Load().All(gateway.UseBinding)}.Bind(core, units, b, recipient)
}

// Conceal needs no key of ours.
func (s *signers) Conceal(list []gateway.Withheld, id gateway.MessageID, reader gateway.Key) (string, error) {
	return envelope.Binder{}.Conceal(list, id, reader)
}

// listed asks whether everybody else will believe what is signed at t.
func (s *signers) listed(t time.Time) error {
	_, err := s.current(gateway.UseEvidence, t)
	if err == nil {
		_, err = s.current(gateway.UseBinding, t)
	}
	return err
}

// whole asks whether every binding key that a sender may name now is here: messages that
// name another are asked to come again until it is.
func (s *signers) whole(t time.Time) error {
	held := s.held.Load().All(gateway.UseBinding)
	for _, k := range s.directory.Keys(gateway.TheGateway, gateway.UseBinding, t) {
		if !slices.ContainsFunc(held, func(p *envelope.Private) bool { return p.ID() == k.ID }) {
			return errors.New("the directory lists a key of use binding for the gateway that is not in its folder")
		}
	}
	return nil
}

// work asks whether the keys can be used: each signs a random number, which is no form of
// any token, and the signature is checked.
func (s *signers) work(context.Context) error {
	held := s.held.Load()
	for _, p := range slices.Concat(held.All(gateway.UseEvidence), held.All(gateway.UseBinding)) {
		var b [32]byte
		_, _ = rand.Read(b[:])
		if err := sign(p.Signer(), b[:]); err != nil {
			return fmt.Errorf("using the gateway's key of use %s: %w", p.Use(), err)
		}
	}
	return nil
}

func sign(s crypto.Signer, b []byte) error {
	switch pub := s.Public().(type) {
	case ed25519.PublicKey:
		sig, err := s.Sign(rand.Reader, b, crypto.Hash(0))
		if err != nil {
			return err
		}
		if !ed25519.Verify(pub, b, sig) {
			return errSignature
		}
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(b)
		sig, err := s.Sign(rand.Reader, sum[:], crypto.SHA256)
		if err != nil {
			return err
		}
		if !ecdsa.VerifyASN1(pub, sum[:], sig) {
			return errSignature
		}
	default:
		return errSignature
	}
	return nil
}

var errSignature = errors.New("the signature does not verify")
