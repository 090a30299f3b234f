package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// sender is all senders: it submits the load to the gateway over a bounded number of
// connections.
type sender struct {
	o      Options
	desk   *desk
	url    string
	client *http.Client
}

func newSender(o Options, d *desk, addr string) *sender {
	return &sender{o: o, desk: d, url: "http://" + addr, client: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: o.Senders, MaxConnsPerHost: o.Senders},
	}}
}

// send submits a part of the load and returns when the gateway has recorded evidence of
// every delivery.
//
// At a rate, a message is due at its time, whatever happened to those before it, and its
// latencies count from then: a gateway that stalls makes everything behind it late and
// not merely one message slow. Without a rate each sender sends its next message when it
// has its receipt.
func (s *sender) send(ctx context.Context, t *tally, load []*message) error {
	all := t.expect(len(load))
	var next atomic.Int64
	group, sending := errgroup.WithContext(ctx)
	start := time.Now().Add(100 * time.Millisecond)
	for range min(s.o.Senders, len(load)) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(load) || sending.Err() != nil {
					return nil
				}
				if err := s.submit(sending, load[i], s.due(start, i)); err != nil {
					return err
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		return t.missing()
	}
}

// due is when a message is to be sent; the zero time is as soon as it can be.
func (s *sender) due(start time.Time, i int) time.Time {
	if s.o.Rate == 0 {
		return time.Time{}
	}
	return start.Add(time.Duration(float64(i) / s.o.Rate * float64(time.Second)))
}

// submit prepares a message ahead of its time, waits for it and for the receipt of the
// one before it in its thread, without which the order of a thread means nothing, and
// submits it.
func (s *sender) submit(ctx context.Context, m *message, due time.Time) error {
	req, err := s.request(ctx, m.head.Issuer, http.MethodPost, "/v1/messages", m.raw)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/trm+sd-jwt+json")
	if m.head.Lane == gateway.Urgent {
		req.Header.Set("TRM-Lane", string(gateway.Urgent))
	}
	if !due.IsZero() {
		if err := until(ctx, due); err != nil {
			return err
		}
	}
	if m.before != nil {
		select {
		case <-m.before.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if due.IsZero() {
		due = time.Now()
	}
	status, body, err := s.do(req)
	m.due, m.received, m.receipt = due, time.Now(), string(body)
	if err == nil && status != http.StatusAccepted {
		err = fmt.Errorf("the gateway answered %d: %s", status, body)
	}
	if err != nil {
		return fmt.Errorf("submitting: %w", err)
	}
	close(m.done)
	return nil
}

// request makes a call of a party's, with an assertion of its own.
func (s *sender) request(ctx context.Context, as gateway.Party, method, path string, body []byte) (*http.Request, error) {
	k, ok := s.desk.keys[as]
	if !ok || k.Assertion == nil {
		return nil, fmt.Errorf("calling as %s: it has no key for that", as)
	}
	now := time.Now().UTC().Truncate(time.Second)
	assertion, err := envelope.SignAssertion(envelope.Assertion{
		Party: as, Audience: audience, ID: newID(), IssuedAt: now, Expires: now.Add(2 * time.Minute), KeyID: k.Assertion.ID(),
	}, k.Assertion)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+assertion)
	return req, nil
}

// maxAnswer bounds what is read of an answer: a page of the feed at most.
const maxAnswer = 4 << 20

func (s *sender) do(req *http.Request) (status int, body []byte, err error) {
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errors.New("the gateway's answer is too long")
	}
	return resp.StatusCode, body, err
}

// until waits for a time.
func until(ctx context.Context, t time.Time) error {
	wait := time.NewTimer(time.Until(t))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
