package canary_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/schemas"
	"example.org/trm/test/harness"
	"example.org/trm/test/nation"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// person is an invented value that may be nowhere at all, and coded is the same in the
// form of a code, which gets further.
const (
	person = "Canary XHEVALINAZZYXOV"
	coded  = "canary-xhevalina-zzyxov"
)

// TestNothingOfAPersonIsLeft: a region carries messages, is killed, meets systems that
// quote what they are sent, and is called wrongly in every way that puts a name where it
// does not belong. The harness searches everything that is left.
func TestNothingOfAPersonIsLeft(t *testing.T) {
	t.Parallel()
	system := nation.New(t)
	system.Next(nation.Echo(500), nation.Lost, nation.Echo(503), nation.Garbage)
	r := harness.New(t, harness.Options{Systems: map[gateway.Country]*nation.System{"me": system}})
	r.Plant(person)
	r.Plant(coded)
	r.Plant(strings.ReplaceAll(person, " ", "%20"))
	thread := map[string]any{"thread": harness.NewThread()}
	r.Send(harness.Capacity("me/coordinator", "rs/coordinator").With(thread))
	r.Send(harness.Referral("me/coordinator", "rs/coordinator").With(thread))
	r.Send(harness.Referral("rs/coordinator", "me/coordinator"))
	r.Submit(harness.Referral("me/coordinator", "rs/coordinator"), true)
	r.Redis.Restart()
	r.Gateway.Restart()
	r.Ready()
	t.Run("local API", func(t *testing.T) { misuseLocal(t, r) })
	t.Run("door", func(t *testing.T) { misuseDoor(t, r) })
	t.Run("signed", func(t *testing.T) { misuseSigned(t, r, person) })
	t.Run("signed, as a code", func(t *testing.T) { misuseSigned(t, r, coded) })
}

// misuseLocal gives the adapter drafts with a name in every place.
func misuseLocal(t *testing.T, r *harness.Region) {
	a := r.Adapters["me"]
	d := harness.Referral("me/coordinator", "rs/coordinator")
	for _, member := range []string{"type", "from", "to", "thread", "inReplyTo", "lane", "purpose", "basis", "answerBy", "outcome", "expires", "agreement", "attests", "blocks", "sealed", person} {
		refused(t, a, "member "+strings.ReplaceAll(member, person, "of its own"), d.With(map[string]any{member: person}))
	}
	for _, block := range []string{"subject", "needs", "asks", person} {
		for _, content := range []any{person, map[string]any{person: person}, map[string]any{"child": person}, map[string]any{"abcdef": map[string]any{"code": person}}} {
			refused(t, a, "clear block", d.With(map[string]any{"blocks": put(d["blocks"], block, content)}))
		}
	}
	for _, unit := range []string{"health@child-protection", "facts@coordinator", "health@" + person, person, "identity@coordinator"} {
		for _, content := range []any{person, map[string]any{person: 1}, map[string]any{"diagnoses": []string{person}}} {
			refused(t, a, "sealed block", d.With(map[string]any{"sealed": put(d["sealed"], unit, content)}))
		}
	}
	for _, raw := range []string{person, `{"type":"` + person, `{"type":"a","type":"` + person + `"}`, `{"` + person + `":1e999999}`, "{\"type\":\"" + person + "\xff\"}"} {
		refused(t, a, "JSON", []byte(raw))
	}
	path := strings.ReplaceAll(person, " ", "%20")
	for _, p := range []string{"/v1/outbox/" + path, "/v1/deliveries/" + path, "/v1/deliveries/" + path + "/read", "/v1/alarms?name=" + path, "/" + path} {
		if _, _, err := a.Call(http.MethodGet, p, person, nil); err != nil {
			t.Error(err)
		}
	}
}

func refused(t *testing.T, a *harness.Adapter, what string, body any) {
	t.Helper()
	if d, ok := body.(harness.Draft); ok {
		body = map[string]any(d)
	}
	_, status, err := a.Call(http.MethodPost, "/v1/drafts", "", body)
	if err != nil || status < 400 || status > 499 {
		t.Errorf("a name in the draft's %s: answered %d: %v", what, status, err)
	}
}

func put(m any, name string, v any) map[string]any {
	c := maps.Clone(m.(map[string]any))
	c[name] = v
	return c
}

// misuseDoor calls the gateway with a name in every place that a caller fills.
func misuseDoor(t *testing.T, r *harness.Region) {
	raw, _ := r.Sign(harness.Referral("me/coordinator", "rs/coordinator"), false)
	changed := bytes.Replace(raw, []byte(`"signature":"`), []byte(`"signature":"AAAA`), 1)
	for what, body := range map[string][]byte{
		"a changed byte": changed, "the end missing": raw[:len(raw)-10], "only a name": []byte(person),
		"a name as a member":   bytes.Replace(raw, []byte(`{"payload"`), []byte(`{"`+person+`":1,"payload"`), 1),
		"a name as the header": []byte(`{"payload":"` + person + `","protected":"` + person + `","signature":"","header":{"disclosures":["` + person + `"]}}`),
		"plain":                []byte(`{"type":"referral.request/1.0","name":"` + person + `"}`),
	} {
		if _, status := r.Post("me/coordinator", body, nil); status < 400 || status > 499 {
			t.Errorf("%s: answered %d", what, status)
		}
	}
	for name, value := range map[string]string{
		"Trm-Lane": person, "Content-Type": person, "User-Agent": person, "X-Request-Id": person, "X-Forwarded-For": person, "Referer": "http://example.org/" + person,
		"Tracestate": "a=" + person, "Baggage": "name=" + strings.ReplaceAll(person, " ", "%20"), "Traceparent": person, "Authorization": "Bearer " + person, "Cookie": "name=" + person,
	} {
		r.Post("me/coordinator", changed, http.Header{name: {value}})
	}
	path := strings.ReplaceAll(person, " ", "%20")
	for _, p := range []string{"/v1/messages/me/coordinator/" + path, "/v1/messages/" + path + "/x/y", "/v1/schemas/" + path, "/v1/policy?name=" + path, "/" + path} {
		r.Get("me/coordinator", p)
	}
}

// misuseSigned submits messages that are well signed and hold a name where none belongs:
// their refusal is signed and recorded.
func misuseSigned(t *testing.T, r *harness.Region, person string) {
	catalogue, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := certs.Load(r.Certs, "me/coordinator")
	if err != nil {
		t.Fatal(err)
	}
	refusals := 0
	for what, change := range map[string]func(*envelope.Draft){
		"a block of its own":         func(d *envelope.Draft) { d.Clear[person] = map[string]any{"a": 1} },
		"a member of a block":        func(d *envelope.Draft) { d.Clear["subject"][person] = person },
		"a code":                     func(d *envelope.Draft) { d.Clear["subject"]["phase"] = person },
		"a local id":                 func(d *envelope.Draft) { d.Clear["needs"][person] = map[string]any{"code": "foster-care"} },
		"a sealed block in the open": func(d *envelope.Draft) { d.Clear["identity"] = map[string]any{"names": person} },
		"a unit's role":              func(d *envelope.Draft) { d.Sealed["health@"+person] = d.Sealed["health@child-protection"] },
		"a unit that is not sealed":  func(d *envelope.Draft) { d.Sealed["health@child-protection"] = person },
		"the purpose":                func(d *envelope.Draft) { d.Head.Purpose = person },
		"the basis":                  func(d *envelope.Draft) { d.Head.Basis = person },
		"an attestation":             func(d *envelope.Draft) { d.Head.Attests = append(d.Head.Attests, person) },
		"the thread":                 func(d *envelope.Draft) { d.Head.Thread = person },
		"the audience":               func(d *envelope.Draft) { d.Head.Audience = gateway.Party("rs/" + strings.ReplaceAll(person, " ", "-")) },
		"the type":                   func(d *envelope.Draft) { d.Head.Type = person },
		"the agreement":              func(d *envelope.Draft) { d.Head.Agreement.Reason = person },
		"the target":                 func(d *envelope.Draft) { d.Head.Target = person },
	} {
		raw, sent := r.Sign(harness.Referral("me/coordinator", "rs/coordinator"), false)
		p, err := envelope.Codec{}.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		typ, _ := catalogue.Type(p.Head.Type)
		d := envelope.Draft{Head: p.Head, Clear: map[string]map[string]any{}, Sealed: map[string]string{}, Type: typ}
		for _, u := range p.Units {
			switch v := p.Document[u.Name].(type) {
			case map[string]any:
				d.Clear[u.Name] = v
			case string:
				d.Sealed[u.Name] = v
			}
		}
		change(&d)
		hostile, err := envelope.Sign(d, keys.Message, keys.Thumbprint[keys.Message.ID()], nil)
		if err != nil {
			if strings.Contains(err.Error(), person) {
				t.Errorf("a name as %s: the error shows it", what)
			}
			continue // not even a form that can be signed
		}
		body, status := r.Post(sent.ID.Issuer, hostile, nil)
		var doc gateway.Document
		if err := json.Unmarshal(body, &doc); err != nil || status < 400 || status > 499 || doc.Code == "" {
			t.Errorf("a name as %s: answered %d: %v", what, status, err)
		}
		refusals++
	}
	if refusals < 4 {
		t.Errorf("the gateway saw %d of these messages: the test no longer reaches it", refusals)
	}
}
