package certs

import (
	"crypto/tls"
	"errors"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

var errNotYet = errors.New("certs: not yet")

// Options say what Develop makes. The zero value is the whole region, now.
type Options struct {
	Now time.Time // zero is the clock
}

// Report is what Develop made.
type Report struct {
	Dir                         string
	Parties, Keys, Certificates int
	Number                      int
	Digest                      string
	Expires                     time.Time
}

func Develop(dir string, o Options) (Report, error) { return Report{}, errNotYet }

// Keys are a party's own private keys. A use that the party does not have is nil.
type Keys struct {
	Party                                           gateway.Party
	Message, Evidence, Assertion, Approval, Binding *envelope.Private
	Encryption                                      []*envelope.Private // newest first
	Thumbprint                                      map[string]string   // kid -> x5t#S256
	Chain                                           [][]byte            // DER: the message key's certificate, then its issuer's
}

func Load(dir string, p gateway.Party) (*Keys, error) { return nil, errNotYet }

// Coordinator loads a country's directory key.
func Coordinator(dir string, c gateway.Country) (*envelope.Private, error) { return nil, errNotYet }

// ServerTLS is the TLS side of a server on loopback; client certificates are asked for and verified if given.
func ServerTLS(dir string) (*tls.Config, error) { return nil, errNotYet }

// ClientTLS is the TLS side of a party that calls.
func ClientTLS(dir string, p gateway.Party) (*tls.Config, error) { return nil, errNotYet }
