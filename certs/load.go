package certs

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Keys are a party's own private keys: for each use the one that is valid now, or the
// newest where none is. A use that the party does not have here is nil. Safe for
// concurrent use, as long as nobody changes it.
type Keys struct {
	Party                                           gateway.Party
	Message, Evidence, Assertion, Approval, Binding *envelope.Private
	Encryption                                      []*envelope.Private // newest first; also those that only open what came before
	Thumbprint                                      map[string]string   // key id -> x5t#S256 of its certificate
	Chain                                           [][]byte            // DER: the message key's certificate, then its authority's

	chains map[string][][]byte // key id -> the same for every signing key
	held   map[gateway.Use][]*envelope.Private
}

// All are the party's keys of one use, the newest first, whether valid now or not: for the
// gateway, which answers with any of its keys that the directory lists.
func (k *Keys) All(u gateway.Use) []*envelope.Private { return k.held[u] }

// Load reads a party's keys from a folder as [Develop] makes it. The error is
// fs.ErrNotExist where there is no key of the party at all. Modes and dates are for
// [Check] to complain about.
func Load(dir string, p gateway.Party) (*Keys, error) { return LoadAt(dir, p, time.Now()) }

// LoadAt is [Load] at another time.
func LoadAt(dir string, p gateway.Party, now time.Time) (*Keys, error) {
	if _, err := gateway.ParseParty(string(p)); err != nil {
		return nil, fmt.Errorf("loading keys: %w", err)
	}
	found, err := stored(filepath.Join(dir, partyFolder(p)))
	if err != nil {
		return nil, fmt.Errorf("loading keys of %s: %w", p, err)
	}
	k := &Keys{Party: p, Thumbprint: map[string]string{}, chains: map[string][][]byte{}, held: map[gateway.Use][]*envelope.Private{}}
	for use, slot := range map[gateway.Use]**envelope.Private{
		gateway.UseMessage: &k.Message, gateway.UseEvidence: &k.Evidence, gateway.UseAssertion: &k.Assertion,
		gateway.UseApproval: &k.Approval, gateway.UseBinding: &k.Binding,
	} {
		for _, s := range found {
			if s.use() != use {
				continue
			}
			if *slot == nil || s.validAt(now) {
				*slot = s.key
			}
			k.chains[s.key.ID()] = s.chain()
			k.Thumbprint[s.key.ID()] = Thumbprint(s.certs[0].Raw)
			if s.validAt(now) {
				break
			}
		}
	}
	for _, s := range found {
		k.held[s.use()] = append(k.held[s.use()], s.key)
	}
	k.Encryption = k.held[gateway.UseEncryption]
	if k.Message != nil {
		k.Chain = k.chains[k.Message.ID()]
	}
	return k, nil
}

// Coordinator loads a country's directory key.
func Coordinator(dir string, c gateway.Country) (*envelope.Private, error) {
	if !c.Valid() {
		return nil, fmt.Errorf("loading a directory key: not a country of the mechanism")
	}
	raw, err := os.ReadFile(filepath.Join(dir, directoryKeyFile(c)))
	if err != nil {
		return nil, fmt.Errorf("loading a directory key: %w", err)
	}
	k, err := envelope.ParsePrivate(raw)
	if err != nil {
		return nil, fmt.Errorf("loading the directory key of %s: %w", c, err)
	}
	if k.Use() != gateway.UseDirectory {
		return nil, fmt.Errorf("loading the directory key of %s: it has another use", c)
	}
	return k, nil
}

// TLS is the assertion key with its certificate: who this party is on a connection.
func (k *Keys) TLS() (tls.Certificate, error) {
	if k.Assertion == nil {
		return tls.Certificate{}, fmt.Errorf("%s has no assertion key here", k.Party)
	}
	return tls.Certificate{Certificate: k.chains[k.Assertion.ID()], PrivateKey: k.Assertion.Signer()}, nil
}

// kept is a private key in a folder, with its certificate where it signs.
type kept struct {
	name   string // "message-2"
	number int    // 2; 1 for the first, whose name has none
	key    *envelope.Private
	certs  []*x509.Certificate
}

func (s kept) use() gateway.Use { return s.key.Use() }

func (s kept) validAt(t time.Time) bool {
	return len(s.certs) > 0 && !t.Before(s.certs[0].NotBefore) && t.Before(s.certs[0].NotAfter)
}

func (s kept) chain() [][]byte {
	var out [][]byte
	for _, c := range s.certs {
		out = append(out, c.Raw)
	}
	return out
}

// stored reads a party's folder: by use, the newest first. A faulty file is an error, and
// a folder without keys fs.ErrNotExist.
func stored(folder string) ([]kept, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.jwk"))
	if err != nil {
		return nil, err
	}
	var out []kept
	for _, name := range names {
		base := strings.TrimSuffix(name, ".jwk")
		if uncertified(base) {
			continue
		}
		s, err := readKept(base)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no keys in the folder: %w", fs.ErrNotExist)
	}
	slices.SortFunc(out, func(a, b kept) int {
		return cmp.Or(cmp.Compare(a.use(), b.use()), cmp.Compare(b.number, a.number))
	})
	return out, nil
}

// uncertified reports whether a key waits for its certificate: there is a request beside
// it and nothing else.
func uncertified(base string) bool {
	_, noCert := os.Stat(base + ".pem")
	_, noRequest := os.Stat(base + ".csr")
	return noCert != nil && noRequest == nil
}

// readKept reads a key and its certificate. Where only the certificate is at fault, the
// key is returned beside the error.
func readKept(base string) (kept, error) {
	s := kept{name: filepath.Base(base)}
	use, number, ok := splitName(s.name)
	if !ok {
		return kept{}, errors.New("the name is not use or use-number")
	}
	s.number = number
	raw, err := os.ReadFile(base + ".jwk")
	if err != nil {
		return kept{}, err
	}
	if s.key, err = envelope.ParsePrivate(raw); err != nil {
		return kept{}, err
	}
	if s.use() != use {
		return s, errors.New("the key has another use than the file's name")
	}
	if use == gateway.UseEncryption {
		return s, nil
	}
	if raw, err = os.ReadFile(base + ".pem"); err != nil {
		return s, fmt.Errorf("reading its certificate: %w", err)
	}
	if s.certs, err = parseCerts(raw); err != nil {
		return s, err
	}
	if !samePublic(s.certs[0], s.key.Public()) {
		return s, errors.New("the certificate is another key's")
	}
	return s, nil
}

// splitName reads a file's name: "message" is the first key of that use, "message-2" the
// second.
func splitName(name string) (use gateway.Use, number int, ok bool) {
	u, n, numbered := strings.Cut(name, "-")
	if !numbered {
		return gateway.Use(u), 1, true
	}
	i, err := strconv.Atoi(n)
	return gateway.Use(u), i, err == nil && i > 1 && strconv.Itoa(i) == n
}
