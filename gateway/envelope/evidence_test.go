package envelope_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func statement() gateway.Statement {
	digest := strings.Repeat("A", 43)
	return gateway.Statement{
		ID: "0199a3b4-2222-7000-8000-000000000003", Signer: "rs/coordinator", At: at, Event: gateway.ContentConsignment,
		Message: gateway.MessageID{Issuer: "ba/coordinator", ID: jti}, Envelope: digest, Delivery: "0199a3b4-1111-7000-8000-000000000002",
		Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "trm.example/2026", N: 7}, SDHash: digest, Decision: digest,
		Code: gateway.CodeSchema, Pointer: "/needs", Rule: "coded-parts", Role: "coordinator", Expires: at.Add(time.Hour), Of: digest,
	}
}

// overdue is a step of a duty.
func overdue() gateway.Statement {
	return gateway.Statement{
		ID: "0199a3b4-2222-7000-8000-000000000004", Signer: gateway.TheGateway, At: at, Event: gateway.Overdue, Due: at.Add(-time.Hour),
		Message: gateway.MessageID{Issuer: "ba/coordinator", ID: jti}, Delivery: "0199a3b4-1111-7000-8000-000000000002",
		Pair: gateway.PairNumber{From: "ba", To: "rs", Origin: "trm.example/2026", N: 7},
	}
}

// TestAStepOfADutyHasADateAndNothingElseDoes whoever signed it.
func TestAStepOfADutyHasADateAndNothingElseDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	notary := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{"rs/coordinator": w.evidence, gateway.TheGateway: w.evidence}}
	for name, c := range map[string]struct {
		change  func(s *gateway.Statement)
		pointer string
	}{
		"a party's":                        {func(s *gateway.Statement) { s.Signer = "rs/coordinator" }, "/iss"},
		"without a date":                   {func(s *gateway.Statement) { s.Due = time.Time{} }, "/due"},
		"passed before it came":            {func(s *gateway.Statement) { s.Due = at.Add(time.Second) }, "/due"},
		"escalated before it came":         {func(s *gateway.Statement) { s.Event, s.Due = gateway.Escalated, at.Add(time.Second) }, "/due"},
		"about no message":                 {func(s *gateway.Statement) { s.Message = gateway.MessageID{} }, "/message"},
		"about no delivery":                {func(s *gateway.Statement) { s.Delivery = "" }, "/message"},
		"without a number":                 {func(s *gateway.Statement) { s.Pair = gateway.PairNumber{} }, "/message"},
		"a delivery with a date":           {func(s *gateway.Statement) { s.Event = gateway.ContentConsignment }, "/due"},
		"an event of tomorrow with a date": {func(s *gateway.Statement) { s.Event = "Somewhere" }, "/due"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := overdue()
			c.change(&s)
			jws, err := notary.Testify(s)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = envelope.Codec{}.Examine(jws)
			if q := gateway.AsProblem(err); err == nil || q.Code != gateway.CodeEvidence || q.Pointer != c.pointer {
				t.Errorf("got %v, want %s at %s", err, gateway.CodeEvidence, c.pointer)
			}
		})
	}
	for _, s := range []gateway.Statement{overdue(), func() gateway.Statement {
		s := overdue()
		s.Event, s.Due = gateway.DueSoon, at.Add(time.Hour)
		return s
	}()} {
		jws, err := notary.Testify(s)
		if err == nil {
			_, _, err = envelope.Codec{}.Examine(jws)
		}
		if err != nil {
			t.Errorf("%s: %v", s.Event, err)
		}
	}
}

func TestEvidenceReadsAsItWasSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "EdDSA")
	notary := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{"rs/coordinator": w.evidence, gateway.TheGateway: w.evidence}}
	k := w.key(w.evidence, "rs/coordinator")
	short := gateway.Statement{ID: statement().ID, Signer: "rs/coordinator", At: at, Event: gateway.EvidenceRefused}
	for _, want := range []gateway.Statement{statement(), short, overdue()} {
		jws, err := notary.Testify(want)
		if err != nil {
			t.Fatal(err)
		}
		got, kid, err := envelope.Codec{}.Examine(jws)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" || kid != w.evidence.ID() {
			t.Errorf("by %s (-signed +read):\n%s", kid, diff)
		}
		if err := (envelope.Codec{}).Check(jws, k); err != nil {
			t.Errorf("checking: %v", err)
		}
	}
	if _, err := notary.Testify(gateway.Statement{Signer: "me/coordinator"}); err == nil {
		t.Error("testified for a party whose key is not here")
	}
}

func TestEvidenceThatIsNotOursIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	notary := envelope.Notary{Keys: map[gateway.Party]*envelope.Private{"rs/coordinator": w.evidence}}
	good, err := notary.Testify(statement())
	if err != nil {
		t.Fatal(err)
	}
	claims := func(change func(m map[string]any)) string {
		var m map[string]any
		if err := json.Unmarshal([]byte(un64(t, strings.Split(good, ".")[1])), &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		jws, err := envelope.SignCompact("trm-evidence+jwt", raw, w.evidence)
		if err != nil {
			t.Fatal(err)
		}
		return jws
	}
	set := func(name string, v any) string { return claims(func(m map[string]any) { m[name] = v }) }
	drop := func(name string) string { return claims(func(m map[string]any) { delete(m, name) }) }
	text := func(payload string) string {
		jws, err := envelope.SignCompact("trm-evidence+jwt", []byte(payload), w.evidence)
		if err != nil {
			t.Fatal(err)
		}
		return jws
	}
	p := strings.Split(good, ".")
	for _, c := range []struct {
		name string
		code gateway.Code
		jws  string
	}{
		{"nothing", gateway.CodeMalformed, ""},
		{"two parts", gateway.CodeMalformed, p[0] + "." + p[1]},
		{"a detached payload", gateway.CodeMalformed, p[0] + ".." + p[2]},
		{"a padded payload", gateway.CodeMalformed, p[0] + "." + p[1] + "=." + p[2]},
		{"a line break at the end", gateway.CodeMalformed, good + "\n"},
		{"more than 12 KiB", gateway.CodeTooLarge, p[0] + "." + p[1] + strings.Repeat("AAAA", 3<<10) + "." + p[2]},
		{"crit", gateway.CodeHeaderUnknown, b64(strings.Replace(un64(t, p[0]), "{", `{"crit":["x"],`, 1)) + "." + p[1] + "." + p[2]},
		{"iat in the header", gateway.CodeHeaderUnknown, b64(strings.Replace(un64(t, p[0]), "{", `{"iat":1,`, 1)) + "." + p[1] + "." + p[2]},
		{"alg none", gateway.CodeAlgorithm, b64(strings.Replace(un64(t, p[0]), "ES256", "none", 1)) + "." + p[1] + "." + p[2]},
		{"the typ of a binding", gateway.CodeTyp, b64(strings.Replace(un64(t, p[0]), "trm-evidence+jwt", "kb+jwt", 1)) + "." + p[1] + "." + p[2]},
		{"claims that are a list", gateway.CodeMalformed, text(`[]`)},
		{"a claim twice", gateway.CodeMalformed, text(`{"jti":"x","jti":"y"}`)},
		{"no id", gateway.CodeEvidence, drop("jti")},
		{"no signer", gateway.CodeEvidence, drop("iss")},
		{"no time", gateway.CodeEvidence, drop("iat")},
		{"no event", gateway.CodeEvidence, drop("event")},
		{"an event in words", gateway.CodeEvidence, set("event", "Content of "+chosen)},
		{"a claim that is not known", gateway.CodeEvidence, set(chosen, "x")},
		{"an empty claim", gateway.CodeEvidence, set("rule", "")},
		{"a role that is a name", gateway.CodeEvidence, set("role", chosen)},
		{"a rule that is a text", gateway.CodeEvidence, set("rule", "because "+canary)},
		{"a pointer that is a text", gateway.CodeEvidence, set("pointer", canary)},
		{"a digest that is a text", gateway.CodeEvidence, set("sdHash", canary)},
		{"a message without sender", gateway.CodeEvidence, set("message", map[string]any{"jti": jti})},
		{"a message that says more", gateway.CodeEvidence, set("message", map[string]any{"iss": "ba/coordinator", "jti": jti, "x": 1})},
		{"a pair with a stranger", gateway.CodeEvidence, set("pair", map[string]any{"from": "zz", "to": "rs", "origin": "o", "n": 1})},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := envelope.Codec{}.Examine(c.jws)
			if err == nil {
				t.Fatal("accepted")
			}
			q := gateway.AsProblem(err)
			if q.Code != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
			if said := err.Error() + q.Hint; strings.Contains(said, chosen) || strings.Contains(said, canary) {
				t.Errorf("the refusal repeats what the signer chose: %s", said)
			}
		})
	}
	other := w.key(w.binding, "rs/coordinator")
	if err := (envelope.Codec{}).Check(good, other); gateway.AsProblem(err).Code != gateway.CodeEvidence {
		t.Errorf("a key of another use: %v", err)
	}
	other.Use = gateway.UseEvidence
	if err := (envelope.Codec{}).Check(good, other); gateway.AsProblem(err).Code != gateway.CodeKeyUnknown {
		t.Errorf("another key: %v", err)
	}
	other.ID = w.evidence.ID()
	if err := (envelope.Codec{}).Check(good, other); gateway.AsProblem(err).Code != gateway.CodeSignature {
		t.Errorf("another key under the same id: %v", err)
	}
}

func TestAnAssertionSaysWhoCallsForFiveMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	want := envelope.Assertion{
		Party: "ba/coordinator", Audience: "https://gateway.example/v1", ID: "0199a3b4-3333-7000-8000-000000000004",
		IssuedAt: at, Expires: at.Add(5 * time.Minute), KeyID: w.assertion.ID(),
	}
	jwt, err := envelope.SignAssertion(want, w.assertion)
	if err != nil {
		t.Fatal(err)
	}
	got, err := envelope.ReadAssertion(jwt)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("assertion (-signed +read):\n%s", diff)
	}
	if err := envelope.CheckAssertion(jwt, w.key(w.assertion, "ba/coordinator")); err != nil {
		t.Errorf("checking: %v", err)
	}
	for _, k := range []*envelope.Private{w.evidence, w.office} {
		if err := envelope.CheckAssertion(jwt, w.key(k, "ba/coordinator")); gateway.AsProblem(err).Code != gateway.CodeUnauthenticated {
			t.Errorf("a key of use %s: %v", k.Use(), err)
		}
		if _, err := envelope.SignAssertion(want, k); err == nil {
			t.Errorf("signed with a key of use %s", k.Use())
		}
	}
	long := want
	long.Expires = at.Add(5*time.Minute + time.Second)
	if _, err := envelope.SignAssertion(long, w.assertion); err == nil {
		t.Error("signed an assertion for longer than five minutes")
	}
	good := map[string]any{
		"iss": "ba/coordinator", "sub": "ba/coordinator", "aud": "https://gateway.example/v1", "jti": "x", "iat": at.Unix(), "exp": at.Unix() + 60,
	}
	for name, change := range map[string]map[string]any{
		"another subject":       {"sub": "rs/coordinator"},
		"two audiences":         {"aud": []string{"a", "b"}},
		"a life of six minutes": {"exp": at.Unix() + 360},
		"a life of nothing":     {"exp": at.Unix()},
		"no id":                 {"jti": ""},
		"more than is known":    {"scope": "all"},
		"nothing spoilt":        {},
	} {
		m := map[string]any{}
		for k, v := range good {
			m[k] = v
		}
		for k, v := range change {
			m[k] = v
		}
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		jwt, err := envelope.SignCompact("client-authentication+jwt", raw, w.assertion)
		if err != nil {
			t.Fatal(err)
		}
		_, err = envelope.ReadAssertion(jwt)
		if ok := len(change) == 0; ok != (err == nil) {
			t.Errorf("%s: %v", name, err)
		} else if !ok && gateway.AsProblem(err).Code != gateway.CodeUnauthenticated {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestATokenOfOneUseIsNeverReadAsAnother(t *testing.T) {
	t.Parallel()
	typs := map[string]gateway.Use{
		"trm-evidence+jwt": gateway.UseEvidence, "kb+jwt": gateway.UseBinding, "client-authentication+jwt": gateway.UseAssertion,
		"trm-approval+jwt": gateway.UseApproval, "trm-directory+jwt": gateway.UseDirectory,
	}
	keys := map[gateway.Use]*envelope.Private{}
	for _, use := range []gateway.Use{
		gateway.UseMessage, gateway.UseEvidence, gateway.UseBinding, gateway.UseAssertion, gateway.UseApproval, gateway.UseDirectory,
	} {
		k, err := envelope.Generate(use, "ES256")
		if err != nil {
			t.Fatal(err)
		}
		keys[use] = k
	}
	for typ, use := range typs {
		token, err := envelope.SignCompact(typ, []byte(`{}`), keys[use])
		if err != nil {
			t.Fatal(err)
		}
		for other := range typs {
			if _, _, err := envelope.ReadCompact(other, token); (err == nil) != (other == typ) {
				t.Errorf("%s read as %s: %v", typ, other, err)
			}
		}
		for _, k := range keys {
			if _, err := envelope.SignCompact(typ, []byte(`{}`), k); (err == nil) != (k.Use() == use) {
				t.Errorf("%s signed with a key of use %s: %v", typ, k.Use(), err)
			}
			listed := k.Key("ba/coordinator", at, at.Add(time.Hour), "")
			if err := envelope.VerifyCompact(token, listed); (err == nil) != (k.Use() == use) {
				t.Errorf("%s verified with a key of use %s: %v", typ, k.Use(), err)
			}
			listed = keys[use].Key("ba/coordinator", at, at.Add(time.Hour), "")
			listed.Use = k.Use() // the same key, listed for another use
			if err := envelope.VerifyCompact(token, listed); (err == nil) != (k.Use() == use) {
				t.Errorf("%s verified with its own key listed for %s: %v", typ, k.Use(), err)
			}
		}
	}
	if _, err := envelope.SignCompact("JWT", []byte(`{}`), keys[gateway.UseEvidence]); err == nil {
		t.Error("signed a typ that is none of ours")
	}
}

func TestATokenWithoutPayloadOrBeyondItsSizeIsRefused(t *testing.T) {
	t.Parallel()
	k, err := envelope.Generate(gateway.UseDirectory, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	token, err := envelope.SignCompact("trm-directory+jwt", []byte(`{}`), k)
	if err != nil {
		t.Fatal(err)
	}
	p := strings.Split(token, ".")
	for _, c := range []struct {
		name  string
		code  gateway.Code
		token string
	}{
		{"a detached payload", gateway.CodeMalformed, p[0] + ".." + p[2]},
		{"no signature", gateway.CodeMalformed, p[0] + "." + p[1] + "."},
		{"more than 4 MiB", gateway.CodeTooLarge, p[0] + "." + strings.Repeat("AAAA", 1<<20) + "." + p[2]},
	} {
		if _, _, err := envelope.ReadCompact("trm-directory+jwt", c.token); gateway.AsProblem(err).Code != c.code {
			t.Errorf("%s: reading gave %v", c.name, err)
		}
		if err := envelope.VerifyCompact(c.token, k.Key("rs/coordinator", at, at.Add(time.Hour), "")); gateway.AsProblem(err).Code != c.code {
			t.Errorf("%s: verifying gave %v", c.name, err)
		}
	}
}
