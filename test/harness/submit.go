package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"example.org/trm/adapters"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/policy"
	"example.org/trm/schemas"
)

// Sign makes an envelope of a draft at a desk of the test's own. With all it holds also
// what policy withholds.
func (r *Region) Sign(d Draft, all bool) (raw []byte, s *Sent) {
	r.t.Helper()
	if err := r.guard(d); err != nil {
		r.t.Fatal(err)
	}
	catalogue, err := schemas.Open()
	if err != nil {
		r.t.Fatal(err)
	}
	rules, err := policy.Default()
	if err != nil {
		r.t.Fatal(err)
	}
	plain, err := json.Marshal(d)
	if err != nil {
		r.t.Fatal(err)
	}
	parsed, err := outgoing.ParseDraft(plain)
	if err != nil {
		r.t.Fatal(err)
	}
	keys, err := certs.Load(r.Certs, parsed.From)
	if err != nil {
		r.t.Fatal(err)
	}
	desk := outgoing.Desk{Directory: r.Directory, Catalogue: catalogue, Policy: rules, Now: time.Now, NewID: NewThread}
	signed, err := desk.Sign(parsed, gateway.ThreadFacts{}, keys, outgoing.Options{All: all})
	if err != nil {
		r.t.Fatal(err)
	}
	return signed.Raw, &Sent{ID: signed.ID, Thread: parsed.Thread, To: parsed.To, Readers: readers(d), Urgent: parsed.Lane == gateway.Urgent, direct: true}
}

// Post gives bytes to the door as a party and returns the answer, which is kept for the
// search.
func (r *Region) Post(as gateway.Party, raw []byte, header http.Header) (body []byte, status int) {
	r.t.Helper()
	body, status, err := r.door(as, http.MethodPost, "/v1/messages", raw, header)
	if err != nil {
		r.t.Fatal(err)
	}
	r.keep(body)
	return body, status
}

// Get fetches a page of the door as a party. The answer is kept for the search.
func (r *Region) Get(as gateway.Party, path string) (body []byte, status int) {
	r.t.Helper()
	body, status, err := r.door(as, http.MethodGet, path, nil, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.keep(body)
	return body, status
}

// Ask is [Region.Get] for any goroutine: what fails is an error, and the answer is not kept.
func (r *Region) Ask(as gateway.Party, path string) (body []byte, status int, err error) {
	return r.door(as, http.MethodGet, path, nil, nil)
}

// Submit gives a draft to the door past the sender's adapter, as a sender with a desk of
// its own does.
func (r *Region) Submit(d Draft, all bool) *Sent {
	r.t.Helper()
	raw, s := r.Sign(d, all)
	if body, status := r.Post(s.ID.Issuer, raw, nil); status != http.StatusAccepted {
		r.t.Fatalf("submitting: answered %d: %s", status, body)
	}
	r.Expect(s)
	return s
}

// Expect says that the gateway has received a message that [Region.Sign] made and
// [Region.Post] submitted: from then on it must arrive.
func (r *Region) Expect(s *Sent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, s)
}

// ask is [Region.Status] of a message that was submitted past the adapter.
func (r *Region) ask(s *Sent) (Status, error) {
	b, status, err := r.door(s.ID.Issuer, http.MethodGet, "/v1/messages/"+string(s.ID.Issuer)+"/"+url.PathEscape(s.ID.ID), nil, nil)
	if err != nil {
		return Status{}, err
	}
	var m adapters.Status
	if err := json.Unmarshal(b, &m); err != nil || status != http.StatusOK {
		return Status{}, fmt.Errorf("asking about a message: answered %d", status)
	}
	st := Status{State: "received", Gateway: m.State, Problem: m.Problem}
	for i, jws := range m.Evidence {
		x, _, err := envelope.Codec{}.Examine(jws)
		if err != nil {
			return st, err
		}
		if i == 0 {
			st.Receipt = jws
		}
		st.Evidence = append(st.Evidence, Testimony{Event: x.Event, Code: x.Code, JWS: jws})
	}
	return st, nil
}

// door calls the gateway as a party, with a fresh assertion.
func (r *Region) door(as gateway.Party, method, path string, raw []byte, header http.Header) ([]byte, int, error) {
	keys, err := certs.Load(r.Certs, as)
	if err != nil {
		return nil, 0, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	assertion, err := envelope.SignAssertion(envelope.Assertion{
		Party: as, Audience: "urn:trm:gateway", ID: uuid.NewString(), IssuedAt: now, Expires: now.Add(time.Minute), KeyID: keys.Assertion.ID(),
	}, keys.Assertion)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.URL+path, bytes.NewReader(raw))
	if err != nil {
		return nil, 0, err
	}
	if raw != nil {
		req.Header.Set("Content-Type", "application/trm+sd-jwt+json")
	}
	req.Header.Set("Authorization", "Bearer "+assertion)
	for name, values := range header {
		req.Header[name] = slices.Clone(values)
	}
	return do(req)
}
