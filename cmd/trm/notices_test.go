package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/cmd/internal/region"
	"example.org/trm/gateway"
)

// until runs the tool again until what it prints is as wanted: a region does its work in
// its own time.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestAnUrgentMessageRingsHereAndThenAtItsSender plays an hour in which nobody takes an
// alert on, and the click that ends it.
func TestAnUrgentMessageRingsHereAndThenAtItsSender(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a region")
	}
	dir := t.TempDir()
	var clock region.Clock
	r, err := region.Start(t.Context(), region.Options{Dir: dir, Embedded: true, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := writeGatewayAddress(dir, gatewayAddress{URL: r.URL, Audience: region.Audience}); err != nil {
		t.Fatal(err)
	}
	example, code := tool(t, dir, "types", "example", "alert.notice")
	if code != exitOK {
		t.Fatal(example)
	}
	var d map[string]any
	if err := json.Unmarshal([]byte(example), &d); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	d["from"], d["to"], d["lane"] = "me/coordinator", "rs/coordinator", "urgent"
	d["effectiveAt"], d["ackBy"] = now.Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339)
	delete(d, "thread")
	delete(d, "sealed")
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	draft := filepath.Join(dir, "draft.json")
	if err := os.WriteFile(draft, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := tool(t, dir, "post", draft, "--key", "alert"); code != exitOK {
		t.Fatal(out)
	}
	list := func(office string) (out []adapters.Waiting) {
		text, code := tool(t, dir, "notices", office, "--all", "--json")
		if code != exitOK {
			t.Fatal(text)
		}
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	told := func(w []adapters.Waiting, step string, p gateway.Party) bool {
		for _, n := range w {
			for _, x := range n.Told {
				if x.Step == step && x.Party == p && x.State == "told" {
					return true
				}
			}
		}
		return false
	}
	until(t, "the first notice", func() bool { return told(list("rs"), "waiting", "rs/coordinator") })
	clock.Forward(31 * time.Minute)
	until(t, "the notice of the thirtieth minute", func() bool {
		l := list("rs")
		return told(l, "minute-30", "rs/coordinator") && told(l, "minute-30", "rs/social-services")
	})
	clock.Forward(30 * time.Minute)
	until(t, "the sender's own", func() bool { return told(list("me"), "escalated", "me/coordinator") })
	out, _ := tool(t, dir, "notices", "me/coordinator")
	if !strings.Contains(out, "escalated  me/coordinator, sent to rs/coordinator") || strings.Count(out, "  telephone  +") != 2 {
		t.Errorf("the sender is shown\n%s", out)
	}
	ref := list("rs")[0].Ref
	if out, code := tool(t, dir, "ref", "me", ref); code != exitRefused {
		t.Errorf("another office resolves %s: %d %s", ref, code, out)
	}
	if out, code := tool(t, dir, "take-on", "rs/coordinator", strings.ToLower(ref)); code != exitOK || !strings.Contains(out, "the answer that closes it is on its way") {
		t.Errorf("taking on: %d %s", code, out)
	}
	until(t, "the end at both", func() bool {
		out, _ = tool(t, dir, "notices", "me/coordinator")
		return list("rs")[0].State == "answered" && !strings.Contains(out, "  telephone  ")
	})
	var sent adapters.Sent
	if err := callOffice(t.Context(), r.Adapters["me"], http.MethodGet, "/v1/outbox/"+list("rs")[0].ID, nil, &sent); err != nil {
		t.Fatal(err)
	}
	for _, want := range []gateway.Event{gateway.ContentConsignment, gateway.ConsignmentNotification, gateway.Escalated, gateway.TakenOn} {
		if !slices.ContainsFunc(sent.Evidence, func(p adapters.Proven) bool { return p.Event == want }) {
			t.Errorf("the sender does not see %s: %v", want, sent.Evidence)
		}
	}
	// What lies in the offices' folders for everybody to see says nothing of all this.
	for _, c := range []string{"rs", "me"} {
		raw, err := os.ReadFile(filepath.Join(dir, "offices", c, "notices.log"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			_, sentence, _ := strings.Cut(line, "  ")
			_, sentence, _ = strings.Cut(sentence, "  ")
			for _, word := range []string{"alert", "urgent", "child", "minute", "me", "rs"} {
				if strings.Contains(" "+strings.ToLower(sentence), " "+word+" ") {
					t.Errorf("%s: %q says %q", c, line, word)
				}
			}
		}
	}
}
