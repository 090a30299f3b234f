package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/adapters/store"
	"example.org/trm/certs"
	"example.org/trm/gateway"
)

// office is whom the tests of this file speak for.
func office(p gateway.Party) bool { return p == "rs/coordinator" }

// told is what an office has told three past recipients of one case, over three
// conversations, and one of another case.
func toldThree(t *testing.T, a *Adapter) {
	t.Helper()
	health := map[string]map[string]any{"health@child-protection": {"urgency": canaryText}}
	for _, d := range []outgoing.Draft{
		{Thread: "t-1", To: "ba/coordinator", Case: "Canary-Case-3F", Sealed: health},
		{Thread: "t-1", To: "ba/coordinator", InReplyTo: "second"},
		{Thread: "t-2", To: "me/coordinator", Case: "Canary-Case-3F"},
		{Thread: "t-3", To: "mk/social-services", Case: "Canary-Case-3F", Sealed: health},
		{Thread: "t-4", To: "al/coordinator", Case: "another case"},
	} {
		d.Type, d.From, d.Basis = "referral.request/1.0", "rs/coordinator", "cets197-32"
		if _, err := a.Send(t.Context(), d, ""); err != nil {
			t.Fatal(err)
		}
	}
}

var withdrawal = ChangeRequest{Kind: KindConsent, Case: "Canary-Case-3F", Effect: "consent-withdrawn"}

// recipients are those of the envelopes that are stored for a kind of change, with targets.
func recipients(t *testing.T, a *Adapter, kind string) []string {
	t.Helper()
	list, err := a.Store.Due(t.Context(), noon.AddDate(1, 0, 0), 100)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := a.Store.Kept(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, o := range append(list, kept...) {
		var h gateway.Head
		if err := json.Unmarshal(o.Envelope, &h); err != nil {
			t.Fatal(err)
		}
		if h.Topic() == kind {
			out = append(out, string(h.Audience)+" "+h.Target)
		}
	}
	slices.Sort(out)
	return out
}

// submitAll lets the gateway receive everything that is stored.
func submitAll(t *testing.T, w *world, a *Adapter) {
	t.Helper()
	for range 100 {
		w.pass(time.Minute)
		list, err := a.Store.Due(t.Context(), w.clock(), 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return
		}
		for _, o := range list {
			if err := a.send(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatal("it does not end")
}

func TestAWithdrawalReachesEveryPastRecipientOnceAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	toldThree(t, a)
	submitAll(t, w, a)
	c, err := a.SendChange(t.Context(), withdrawal, office, "w-1")
	if err != nil || len(c.Parts) != 3 {
		t.Fatalf("got %d parts, %v", len(c.Parts), err)
	}
	submitAll(t, w, a)
	want := []string{"ba/coordinator t-1", "me/coordinator t-2", "mk/social-services t-3"}
	if diff := cmp.Diff(recipients(t, a, KindConsent), want); diff != "" {
		t.Errorf("got, want: %s", diff)
	}
	again, err := a.SendChange(t.Context(), withdrawal, office, "w-1")
	if err != nil || again.ID != c.ID {
		t.Errorf("the same request again: got %s, want %s: %v", again.ID, c.ID, err)
	}
	if got := len(recipients(t, a, KindConsent)); got != 3 {
		t.Errorf("the same request again made %d messages of three", got)
	}
}

// TestAChangeIsSentWholeWhereverTheProcessDies: at every step of it, and then the office
// asks again. Whatever happened, each past recipient gets one message.
func TestAChangeIsSentWholeWhereverTheProcessDies(t *testing.T) {
	t.Parallel()
	for die := 1; ; die++ {
		w := newWorld(t)
		a, end := w.live(nil)
		toldThree(t, a)
		submitAll(t, w, a)
		died := dies(w, die, func() {
			if _, err := a.SendChange(t.Context(), withdrawal, office, "w-1"); err != nil {
				t.Errorf("death at step %d: %v", die, err)
			}
		})
		end()
		a, end = w.live(nil)
		if n := len(recipients(t, a, KindConsent)); n != 0 && n != 3 {
			t.Fatalf("death at step %d: %d of three messages are stored", die, n)
		}
		if _, err := a.SendChange(t.Context(), withdrawal, office, "w-1"); err != nil {
			t.Fatal(err)
		}
		// The next life dies while it submits, once before and once after the gateway has it.
		lost := dies(w, die, func() { submitAll(t, w, a) })
		end()
		a, end = w.live(nil)
		submitAll(t, w, a)
		if got := recipients(t, a, KindConsent); len(got) != 3 {
			t.Fatalf("death at step %d: got %v, want three", die, got)
		}
		seen := map[string]string{}
		for _, raw := range w.submissions() {
			var h gateway.Head
			if err := json.Unmarshal(raw, &h); err != nil {
				t.Fatal(err)
			}
			if before, ok := seen[h.ID]; ok && before != string(raw) {
				t.Errorf("death at step %d: two messages under one id", die)
			}
			seen[h.ID] = string(raw)
		}
		if len(seen) != 5+3 {
			t.Errorf("death at step %d: the gateway was given %d messages, want eight", die, len(seen))
		}
		end()
		if !died && !lost {
			if die < 6 {
				t.Errorf("it has %d steps only: the test dies at too few places", die-1)
			}
			break
		}
	}
}

// dies runs f in a life that ends at a step, and reports whether it did.
func dies(w *world, at int, f func()) (died bool) {
	w.mu.Lock()
	w.steps, w.dieAt = 0, at
	w.mu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
			died = true
			w.mu.TryLock() // where it died, the mutex may be held
			w.mu.Unlock()
		}
		w.mu.Lock()
		w.dieAt = 0
		w.mu.Unlock()
	}()
	f()
	return false
}

// TestAFaultOnTheWayToTheGatewayTellsNobodyTwice whether the gateway had received what got
// no answer or not.
func TestAFaultOnTheWayToTheGatewayTellsNobodyTwice(t *testing.T) {
	t.Parallel()
	for name, done := range map[string]bool{"not done": false, "done, but the answer is lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			g := &faulty{Gate: (*stubGate)(w), done: done, received: map[string]string{}}
			a, _ := w.live(func(c *Config) { c.Gate = g })
			toldThree(t, a)
			submitAll(t, w, a)
			if _, err := a.SendChange(t.Context(), withdrawal, office, "w-1"); err != nil {
				t.Fatal(err)
			}
			g.faults = 2
			submitAll(t, w, a)
			if got := recipients(t, a, KindConsent); len(g.received) != 5+3 || len(got) != 3 || g.faults != 0 {
				t.Errorf("the gateway received %d messages, want eight; told are %v", len(g.received), got)
			}
		})
	}
}

// faulty is a gateway on the way to which something goes wrong, before or after it has
// received what is submitted.
type faulty struct {
	Gate
	faults   int // of the next submissions, one each
	done     bool
	received map[string]string // bytes by id
}

func (g *faulty) Submit(ctx context.Context, as gateway.Party, raw []byte, lane gateway.Lane) (string, *gateway.Document, error) {
	p, err := stubOpener{}.Decode(raw)
	if err != nil {
		return "", nil, err
	}
	fails := g.faults > 0
	if fails {
		g.faults--
	}
	if !fails || g.done {
		if before, ok := g.received[p.Head.ID]; ok && before != string(raw) {
			doc := gateway.Refuse(gateway.CodeIDReused, "/jti", "").Document()
			return "", &doc, nil
		}
		g.received[p.Head.ID] = string(raw)
	}
	if fails {
		return "", nil, errors.New("cut off")
	}
	return g.Gate.Submit(ctx, as, raw, lane)
}

func TestARecallNamesEachMessageAndIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	toldThree(t, a)
	if _, err := a.SendChange(t.Context(), ChangeRequest{Kind: KindRecall, Threads: []string{"t-1"}}, office, "r-1"); err != nil {
		t.Fatal(err)
	}
	want := []string{"ba/coordinator out-t-1", "ba/coordinator out-t-1second"}
	submitAll(t, w, a)
	if diff := cmp.Diff(recipients(t, a, KindRecall), want); diff != "" {
		t.Errorf("got, want: %s", diff)
	}
	c, err := a.SendChange(t.Context(), ChangeRequest{Kind: KindRecall, Messages: []string{"out-t-2", "out-t-2"}}, office, "r-3")
	if err != nil || len(c.Parts) != 1 {
		t.Errorf("a message named twice: got %d parts, %v", len(c.Parts), err)
	}
	_, err = a.SendChange(t.Context(), ChangeRequest{Kind: KindRecall, Threads: []string{"t-1"}}, office, "r-2")
	if gateway.AsProblem(err).Code != gateway.CodeNotFound {
		t.Errorf("a second recall of the same: got %v, want not-found", err)
	}
}

// TestARecallThatDidNotArriveIsSentAgain: it took nothing back. One whose failure was
// followed by the proof that it arrived did.
func TestARecallThatDidNotArriveIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		said []gateway.Event
		want gateway.Code
	}{
		"it failed":                  {[]gateway.Event{gateway.ContentConsignmentFailure}, ""},
		"it failed, and arrived":     {[]gateway.Event{gateway.ContentConsignmentFailure, gateway.ContentConsignment}, gateway.CodeNotFound},
		"nothing is known of it yet": {nil, gateway.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := &feed{}
			a, _ := w.live(func(c *Config) { c.Feed = f })
			toldThree(t, a)
			submitAll(t, w, a)
			in := ChangeRequest{Kind: KindRecall, Messages: []string{"out-t-2"}}
			c, err := a.SendChange(t.Context(), in, office, "r-1")
			if err != nil {
				t.Fatal(err)
			}
			submitAll(t, w, a)
			for _, e := range row.said {
				f.events = append(f.events, w.said(c.Parts[0].Message.ID, e, "me/coordinator", nil))
			}
			if err := a.hear(t.Context(), "rs/coordinator"); err != nil {
				t.Fatal(err)
			}
			_, err = a.PreviewChange(t.Context(), in, office)
			var got gateway.Code
			if err != nil {
				got = gateway.AsProblem(err).Code
			}
			if got != row.want {
				t.Errorf("recalled again: %v, want %q", err, row.want)
			}
		})
	}
}

func TestACorrectionGoesToThoseWhoHadThePart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	toldThree(t, a)
	in := ChangeRequest{Kind: KindCorrection, Case: "Canary-Case-3F", Effect: "safety", Block: "health", Content: json.RawMessage(`{"urgency":"now"}`)}
	if _, err := a.SendChange(t.Context(), in, office, "c-1"); err != nil {
		t.Fatal(err)
	}
	submitAll(t, w, a)
	want := []string{"ba/coordinator out-t-1#health@child-protection", "mk/social-services out-t-3#health@child-protection"}
	if diff := cmp.Diff(recipients(t, a, KindCorrection), want); diff != "" {
		t.Errorf("got, want: %s", diff)
	}
	in.Block = "identity"
	if _, err := a.SendChange(t.Context(), in, office, "c-2"); gateway.AsProblem(err).Code != gateway.CodeNotFound {
		t.Errorf("a part that nobody had: got %v, want not-found", err)
	}
}

func TestARecipientWhoCannotBeToldIsInTheTableWithTheReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	for i, to := range []gateway.Party{"ba/prosecution", "me/coordinator", "mk/coordinator"} {
		d := outgoing.Draft{Type: "info.request/1.0", From: "rs/coordinator", To: to, Thread: fmt.Sprintf("t-%d", i), Case: "c"}
		if _, err := a.Send(t.Context(), d, ""); err != nil {
			t.Fatal(err)
		}
	}
	submitAll(t, w, a)
	doc := gateway.Refuse(gateway.CodePairOff, "/aud", "").Document()
	w.answer(func() (string, *gateway.Document, error) { return "", &doc, nil })
	status, _ := ask(t, a, "all", "POST", "/v1/changes", `{"kind":"consent","case":"c","effect":"consent-withdrawn"}`, "Idempotency-Key", "k")
	if status != http.StatusAccepted {
		t.Fatalf("got %d", status)
	}
	submitAll(t, w, a)
	all, err := a.Changes(t.Context(), office)
	if err != nil || len(all.Sent) != 3 {
		t.Fatalf("got %d, %v", len(all.Sent), err)
	}
	var got []string
	for _, s := range all.Sent {
		got = append(got, fmt.Sprint(s.Audience, " ", s.State, " ", s.Code))
	}
	want := []string{"ba/prosecution not-sent receiver-may-not-receive", "me/coordinator not-sent pair-off", "mk/coordinator sent "}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got, want: %s", diff)
	}
}

// slippedDesk refuses what is written to some recipients as not following its schema.
type slippedDesk struct {
	stubDesk
	to []gateway.Party
}

func (d slippedDesk) refuse(draft outgoing.Draft) error {
	if slices.Contains(d.to, draft.To) {
		return gateway.Refuse(gateway.CodeSchema, "/blocks/report/reason", "Write a code of the list reason.")
	}
	return nil
}

func (d slippedDesk) Sign(draft outgoing.Draft, f gateway.ThreadFacts, k *certs.Keys, o outgoing.Options) (outgoing.Signed, error) {
	if err := d.refuse(draft); err != nil {
		return outgoing.Signed{}, err
	}
	return d.stubDesk.Sign(draft, f, k, o)
}

func (d slippedDesk) Preview(draft outgoing.Draft, f gateway.ThreadFacts) (outgoing.Preview, error) {
	err := d.refuse(draft)
	if err == nil {
		return d.stubDesk.Preview(draft, f)
	}
	// A draft that cannot be signed is previewed all the same where its parts can be read.
	if doc := gateway.AsProblem(err).Document(); draft.To == "mk/coordinator" {
		return outgoing.Preview{Refused: &outgoing.Refused{Code: doc.Code, Pointer: doc.Pointer, Fix: doc.Detail}}, nil
	}
	return outgoing.Preview{}, err
}

// TestASlipOfThePenIsRefusedAndNotKept: what nobody can be told as it is written is corrected
// by whoever wrote it; what one recipient cannot be told keeps nothing from the others.
func TestASlipOfThePenIsRefusedAndNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	for i, to := range []gateway.Party{"me/coordinator", "mk/coordinator"} {
		d := outgoing.Draft{Type: "info.request/1.0", From: "rs/coordinator", To: to, Thread: fmt.Sprintf("t-%d", i), Case: "c"}
		if _, err := a.Send(t.Context(), d, ""); err != nil {
			t.Fatal(err)
		}
	}
	submitAll(t, w, a)
	in := ChangeRequest{Kind: KindConsent, Case: "c", Effect: "consent-withdrawn", Reason: "slip"}
	a.Desk = slippedDesk{to: []gateway.Party{"me/coordinator", "mk/coordinator"}}
	if _, err := a.PreviewChange(t.Context(), in, office); gateway.AsProblem(err).Pointer != "/blocks/report/reason" {
		t.Errorf("the preview: got %v, want the place that is wrong", err)
	}
	if _, err := a.SendChange(t.Context(), in, office, "k"); gateway.AsProblem(err).Pointer != "/blocks/report/reason" {
		t.Errorf("sending: got %v, want the place that is wrong", err)
	}
	if all, err := a.Changes(t.Context(), office); err != nil || len(all.Sent) != 0 {
		t.Errorf("the table has %d rows, %v", len(all.Sent), err)
	}
	a.Desk = slippedDesk{to: []gateway.Party{"me/coordinator"}}
	if r, err := a.PreviewChange(t.Context(), in, office); err != nil || len(r.Parts) != 2 {
		t.Errorf("the preview of one that cannot be told: %v, %v", r, err)
	}
	// The same key: nothing was made with it.
	if c, err := a.SendChange(t.Context(), in, office, "k"); err != nil || len(c.Parts) != 2 {
		t.Errorf("sending to the other: %v, %v", c, err)
	}
}

func TestOfficesOfTheSameCaseAreNamedAndNotSpokenFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	toldThree(t, a)
	if _, err := a.Send(t.Context(), outgoing.Draft{Type: "status.notice/1.0", From: "rs/child-protection", To: "ba/child-protection", Thread: "t-5", Case: "Canary-Case-3F"}, ""); err != nil {
		t.Fatal(err)
	}
	status, got := ask(t, a, "child", "POST", "/v1/changes/preview", `{"kind":"consent","case":"Canary-Case-3F","effect":"consent-withdrawn"}`)
	elsewhere, _ := got["elsewhere"].([]any)
	parts, _ := got["parts"].([]any)
	if status != http.StatusOK || len(parts) != 1 || len(elsewhere) != 1 || elsewhere[0] != "rs/coordinator" {
		t.Errorf("got %d %v", status, got)
	}
}

func TestAChangeRequestThatIsUnclearIsRefusedWithoutQuotingIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(nil)
	toldThree(t, a)
	for body, want := range map[string]string{
		`{"kind":"consent","case":"c","effect":"consent-withdrawn"}`:                            "not-found",
		`{"kind":"` + canaryText + `","case":"c"}`:                                              "schema /kind",
		`{"kind":"consent","effect":"consent-withdrawn"}`:                                       "schema",
		`{"kind":"consent","case":"c","threads":["t-1"],"effect":"consent-withdrawn"}`:          "schema",
		`{"kind":"consent","case":"c"}`:                                                         "schema /effect",
		`{"kind":"recall","case":"c","effect":"recall"}`:                                        "schema /effect",
		`{"kind":"correction","case":"c","effect":"minor","content":{}}`:                        "schema /block",
		`{"kind":"correction","case":"c","effect":"minor","block":"health"}`:                    "schema /content",
		`{"kind":"correction","case":"c","effect":"minor","block":"health","content":"Canary"}`: "schema /content",
		`{"kind":"recall","messages":["` + canaryText + `"]}`:                                   "not-found /messages/0",
		`{"kind":"recall","` + canaryText + `":1}`:                                              "schema",
		`{"kind":"recall","kind":"recall"}`:                                                     "malformed",
		`{"kind":"recall","case":"` + strings.Repeat("c", 129) + `"}`:                           "too-large /case",
		`{"kind":"consent","threads":["t-9"],"effect":"consent-withdrawn"}`:                     "not-found",
		`{"kind":"consent","case":"Canary-Case-3F","from":"rs/x","effect":"consent-withdrawn"}`: "not-found",
	} {
		_, got := ask(t, a, "all", "POST", "/v1/changes", body, "Idempotency-Key", "k")
		pointer, _ := got["pointer"].(string)
		if s := strings.TrimSpace(fmt.Sprint(got["code"], " ", pointer)); s != want {
			t.Errorf("%s: got %q, want %q", body, s, want)
		}
		if raw, _ := json.Marshal(got); strings.Contains(string(raw), "Canary") {
			t.Errorf("the answer quotes the request: %s", raw)
		}
	}
	if _, got := ask(t, a, "all", "POST", "/v1/changes", `{"kind":"consent","threads":["t-1"],"effect":"consent-withdrawn"}`); got["code"] != "request-malformed" {
		t.Errorf("without a key: got %v", got)
	}
	if strings.Contains(w.log.String(), "Canary") {
		t.Error("the log quotes a request")
	}
}

// arriving is a message from BA to RS, of which child protection has a part if it is told.
func (w *world) arriving(id, jti string, n int64, change func(*incoming.Opened)) Item {
	return w.arrive(id, n, func(o *incoming.Opened) {
		o.Head.ID = jti
		o.Binding.IssuedAt = noon.Add(time.Duration(n) * time.Second)
		if change != nil {
			change(o)
		}
	})
}

const (
	firstJTI  = "019ab3c4-5d6e-7f80-9a1b-000000000001"
	recallJTI = "019ab3c4-5d6e-7f80-9a1b-000000000002"
	thread1   = "019ab3c4-5d6e-7f80-9a1b-0000000000ff"
)

func recallOf(target string) func(*incoming.Opened) {
	return func(o *incoming.Opened) {
		o.Head.Type, o.Head.Target, o.Head.Act, o.Head.Thread = "recall.change/1.0", target, []string{"recall"}, thread1
		o.Head.Purpose, o.Head.Lane = "protection", gateway.Child
		o.Views = o.Views[:1]
	}
}

func inThread(o *incoming.Opened) { o.Head.Thread = thread1 }

func TestARecallReachesEveryRoleThatHasThePartAndNamesTheirDeliveries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	given := map[string]Consignment{}
	a, _ := w.live(func(c *Config) { c.Transport = noting{given, &sync.Mutex{}} })
	for _, it := range []Item{
		w.arriving("d-1", firstJTI, 1, inThread),
		w.arriving("d-2", recallJTI, 2, recallOf(firstJTI)),
	} {
		if err := a.take(t.Context(), it); err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range []string{"coordinator", "child-protection"} {
		c, ok := given["d-2."+role]
		if !ok || !slices.Equal(c.Concerns, []string{"d-1"}) || len(c.Head) == 0 {
			t.Errorf("%s is told of %v: %t", role, c.Concerns, ok)
		}
	}
	if c := given["d-2.child-protection"]; len(c.Blocks)+len(c.Sealed)+len(c.SealedFor)+len(c.Envelope) > 0 {
		t.Error("child protection is given more than the head")
	}
	_, got := ask(t, a, "child", "GET", "/v1/deliveries/d-1", "")
	if got["code"] != "not-found" {
		t.Errorf("another role's delivery is shown: %v", got)
	}
	_, got = ask(t, a, "all", "GET", "/v1/deliveries/d-1", "")
	changes, _ := got["changes"].([]any)
	if len(changes) != 1 || changes[0].(map[string]any)["delivery"] != "d-2" {
		t.Errorf("the recalled delivery shows %v", got["changes"])
	}
}

// noting is a transport that notes what it is given.
type noting struct {
	given map[string]Consignment
	mu    *sync.Mutex // guards given
}

func (n noting) Deliver(_ context.Context, c Consignment) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.given[c.Key()] = c
	return nil
}

// ruled is a procedure by which every message is owed an answer at noon.
type ruled struct{ unruled }

func (ruled) Replay(thread []store.Exchange) (out []gateway.Exchange) {
	for _, x := range thread {
		d := gateway.Duty{Message: x.Head.MessageID(), Debtor: x.Head.Audience, Creditor: x.Head.Issuer, Begins: x.Received, Due: noon.Add(time.Hour)}
		for _, y := range thread {
			if y.Head.InReplyTo == x.Head.ID && !y.Received.IsZero() {
				d = d.End(y.Received)
			}
		}
		out = append(out, gateway.Exchange{Asked: x.Head, Stage: gateway.StageDelivered, Duty: d})
	}
	return out
}

// TestTheTableShowsWhatIsOverdueUntilItIsAnswered: late is late, and still an answer.
func TestTheTableShowsWhatIsOverdueUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.live(func(c *Config) { c.Procedure = ruled{} })
	if _, err := a.Send(t.Context(), outgoing.Draft{Type: "referral.request/1.0", From: "rs/coordinator", To: "ba/coordinator", Thread: thread1}, ""); err != nil {
		t.Fatal(err)
	}
	submitAll(t, w, a)
	c, err := a.SendChange(t.Context(), ChangeRequest{Kind: KindConsent, Threads: []string{thread1}, Effect: "consent-withdrawn"}, office, "w")
	if err != nil {
		t.Fatal(err)
	}
	submitAll(t, w, a)
	state := func() ChangeState {
		t.Helper()
		all, err := a.Changes(t.Context(), office)
		if err != nil || len(all.Sent) != 1 {
			t.Fatalf("got %+v, %v", all, err)
		}
		return all.Sent[0]
	}
	if s := state(); s.Overdue || s.Due.IsZero() {
		t.Errorf("before the date: got %+v", s)
	}
	w.pass(2 * time.Hour)
	if s := state(); !s.Overdue {
		t.Errorf("after it: got %+v", s)
	}
	owed, err := a.Obligations(t.Context(), office, false)
	if err != nil || len(owed.Owed) != 2 || len(owed.Owes) != 0 || !owed.Owed[0].Late {
		t.Errorf("owed are %+v, %v", owed, err)
	}
	late := w.arriving("d-1", firstJTI, 1, func(o *incoming.Opened) {
		inThread(o)
		o.Head.Type, o.Head.InReplyTo, o.Head.Outcome = "applied.answer/1.0", c.Parts[0].Message.ID, "kept"
		o.Views = []incoming.View{{Party: "rs/coordinator", Clear: map[string]any{"results": map[string]any{"r1": map[string]any{"code": "consent-withdrawn", "result": "kept", "reason": "duty-to-keep"}}}}}
		o.Binding.IssuedAt, o.Head.Expires = w.clock(), w.clock().Add(time.Hour)
	})
	takeAll(t, a, late)
	if s := state(); s.Overdue || s.State != ChangeKept || s.Reason != "duty-to-keep" {
		t.Errorf("after a late answer: got %+v", s)
	}
}

// TestAConversationIsFiledByItsOwnOfficeAlone, also one that the other side began; what
// the office said in it is then a part of the case.
func TestAConversationIsFiledByItsOwnOfficeAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := noted(w)
	takeAll(t, a, w.arriving("d-1", firstJTI, 1, inThread))
	file := func(token, body string) string {
		t.Helper()
		_, got := ask(t, a, token, "POST", "/v1/cases", body)
		return fmt.Sprint(got["code"], got["threads"])
	}
	for body, want := range map[string]string{
		`{"party":"rs/coordinator","case":"Canary 114","threads":["` + thread1 + `"]}`: "<nil> 1",
		`{"party":"rs/social-services","case":"114","threads":["` + thread1 + `"]}`:    "not-found<nil>",
		`{"party":"rs/coordinator","case":"114","threads":["t-9"]}`:                    "not-found<nil>",
		`{"party":"rs/coordinator","case":"","threads":["` + thread1 + `"]}`:           "schema<nil>",
		`{"party":"rs/coordinator","case":"114","threads":[]}`:                         "schema<nil>",
		`{"party":"ba/coordinator","case":"114","threads":["` + thread1 + `"]}`:        "forbidden<nil>",
		`{"party":"rs/coordinator","case":"114","name":"Canary"}`:                      "schema<nil>",
	} {
		if got := file("all", body); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
	if got := file("child", `{"party":"rs/coordinator","case":"114","threads":["`+thread1+`"]}`); got != "forbidden<nil>" {
		t.Errorf("another office's caller: got %s", got)
	}
	if _, err := a.SendChange(t.Context(), ChangeRequest{Kind: KindConsent, Case: "Canary 114", Effect: "consent-withdrawn"}, office, "k"); gateway.AsProblem(err).Code != gateway.CodeNotFound {
		t.Errorf("an office that said nothing has nobody to tell: got %v", err)
	}
	if _, err := a.Send(t.Context(), outgoing.Draft{Type: "referral.answer/1.0", From: "rs/coordinator", To: "ba/coordinator", Thread: thread1, InReplyTo: firstJTI}, ""); err != nil {
		t.Fatal(err)
	}
	submitAll(t, w, a)
	if c, err := a.SendChange(t.Context(), ChangeRequest{Kind: KindConsent, Case: "Canary 114", Effect: "consent-withdrawn"}, office, "k"); err != nil || len(c.Parts) != 1 {
		t.Errorf("got %d parts, %v", len(c.Parts), err)
	}
}

// TestAChangeToAnAnswerStandsOnTheGroundOfItsConversation: an answer repeats neither the
// article nor who decided, and a withdrawal needs both.
func TestAChangeToAnAnswerStandsOnTheGroundOfItsConversation(t *testing.T) {
	t.Parallel()
	child := gateway.Agreement{State: "given", By: "authority", Heard: true}
	said := func(id string, own bool, basis string, a gateway.Agreement) store.Exchange {
		return store.Exchange{Own: own, Head: gateway.Head{ID: id, Thread: "t", Basis: basis, Agreement: a}}
	}
	answer := said("answer", true, "", gateway.Agreement{})
	for name, tt := range map[string]struct {
		list  []store.Exchange
		basis string
		by    string
	}{
		"theirs where we never said": {[]store.Exchange{said("q", false, "theirs", child), answer}, "theirs", "authority"},
		"ours before theirs":         {[]store.Exchange{said("o", true, "ours", child), said("q", false, "theirs", gateway.Agreement{State: "given", By: "person"}), answer}, "ours", "authority"},
		"the newest of ours":         {[]store.Exchange{said("o", true, "old", gateway.Agreement{}), said("p", true, "new", child), answer}, "new", "authority"},
		"nobody said":                {[]store.Exchange{answer}, "", "person"},
	} {
		got := ChangeRequest{Kind: KindConsent, Effect: "consent-withdrawn"}.draft(grounded(answer, tt.list), "t")
		if got.Basis != tt.basis || got.Agreement.By != tt.by || got.Agreement.State != "refused" || got.Agreement.Heard != (tt.by == "authority") {
			t.Errorf("%s: got basis %q and agreement %+v", name, got.Basis, got.Agreement)
		}
	}
}
