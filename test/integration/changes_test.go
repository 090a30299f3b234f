package integration

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters"
	"example.org/trm/gateway"
	"example.org/trm/test/harness"
)

// ask calls a country's local API and reads its answer.
func ask(t *testing.T, r *harness.Region, c gateway.Country, method, path, key string, body, into any) int {
	t.Helper()
	raw, status, err := r.Adapters[c].Call(method, path, key, body)
	if err != nil {
		t.Fatal(err)
	}
	if status < 300 && into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	if status >= 300 {
		t.Logf("%s %s answers %d: %s", method, path, status, raw)
	}
	return status
}

// table is what a country's office told and was told, by the other party.
func table(t *testing.T, r *harness.Region, c gateway.Country) adapters.Changes {
	t.Helper()
	var all adapters.Changes
	if status := ask(t, r, c, http.MethodGet, "/v1/changes", "", nil, &all); status != http.StatusOK {
		t.Fatalf("asking for changes: answered %d", status)
	}
	return all
}

// change asks an office's adapter to tell every past recipient, and expects the messages
// that it makes. readers adds, for each recipient's country, roles that get more than the
// addressee does.
func change(t *testing.T, r *harness.Region, c gateway.Country, request map[string]any, readers map[gateway.Country][]string) []adapters.ChangeState {
	t.Helper()
	var out struct {
		Parts []adapters.ChangeState `json:"parts"`
	}
	if status := ask(t, r, c, http.MethodPost, "/v1/changes", rand.Text(), request, &out); status != http.StatusAccepted {
		t.Fatalf("telling past recipients: answered %d", status)
	}
	for _, p := range out.Parts {
		if p.ID == "" {
			continue
		}
		s := &harness.Sent{ID: gateway.MessageID{Issuer: p.Issuer, ID: p.ID}, Thread: p.Thread, To: p.Audience, Readers: []gateway.Party{p.Audience}, Urgent: true}
		for _, role := range readers[p.Audience.Country()] {
			s.Readers = append(s.Readers, p.Audience.In(role))
		}
		slices.Sort(s.Readers)
		r.Expect(s)
	}
	return out.Parts
}

// apply fills in what an office has to say and sends the answer that its adapter began.
func apply(t *testing.T, r *harness.Region, c gateway.Country, delivery, outcome, result, reason string) adapters.Begun {
	t.Helper()
	var b adapters.Begun
	if status := ask(t, r, c, http.MethodGet, "/v1/deliveries/"+delivery+"/answer", "", nil, &b); status != http.StatusOK {
		t.Fatalf("beginning an answer: answered %d", status)
	}
	if answer, status := r.Try(harness.Draft(b.Draft)); status != http.StatusUnprocessableEntity {
		t.Errorf("an answer without outcome: answered %d: %s", status, answer)
	}
	b.Draft["outcome"] = outcome
	for _, v := range b.Draft["blocks"].(map[string]any)["results"].(map[string]any) {
		m := v.(map[string]any)
		m["result"] = result
		if reason != "" {
			m["reason"] = reason
		}
	}
	r.Send(harness.Draft(b.Draft))
	return b
}

// effectsOf are what a role of a country was given of a message.
func effectsOf(t *testing.T, r *harness.Region, reader gateway.Party, jti string) []harness.Effect {
	t.Helper()
	all, err := r.Arrived(reader.Country())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(e harness.Effect) bool { return e.Reader != reader || e.Head["jti"] != jti })
}

// TestAPersonWhoSaysNoIsHeardByEveryPastRecipient: three conversations with three
// countries, several messages in one; the sender is killed while it tells them; each gets
// one message, and the table shows what each has done about it.
func TestAPersonWhoSaysNoIsHeardByEveryPastRecipient(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{Countries: []gateway.Country{"me", "rs", "ba", "mk"}})
	const reference = "Canary CASEREFERENCE"
	r.Plant(reference)
	withCase := func(d harness.Draft) harness.Draft { return d.With(map[string]any{"case": reference}) }
	first := harness.Referral("me/coordinator", "rs/coordinator")
	r.Send(withCase(first))
	r.Send(withCase(harness.Referral("me/coordinator", "ba/coordinator")))
	r.Send(withCase(harness.Capacity("me/coordinator", "mk/social-services")))
	r.Send(harness.Capacity("me/coordinator", "rs/coordinator")) // of another person
	r.Settle()
	second := harness.Referral("me/coordinator", "rs/coordinator").With(map[string]any{"thread": first["thread"]})
	r.Send(second)
	r.Settle()

	request := map[string]any{"kind": "consent", "case": reference, "effect": "consent-withdrawn", "reason": "person-declined", "basis": "cets223-9", "lane": "child"}
	var reach adapters.Reach
	if status := ask(t, r, "me", http.MethodPost, "/v1/changes/preview", "", request, &reach); status != http.StatusOK || len(reach.Parts) != 3 {
		t.Fatalf("previewing: answered %d with %d parts", status, len(reach.Parts))
	}
	for _, p := range reach.Parts {
		if p.Refused != nil {
			t.Errorf("%s would be refused: %+v", p.To, p.Refused)
		}
	}
	if n := len(table(t, r, "me").Sent); n != 0 {
		t.Fatalf("the preview sent %d messages", n)
	}
	// The gateway is away, and the sender is killed: nothing has left.
	r.Gateway.Kill()
	told := []string{"child-protection"}
	parts := change(t, r, "me", request, map[gateway.Country][]string{"rs": told, "ba": told})
	if len(parts) != 3 {
		t.Fatalf("got %d parts, want three", len(parts))
	}
	r.Adapters["me"].Restart()
	for _, s := range table(t, r, "me").Sent {
		if s.State != adapters.ChangeToSend {
			t.Errorf("with the gateway away %s is %s", s.Audience, s.State)
		}
	}
	r.Gateway.Restart()
	r.Ready()
	r.Adapters["me"].Restart()
	r.Settle()

	// Each recipient has one; in Serbia and Bosnia and Herzegovina child protection, which
	// had a part, is told too, and of its own deliveries only.
	for _, p := range parts {
		es := effectsOf(t, r, p.Audience, p.ID)
		if len(es) != 1 || es[0].Head["target"] != p.Thread || len(es[0].Concerns) == 0 {
			t.Errorf("%s got %d messages", p.Audience, len(es))
		}
		if c := p.Audience.Country(); c == "mk" {
			continue
		}
		cp := effectsOf(t, r, p.Audience.In("child-protection"), p.ID)
		if len(cp) != 1 || len(cp[0].Blocks)+len(cp[0].Sealed) > 0 || len(cp[0].Concerns) != len(es[0].Concerns) {
			t.Errorf("child protection of %s got %d messages", p.Audience.Country(), len(cp))
		}
	}
	// Serbia erases, Bosnia and Herzegovina must keep, North Macedonia is silent.
	of := func(c gateway.Country) string {
		in := table(t, r, c).Received
		if len(in) != 1 || in[0].State != adapters.ChangeDelivered || in[0].Due.IsZero() {
			t.Fatalf("%s was told %+v", c, in)
		}
		return in[0].Delivery
	}
	apply(t, r, "rs", of("rs"), "done", "done", "")
	apply(t, r, "ba", of("ba"), "kept", "kept", "duty-to-keep")
	of("mk")
	r.Settle()
	r.Until("the sender to know", func() bool {
		answered, delivered := 0, 0
		for _, s := range table(t, r, "me").Sent {
			if !s.Answered.IsZero() {
				answered++
			}
			if !s.Delivered.IsZero() {
				delivered++
			}
		}
		return answered == 2 && delivered == 3
	})
	var got []string
	for _, s := range table(t, r, "me").Sent {
		got = append(got, strings.TrimSpace(fmt.Sprint(s.Audience, " ", s.State, " ", s.Reason)))
		if s.Due.IsZero() || s.Overdue {
			t.Errorf("%s is due %s, overdue %t", s.Audience, s.Due, s.Overdue)
		}
	}
	slices.Sort(got)
	want := []string{"ba/coordinator kept duty-to-keep", "mk/social-services delivered", "rs/coordinator done"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("the table, got and want: %s", diff)
	}
	// What is owed agrees: of the three changes North Macedonia's alone.
	var owed adapters.Obligations
	ask(t, r, "me", http.MethodGet, "/v1/duties?party=me/coordinator", "", nil, &owed)
	owed.Owed = slices.DeleteFunc(owed.Owed, func(o adapters.Obligation) bool { return o.Type != "consent.change/1.0" })
	if len(owed.Owed) != 1 || owed.Owed[0].Debtor != "mk/social-services" || owed.Owed[0].Local == "" {
		t.Errorf("Montenegro is owed %+v", owed.Owed)
	}
	for _, c := range []gateway.Country{"me", "rs", "ba", "mk"} {
		searchFor(t, r, filepath.Join(r.Dir, "adapters", string(c)), reference)
	}
}

// searchFor fails the test if a text is in a file below a folder.
func searchFor(t *testing.T, r *harness.Region, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(p)
		if bytes.Contains(raw, []byte(text)) {
			t.Errorf("%s holds an office's own reference", p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestARecallAfterReadingSaysWhoReadIt, and a second one is not needed.
func TestARecallAfterReadingSaysWhoReadIt(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	s := r.Send(harness.Referral("me/coordinator", "rs/coordinator"))
	r.Settle()
	health := effectsOf(t, r, "rs/child-protection", s.ID.ID)
	if len(health) != 1 {
		t.Fatalf("child protection got %d", len(health))
	}
	if status := ask(t, r, "rs", http.MethodPost, "/v1/deliveries/"+health[0].Delivery+"/read", "", map[string]any{"role": "child-protection"}, nil); status != http.StatusOK {
		t.Fatalf("reporting that it was read: answered %d", status)
	}
	request := map[string]any{"kind": "recall", "messages": []string{s.ID.ID}, "reason": "sent-in-error"}
	parts := change(t, r, "me", request, map[gateway.Country][]string{"rs": {"child-protection"}})
	r.Settle()
	es := effectsOf(t, r, "rs/child-protection", parts[0].ID)
	if len(es) != 1 || !slices.Equal(es[0].Concerns, []string{health[0].Delivery}) {
		t.Fatalf("child protection was told of the recall %d times", len(es))
	}
	b := apply(t, r, "rs", es[0].Delivery, "done", "done", "")
	if !slices.Equal(b.ReadBy, []string{"child-protection"}) || !slices.Equal(b.Changed, []string{health[0].Delivery}) {
		t.Errorf("got %+v", b)
	}
	r.Settle()
	var own adapters.Changes
	r.Until("the sender to know", func() bool {
		own = table(t, r, "me")
		return !own.Sent[0].Answered.IsZero() && len(own.Sent[0].ReadBy) > 0
	})
	if s := own.Sent[0]; s.State != adapters.ChangeDone || !slices.Equal(s.ReadBy, []string{"child-protection"}) {
		t.Errorf("got %+v", s)
	}
	if status := ask(t, r, "me", http.MethodPost, "/v1/changes", rand.Text(), request, nil); status != http.StatusAccepted {
		// Naming a message recalls it once; the answer is that there is nothing left to recall.
		if status != http.StatusNotFound {
			t.Errorf("a second recall: answered %d", status)
		}
	} else {
		t.Error("a second recall was sent")
	}
	answer := slices.DeleteFunc(r.Sent(), func(s *harness.Sent) bool { return s.ID.Issuer != "rs/coordinator" })
	if len(answer) != 1 {
		t.Fatalf("Serbia sent %d messages", len(answer))
	}
	got := effectsOf(t, r, "me/coordinator", answer[0].ID.ID)
	if len(got) != 1 {
		t.Fatal("the answer did not arrive")
	}
	for _, v := range got[0].Blocks["results"].(map[string]any) {
		if v.(map[string]any)["readBy"] != "child-protection" {
			t.Errorf("the answer says %v", v)
		}
	}
}

// TestACorrectedDiagnosisReachesThoseWhoHadIt: child protection, and neither the
// coordinator beside it nor whoever had no health unit.
func TestACorrectedDiagnosisReachesThoseWhoHadIt(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{Countries: []gateway.Country{"me", "rs", "ba"}})
	const reference = "case 114"
	with := harness.Referral("me/coordinator", "rs/coordinator").With(map[string]any{"case": reference})
	without := harness.Referral("me/coordinator", "ba/coordinator").With(map[string]any{"case": reference})
	sealed := maps.Clone(without["sealed"].(map[string]any))
	delete(sealed, "health@child-protection")
	without["sealed"] = sealed
	r.Send(with)
	r.Send(without)
	r.Settle()
	fixed := map[string]any{"urgency": "now", "needs": []string{"regular-medication"}, "diagnoses": []string{"Q17.42"}}
	r.Secret(fixed, "rs/child-protection")
	parts := change(t, r, "me", map[string]any{
		"kind": "correction", "case": reference, "effect": "safety", "block": "health", "content": fixed, "reason": "new-information",
	}, map[gateway.Country][]string{"rs": {"child-protection"}})
	if len(parts) != 1 || parts[0].Audience != "rs/coordinator" || !strings.HasSuffix(parts[0].Target, "#health@child-protection") || parts[0].Withheld != "" {
		t.Fatalf("got %+v", parts)
	}
	r.Settle()
	es := effectsOf(t, r, "rs/child-protection", parts[0].ID)
	if len(es) != 1 || fmt.Sprint(es[0].Sealed["health@child-protection"].(map[string]any)["diagnoses"]) != "[Q17.42]" || len(es[0].Concerns) != 1 {
		t.Fatalf("child protection got %d", len(es))
	}
	// The person withdraws: a second correction says that there is one, and not what.
	change(t, r, "me", map[string]any{"kind": "consent", "threads": []any{with["thread"]}, "effect": "consent-withdrawn", "basis": "cets223-9"},
		map[gateway.Country][]string{"rs": {"child-protection"}})
	r.Settle()
	late := map[string]any{"urgency": "now", "needs": []string{"regular-medication"}, "diagnoses": []string{"Q18.43"}}
	r.Secret(late)
	request := map[string]any{
		"kind": "correction", "case": reference, "effect": "safety", "block": "health", "content": late,
		"agreement": map[string]any{"state": "refused", "by": "authority"},
	}
	var reach adapters.Reach
	ask(t, r, "me", http.MethodPost, "/v1/changes/preview", "", request, &reach)
	if len(reach.Parts) != 1 || len(reach.Parts[0].Withheld) != 1 || reach.Parts[0].Withheld[0].Rule == "" {
		t.Errorf("the preview does not say what stays here: %+v", reach)
	}
	parts = change(t, r, "me", request, map[gateway.Country][]string{"rs": {"child-protection"}})
	if len(parts) != 1 || parts[0].Withheld == "" {
		t.Fatalf("got %+v, want one part whose content stays here", parts)
	}
	r.Settle()
	es = effectsOf(t, r, "rs/child-protection", parts[0].ID)
	if len(es) != 1 || len(es[0].Sealed) > 0 {
		t.Errorf("child protection got %d, want the head alone", len(es))
	}
}

// TestChangesThatCrossAndComeTwice: a request made twice tells nobody twice; two recalls of
// one message are one; an office that sends the question elsewhere, a case that is closed
// and one that is opened again do not keep anybody from being told.
func TestChangesThatCrossAndComeTwice(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	s := r.Send(harness.Referral("me/coordinator", "rs/coordinator"))
	r.Settle()
	say := func(from, to gateway.Party, typ, target string, act string, members map[string]any) *harness.Sent {
		t.Helper()
		d := harness.Draft{"type": typ, "from": from, "to": to, "thread": s.Thread, "target": target, "lane": "child", "purpose": "protection", "act": []string{act}}
		m := r.Send(d.With(members))
		if m == nil {
			t.FailNow()
		}
		return m
	}
	stage := func(want string) {
		t.Helper()
		r.Until("the referral to be "+want, func() bool {
			var owed adapters.Obligations
			ask(t, r, "me", http.MethodGet, "/v1/duties?all=true", "", nil, &owed)
			i := slices.IndexFunc(owed.Owed, func(o adapters.Obligation) bool { return o.ID == s.ID.ID })
			return i >= 0 && string(owed.Owed[i].Stage) == want
		})
	}
	stage("delivered")
	say("rs/coordinator", "me/coordinator", "redirect.change/1.0", s.ID.ID, "redirect", map[string]any{
		"blocks": map[string]any{"contact": map[string]any{"role": "social-services", "country": "rs"}, "report": map[string]any{"reason": "not-competent"}},
	})
	r.Settle()
	stage("redirected")

	// The same request twice, at the same moment and under one key.
	key := rand.Text()
	request := map[string]any{"kind": "recall", "threads": []string{s.Thread}, "reason": "sent-in-error"}
	ids := make(chan string, 2)
	for range 2 {
		go func() {
			raw, status, err := r.Adapters["me"].Call(http.MethodPost, "/v1/changes", key, request)
			var out struct {
				Parts []adapters.ChangeState `json:"parts"`
			}
			if err != nil || status != http.StatusAccepted || json.Unmarshal(raw, &out) != nil || len(out.Parts) != 1 {
				ids <- fmt.Sprintf("%d %v %s", status, err, raw)
				return
			}
			ids <- out.Parts[0].ID
		}()
	}
	one, two := <-ids, <-ids
	if one != two || len(one) != 36 {
		t.Fatalf("one request made %q and %q", one, two)
	}
	r.Expect(&harness.Sent{
		ID: gateway.MessageID{Issuer: "me/coordinator", ID: one}, Thread: s.Thread, To: "rs/coordinator",
		Readers: []gateway.Party{"rs/child-protection", "rs/coordinator"}, Urgent: true,
	})
	r.Settle()
	stage("recalled")
	own := table(t, r, "me")
	if len(own.Sent) != 1 {
		t.Fatalf("the table has %d lines", len(own.Sent))
	}

	// Closed by both, then something comes to light: it reaches the other side all the same.
	closing := say("me/coordinator", "rs/coordinator", "case.change/1.0", s.Thread, "close", map[string]any{
		"blocks": map[string]any{"report": map[string]any{"reason": "completed"}},
	})
	r.Settle()
	es := effectsOf(t, r, "rs/coordinator", closing.ID.ID)
	if len(es) != 1 || len(es[0].Concerns) > 0 {
		t.Fatalf("the closing arrived %d times", len(es))
	}
	apply(t, r, "rs", es[0].Delivery, "done", "done", "")
	r.Settle()
	withdraw := map[string]any{"kind": "consent", "threads": []string{s.Thread}, "effect": "consent-withdrawn", "basis": "cets223-9", "reason": "person-declined"}
	parts := change(t, r, "me", withdraw, map[gateway.Country][]string{"rs": {"child-protection"}})
	say("me/coordinator", "rs/coordinator", "case.change/1.0", s.Thread, "reopen", map[string]any{
		"blocks": map[string]any{"report": map[string]any{"reason": "new-information"}},
	})
	r.Settle()
	if es := effectsOf(t, r, "rs/child-protection", parts[0].ID); len(es) != 1 || len(es[0].Concerns) != 1 {
		t.Errorf("child protection was told of the withdrawal %d times", len(es))
	}
	// A delivery that was recalled, and whose person withdrew, says both.
	first := effectsOf(t, r, "rs/coordinator", s.ID.ID)
	var arrival adapters.Arrival
	ask(t, r, "rs", http.MethodGet, "/v1/deliveries/"+first[0].Delivery, "", nil, &arrival)
	var got []string
	for _, m := range arrival.Changes {
		got = append(got, m.Type)
	}
	if diff := cmp.Diff(got, []string{"recall.change/1.0", "consent.change/1.0"}); diff != "" {
		t.Errorf("what changed the delivery, got and want: %s", diff)
	}
}
