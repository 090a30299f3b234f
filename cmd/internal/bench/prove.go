package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// Proven is what was proven of a run, with those of the warm-up.
type Proven struct {
	Receipts     int `json:"receipts"`     // signed by the gateway, over the bytes that were sent
	Delivered    int `json:"delivered"`    // messages that every role has exactly once
	Consignments int `json:"consignments"` // what roles have of them
	Evidence     int `json:"evidence"`     // signed by recipients, of what the gateway released, read from the senders' feeds
	Threads      int `json:"threads"`      // in whose order the messages came
	Pairs        int `json:"pairs"`        // whose numbers have no gap
}

// prove looks at everything that a sender, a recipient and a national system have after a
// run, and returns the first thing that is not as the gateway promises.
func prove(ctx context.Context, d *desk, s *sender, t *tally) (Proven, error) {
	var p Proven
	receipts, err := proveReceipts(d, t.load, &p)
	if err != nil {
		return p, err
	}
	t.mu.Lock()
	err = proveDeliveries(t, &p)
	t.mu.Unlock()
	if err != nil {
		return p, err
	}
	return p, proveFeeds(ctx, d, s, t.byID, receipts, &p)
}

// proveReceipts proves each receipt, and that the numbers they give leave no gap.
func proveReceipts(d *desk, load []*message, p *Proven) (map[gateway.MessageID]gateway.Statement, error) {
	out := make(map[gateway.MessageID]gateway.Statement, len(load))
	numbers := map[Pair][]int64{}
	for _, m := range load {
		e, err := gateway.Witnessed(m.receipt, envelope.Codec{}, d.directory)
		if err != nil {
			return nil, fmt.Errorf("a receipt: %w", err)
		}
		s := e.Statement()
		if s.Event != gateway.SubmissionAcceptance || s.Signer != gateway.TheGateway || s.Message != m.head.MessageID() || s.Envelope != m.digest.String() {
			return nil, errors.New("a receipt is for something else")
		}
		out[s.Message] = s
		pair := Pair{s.Pair.From, s.Pair.To}
		numbers[pair] = append(numbers[pair], s.Pair.N)
		p.Receipts++
	}
	for pair, list := range numbers {
		slices.Sort(list)
		for i, n := range list {
			if n != int64(i+1) {
				return nil, fmt.Errorf("the numbers of %s have a gap before %d", pair, n)
			}
		}
		p.Pairs++
	}
	return out, nil
}

// proveDeliveries looks at what came to the national systems. Its caller holds the tally.
func proveDeliveries(t *tally, p *Proven) error {
	if t.strange > 0 {
		return fmt.Errorf("%d arrivals and acknowledgements were about something else", t.strange)
	}
	type place struct {
		thread int
		role   string
	}
	last := map[place]int{}
	threads := map[int]bool{}
	var expected []string // the roles of the first message: all are of one draft
	for _, m := range t.load {
		var roles []string
		for _, a := range m.arrivals {
			if slices.Contains(roles, a.role) {
				return errors.New("a role got a message twice")
			}
			roles = append(roles, a.role)
			at := place{m.threadIndex, a.role}
			if a.number < last[at] {
				return errors.New("a message came before the one before it in its thread")
			}
			last[at] = a.number
			p.Consignments++
		}
		slices.Sort(roles)
		if expected == nil {
			expected = roles
		}
		if !slices.Contains(roles, m.head.Audience.Role()) {
			return errors.New("a message never came to its addressee")
		}
		if !slices.Equal(roles, expected) {
			return fmt.Errorf("a message came to %d roles, another to %d", len(roles), len(expected))
		}
		p.Delivered++
		threads[m.threadIndex] = true
	}
	p.Threads = len(threads)
	return nil
}

// page is an answer of GET /v1/events.
type page struct {
	Events []struct {
		JWS string `json:"jws"`
	} `json:"events"`
	Next int64 `json:"next"`
	More bool  `json:"more"`
}

// proveFeeds reads every sender's feed from its beginning and proves each statement.
func proveFeeds(ctx context.Context, d *desk, s *sender, load map[gateway.MessageID]*message, receipts map[gateway.MessageID]gateway.Statement, p *Proven) error {
	senders := map[gateway.Party]bool{}
	for id := range load {
		senders[id.Issuer] = true
	}
	delivered := map[gateway.MessageID]bool{}
	for party := range senders {
		for next, more := int64(0), true; more; {
			var got page
			if err := s.get(ctx, party, "/v1/events?after="+strconv.FormatInt(next, 10), &got); err != nil {
				return err
			}
			for _, e := range got.Events {
				if err := proveStatement(d, e.JWS, load, receipts, delivered); err != nil {
					return err
				}
			}
			next, more = got.Next, got.More
		}
	}
	if p.Evidence = len(delivered); p.Evidence != len(load) {
		return fmt.Errorf("the senders' feeds have evidence of %d deliveries of %d", p.Evidence, len(load))
	}
	return nil
}

func proveStatement(d *desk, jws string, load map[gateway.MessageID]*message, receipts map[gateway.MessageID]gateway.Statement, delivered map[gateway.MessageID]bool) error {
	e, err := gateway.Witnessed(jws, envelope.Codec{}, d.directory)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	st := e.Statement()
	m, ok := load[st.Message]
	if !ok {
		return errors.New("a feed shows evidence of a message that its reader did not send")
	}
	switch {
	case st.Event == gateway.SubmissionAcceptance:
		return nil // the receipt, which was proven
	case st.Event != gateway.ContentConsignment || st.Signer != m.head.Audience:
		return fmt.Errorf("a message ended with %s by %s", st.Event, st.Signer)
	case st.SDHash != receipts[st.Message].SDHash:
		return errors.New("a recipient testifies to other content than the gateway released")
	case delivered[st.Message]:
		return errors.New("a delivery has evidence twice")
	}
	delivered[st.Message] = true
	return nil
}

// get asks the gateway as a party.
func (s *sender) get(ctx context.Context, as gateway.Party, path string, into any) error {
	req, err := s.request(ctx, as, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	status, body, err := s.do(req)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the gateway answered %d: %s", status, body)
	}
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("reading a feed: %w", err)
	}
	return nil
}
