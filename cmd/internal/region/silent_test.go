package region_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/cmd/internal/region"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// watched is a region whose clock begins on a Monday morning and is put forward.
type watched struct {
	t     *testing.T
	ahead atomic.Int64
	*region.Region
}

var monday = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func start(t *testing.T) *watched {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a whole region")
	}
	w := &watched{t: t}
	begun := time.Now()
	var err error
	w.Region, err = region.Start(t.Context(), region.Options{Dir: t.TempDir(), Embedded: true, Now: func() time.Time {
		return monday.Add(time.Since(begun)).Add(time.Duration(w.ahead.Load()))
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *watched) call(c gateway.Country, method, path string, in, out any) {
	w.t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.Adapters[c].API+path, bytes.NewReader(raw))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Adapters[c].Token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		w.t.Fatalf("%s %s: answered %d, %v", method, path, res.StatusCode, err)
	}
	if err := json.Unmarshal(got, out); err != nil {
		w.t.Fatal(err)
	}
}

// notice is what an office's record says of the one message of this test.
func (w *watched) notice(c gateway.Country) (n adapters.Waiting, ok bool) {
	w.t.Helper()
	var list struct {
		Notices []adapters.Waiting `json:"notices"`
	}
	w.call(c, http.MethodGet, "/v1/notices?all=true", nil, &list)
	if len(list.Notices) == 0 {
		return n, false
	}
	return list.Notices[0], true
}

// until waits for what the processes do by themselves.
func (w *watched) until(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// told lists the steps of a notice that were given: "overdue rs/coordinator on day 2".
func told(n adapters.Waiting) (steps []string) {
	for _, t := range n.Told {
		if slices.ContainsFunc(t.Calls, func(c adapters.Calling) bool { return c.Done }) {
			steps = append(steps, fmt.Sprintf("%s %s on day %d", t.Step, t.Party, int(t.At.Sub(monday)/(24*time.Hour))))
		}
	}
	slices.Sort(steps)
	return steps
}

// TestSixSilentDaysAreOnRecord: an office is asked and says nothing. Its own record shows
// whom it told and when; the sender's, whom it was shown to telephone; and the gateway
// signed each step for the sender.
func TestSixSilentDaysAreOnRecord(t *testing.T) {
	t.Parallel()
	w := start(t)
	var sent adapters.Sent
	w.call("me", http.MethodPost, "/v1/drafts", map[string]any{
		"type": "capacity.request/1.0", "from": "me/coordinator", "to": "rs/coordinator", "lane": "normal",
		"purpose": "assistance", "basis": "cets197-32", "answerBy": monday.Add(24 * time.Hour).Format(time.RFC3339),
		"blocks": map[string]any{
			"subject": map[string]any{"phase": 1, "victimStatus": "presumed", "decidedBy": "ngo", "effect": "informal", "child": "no"},
			"needs":   map[string]any{"n4k2p9": map[string]any{"code": "safe-accommodation", "urgency": "soon"}},
			"asks":    map[string]any{"a5t8d2": map[string]any{"code": "place-available", "why": "to-find-a-place"}},
		},
	}, &sent)
	w.until("the message to arrive", func() bool { n, ok := w.notice("rs"); return ok && len(told(n)) > 0 })

	// Two working days are given; on the third the reminder is past, on the fourth the two
	// desks are no longer enough. The clock waits for what is due: who is asked late is told
	// once, of what counts then.
	for _, day := range []struct {
		at    time.Duration
		who   gateway.Country
		steps int // that have been told by then
	}{{47 * time.Hour, "rs", 2}, {71 * time.Hour, "rs", 4}, {119 * time.Hour, "me", 1}} {
		w.ahead.Store(int64(day.at))
		w.until(fmt.Sprintf("%d steps at %s", day.steps, day.who), func() bool {
			n, ok := w.notice(day.who)
			return ok && len(told(n)) >= day.steps
		})
	}
	w.until("the sender to be shown whom to telephone", func() bool { n, ok := w.notice("me"); return ok && len(n.Telephone) > 0 })
	w.ahead.Store(int64(6 * 24 * time.Hour))

	theirs, _ := w.notice("rs")
	want := []string{
		"due-soon rs/coordinator on day 1",
		"overdue rs/coordinator on day 2", "overdue rs/social-services on day 2",
		"waiting rs/coordinator on day 0",
	}
	if got := told(theirs); !slices.Equal(got, want) {
		t.Errorf("Serbia told %q, want %q", got, want)
	}
	ours, _ := w.notice("me")
	if got := told(ours); len(got) != 1 || !slices.Contains([]string{"escalated me/coordinator on day 3", "escalated me/coordinator on day 4"}, got[0]) {
		t.Errorf("Montenegro told %q, want its coordinator once, when it was escalated", got)
	}
	var numbers []gateway.Party
	for _, n := range ours.Telephone {
		numbers = append(numbers, n.Party)
		if n.Telephone == "" {
			t.Errorf("%s has no number", n.Party)
		}
	}
	if !slices.Equal(numbers, []gateway.Party{"rs/coordinator", "rs/social-services"}) {
		t.Errorf("shown to telephone %q, want the duty officer and the alternate", numbers)
	}

	var events []gateway.Event
	w.call("me", http.MethodGet, "/v1/outbox/"+sent.ID, nil, &sent)
	for _, e := range sent.Evidence {
		s, _, err := envelope.Codec{}.Examine(e.JWS)
		if err != nil {
			t.Fatal(err)
		}
		if s.Signer == gateway.TheGateway {
			events = append(events, s.Event)
		}
	}
	if want := []gateway.Event{gateway.SubmissionAcceptance, gateway.DueSoon, gateway.Overdue, gateway.Escalated}; !slices.Equal(events, want) {
		t.Errorf("the gateway signed %q, want %q", events, want)
	}
}
