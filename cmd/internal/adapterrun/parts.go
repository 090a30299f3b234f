package adapterrun

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"example.org/trm/adapters"
	"example.org/trm/adapters/filedrop"
	"example.org/trm/adapters/rest"
)

var errDevelopment = errors.New("the directory lists development keys, which everybody can make: give the real one, or set development: true for a test")

func openTransport(d Deliver, now func() time.Time) (adapters.Transport, error) {
	if f := d.Filedrop; f != nil {
		if err := os.MkdirAll(f.Dir, 0o700); err != nil {
			return nil, err
		}
		drop := filedrop.Drop{Dir: f.Dir, Taken: f.Taken}
		return drop, drop.Sweep()
	}
	r := d.REST
	conf, err := clientTLS(r.CA, r.Certificate, r.Key)
	if err != nil {
		return nil, err
	}
	token, err := secret(r.TokenFile)
	if err != nil {
		return nil, err
	}
	return rest.New(rest.Config{
		URL: r.URL, Query: r.Query, Token: token, TLS: conf, Networks: r.Networks, Deadline: r.Deadline, Now: now,
	})
}

func openRedis(c Redis) (redis.UniversalClient, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	password, err := secret(c.PasswordFile)
	if err != nil {
		return nil, err
	}
	if c.PasswordFile != "" && len(password) < 16 {
		return nil, fmt.Errorf("reading a secret: %s holds fewer than 16 characters", c.PasswordFile)
	}
	o := &redis.UniversalOptions{
		Addrs: c.Addresses, MasterName: c.Master, Username: c.User, Password: password, ContextTimeoutEnabled: true, ClientName: "adapterd",
	}
	if c.CA != "" {
		if o.TLSConfig, err = clientTLS(c.CA, "", ""); err != nil {
			return nil, err
		}
	}
	return redis.NewUniversalClient(o), nil
}

// gatewayHTTP calls the gateway and nobody else: no redirects, bounded times.
func gatewayHTTP(g Gateway) (*http.Client, error) {
	conf, err := clientTLS(g.CA, "", "")
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Timeout: 30 * time.Second, CheckRedirect: adapters.NoRedirects,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 32 << 10, ForceAttemptHTTP2: true,
		},
	}, nil
}

func clientTLS(ca, certificate, key string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("reading an authority's certificate: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading an authority's certificate: %s holds none", ca)
		}
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("reading our certificate: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

func readCallers(list []Caller) ([]adapters.Caller, error) {
	out := make([]adapters.Caller, 0, len(list))
	for _, c := range list {
		token, err := secret(c.TokenFile)
		if err != nil {
			return nil, err
		}
		if len(token) < 32 {
			return nil, fmt.Errorf("reading a token: %s holds fewer than 32 characters", c.TokenFile)
		}
		out = append(out, adapters.Caller{Token: token, Parties: c.Parties})
	}
	return out, nil
}

// secret reads one line from a file; no file, no secret.
func secret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func orDuration(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}
