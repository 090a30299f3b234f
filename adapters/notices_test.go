package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/incoming"
	"example.org/trm/gateway"
)

func TestReferenceIsResolvedInsideTheOfficeAndToldToNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
	deliver(t, w, a, w.arrive(deliveryID, 1, addressee))
	ring(t, a)
	ref := reference(t, a).Ref
	if len(ref) != RefLen || strings.ContainsAny(ref, "ILOU") || strings.Contains(deliveryID, strings.ToLower(ref)) {
		t.Errorf("got reference %q", ref)
	}
	for _, said := range []string{ref, strings.ToLower(ref), ref[:3] + "-" + ref[3:]} {
		status, out := ask(t, a, "all", "GET", "/v1/refs/"+said, "")
		if status != 200 || out["delivery"] != deliveryID || out["jti"] != "m-"+deliveryID || out["iss"] != "ba/coordinator" {
			t.Errorf("%q: got %d %v", said, status, out)
		}
	}
	for token, want := range map[string]int{"child": 404, "": 401, "wrong": 401} {
		if status, _ := ask(t, a, token, "GET", "/v1/refs/"+ref, ""); status != want {
			t.Errorf("caller %q: got %d, want %d", token, status, want)
		}
	}
	if status, _ := ask(t, a, "all", "GET", "/v1/refs/ZZZZZZ", ""); status != 404 {
		t.Errorf("of nothing: got %d, want 404", status)
	}
	// Another journal gives another reference to the same delivery.
	w2 := newWorld(t)
	b, _ := w2.live(nil)
	deliver(t, w2, b, w2.arrive(deliveryID, 1, addressee))
	if got := reference(t, b).Ref; got == ref {
		t.Errorf("two offices call it %s", got)
	}
}

func TestCallerSeesTheNoticesOfHisPartiesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
	deliver(t, w, a, w.arrive(deliveryID, 1, lane(gateway.Normal))) // child protection has a part
	deliver(t, w, a, w.arrive("019ab3c4-0000-7000-8000-00000000000e", 2, addressee))
	ring(t, a)
	list := func(token, query string) []any {
		_, out := ask(t, a, token, "GET", "/v1/notices"+query, "")
		l, _ := out["notices"].([]any)
		return l
	}
	if got := list("all", ""); len(got) != 2 {
		t.Errorf("the office sees %d, want 2", len(got))
	}
	if got := list("all", "?party=rs/child-protection"); len(got) != 1 {
		t.Errorf("the office sees %d of child protection, want 1", len(got))
	}
	if got := list("child", "?party=rs/coordinator"); len(got) != 0 {
		t.Errorf("child protection sees %d of the coordinator, want none", len(got))
	}
	got := list("child", "")
	if len(got) != 1 {
		t.Fatalf("child protection sees %d, want 1", len(got))
	}
	n, _ := got[0].(map[string]any)
	told, _ := n["told"].([]any)
	if n["delivery"] != deliveryID || len(told) != 1 || told[0].(map[string]any)["party"] != "rs/child-protection" {
		t.Errorf("got %v", n)
	}
}

// fraction is the part of a second in a time.
var fraction = regexp.MustCompile(`\.[0-9]+Z`)

// TestTwinsAreToldAlike: two messages that differ in what was withheld, or in what is sealed
// for another role, are the same to the addressee's people, to the sender and to the
// gateway.
func TestTwinsAreToldAlike(t *testing.T) {
	t.Parallel()
	var texts, records, evidence [2]string
	for i, views := range []int{1, 2} {
		w := newWorld(t)
		p := newPhones(w)
		a, _ := w.live(func(c *Config) { c.Bell = p.bell() })
		deliver(t, w, a, w.arrive(deliveryID, 1, func(o *incoming.Opened) {
			lane(gateway.Urgent)(o)
			o.Views = o.Views[:views]
		}))
		minutes(t, w, p, a, 45)
		ref := reference(t, a).Ref
		var own []string
		for j, s := range p.texts {
			own = append(own, strings.ReplaceAll(s, ref, "REF"))
			if len(p.keys[j]) != 16 {
				t.Errorf("got key %q", p.keys[j])
			}
		}
		texts[i] = fmt.Sprint(slices.Compact(own)) // also those to child protection, which are no others
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/notices?party=rs/coordinator", nil)
		r.Header.Set("Authorization", "Bearer coordinator")
		a.Callers = append(a.Callers, Caller{Token: "coordinator", Parties: []gateway.Party{"rs/coordinator", "rs/social-services"}})
		rec := httptest.NewRecorder()
		a.Handler().ServeHTTP(rec, r)
		records[i] = strings.ReplaceAll(rec.Body.String(), ref, "REF")
		records[i] = fraction.ReplaceAllString(records[i], "Z") // the clock here moves with every look at it
		list, err := a.Store.Evidence(t.Context(), deliveryID)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			s := statement(t, e.JWS)
			s.ID = ""
			raw, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			evidence[i] += string(raw) + "\n"
		}
	}
	if texts[0] != texts[1] || texts[0] == "[]" {
		t.Errorf("people were told\n%s\nand\n%s", texts[0], texts[1])
	}
	if records[0] != records[1] || !strings.Contains(records[0], "minute-40") {
		t.Errorf("the addressee's record is\n%s\nand\n%s", records[0], records[1])
	}
	if evidence[0] != evidence[1] || !strings.Contains(evidence[0], string(gateway.ConsignmentNotification)) {
		t.Errorf("the gateway gets\n%s\nand\n%s", evidence[0], evidence[1])
	}
}

// TestNoticeHoldsNothingOfTheMessage looks at all that a channel is given and the journal
// keeps.
func TestNoticeHoldsNothingOfTheMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPhones(w)
	p.hurt("coordinator mail", answerLost, refusedNow, panics)
	var given []Notice
	a, end := w.live(func(c *Config) {
		c.Bell = p.bell()
		of := c.Bell.Channels
		c.Bell.Channels = func(q gateway.Party) []Channel { return []Channel{keeping{of(q)[0], &given}} }
	})
	deliver(t, w, a, w.arrive(deliveryID, 1, lane(gateway.Urgent)))
	for range 40 {
		w.pass(time.Minute)
		ringAlone(t, a)
	}
	if len(given) < 5 {
		t.Fatalf("only %d notices were given", len(given))
	}
	for _, n := range given {
		raw := strings.ToLower(fmt.Sprintf("%+v", n))
		for _, no := range []string{"canary", "referral", "urgent", "minute", "coordinator", "child", "ba/", "rs/", deliveryID, "t-1", "health"} {
			if strings.Contains(raw, no) {
				t.Errorf("a channel was given %q in %s", no, raw)
			}
		}
	}
	end()
	for _, name := range []string{w.path, w.path + "-wal"} {
		raw := readIfThere(t, name)
		if strings.Contains(string(raw), canaryText) {
			t.Errorf("%s holds what was sealed", name)
		}
	}
	if strings.Contains(w.log.String(), canaryText) {
		t.Error("the log holds what was sealed")
	}
}

// keeping keeps what a channel was given.
type keeping struct {
	Channel
	given *[]Notice
}

func (k keeping) Notify(ctx context.Context, n Notice) error {
	*k.given = append(*k.given, n)
	return k.Channel.Notify(ctx, n)
}

// ringAlone is ring with one channel at a time.
func ringAlone(t *testing.T, a *Adapter) {
	t.Helper()
	list, err := a.Store.Waiting(t.Context(), a.Now(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		if err := a.plan(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	due, err := a.Store.Pending(t.Context(), a.Now(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range due {
		if err := a.give(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func readIfThere(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return raw
}
