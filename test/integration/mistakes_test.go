package integration

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/schemas"
	"example.org/trm/test/harness"
)

var update = flag.Bool("update", false, "write the page of mistakes anew")

// page is what integrators read, and what the test holds the gateway's answers against.
const page = "../../gateway/doc/mistakes.md"

// mistake is something that a first-time integrator does.
type mistake struct {
	what string // what was done, for the page
	do   func(i *integrator) (body []byte, status int)
}

// integrator is somebody who writes a client from the documents alone: it has a right
// message, and spoils a copy.
type integrator struct {
	t      *testing.T
	region *harness.Region
	set    *schemas.Set
	keys   *certs.Keys // its own
	rsC    *certs.Keys // of rs/coordinator
	right  []byte
}

// spoil takes the right message apart, lets something be wrong and signs it again. It has
// a jti of its own, so that no mistake hides another; sealed parts are bound to the old
// one, which must not be what is refused first.
func (i *integrator) spoil(wrong func(l *letter)) ([]byte, int) {
	raw, _ := i.region.Sign(request(), true)
	l := unfold(i.t, raw)
	wrong(l)
	return i.post(l.fold(i.t, i.keys.Message))
}

func (i *integrator) post(raw []byte) ([]byte, int) {
	return i.region.Post("me/coordinator", raw, nil)
}

// draft signs what our own desk would send, and posts it.
func (i *integrator) draft(d harness.Draft) ([]byte, int) {
	raw, _ := i.region.Sign(d, true)
	return i.post(raw)
}

func request() harness.Draft { return harness.Referral("me/coordinator", "rs/coordinator") }

func claim(name string, v any) func(i *integrator) ([]byte, int) {
	return func(i *integrator) ([]byte, int) { return i.spoil(func(l *letter) { l.claims[name] = v }) }
}

func header(name string, v any) func(i *integrator) ([]byte, int) {
	return func(i *integrator) ([]byte, int) { return i.spoil(func(l *letter) { l.header[name] = v }) }
}

// called posts the right message with other HTTP headers.
func called(name string, values ...string) func(i *integrator) ([]byte, int) {
	return func(i *integrator) ([]byte, int) {
		return i.region.Post("me/coordinator", i.right, http.Header{name: values})
	}
}

// assertion is a bearer token as the party makes it.
func (i *integrator) assertion(audience string) string {
	now := time.Now().UTC().Truncate(time.Second)
	jwt, err := envelope.SignAssertion(envelope.Assertion{
		Party: "me/coordinator", Audience: audience, ID: uuid.NewString(), IssuedAt: now, Expires: now.Add(time.Minute), KeyID: i.keys.Assertion.ID(),
	}, i.keys.Assertion)
	if err != nil {
		i.t.Fatal(err)
	}
	return "Bearer " + jwt
}

var mistakes = []mistake{
	{"No `Authorization` header, and no client certificate", called("Authorization")},
	{"An assertion whose `aud` is the gateway's address instead of its name", func(i *integrator) ([]byte, int) {
		return called("Authorization", i.assertion(i.region.URL))(i)
	}},
	{"One assertion for two calls", func(i *integrator) ([]byte, int) {
		once := called("Authorization", i.assertion(gateway.Audience))
		once(i)
		return once(i)
	}},
	{"A message of `me/coordinator` posted by `me/mobile-team`", func(i *integrator) ([]byte, int) {
		return i.region.Post("me/mobile-team", i.right, nil)
	}},
	{"`Content-Type: application/json`", called("Content-Type", "application/json")},
	{"The plain draft instead of the envelope", func(i *integrator) ([]byte, int) { return i.post(encoded(i.t, request())) }},
	{"A compact JWS instead of the flattened JSON form", func(i *integrator) ([]byte, int) {
		var w struct{ Protected, Payload, Signature string }
		if err := json.Unmarshal(i.right, &w); err != nil {
			i.t.Fatal(err)
		}
		return i.post([]byte(w.Protected + "." + w.Payload + "." + w.Signature))
	}},
	{"base64url with padding", func(i *integrator) ([]byte, int) {
		return i.post(bytes.Replace(i.right, []byte(`","protected"`), []byte(`=","protected"`), 1))
	}},
	{"`typ: JWT`, as a library writes it by itself", header("typ", "JWT")},
	{"Signed with the party's evidence key", func(i *integrator) ([]byte, int) {
		raw, _ := i.region.Sign(request(), true)
		l := unfold(i.t, raw)
		l.header["kid"] = i.keys.Evidence.ID()
		l.header["x5t#S256"] = i.keys.Thumbprint[i.keys.Evidence.ID()]
		return i.post(l.fold(i.t, i.keys.Evidence))
	}},
	{"The payload written anew after signing: the same JSON, indented", func(i *integrator) ([]byte, int) {
		raw, _ := i.region.Sign(request(), true)
		l := unfold(i.t, raw)
		var w map[string]any
		if err := json.Unmarshal(raw, &w); err != nil {
			i.t.Fatal(err)
		}
		indented, err := json.MarshalIndent(l.claims, "", "  ")
		if err != nil {
			i.t.Fatal(err)
		}
		w["payload"] = b64.EncodeToString(indented)
		return i.post(encoded(i.t, w))
	}},
	{"A disclosure written anew after signing: the same list with a blank in it", func(i *integrator) ([]byte, int) {
		return i.spoil(func(l *letter) {
			at, _ := l.disclosed(i.t, "asks")
			raw, err := b64.DecodeString(l.disclosures[at])
			if err != nil {
				i.t.Fatal(err)
			}
			l.disclosures[at] = b64.EncodeToString(bytes.Replace(raw, []byte(`","asks"`), []byte(`", "asks"`), 1))
		})
	}},
	{"`cnf` without the gateway's binding key", claim("cnf", map[string]any{"kid": strings.Repeat("A", 43)})},
	{"`iat` in milliseconds", func(i *integrator) ([]byte, int) {
		return i.spoil(func(l *letter) {
			l.claims["iat"] = json.Number(fmt.Sprint(l.claims["iat"]) + "000")
			l.header["iat"] = l.claims["iat"]
		})
	}},
	{"A clock that is ten minutes fast", func(i *integrator) ([]byte, int) {
		return i.spoil(func(l *letter) {
			l.claims["iat"] = time.Now().Add(10 * time.Minute).Unix()
			l.header["iat"] = l.claims["iat"]
		})
	}},
	{"`exp` a year ahead", claim("exp", time.Now().AddDate(1, 0, 0).Unix())},
	{"`answerBy` in local time, with an offset", claim("answerBy", "2026-12-01T16:00:00+01:00")},
	{"`jti` a random UUID (version 4)", claim("jti", "6f2b0c1e-8a57-4c57-9a1b-2f0d4b8c7e11")},
	{"The same `jti` for a second message", func(i *integrator) ([]byte, int) {
		if body, status := i.post(i.right); status != http.StatusAccepted {
			i.t.Fatalf("the right message: answered %d: %s", status, body)
		}
		l := unfold(i.t, i.right)
		l.claims["lane"] = "normal"
		return i.post(l.fold(i.t, i.keys.Message))
	}},
	{"A code of the office's own in a clear block", func(i *integrator) ([]byte, int) {
		return i.spoil(func(l *letter) {
			l.disclose(i.t, "needs", map[string]any{"n4k2p9": map[string]any{"code": "bed-and-breakfast", "urgency": "now"}})
		})
	}},
	{"`act` that does not repeat the codes of the questions", claim("act", []string{"view-on-needs"})},
	{"No guardian, and therefore no guardian unit", func(i *integrator) ([]byte, int) {
		return i.spoil(func(l *letter) { l.disclose(i.t, "guardian@child-protection", nil) })
	}},
	{"A health unit that is not sealed", func(i *integrator) ([]byte, int) {
		return i.spoil(func(l *letter) { l.disclose(i.t, "health@child-protection", map[string]any{"urgency": "soon"}) })
	}},
	{"A health unit sealed to the coordinator's key, because that is whom the message is for", func(i *integrator) ([]byte, int) {
		return i.spoil(func(l *letter) {
			k, ok := i.region.Directory.Key(i.rsC.Encryption[0].ID())
			if !ok {
				i.t.Fatal("the directory does not know the coordinator's key")
			}
			at := envelope.Place{Issuer: "me/coordinator", ID: fmt.Sprint(l.claims["jti"]), Role: "child-protection", Pointer: "/health@child-protection"}
			jwe, err := envelope.Seal([]byte("{}"), 4096, k, at)
			if err != nil {
				i.t.Fatal(err)
			}
			l.disclose(i.t, "health@child-protection", jwe)
		})
	}},
	{"`inReplyTo` the thread instead of the message", func(i *integrator) ([]byte, int) {
		d := example(i.t, i.set, "capacity.answer/1.0")
		return i.draft(d.With(map[string]any{"from": "me/coordinator", "to": "rs/coordinator", "inReplyTo": d["thread"]}))
	}},
}

// TestLikeliestMistakesGetTheAnswersOfThePage: each mistake of a first-time integrator gets
// a problem that says what to change, word for word as the page shows it, and none of them
// keeps the right message from being received.
func TestLikeliestMistakesGetTheAnswersOfThePage(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	i := &integrator{t: t, region: r}
	var err error
	if i.keys, err = certs.Load(r.Certs, "me/coordinator"); err != nil {
		t.Fatal(err)
	}
	if i.rsC, err = certs.Load(r.Certs, "rs/coordinator"); err != nil {
		t.Fatal(err)
	}
	if i.set, err = schemas.Open(); err != nil {
		t.Fatal(err)
	}
	raw, s := r.Sign(harness.Capacity("me/coordinator", "rs/coordinator"), false)
	i.right = raw
	r.Expect(s)

	var got strings.Builder
	got.WriteString(preface)
	for n, m := range mistakes {
		body, status := m.do(i)
		var d gateway.Document
		if err := json.Unmarshal(body, &d); err != nil || status < 400 || d.Status != status {
			t.Errorf("%s: answered %d: %s", m.what, status, body)
			continue
		}
		fmt.Fprintf(&got, "\n## %d. %s\n\n```json\n%s\n```\n", n+1, m.what, shown(t, d))
	}
	if *update {
		if err := os.WriteFile(page, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the answers are not those of %s (-update writes it anew); they are now:\n%s", page, got.String())
	}
	if len(mistakes) != 25 {
		t.Errorf("%d mistakes, want the 25 that the page promises", len(mistakes))
	}
}

const preface = `# The 25 likeliest mistakes of a first integration

What was done, and the whole answer. Each comes from a running gateway, and a test holds this page against it word for word.
An answer with ` + "`evidence`" + ` is recorded: the caller and the signature were proven, so it is that ` + "`jti`" + `'s answer for ever, and the
corrected message gets a new one. One without claims no id: the corrected bytes may keep it.
`

// shown is a problem as the page shows it.
func shown(t *testing.T, d gateway.Document) string {
	t.Helper()
	if d.Evidence != "" {
		d.Evidence = "the signed SubmissionRejection"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}
