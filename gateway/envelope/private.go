package envelope

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.org/trm/gateway"
)

// Private is a private key with its use and id. It never prints. Safe for concurrent use.
type Private struct {
	key crypto.Signer // *ecdsa.PrivateKey on P-256, or ed25519.PrivateKey
	use gateway.Use
	alg string
	id  string
}

// Generate makes a key: "ES256" or "EdDSA" for signing, "ECDH-ES+A256KW" for encryption.
func Generate(use gateway.Use, alg string) (*Private, error) {
	var (
		key crypto.Signer
		err error
	)
	switch alg {
	case algES256, algKeyWrap:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case algEdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, errAlg
	}
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	return newPrivate(key, use, alg)
}

var (
	errAlg = errors.New("the algorithm is ES256 or EdDSA for signing, ECDH-ES+A256KW for encryption")
	errUse = errors.New("the use is not one that this algorithm serves")
)

func newPrivate(key crypto.Signer, use gateway.Use, alg string) (*Private, error) {
	if !fits(use, alg) {
		return nil, errUse
	}
	id, err := thumbprint(key.Public())
	if err != nil {
		return nil, err
	}
	return &Private{key: key, use: use, alg: alg, id: id}, nil
}

// fits reports whether keys of the use have the algorithm.
func fits(use gateway.Use, alg string) bool {
	switch use {
	case gateway.UseMessage, gateway.UseEvidence, gateway.UseBinding, gateway.UseAssertion, gateway.UseApproval, gateway.UseDirectory:
		return alg != algKeyWrap
	case gateway.UseEncryption:
		return alg == algKeyWrap
	}
	return false
}

// ID is the key's RFC 7638 thumbprint (SHA-256, base64url): its kid everywhere.
func (k *Private) ID() string { return k.id }

// Alg is the one algorithm that the key is used with.
func (k *Private) Alg() string { return k.alg }

// Use is what the key may do.
func (k *Private) Use() gateway.Use { return k.use }

// Public is the public half: *ecdsa.PublicKey or ed25519.PublicKey.
func (k *Private) Public() crypto.PublicKey { return k.key.Public() }

// Signer is for making certificates; nil for an encryption key, which never signs.
func (k *Private) Signer() crypto.Signer {
	if k.use == gateway.UseEncryption {
		return nil
	}
	return k.key
}

// Key is the key as a directory would list it for a party.
func (k *Private) Key(p gateway.Party, notBefore, notAfter time.Time, thumbprint string) gateway.Key {
	return gateway.Key{
		ID: k.id, Party: p, Use: k.use, Alg: k.alg, Public: k.Public(),
		Thumbprint: thumbprint, NotBefore: notBefore, NotAfter: notAfter,
	}
}

// LogValue keeps the key out of every log.
func (k *Private) LogValue() slog.Value { return slog.StringValue(k.id) }

// Format keeps the key out of every error.
func (k *Private) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%s key %s", k.use, k.id) }
