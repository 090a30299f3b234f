package adapters

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Client calls the gateway as a party. Every call carries a fresh assertion of who calls,
// signed with the party's own key, beside whatever certificate HTTP presents. Safe for
// concurrent use.
type Client struct {
	// Base is the gateway's address, "https://gateway.example".
	Base string
	// Audience is what assertions name: the gateway's identifier, not its address.
	Audience string
	// Keys finds the keys of a party of this country.
	Keys func(gateway.Party) (*certs.Keys, bool)
	// HTTP makes the calls; [Caller] makes a careful one. Required.
	HTTP  *http.Client
	Now   func() time.Time
	NewID func() string
}

// NoRedirects is a policy for http.Client: the gateway answers where it was called, and an
// assertion goes nowhere else.
func NoRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Bounds of what is read of an answer.
const (
	maxReceipt   = 16 << 10
	maxStatus    = 1 << 20
	maxDirectory = 8 << 20
)

// Status is what the gateway says of a message. The evidence is signed: believe it, once
// it is checked, and not the words beside it.
type Status struct {
	Issuer     gateway.Party       `json:"iss"`
	ID         string              `json:"jti"`
	Audience   gateway.Party       `json:"aud"`
	State      gateway.State       `json:"state"`
	Late       bool                `json:"late,omitempty"`
	ReceivedAt time.Time           `json:"receivedAt"`
	Expires    time.Time           `json:"expires"`
	Pair       *gateway.PairNumber `json:"pair,omitempty"`
	Evidence   []string            `json:"evidence"`
	Withheld   string              `json:"withheld,omitempty"`
	Problem    *gateway.Document   `json:"problem,omitempty"`
}

// Submit gives an envelope to the gateway. A refusal that the same bytes would get again
// is a problem without an error; one that they may not, such as 503, is both. The wait
// that the gateway asked for is [WaitOf] the error.
func (c *Client) Submit(ctx context.Context, as gateway.Party, raw []byte, lane gateway.Lane) (receipt string, problem *gateway.Document, err error) {
	h := http.Header{"Content-Type": {"application/trm+sd-jwt+json"}}
	if lane == gateway.Urgent {
		h.Set("TRM-Lane", string(gateway.Urgent))
	}
	r, err := c.call(ctx, as, http.MethodPost, "/v1/messages", h, raw, maxReceipt)
	if err != nil {
		return "", nil, fmt.Errorf("submitting: %w", err)
	}
	if r.status == http.StatusAccepted && r.media == "application/jwt" {
		return string(r.body), nil, nil
	}
	doc, err := r.problem()
	if err != nil {
		return "", nil, fmt.Errorf("submitting: %w", err)
	}
	if temporary(r.status) {
		return "", doc, Later(fmt.Errorf("submitting: gateway answered %d %s", r.status, doc.Code), r.wait)
	}
	return "", doc, nil
}

// Approve gives a second person's approval, or a review, to the gateway and returns its
// signed answer. The same bytes again get the same answer. A refusal is a *gateway.Problem.
func (c *Client) Approve(ctx context.Context, as gateway.Party, jws string) (answer string, err error) {
	r, err := c.call(ctx, as, http.MethodPost, "/v1/approvals", http.Header{"Content-Type": {"application/jwt"}}, []byte(jws), maxReceipt)
	if err == nil {
		err = r.failure()
	}
	if err != nil {
		return "", fmt.Errorf("approving: %w", err)
	}
	return string(r.body), nil
}

// Override is a message in which rules were set aside, as the gateway reports it.
type Override struct {
	Issuer     gateway.Party `json:"iss"`
	ID         string        `json:"jti"`
	Audience   gateway.Party `json:"aud"`
	Reason     string        `json:"reason"`
	Rules      []string      `json:"rules"`
	ReceivedAt time.Time     `json:"receivedAt"`
	ApproveBy  time.Time     `json:"approveBy,omitzero"`
	ApprovedAt time.Time     `json:"approvedAt,omitzero"`
	Unapproved time.Time     `json:"unapprovedAt,omitzero"`
	ReviewBy   time.Time     `json:"reviewBy"`
	ReviewedAt time.Time     `json:"reviewedAt,omitzero"`
	Finding    string        `json:"finding,omitempty"`
	Overdue    bool          `json:"overdue,omitempty"`
}

// Overrides asks what the party's country set aside in a month, "2026-11"; empty is this
// one. More says that there may be more than came.
func (c *Client) Overrides(ctx context.Context, as gateway.Party, month string) (list []Override, more bool, err error) {
	var out struct {
		Overrides []Override `json:"overrides"`
		More      bool       `json:"more"`
	}
	path := "/v1/overrides"
	if month != "" {
		path += "?month=" + url.QueryEscape(month)
	}
	if err := c.get(ctx, as, path, maxStatus, &out); err != nil {
		return nil, false, fmt.Errorf("asking for overrides: %w", err)
	}
	return out.Overrides, out.More, nil
}

// Message asks what became of a message that the party sent or was sent.
func (c *Client) Message(ctx context.Context, as gateway.Party, id gateway.MessageID) (Status, error) {
	var s Status
	err := c.get(ctx, as, "/v1/messages/"+string(id.Issuer)+"/"+url.PathEscape(id.ID), maxStatus, &s)
	if err != nil {
		return Status{}, fmt.Errorf("asking about a message: %w", err)
	}
	return s, nil
}

// Number asks what became of a pair's number. A number that the gateway does not know, or
// does not tell this party, is not known.
func (c *Client) Number(ctx context.Context, as gateway.Party, n gateway.PairNumber) (Fate, error) {
	var s Status
	err := c.get(ctx, as, strings.Join([]string{"/v1/pairs", string(n.From), string(n.To), url.PathEscape(n.Origin), strconv.FormatInt(n.N, 10)}, "/"), maxStatus, &s)
	var p *gateway.Problem
	if errors.As(err, &p) && p.Code == gateway.CodeNotFound {
		return Fate{}, nil
	}
	if err != nil {
		return Fate{}, fmt.Errorf("asking about a pair's number: %w", err)
	}
	return Fate{Known: true, State: s.State, Expires: s.Expires, Evidence: s.Evidence}, nil
}

// Directory fetches the signed directory, which proves itself: see trust.Open.
func (c *Client) Directory(ctx context.Context, as gateway.Party) ([]byte, error) {
	r, err := c.call(ctx, as, http.MethodGet, "/v1/directory", nil, nil, maxDirectory)
	if err == nil {
		err = r.failure()
	}
	if err != nil {
		return nil, fmt.Errorf("fetching the directory: %w", err)
	}
	return r.body, nil
}

func (c *Client) get(ctx context.Context, as gateway.Party, path string, limit int64, into any) error {
	r, err := c.call(ctx, as, http.MethodGet, path, nil, nil, limit)
	if err == nil {
		err = r.failure()
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(r.body, into); err != nil {
		return errors.New("the gateway's answer is not the JSON it should be")
	}
	return nil
}

// reply is an answer, read within bounds.
type reply struct {
	status int
	media  string
	link   string // RFC 8288
	wait   time.Duration
	body   []byte
}

func (c *Client) call(ctx context.Context, as gateway.Party, method, path string, h http.Header, body []byte, limit int64) (reply, error) {
	assertion, err := c.assert(as)
	if err != nil {
		return reply{}, err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, errors.New("the gateway's address is not a URL")
	}
	if h != nil {
		req.Header = h
	}
	req.Header.Set("Authorization", "Bearer "+assertion)
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(req.Header))
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return reply{}, NetworkCause(err)
	}
	defer resp.Body.Close()
	r := reply{status: resp.StatusCode, link: resp.Header.Get("Link"), wait: retryAfter(resp.Header.Get("Retry-After"), c.Now())}
	r.media, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if r.body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1)); err != nil {
		return reply{}, NetworkCause(err)
	}
	if int64(len(r.body)) > limit {
		return reply{}, errors.New("the gateway's answer is too long")
	}
	return r, nil
}

// assert signs who calls. It lives for two minutes and names one call.
func (c *Client) assert(as gateway.Party) (string, error) {
	k, ok := c.Keys(as)
	if !ok || k.Assertion == nil {
		return "", fmt.Errorf("calling as %s: no assertion key here", as)
	}
	now := c.Now().UTC().Truncate(time.Second)
	return envelope.SignAssertion(envelope.Assertion{
		Party: as, Audience: c.Audience, ID: c.NewID(), IssuedAt: now, Expires: now.Add(2 * time.Minute), KeyID: k.Assertion.ID(),
	}, k.Assertion)
}

func temporary(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status < 400 || status >= 500
}

// failure is nil for 200; otherwise the problem, as an error of ours.
func (r reply) failure() error {
	if r.status == http.StatusOK {
		return nil
	}
	doc, err := r.problem()
	if err != nil {
		return err
	}
	if _, ok := gateway.Codes[doc.Code]; !ok {
		return Later(fmt.Errorf("gateway answered %d", r.status), r.wait)
	}
	return gateway.Refuse(doc.Code, doc.Pointer, "")
}

// problem reads a problem document; an answer that is none came from something between.
func (r reply) problem() (*gateway.Document, error) {
	var d gateway.Document
	if r.media != "application/problem+json" || json.Unmarshal(r.body, &d) != nil || d.Code == "" {
		return nil, Later(fmt.Errorf("an answer with status %d that is not the gateway's", r.status), r.wait)
	}
	d.Status = r.status
	return &d, nil
}

// retryAfter reads seconds or a date (RFC 9110, Section 10.2.3), bounded to an hour.
func retryAfter(v string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return min(time.Duration(min(n, 3600))*time.Second, time.Hour)
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(t.Sub(now), 0), time.Hour)
	}
	return 0
}
