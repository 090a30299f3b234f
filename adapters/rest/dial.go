package rest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// client makes an HTTP client that goes where it was configured to and nowhere else: no
// proxy from the environment, no redirect, every address checked when it is dialled.
func client(c Config, nets []netip.Prefix) *http.Client {
	d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return checkAddress(address, nets)
	}}
	conf := c.TLS.Clone()
	if conf == nil {
		conf = &tls.Config{}
	}
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	return &http.Client{
		Timeout:       c.Deadline,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSClientConfig: conf, TLSHandshakeTimeout: 10 * time.Second,
			MaxResponseHeaderBytes: 32 << 10, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
	}
}

// checkURL asks for https, or http to loopback.
func checkURL(name, s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%s is not an address", name)
	case u.User != nil:
		return fmt.Errorf("%s holds a password; use a token file", name)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s holds a query or a fragment", name)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%s is not https", name)
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func prefixes(list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("networks: %q is not a prefix", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// errAddress is temporary: a name server that lies today may not tomorrow.
var errAddress = errors.New("the address is not one where the national system may be")

func checkAddress(address string, nets []netip.Prefix) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errAddress
	}
	a := ap.Addr().Unmap().WithZone("")
	if len(nets) > 0 {
		if slices.ContainsFunc(nets, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return nil
		}
		return errAddress
	}
	if a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return errAddress
	}
	return nil
}

// tracking knows whether any byte of a request may have left: from the moment that it has
// a connection.
type tracking struct {
	req       *http.Request
	connected atomic.Bool
}

func tracked(req *http.Request) *tracking {
	t := &tracking{}
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { t.connected.Store(true) }}
	t.req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	return t
}
