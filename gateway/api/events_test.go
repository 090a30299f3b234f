package api_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
)

func TestASenderReadsOnFromItsCursorAndMissesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.messages.feed = map[gateway.Party][]api.Event{}
	for i := range 250 {
		w.messages.feed["ba/coordinator"] = append(w.messages.feed["ba/coordinator"], api.Event{Message: message(i).ID, Event: gateway.TakenOn, JWS: "a.b.c"})
	}
	var got []string
	after, pages := int64(0), 0
	for more := true; more; pages++ {
		a := w.get("ba/coordinator", fmt.Sprintf("/v1/events?after=%d", after))
		var feed struct {
			Events []api.Event
			Next   int64
			More   bool
		}
		if err := json.Unmarshal([]byte(a.body), &feed); err != nil || a.StatusCode != 200 {
			t.Fatalf("got %d %q", a.StatusCode, a.body)
		}
		for _, e := range feed.Events {
			got = append(got, e.Message)
		}
		after, more = feed.Next, feed.More
	}
	if len(got) != 250 || pages != 3 {
		t.Fatalf("got %d events on %d pages, want 250 on 3", len(got), pages)
	}
	for i, id := range got {
		if id != message(i).ID {
			t.Fatalf("event %d is about %s", i, id)
		}
	}
	if a := w.get("ba/coordinator", fmt.Sprintf("/v1/events?after=%d", after)); a.body != fmt.Sprintf(`{"events":[],"next":%d,"more":false}`, after) {
		t.Errorf("at the end got %q, want to stay there", a.body)
	}
	if a := w.get("rs/coordinator", "/v1/events"); a.body != `{"events":[],"next":0,"more":false}` {
		t.Errorf("another party got %q", a.body)
	}
	for _, bad := range []string{"x", "-1", "1e3", "99999999999999999999", "1&after=2", "&after="} {
		w.wantProblem(w.get("ba/coordinator", "/v1/events?after="+bad), gateway.CodeRequest)
	}
}
