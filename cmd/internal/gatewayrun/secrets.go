package gatewayrun

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// known are passwords that stand in examples and manuals, which is where an attacker
// begins.
var known = []string{
	"0123456789abcdef", "changemechangeme", "changeme-changeme", "correcthorsebatterystaple", "passwordpassword",
	"redisredisredisredis", "secretsecretsecret", "supersecretpassword", "trm-development-only",
}

// password reads a secret from its file: one line, long enough, and known to nobody.
func password(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading a password: %w", err)
	}
	p := strings.TrimRight(string(raw), "\r\n")
	switch {
	case strings.ContainsAny(p, "\r\n"):
		return "", fmt.Errorf("reading a password: %s has more than one line", path)
	case len(p) < 16:
		return "", fmt.Errorf("reading a password: %s has fewer than 16 characters", path)
	case slices.Contains(known, strings.ToLower(p)):
		return "", fmt.Errorf("reading a password: %s holds one that everybody knows", path)
	}
	return p, nil
}

// openRedis makes a client; it connects when it is first used. A call ends with its
// context, so that stopping does not wait for a read that blocks.
func openRedis(c Redis) (redis.UniversalClient, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p, err := password(c.PasswordFile)
	if err != nil {
		return nil, err
	}
	o := &redis.UniversalOptions{
		Addrs: c.Addresses, MasterName: c.Master, Username: c.User, Password: p, ContextTimeoutEnabled: true, ClientName: "gatewayd",
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the authority of redis: %w", err)
		}
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
		if !o.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the authority of redis: %s holds no certificate", c.CA)
		}
	}
	return redis.NewUniversalClient(o), nil
}

// certificate is the door's, which can be read again without closing the door.
type certificate struct {
	files   TLS
	current atomic.Pointer[tls.Certificate]
}

func openCertificate(t TLS) (*certificate, error) {
	if t.Certificate == "" {
		return nil, nil
	}
	c := &certificate{files: t}
	return c, c.reload()
}

// reload reads the files again; what it cannot use leaves the old one in place.
func (c *certificate) reload() error {
	pair, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	if err != nil {
		return fmt.Errorf("reading the door's certificate: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

// config asks callers for a certificate and believes none by its issuer: whose it is, the
// directory says by thumbprint. The handshake proves that the caller has its key.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

var errDevelopment = errors.New("the directory lists development keys, which everybody can make: give the real one, or set development: true for a test")
