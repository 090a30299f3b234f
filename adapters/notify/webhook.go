package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
)

// Hook says where a webhook is. URL must be set, and Secret or Token.
type Hook struct {
	// URL takes the POST: https, or http to this machine.
	URL string
	// Secret, of 32 characters or more, signs each call as the Standard Webhooks do: the
	// header webhook-signature is "v1," and the base64 of HMAC-SHA-256 over webhook-id,
	// webhook-timestamp and body, joined by dots.
	Secret string
	// Token, of 32 characters or more, is sent as a bearer token.
	Token string
	// TLS holds the other side's certificate authority and our own certificate.
	TLS *tls.Config
	// Deadline is the time of one call. Default 10 seconds.
	Deadline time.Duration
	// Now is the clock, for the signature. Default time.Now.
	Now func() time.Time
}

// Webhook posts a notice to a system of the office:
//
//	{"ref":"7Q4KXM","text":"A message is waiting. ...","answerBy":"2026-11-23T15:00:00Z"}
//
// with the same webhook-id in every attempt to give it. 2xx says that it will reach
// somebody, and so does 409, for one that is known already; 400, 410, 413 and 422 that it
// never will; everything else, a redirect too, that it has not. Make one with [NewWebhook].
type Webhook struct {
	h      Hook
	client *http.Client
}

var _ adapters.Channel = (*Webhook)(nil)

// maxAnswer is how much of an answer is read: nothing in it is needed.
const maxAnswer = 4 << 10

// NewWebhook checks the configuration. Nothing is called.
func NewWebhook(h Hook) (*Webhook, error) {
	var errs []error
	u, err := url.Parse(h.URL)
	switch {
	case err != nil || u.Host == "":
		errs = append(errs, errors.New("url is not an address"))
	case u.User != nil || u.Fragment != "":
		errs = append(errs, errors.New("url holds a password or a fragment"))
	case u.Scheme != "https" && (u.Scheme != "http" || !here(u.Hostname())):
		errs = append(errs, errors.New("url is not https"))
	}
	if (h.Secret == "") == (h.Token == "") {
		errs = append(errs, errors.New("give secret or token"))
	}
	if n := len(h.Secret) + len(h.Token); n > 0 && n < 32 {
		errs = append(errs, errors.New("secret or token has fewer than 32 characters"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("configuring a webhook: %w", err)
	}
	if h.Deadline <= 0 {
		h.Deadline = 10 * time.Second
	}
	if h.Now == nil {
		h.Now = time.Now
	}
	conf := h.TLS.Clone()
	if conf == nil {
		conf = &tls.Config{}
	}
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	d := &net.Dialer{Timeout: 5 * time.Second}
	return &Webhook{h, &http.Client{
		CheckRedirect: adapters.NoRedirects,
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSClientConfig: conf, TLSHandshakeTimeout: 5 * time.Second, MaxResponseHeaderBytes: 16 << 10,
			IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
	}}, nil
}

// here reports whether a host is this machine.
func here(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// Kind is "webhook".
func (*Webhook) Kind() string { return "webhook" }

// called is the body of a call. It has no other member.
type called struct {
	Ref      string    `json:"ref"`
	Text     string    `json:"text"`
	AnswerBy time.Time `json:"answerBy,omitzero"`
}

// Notify posts once.
func (w *Webhook) Notify(ctx context.Context, n adapters.Notice) error {
	ctx, cancel := within(ctx, w.h.Deadline)
	defer cancel()
	body, err := json.Marshal(called{n.Ref, n.Text, n.AnswerBy.UTC()})
	if err != nil {
		return gateway.Permanent(errors.New("writing a notice as JSON"))
	}
	var connected atomic.Bool // from then on something may have left
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.h.URL, bytes.NewReader(body))
	if err != nil {
		return gateway.Permanent(errors.New("making a request for a webhook"))
	}
	req.GetBody = nil // net/http would repeat a request by itself; every attempt is counted
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "trm")
	w.sign(req.Header, n.Key, body)
	resp, err := w.client.Do(req)
	if err != nil {
		err = fmt.Errorf("calling a webhook: %w", adapters.NetworkCause(err))
		if !connected.Load() {
			err = adapters.Unsent(err)
		}
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	return answered(resp.StatusCode)
}

// sign proves who calls.
func (w *Webhook) sign(h http.Header, id string, body []byte) {
	at := strconv.FormatInt(w.h.Now().Unix(), 10)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", at)
	if w.h.Token != "" {
		h.Set("Authorization", "Bearer "+w.h.Token)
		return
	}
	m := hmac.New(sha256.New, []byte(w.h.Secret))
	fmt.Fprintf(m, "%s.%s.%s", id, at, body)
	h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)))
}

// answered says what a status means.
func answered(status int) error {
	said := fmt.Errorf("the webhook answered %d", status)
	switch {
	case status/100 == 2, status == http.StatusConflict:
		return nil
	case status == http.StatusBadRequest, status == http.StatusGone, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		return gateway.Permanent(said)
	case status/100 == 5:
		return said // it may have happened
	}
	return gateway.Unavailable(gateway.CodeBusy, 0, said)
}
