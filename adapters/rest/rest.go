// Package rest delivers to a national system over HTTP: one POST per role's view, named so
// that a repeat is recognised.
//
//	POST URL
//	Idempotency-Key: <delivery>.<role>
//	Content-Type: application/json
//
// The body is adapters.Document. What the answer means:
//
//	2xx            it has it
//	409            it had it already, under the same key
//	408, 425, 429  not now; Retry-After is honoured
//	401, 403, 404, 405, 407, 3xx
//	               not now: it is about how we call, not about what we bring, and a wrong
//	               password must not end a referral
//	other 4xx      never; the sender gets signed evidence of the refusal
//	all else       not now, and it may have happened
package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

// Config says where the national system is. Zero values work except where a field says
// required.
type Config struct {
	// URL takes the POST. "{role}" in its path becomes the reader's role. Required; https,
	// or http to loopback.
	URL string
	// Query, if set, is asked before an attempt that follows one whose outcome nobody
	// knows: GET with "{role}" and "{key}" replaced; 200 says that it has it, 404 that it
	// has not. It is for a system that does not recognise an Idempotency-Key.
	Query string
	// Token, if set, is sent as a bearer token.
	Token string
	// TLS holds the national system's certificate authority and our own certificate.
	TLS *tls.Config
	// Networks are where the system may be, as prefixes ("10.20.0.0/16"). An address is
	// checked when it is dialled, so that a name cannot be pointed elsewhere. Default:
	// wherever the name points, except link-local and multicast addresses.
	Networks []string
	// Deadline is the time of one request. Default 20 seconds; the attempt's own deadline
	// stands above it.
	Deadline time.Duration
	// Now is the clock, for dates in Retry-After. Default time.Now.
	Now func() time.Time
}

// maxAnswer is how much of an answer is read: nothing in it is needed, reading it lets the
// connection be used again.
const maxAnswer = 16 << 10

// System is a transport to a national system. Safe for concurrent use.
type System struct {
	c      Config
	client *http.Client
}

var _ adapters.Transport = (*System)(nil)

// New checks the configuration. Nothing is called.
func New(c Config) (*System, error) {
	if c.Deadline <= 0 {
		c.Deadline = 20 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	nets, err := prefixes(c.Networks)
	err = errors.Join(err, checkURL("url", c.URL))
	if c.Query != "" {
		err = errors.Join(err, checkURL("query", c.Query))
		if !strings.Contains(c.Query, "{key}") {
			err = errors.Join(err, errors.New("query does not hold {key}"))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("configuring the national system: %w", err)
	}
	return &System{c: c, client: client(c, nets)}, nil
}

// Deliver posts the consignment.
func (s *System) Deliver(ctx context.Context, c adapters.Consignment) error {
	body, err := c.JSON()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.Deadline)
	defer cancel()
	if s.c.Query != "" && c.Repeat {
		if has, err := s.ask(ctx, c); has || err != nil {
			return err
		}
	}
	return s.post(ctx, c, body)
}

func (s *System) post(ctx context.Context, c adapters.Consignment, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fill(s.c.URL, c), bytes.NewReader(body))
	if err != nil {
		return gateway.Permanent(errors.New("making a request for the national system"))
	}
	req.GetBody = nil // net/http would repeat a request by itself; every attempt is counted here
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", c.Key())
	status, wait, err := s.do(req)
	if err != nil {
		return err
	}
	return verdict(status, wait)
}

// verdict says what an answer means.
func verdict(status int, wait time.Duration) error {
	said := fmt.Errorf("national system answered %d", status)
	notNow := adapters.Later(gateway.Unavailable(gateway.CodeBusy, wait, said), wait)
	switch status {
	case http.StatusConflict:
		return nil
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusProxyAuthRequired:
		return notNow
	}
	switch status / 100 {
	case 2:
		return nil
	case 3: // a redirect could lead to a stranger; the operator corrects the address
		return notNow
	case 4:
		return gateway.Refuse(gateway.CodeDestinationRefused, "", "").Because(said)
	}
	return adapters.Later(said, wait)
}

// ask finds out whether an earlier attempt took effect.
func (s *System) ask(ctx context.Context, c adapters.Consignment) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fill(s.c.Query, c), nil)
	if err != nil {
		return false, gateway.Permanent(errors.New("making a request for the national system"))
	}
	status, wait, err := s.do(req)
	switch {
	case err != nil:
		return false, err
	case status == http.StatusOK:
		return true, nil
	case status == http.StatusNotFound:
		return false, nil
	}
	return false, adapters.Later(fmt.Errorf("national system answered %d when it was asked", status), wait)
}

func (s *System) do(req *http.Request) (status int, wait time.Duration, err error) {
	if s.c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+s.c.Token)
	}
	sent := tracked(req)
	resp, err := s.client.Do(sent.req)
	if err != nil {
		err = fmt.Errorf("calling the national system: %w", adapters.NetworkCause(err))
		if !sent.connected.Load() {
			err = adapters.Unsent(err)
		}
		return 0, 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // what it says beside the status is not needed
	return resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"), s.c.Now()), nil
}

func fill(template string, c adapters.Consignment) string {
	return strings.NewReplacer("{role}", url.PathEscape(c.Reader.Role()), "{key}", url.PathEscape(c.Key())).Replace(template)
}

// retryAfter reads seconds or a date (RFC 9110, Section 10.2.3), bounded to an hour.
func retryAfter(v string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(t.Sub(now), 0), time.Hour)
	}
	return 0
}
