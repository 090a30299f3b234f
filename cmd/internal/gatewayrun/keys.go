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
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// signers are the gateway's two keys: one for receipts and evidence, one for what it
// releases.
type signers struct{ evidence, binding *envelope.Private }

func loadSigners(dir string, now time.Time) (signers, error) {
	k, err := certs.LoadAt(dir, gateway.TheGateway, now)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return signers{}, fmt.Errorf("%s has no keys of the gateway (keys/gateway/*.jwk): trm keys init makes a development set: %w", dir, err)
	case err != nil:
		return signers{}, err
	case k.Evidence == nil:
		return signers{}, fmt.Errorf("%s has no key of use evidence for the gateway", dir)
	case k.Binding == nil:
		return signers{}, fmt.Errorf("%s has no key of use binding for the gateway", dir)
	}
	return signers{k.Evidence, k.Binding}, nil
}

// listed asks whether everybody else will believe what the keys sign at t.
func (s signers) listed(d gateway.Directory, t time.Time) error {
	for _, p := range []*envelope.Private{s.evidence, s.binding} {
		k, ok := d.Key(p.ID())
		switch {
		case !ok || k.Party != gateway.TheGateway || k.Use != p.Use():
			return fmt.Errorf("the directory does not list the gateway's key of use %s: the keys and the directory belong to different regions, or the key is not in force yet", p.Use())
		case !k.ValidAt(t):
			return fmt.Errorf("the gateway's key of use %s is not valid now", p.Use())
		}
	}
	return nil
}

// work asks whether the keys can be used: each signs a random number, which is no form of
// any token, and the signature is checked.
func (s signers) work(context.Context) error {
	for _, p := range []*envelope.Private{s.evidence, s.binding} {
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
