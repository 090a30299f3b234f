package gatewayrun

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/journal"
	"example.org/trm/gateway/policy"
	"example.org/trm/gateway/queue"
)

// checks are what readiness asks.
func (g *Gateway) checks() []api.Check {
	return []api.Check{
		{Name: "journal", Probe: g.journal.Ready},
		{Name: "keys", Probe: func(ctx context.Context) error {
			return errors.Join(g.signers.listed(g.now()), g.signers.whole(g.now()), g.signers.work(ctx))
		}},
		{Name: "directory", Probe: func(context.Context) error { return g.directory.Ready(g.now()) }},
		api.ClockCheck(time.Minute),
	}
}

// safe says whether what the gateway signs now will be believed.
func (g *Gateway) safe() error {
	now := g.now()
	if err := g.directory.Ready(now); err != nil {
		return err
	}
	if err := g.signers.listed(now); err != nil {
		return gateway.Unavailable(gateway.CodeBusy, time.Minute, err)
	}
	return nil
}

// doubt says why no step of a duty is signed now: nobody would believe it, or the clock was
// moved under the process.
func (g *Gateway) doubt() func(context.Context) error {
	clock := api.ClockCheck(time.Minute)
	return func(ctx context.Context) error { return errors.Join(g.safe(), clock.Probe(ctx)) }
}

// guarded records nothing while nobody would believe it. What was recorded before is
// still found: a repeat gets its answer whatever the directory says today.
type guarded struct {
	*journal.Journal
	safe func() error
}

// Receive is the journal's, where it is safe.
func (j guarded) Receive(ctx context.Context, id gateway.MessageID, thread string, from, to gateway.Country, record func(gateway.Slot) (gateway.Record, error)) (gateway.Recorded, error) {
	if err := j.safe(); err != nil {
		return gateway.Recorded{}, err
	}
	return j.Journal.Receive(ctx, id, thread, from, to, record)
}

// Approve is the journal's, where it is safe.
func (j guarded) Approve(ctx context.Context, a gateway.Approval, jws string, record func(gateway.Override, bool) (string, error)) (string, error) {
	if err := j.safe(); err != nil {
		return "", err
	}
	return j.Journal.Approve(ctx, a, jws, record)
}

// messages is the journal as the door sees it.
type messages struct{ *journal.Journal }

// Status finds what a message's correspondents may know of it.
func (m messages) Status(ctx context.Context, id gateway.MessageID) (api.Status, bool, error) {
	s, ok, err := m.Journal.Status(ctx, id)
	return status(s), ok, err
}

// Pair finds the same by the message's number.
func (m messages) Pair(ctx context.Context, n gateway.PairNumber) (api.Status, bool, error) {
	s, ok, err := m.Journal.Pair(ctx, n)
	return status(s), ok, err
}

// Events reads a sender's feed.
func (m messages) Events(ctx context.Context, sender gateway.Party, after int64, n int) ([]api.Event, error) {
	list, err := m.Journal.Events(ctx, sender, after, n)
	out := make([]api.Event, len(list))
	for i, e := range list {
		out[i] = api.Event{Cursor: e.Cursor, Message: e.Message.ID, Event: e.Event, JWS: e.JWS}
	}
	return out, err
}

// pulled is the queue as the door sees it.
type pulled struct{ *queue.Pull }

// Take takes deliveries for an adapter that asks over HTTPS.
func (p pulled) Take(ctx context.Context, c gateway.Country, n int, wait time.Duration) ([]api.Delivery, func(context.Context) error, error) {
	taken, err := p.Pull.Take(ctx, c, n, wait)
	if err != nil || len(taken) == 0 {
		return nil, nil, err
	}
	list := make([]api.Delivery, len(taken))
	for i, t := range taken {
		list[i] = api.Delivery{ID: t.Delivery, Wrapped: t.Wrapped, Trace: t.Trace}
	}
	return list, func(ctx context.Context) error { return p.Pull.Return(ctx, taken) }, nil
}

func status(s journal.Status) api.Status {
	return api.Status{
		Message: s.Message, Audience: s.Audience, State: s.State, Late: s.Late, ReceivedAt: s.ReceivedAt, Expires: s.Expires,
		Pair: s.Pair, Evidence: s.Evidence, Withheld: s.Sender, Refused: s.Refused,
	}
}

// rulebook is the policy as /v1/policy shows it: every rule, with the titles of the laws
// that rules name by their keys.
func rulebook(p *policy.Policy) ([]byte, error) {
	sources := map[string]string{}
	for _, r := range p.Rules() {
		for _, key := range r.Law {
			sources[key] = p.Source(key)
		}
	}
	return json.Marshal(struct {
		Release string            `json:"release"`
		Digest  string            `json:"digest"`
		Sources map[string]string `json:"sources"`
		Rules   []policy.Rule     `json:"rules"`
	}{p.Release(), p.Digest(), sources, p.Rules()})
}
