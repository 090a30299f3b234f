package outgoing_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// threads are the states of a conversation in which previews are asked.
var threads = map[string]gateway.ThreadFacts{
	"new":      {},
	"accepted": {Opener: "ba/coordinator", Other: "rs/coordinator", Accepted: true},
	"declined": {Opener: "ba/coordinator", Other: "rs/coordinator", Declined: true},
}

func TestEveryExampleIsSignedAndTheGatewayTakesIt(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	for _, typ := range w.catalogue.Types() {
		t.Run(typ.Name, func(t *testing.T) {
			t.Parallel()
			d := w.example(t, typ.Name, w.toCoordinator)
			facts := gateway.ThreadFacts{Opener: d.From, Other: d.To}
			s, err := w.desk().Sign(d, facts, w.keys(t, d.From), outgoing.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := w.judge(t, s.Raw, facts)
			if got.refusal != nil {
				t.Fatalf("the gateway refuses: %v", got.refusal)
			}
			if len(s.Preview.Withheld) > 0 {
				t.Errorf("an example is withheld in part: %v", s.Preview.Withheld)
			}
		})
	}
}

func TestAPreviewIsTheGatewaysDecision(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	agreements := []gateway.Agreement{
		{State: "given", By: "person"}, {State: "given", By: "authority", Heard: true}, {State: "limited", Reason: "content-limited", By: "person"},
		{State: "refused", By: "person"}, {State: "not-asked", Reason: "danger-to-life"}, {State: "not-asked", Reason: "not-reachable"}, {},
	}
	for name, facts := range threads {
		for _, a := range agreements {
			for _, attests := range [][]string{nil, {"family-excluded", "guardian-appointed", "protection-checked", "reflection-respected"}} {
				for _, to := range []gateway.Party{"rs/coordinator", "rs/child-protection", "rs/referral-ngo"} {
					for _, purpose := range []string{"assistance", "monitoring", "proceedings"} {
						d := w.referral(t, func(d *outgoing.Draft) {
							d.Agreement, d.Attests, d.Purpose = a, attests, purpose
							for _, block := range []string{"facts", "identity"} {
								content := d.Sealed[block+"@coordinator"]
								delete(d.Sealed, block+"@coordinator")
								// An organisation may not receive who somebody is: asked once.
								if block == "facts" || to.Role() != "referral-ngo" || purpose == "monitoring" {
									d.Sealed[block+"@"+to.Role()] = content
								}
							}
							d.To = to
						})
						f := facts
						if f.Known() {
							f.Other = to
						}
						comparePreview(t, w, d, f, strings.Join([]string{name, a.State, a.Reason, string(to), purpose}, " "))
					}
				}
			}
		}
	}
}

// comparePreview signs the draft with everything in it and lets the gateway judge it.
func comparePreview(t *testing.T, w *world, d outgoing.Draft, facts gateway.ThreadFacts, name string) {
	t.Helper()
	w = w.with(func(p *gateway.Pair) { p.Purposes = []string{"assistance", "monitoring"} })
	p, err := w.desk().Preview(d, facts)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	s, err := w.desk().Sign(d, facts, w.keys(t, d.From), outgoing.Options{All: true})
	if err != nil {
		if q := problem(t, err); p.Refused == nil || p.Refused.Code != q.Code {
			t.Errorf("%s: previewed %+v, but signing says %v", name, p.Refused, q)
		}
		return
	}
	got := w.judge(t, s.Raw, facts)
	if (got.refusal == nil) != (p.Refused == nil) {
		t.Fatalf("%s: previewed %+v, but the gateway says %v", name, p.Refused, got.refusal)
	}
	if got.refusal != nil {
		if got.refusal.Code != p.Refused.Code || got.refusal.Rule != p.Refused.Rule {
			t.Errorf("%s: previewed %+v, but the gateway says %v", name, p.Refused, got.refusal)
		}
		return
	}
	var withheld []gateway.Withheld
	for _, h := range p.Withheld {
		withheld = append(withheld, gateway.Withheld{Unit: h.Unit, Rule: h.Rule})
	}
	if diff := cmp.Diff(withheld, got.withheld); diff != "" {
		t.Errorf("%s: what stays here (preview, gateway):\n%s", name, diff)
	}
	if diff := cmp.Diff(seen(d, p), got.released); diff != "" {
		t.Errorf("%s: what leaves (preview, gateway):\n%s", name, diff)
	}
	// Left out already at home, the message is the same to its recipient.
	s, err = w.desk().Sign(d, facts, w.keys(t, d.From), outgoing.Options{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if diff := cmp.Diff(got.released, w.judge(t, s.Raw, facts).released); diff != "" {
		t.Errorf("%s: what leaves with and without --all:\n%s", name, diff)
	}
	if diff := cmp.Diff(p, s.Preview); diff != "" {
		t.Errorf("%s: previewed and signed:\n%s", name, diff)
	}
}

// seen are the units that a preview shows to somebody, and the fields of clear ones.
func seen(d outgoing.Draft, p outgoing.Preview) []string {
	var out []string
	for _, r := range p.Readers {
		out = append(out, r.Closed...)
		for _, part := range r.Parts {
			out = append(out, part.Unit)
			for _, f := range part.Fields {
				if part.Unit == "subject" && (f == "decidedBy" || f == "effect") {
					out = append(out, part.Unit+"/"+f)
				}
			}
		}
	}
	// What is empty is shown to nobody, and leaves all the same.
	for _, unit := range []string{"guardian@child-protection", "health@child-protection"} {
		held := slices.ContainsFunc(p.Withheld, func(h outgoing.Withheld) bool { return h.Unit == unit })
		if d.To.Role() == "child-protection" && len(d.Sealed[unit]) == 0 && !held {
			out = slices.DeleteFunc(out, func(s string) bool { return s == unit })
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestWhatIsWithheldNeverLeavesTheCountry(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	d := w.referral(t, func(d *outgoing.Draft) {
		d.Agreement = gateway.Agreement{State: "limited", Reason: "content-limited", By: "person"}
		d.Attests = nil
	})
	s, err := w.desk().Sign(d, gateway.ThreadFacts{}, w.keys(t, d.From), outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var stays []string
	for _, h := range s.Preview.Withheld {
		stays = append(stays, h.Unit)
		if h.Says == "" {
			t.Errorf("%s stays by %s, which says nothing", h.Unit, h.Rule)
		}
	}
	want := []string{"facts@coordinator", "guardian@child-protection", "health@child-protection", "identity@coordinator"}
	if diff := cmp.Diff(stays, want); diff != "" {
		t.Fatal(diff)
	}
	p, err := envelope.Codec{}.Decode(s.Raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range p.Units {
		if !slices.Contains(want, u.Name) {
			continue
		}
		// Only what every message of the type carries for another role is still there.
		if u.Seal == nil || u.Seal.Role != "child-protection" {
			t.Errorf("%s left the country", u.Name)
			continue
		}
		k := w.keys(t, "rs/child-protection").Encryption[0]
		plain, err := envelope.Unseal(p.Document[u.Name].(string), k, envelope.Place{Issuer: d.From, ID: s.ID.ID, Role: u.Seal.Role, Pointer: "/" + u.Name})
		if err != nil || string(plain) != "{}" {
			t.Errorf("%s left the country with something in it (%v)", u.Name, err)
		}
	}
}

func TestAnEmptyUnitAndAFullOneAreOfOneLength(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	facts := threads["accepted"]
	var sizes []int
	for _, empty := range []bool{false, true} {
		d := w.referral(t, func(d *outgoing.Draft) {
			d.Agreement = gateway.Agreement{State: "given", By: "authority", Heard: true}
			if empty {
				delete(d.Sealed, "health@child-protection")
			}
		})
		s, err := w.desk().Sign(d, facts, w.keys(t, d.From), outgoing.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := w.judge(t, s.Raw, facts); !slices.Contains(got.released, "health@child-protection") {
			t.Errorf("empty %v: the unit is not there: %v", empty, got.released)
		}
		sizes = append(sizes, len(s.Raw))
	}
	if sizes[0] != sizes[1] {
		t.Errorf("got %d bytes with something to say and %d without", sizes[0], sizes[1])
	}
}

func TestSignFillsInWhatADraftLeavesOut(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	d := w.referral(t, func(d *outgoing.Draft) { d.Thread, d.Lane, d.Expires = "", "", time.Time{} })
	s, err := w.desk().Sign(d, gateway.ThreadFacts{}, w.keys(t, d.From), outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := s.Head
	typ, _ := w.catalogue.Type(d.Type)
	binding := w.directory.Keys(gateway.TheGateway, gateway.UseBinding, noon)[0]
	want := gateway.Head{
		ID: h.ID, Issuer: d.From, Audience: d.To, IssuedAt: noon, Expires: noon.Add(typ.MaxLife), Confirmation: binding.ID,
		Type: d.Type, Codes: w.catalogue.Release(), Thread: h.Thread, Lane: gateway.Normal, AnswerBy: d.AnswerBy, Purpose: d.Purpose,
		Basis: d.Basis, Agreement: d.Agreement, Attests: d.Attests, Act: []string{"accept-referral", "appoint-guardian"},
	}
	if diff := cmp.Diff(h, want); diff != "" {
		t.Error(diff)
	}
	if h.Thread == "" || h.Thread == h.ID || s.ID != h.MessageID() {
		t.Errorf("got thread %s of message %s", h.Thread, h.ID)
	}
	if p, err := (envelope.Codec{}).Decode(s.Raw); err != nil || !cmp.Equal(p.Head, h) {
		t.Errorf("the envelope says %+v (%v)", p.Head, err)
	}
}

func TestADraftOfWhichNoMessageCanBeMadeIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	for name, c := range map[string]struct {
		change func(*outgoing.Draft)
		want   gateway.Problem
	}{
		"unknown type":      {func(d *outgoing.Draft) { d.Type = "referral.request/9.0" }, gateway.Problem{Code: gateway.CodeTypeUnknown, Pointer: "/type"}},
		"unknown block":     {func(d *outgoing.Draft) { d.Blocks["offer"] = map[string]any{} }, gateway.Problem{Code: gateway.CodeUnitUnknown, Pointer: "/blocks"}},
		"unknown sealed":    {func(d *outgoing.Draft) { d.Sealed["note@coordinator"] = map[string]any{"text": "x"} }, gateway.Problem{Code: gateway.CodeUnitUnknown, Pointer: "/sealed"}},
		"sealed to another": {func(d *outgoing.Draft) { d.Sealed["health@coordinator"] = map[string]any{} }, gateway.Problem{Code: gateway.CodeUnitUnknown, Pointer: "/sealed"}},
		"missing block":     {func(d *outgoing.Draft) { delete(d.Blocks, "needs") }, gateway.Problem{Code: gateway.CodeUnitMissing, Pointer: "/blocks/needs"}},
		"wrong code":        {func(d *outgoing.Draft) { d.Blocks["subject"]["phase"] = "Canary" }, gateway.Problem{Code: gateway.CodeSchema, Pointer: "/blocks/subject/phase"}},
		"surplus member":    {func(d *outgoing.Draft) { d.Blocks["subject"]["canary"] = "Canary" }, gateway.Problem{Code: gateway.CodeSchema, Pointer: "/blocks/subject"}},
		"surplus sealed":    {func(d *outgoing.Draft) { d.Sealed["health@child-protection"]["canary"] = "Canary" }, gateway.Problem{Code: gateway.CodeSchema, Pointer: "/sealed/health@child-protection"}},
		"wrong sealed code": {func(d *outgoing.Draft) { d.Sealed["facts@coordinator"]["risk"] = "Canary" }, gateway.Problem{Code: gateway.CodeSchema, Pointer: "/sealed/facts@coordinator/risk"}},
		"other act":         {func(d *outgoing.Draft) { d.Act = []string{"view-on-needs"} }, gateway.Problem{Code: gateway.CodeActMismatch, Pointer: "/act"}},
		"too long a life":   {func(d *outgoing.Draft) { d.Expires = noon.Add(10000 * time.Hour) }, gateway.Problem{Code: gateway.CodeLifeTooLong, Pointer: "/expires"}},
		"expired":           {func(d *outgoing.Draft) { d.Expires = noon.Add(-time.Hour) }, gateway.Problem{Code: gateway.CodeExpired, Pointer: "/expires"}},
		"unknown recipient": {func(d *outgoing.Draft) { d.To = "rs/prosecution"; d.Sealed = nil }, gateway.Problem{Code: gateway.CodePartyUnknown, Pointer: "/to"}},
		"malformed thread":  {func(d *outgoing.Draft) { d.Thread = "Canary" }, gateway.Problem{Code: gateway.CodeSchema, Pointer: "/thread"}},
		"policy":            {func(d *outgoing.Draft) { d.Agreement.State = "refused" }, gateway.Problem{Code: gateway.CodeAgreementMissing, Pointer: "/agreement", Rule: "no-means-no"}},
		"basis":             {func(d *outgoing.Draft) { d.Basis = "art-99" }, gateway.Problem{Code: gateway.CodeBasisNotAgreed, Pointer: "/basis", Rule: "basis-of-the-pair"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := w.referral(t, c.change)
			_, err := w.desk().Sign(d, gateway.ThreadFacts{}, w.keys(t, d.From), outgoing.Options{})
			got := problem(t, err)
			if got.Code != c.want.Code || got.Pointer != c.want.Pointer || got.Rule != c.want.Rule {
				t.Errorf("got %s at %s by %q, want %s at %s by %q", got.Code, got.Pointer, got.Rule, c.want.Code, c.want.Pointer, c.want.Rule)
			}
			if doc, _ := json.Marshal(got.Document()); strings.Contains(err.Error()+string(doc), "anary") {
				t.Error("the problem repeats what the draft says")
			}
			// The preview says the same, whether it can be made or not.
			p, err := w.desk().Preview(d, gateway.ThreadFacts{})
			if err != nil {
				if q := problem(t, err); q.Code != got.Code || q.Pointer != got.Pointer {
					t.Errorf("previewing says %v, signing %v", q, got)
				}
			} else if p.Refused == nil || p.Refused.Code != got.Code || p.Refused.Pointer != got.Pointer || p.Refused.Rule != got.Rule {
				t.Errorf("previewing says %+v, signing %v", p.Refused, got)
			}
		})
	}
}

func TestContentThatDoesNotFitItsSizeIsRefused(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	d := w.referral(t, func(d *outgoing.Draft) {
		d.Agreement = gateway.Agreement{State: "given", By: "authority", Heard: true}
		d.Sealed["guardian@child-protection"]["office"] = strings.Repeat("Канарка ", 100)
	})
	k := w.desk()
	k.Catalogue = lax{w.catalogue} // the schemas allow nothing that has no room
	_, err := k.Sign(d, threads["accepted"], w.keys(t, d.From), outgoing.Options{})
	if p := problem(t, err); p.Code != gateway.CodeTooLarge || p.Pointer != "/sealed/guardian@child-protection" {
		t.Errorf("got %v", p)
	}
}

// lax is a catalogue that finds nothing wrong in a block.
type lax struct{ outgoing.Catalogue }

func (lax) ValidateBlock(string, string, any) error { return nil }

func TestADeskSignsOnlyWithAKeyThatTheGatewayWillTake(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	d := w.referral(t, nil)
	if _, err := w.desk().Sign(d, gateway.ThreadFacts{}, w.keys(t, "ba/social-services"), outgoing.Options{}); problem(t, err).Code != gateway.CodeCallerMismatch {
		t.Errorf("got %v for the key of another party", err)
	}
	stranger := *w.keys(t, d.From)
	k, err := envelope.Generate(gateway.UseMessage, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	stranger.Message = k
	stranger.Thumbprint = map[string]string{k.ID(): k.ID()}
	if _, err := w.desk().Sign(d, gateway.ThreadFacts{}, &stranger, outgoing.Options{}); problem(t, err).Code != gateway.CodeKeyUnknown {
		t.Errorf("got %v for a key that the directory does not list", err)
	}
	late := w.desk()
	late.Now = func() time.Time { return noon.Add(5 * 365 * 24 * time.Hour) }
	if _, err := late.Sign(d, gateway.ThreadFacts{}, w.keys(t, d.From), outgoing.Options{}); problem(t, err).Code != gateway.CodeDirectoryStale {
		t.Errorf("got %v when all keys have run out", err)
	}
}

func TestADraftStaysOutOfLogsAndErrors(t *testing.T) {
	t.Parallel()
	w := theRegion(t)
	d := w.referral(t, nil)
	birds := canaries(d)
	if len(birds) < 4 {
		t.Fatalf("the draft has %d canaries", len(birds))
	}
	var log bytes.Buffer
	jsonLog(&log).Info("made draft", "draft", d, "nested", struct{ Draft outgoing.Draft }{d})
	p, err := w.desk().Preview(d, threads["accepted"])
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WriteText(&log); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range birds {
		if strings.Contains(log.String()+said(d)+said(p)+string(raw), b) {
			t.Fatal("a value of the draft was written")
		}
	}
}

func BenchmarkSign(b *testing.B) {
	w := theRegion(b)
	d := w.example(b, "referral.request/1.0", nil)
	keys := w.keys(b, d.From)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.desk().Sign(d, gateway.ThreadFacts{}, keys, outgoing.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPreview(b *testing.B) {
	w := theRegion(b)
	d := w.example(b, "referral.request/1.0", nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.desk().Preview(d, gateway.ThreadFacts{}); err != nil {
			b.Fatal(err)
		}
	}
}
