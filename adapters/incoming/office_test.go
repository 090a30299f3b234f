package incoming_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/incoming"
	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func TestEachRoleSeesItsOwnPartOfADelivery(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	d := w.referral(t, nil)
	o, err := w.office(t).Open(w.delivered(t, d))
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Views) != 2 {
		t.Fatalf("got %d views, want the coordinator's and child protection's", len(o.Views))
	}
	coordinator, protection := o.Views[0], o.Views[1]
	if coordinator.Party != "rs/coordinator" || protection.Party != "rs/child-protection" {
		t.Fatalf("got views of %s and %s", coordinator.Party, protection.Party)
	}
	if diff := cmp.Diff(namesOf(coordinator.Clear), []string{"asks", "needs", "subject"}); diff != "" {
		t.Errorf("the coordinator's clear blocks:\n%s", diff)
	}
	if diff := cmp.Diff(coordinator.Sealed, map[string]any{"facts@coordinator": any(d.Sealed["facts@coordinator"])}); diff != "" {
		t.Errorf("the coordinator's sealed blocks:\n%s", diff)
	}
	if diff := cmp.Diff(coordinator.SealedFor, []string{"guardian@child-protection", "health@child-protection"}); diff != "" {
		t.Errorf("what the coordinator passes on:\n%s", diff)
	}
	want := map[string]any{
		"guardian@child-protection": any(d.Sealed["guardian@child-protection"]),
		"health@child-protection":   any(d.Sealed["health@child-protection"]),
	}
	if diff := cmp.Diff(protection.Sealed, want); diff != "" {
		t.Errorf("child protection's sealed blocks:\n%s", diff)
	}
	if protection.Clear != nil || protection.SealedFor != nil {
		t.Errorf("child protection sees %v and %v, which are the coordinator's", namesOf(protection.Clear), protection.SealedFor)
	}
	if diff := cmp.Diff(coordinator.Head, protection.Head); diff != "" {
		t.Errorf("the head differs:\n%s", diff)
	}
	for _, name := range namesOf(coordinator.Head) {
		if strings.Contains(name, "@") || slices.Contains([]string{"asks", "needs", "subject", "_sd", "_sd_alg"}, name) {
			t.Errorf("%s is no part of a head", name)
		}
	}
	if coordinator.Head["thread"] != d.Thread || o.Head.Thread != d.Thread || o.Head.Audience != "rs/coordinator" {
		t.Errorf("got a head of thread %v to %s", coordinator.Head["thread"], o.Head.Audience)
	}
	if o.Message.Head().ID != o.Head.ID || o.Binding.Audience != "rs/coordinator" || o.Binding.SDHash == "" || len(o.Raw) == 0 {
		t.Error("the proof is not whole")
	}
}

// TestTwinsLookAlikeToACoordinator holds what the coordinator can learn of a message with a diagnosis against one
// without: everything is the same once ids and what is random are out of the way.
func TestTwinsLookAlikeToACoordinator(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	type twin struct {
		view    string
		sizes   []int
		wrapped int
		binding gateway.Binding
	}
	var twins []twin
	for _, empty := range []bool{false, true} {
		d := w.referral(t, func(d *outgoing.Draft) {
			if empty {
				delete(d.Sealed, "health@child-protection")
				delete(d.Sealed, "guardian@child-protection")
			}
		})
		wrapped := w.delivered(t, d)
		o, err := w.office(t).Open(wrapped)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{false: 2, true: 1}[empty]; len(o.Views) != want {
			t.Fatalf("empty %v: got %d views, want %d", empty, len(o.Views), want)
		}
		p, err := envelope.Codec{MaxBytes: len(o.Raw)}.Decode(o.Raw)
		if err != nil {
			t.Fatal(err)
		}
		tw := twin{view: strings.ReplaceAll(asJSON(t, o.Views[0]), o.Head.ID, "ID"), wrapped: len(wrapped), binding: o.Binding}
		tw.binding.Delivery, tw.binding.SDHash, tw.binding.Serialized = "", "", ""
		for _, u := range p.Units {
			tw.sizes = append(tw.sizes, len(u.Disclosure))
		}
		twins = append(twins, tw)
	}
	if diff := cmp.Diff(twins[0], twins[1], cmp.AllowUnexported(twin{})); diff != "" {
		t.Errorf("with a diagnosis and without:\n%s", diff)
	}
}

// TestTwinsOfWhatWasWithheld holds a message from which the gateway withheld a name
// against one that never had it.
func TestTwinsOfWhatWasWithheld(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	var views []string
	for _, named := range []bool{true, false} {
		d := w.referral(t, func(d *outgoing.Draft) {
			if named {
				d.Sealed["identity@coordinator"] = map[string]any{"born": "2013-02-28"}
			}
		})
		p := w.minimised(t, w.signed(t, d))
		if slices.Contains(p.binding.Released, "identity@coordinator") {
			t.Fatal("the gateway did not withhold the name")
		}
		o, err := w.office(t).Open(p.wrapped(t))
		if err != nil {
			t.Fatal(err)
		}
		payload, err := envelope.Codec{MaxBytes: len(o.Raw)}.Decode(o.Raw)
		if err != nil {
			t.Fatal(err)
		}
		views = append(views, strings.ReplaceAll(asJSON(t, o.Views), o.Head.ID, "ID"))
		views[len(views)-1] += asJSON(t, []int{len(payload.Core.Payload), len(o.Raw)})
	}
	if views[0] != views[1] {
		t.Errorf("a withheld name leaves a trace:\n%s", cmp.Diff(views[0], views[1]))
	}
}

func TestADeliveryThatDoesNotProveIsRefused(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	other, err := envelope.Generate(gateway.UseBinding, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	revoked := func(use gateway.Use, at time.Time) func(*incoming.Office) {
		return func(o *incoming.Office) {
			o.Directory = changed{o.Directory, func(k gateway.Key) gateway.Key {
				if k.Use == use {
					k.Revoked = at
				}
				return k
			}}
		}
	}
	for name, c := range map[string]struct {
		parcel  func(*parcel)
		wrapped func(string) string
		office  func(*incoming.Office)
		want    gateway.Code
	}{
		"not bound by the gateway":        {parcel: func(p *parcel) { p.binder.Keys, p.binding.KeyID = []*envelope.Private{other}, other.ID() }, want: gateway.CodeBinding},
		"bound for another party":         {parcel: func(p *parcel) { p.binding.Audience = "rs/social-services" }, want: gateway.CodeBinding},
		"numbered for another pair":       {parcel: func(p *parcel) { p.binding.Pair.To = "al" }, want: gateway.CodeBinding},
		"closed for another party":        {parcel: func(p *parcel) { p.recipient = encryptionKeyOf(w, "rs/social-services") }, want: gateway.CodeBinding},
		"closed for another country":      {parcel: func(p *parcel) { p.recipient = encryptionKeyOf(w, "al/coordinator") }, want: gateway.CodeDeliveryKey},
		"received after it had expired":   {parcel: func(p *parcel) { p.binding.IssuedAt = noon.Add(60 * 24 * time.Hour) }, want: gateway.CodeExpired},
		"no delivery":                     {wrapped: func(string) string { return "" }, want: gateway.CodeMalformed},
		"half a delivery":                 {wrapped: func(s string) string { return s[:len(s)/2] }, want: gateway.CodeMalformed},
		"another byte":                    {wrapped: func(s string) string { return s[:len(s)-30] + flip(s[len(s)-30]) + s[len(s)-29:] }, want: gateway.CodeSealBroken},
		"the key is gone":                 {office: func(o *incoming.Office) { o.Keys = func(gateway.Party) (*certs.Keys, bool) { return nil, false } }, want: gateway.CodeDeliveryKey},
		"a role's key is gone":            {office: without("rs/child-protection"), want: gateway.CodeDeliveryKey},
		"the origin's key was revoked":    {office: revoked(gateway.UseMessage, noon), want: gateway.CodeKeyNotValid},
		"the binding key was revoked":     {office: revoked(gateway.UseBinding, noon), want: gateway.CodeBinding},
		"the recipient is not of our own": {office: func(o *incoming.Office) { o.Country = "al" }, want: gateway.CodeDeliveryKey},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := w.minimised(t, w.signed(t, w.referral(t, nil)))
			if c.parcel != nil {
				c.parcel(p)
			}
			wrapped := p.wrapped(t)
			if c.wrapped != nil {
				wrapped = c.wrapped(wrapped)
			}
			office := w.office(t)
			if c.office != nil {
				c.office(&office)
			}
			o, err := office.Open(wrapped)
			if got := problem(t, err); got.Code != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if len(o.Views) > 0 {
				t.Error("something is shown all the same")
			}
			if strings.Contains(err.Error(), "anary") {
				t.Error("the problem holds a value")
			}
		})
	}
}

func TestWhatWasValidAtReceiptStaysValidOnTheWay(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	office := w.office(t)
	later := noon.Add(time.Minute)
	office.Directory = changed{w.directory, func(k gateway.Key) gateway.Key {
		k.Revoked, k.NotAfter = later, later
		return k
	}}
	if _, err := office.Open(w.delivered(t, w.referral(t, nil))); err != nil {
		t.Errorf("keys that were revoked after receipt make a delivery invalid: %v", err)
	}
}

func TestASealedPartWithAnythingWrongInItIsShownToNobody(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	const good = `{"urgency":"now"}`
	for name, plain := range map[string]string{
		"surplus":        `{"urgency":"now","canary":"Canary"}`,
		"unknown code":   `{"urgency":"Canary"}`,
		"a name twice":   `{"urgency":"now","urgency":"now"}`,
		"no JSON":        `Canary`,
		"no object":      `["Canary"]`,
		"nothing at all": ``,
		"trailing":       good + ` "Canary"`,
		"not UTF-8":      "{\"urgency\":\"\xff\"}",
		"null":           `null`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := w.office(t).Open(w.minimised(t, w.forged(t, plain, gateway.Key{}, nil)).wrapped(t))
			p := problem(t, err)
			if p.Code != gateway.CodeSealBroken || p.Pointer != "/health@child-protection" {
				t.Errorf("got %s at %s", p.Code, p.Pointer)
			}
			if len(o.Views) > 0 {
				t.Error("something is shown all the same")
			}
			if o.Head.ID == "" || o.Binding.Delivery == "" {
				t.Error("it cannot be said which delivery it was")
			}
			if strings.Contains(err.Error()+p.Hint, "anary") {
				t.Error("the problem holds a value")
			}
		})
	}
	if _, err := w.office(t).Open(w.minimised(t, w.forged(t, good, gateway.Key{}, nil)).wrapped(t)); err != nil {
		t.Errorf("the same message with nothing wrong in it: %v", err)
	}
}

func TestPaddingAndSpacesAroundNothingAreNothing(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	for _, plain := range []string{"{}", "{ }", " {}\n", "{\n}"} {
		o, err := w.office(t).Open(w.minimised(t, w.forged(t, plain, gateway.Key{}, nil)).wrapped(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Views) != 1 {
			t.Errorf("%q: child protection is shown something", plain)
		}
	}
}

func TestViewAsShowsOneRoleWhatItsOwnKeysOpen(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	d := w.referral(t, nil)
	wrapped := w.delivered(t, d)
	o, err := w.office(t).Open(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range o.Views {
		got, err := incoming.ViewAs(o.Raw, want.Party, w.keys(t, want.Party), w.catalogue)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s:\n%s", want.Party, diff)
		}
	}
	// A role to which nothing is sealed sees the head.
	got, err := incoming.ViewAs(o.Raw, "rs/social-services", w.keys(t, "rs/social-services"), w.catalogue)
	if err != nil || len(got.Sealed) > 0 || got.Clear != nil || len(got.Head) == 0 {
		t.Errorf("got %v and %v (%v)", namesOf(got.Clear), namesOf(got.Sealed), err)
	}
	// Another role's keys open nothing.
	if _, err := incoming.ViewAs(o.Raw, "rs/child-protection", w.keys(t, "rs/coordinator"), w.catalogue); problem(t, err).Code != gateway.CodeDeliveryKey {
		t.Errorf("got %v with the coordinator's keys", err)
	}
}

func TestWhatWasOpenedStaysOutOfLogsAndErrors(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	o, err := w.office(t).Open(w.delivered(t, w.referral(t, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(asJSON(t, o.Views), "Canary") {
		t.Fatal("there is nothing to keep out")
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("opened", "opened", o, "view", o.Views[1])
	slog.New(slog.NewTextHandler(&log, nil)).Info("opened", "opened", o, "view", o.Views[1])
	fmt.Fprintf(&log, "%v %+v %#v %s %v", o, o, o, o, o.Views)
	if strings.Contains(log.String(), "Canary") || !strings.Contains(log.String(), o.Binding.Delivery) {
		t.Error("a log says more than which delivery it was")
	}
}

func BenchmarkOpen(b *testing.B) {
	w := theRegion(b)
	office, wrapped := w.office(b), w.delivered(b, w.referral(b, nil))
	keys := map[gateway.Party]*certs.Keys{}
	for _, p := range []gateway.Party{"rs/coordinator", "rs/child-protection"} {
		keys[p] = w.keys(b, p)
	}
	office.Keys = func(p gateway.Party) (*certs.Keys, bool) { k, ok := keys[p]; return k, ok }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := office.Open(wrapped); err != nil {
			b.Fatal(err)
		}
	}
}

func encryptionKeyOf(w *world, p gateway.Party) gateway.Key {
	return w.directory.Keys(p, gateway.UseEncryption, noon)[0]
}

func flip(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}

func without(p gateway.Party) func(*incoming.Office) {
	return func(o *incoming.Office) {
		all := o.Keys
		o.Keys = func(q gateway.Party) (*certs.Keys, bool) {
			if p == q {
				return nil, false
			}
			return all(q)
		}
	}
}
