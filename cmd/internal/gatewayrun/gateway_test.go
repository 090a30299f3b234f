package gatewayrun_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/outgoing"
	"example.org/trm/certs"
	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/gateway"
	"example.org/trm/gateway/api"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
)

const capacity = "capacity.request/1.0"

func TestAMessageArrivesAndItsSenderSeesTheEvidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.signed(capacity, outgoing.Options{}, nil)
	a := w.submit(m.Head.Issuer, m.Raw)
	if a.StatusCode != 202 {
		t.Fatalf("got %d %q, want a receipt", a.StatusCode, a.body)
	}
	path := a.Header.Get("Location")
	if want := "/v1/messages/me/mobile-team/" + m.ID.ID; path != want {
		t.Fatalf("Location is %q, want %q", path, want)
	}
	o := w.deliver("rs")
	if o.Head.ID != m.ID.ID || o.Head.Audience != "rs/coordinator" {
		t.Errorf("the recipient opened %s for %s", o.Head.ID, o.Head.Audience)
	}
	got := w.state(m.Head.Issuer, path, gateway.StateDelivered)
	evidence, _ := got["evidence"].([]any)
	if len(evidence) != 2 || evidence[0] != a.body {
		t.Errorf("the sender is shown %d pieces of evidence, want its receipt and the recipient's", len(evidence))
	}
	withheld, _ := got["withheld"].(string)
	auditor := w.keys(m.Head.Issuer)
	list, err := envelope.Reveal(withheld, auditor.Encryption[0], m.ID)
	if err != nil {
		t.Errorf("the sender cannot open what was withheld: %v", err)
	}
	if len(list) > 0 {
		t.Errorf("of what the desk had minimised, the gateway withheld %v", list)
	}
	seen := w.state("rs/coordinator", path, gateway.StateDelivered)
	if seen["withheld"] != nil || len(seen["evidence"].([]any)) != 1 {
		t.Errorf("the recipient is shown %v", seen)
	}
	if a := w.call("ba/coordinator", "GET", path, nil); a.StatusCode != 404 {
		t.Errorf("a stranger got %d", a.StatusCode)
	}
	number := fmt.Sprintf("/v1/pairs/%s/%s/%s/%d", o.Binding.Pair.From, o.Binding.Pair.To, url.PathEscape(o.Binding.Pair.Origin), o.Binding.Pair.N)
	w.state("rs/coordinator", number, gateway.StateDelivered)
	var feed struct{ Events []api.Event }
	if err := json.Unmarshal([]byte(w.call(m.Head.Issuer, "GET", "/v1/events", nil).body), &feed); err != nil || len(feed.Events) != 2 {
		t.Fatalf("the sender's feed has %d events, %v", len(feed.Events), err)
	}
	if e := feed.Events; e[0].JWS != evidence[0] || e[1].JWS != evidence[1] || e[1].Event != gateway.ContentConsignment {
		t.Errorf("the feed tells %+v", e)
	}
}

// TestTheSameBytesGetTheSameReceiptForEver sends them after a restart, after exp, and with
// a directory that expired meanwhile.
func TestTheSameBytesGetTheSameReceiptForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.signed(capacity, outgoing.Options{}, nil)
	first := w.submit(m.Head.Issuer, m.Raw)
	again := func(when string) {
		t.Helper()
		if a := w.submit(m.Head.Issuer, m.Raw); a.StatusCode != first.StatusCode || a.body != first.body || a.Header.Get("Location") != first.Header.Get("Location") {
			t.Errorf("%s the same bytes got %d %q, want %d %q", when, a.StatusCode, a.body, first.StatusCode, first.body)
		}
	}
	again("at once")
	w.stop()
	w.start()
	again("after a restart")
	w.now.add(m.Head.Expires.Sub(morning) + time.Hour)
	again("after exp")
	changed := bytes.Replace(m.Raw, []byte(`"disclosures":["`), []byte(`"disclosures":["WyJhIiwxXQ","`), 1)
	if a := w.submit(m.Head.Issuer, changed); a.StatusCode < 400 {
		t.Errorf("other bytes under that id got %d", a.StatusCode)
	}
	if first.StatusCode != 202 {
		t.Fatalf("the first submission got %d %q", first.StatusCode, first.body)
	}
}

func TestOneChangedByteIsAProblemAndNothingIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	m := w.signed(capacity, outgoing.Options{}, nil)
	var parts map[string]any
	if err := json.Unmarshal(m.Raw, &parts); err != nil {
		t.Fatal(err)
	}
	payload := parts["payload"].(string)
	flip := "A"
	if payload[20] == 'A' {
		flip = "B"
	}
	changed := bytes.Replace(m.Raw, []byte(payload), []byte(payload[:20]+flip+payload[21:]), 1)
	a := w.submit(m.Head.Issuer, changed)
	if a.Header.Get("Content-Type") != "application/problem+json" || a.StatusCode < 400 || a.StatusCode >= 500 {
		t.Fatalf("got %d %q, want a problem", a.StatusCode, a.body)
	}
	if strings.Contains(a.body, "evidence") {
		t.Error("the gateway signed a refusal of what nobody had signed")
	}
	if a := w.call(m.Head.Issuer, "GET", "/v1/messages/me/mobile-team/"+m.ID.ID, nil); a.StatusCode != 404 {
		t.Errorf("the message is recorded: %d", a.StatusCode)
	}
	if a := w.submit(m.Head.Issuer, m.Raw); a.StatusCode != 202 {
		t.Errorf("the id is not free for the real message: %d %q", a.StatusCode, a.body)
	}
}

// TestADirectoryThatExpiredStopsReceiving: nobody would believe what is signed then. What
// was recorded before is still answered.
func TestADirectoryThatExpiredStopsReceiving(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sign(w.dir, func(d *trust.Document) { d.Expires = morning.Add(time.Hour) })
	w.start()
	if a := w.call("", "GET", "/readyz", nil); a.StatusCode != 200 {
		t.Fatalf("a new gateway is not ready: %d %q", a.StatusCode, a.body)
	}
	before, after := w.signed(capacity, outgoing.Options{}, nil), w.signed(capacity, outgoing.Options{}, nil)
	receipt := w.submit(before.Head.Issuer, before.Raw)
	if receipt.StatusCode != 202 {
		t.Fatalf("got %d %q", receipt.StatusCode, receipt.body)
	}
	w.now.add(time.Hour)
	if a := w.call("", "GET", "/readyz", nil); a.StatusCode != 503 || !strings.Contains(a.body, `"failing":["directory"]`) {
		t.Errorf("got %d %q, want not ready because of the directory", a.StatusCode, a.body)
	}
	if a := w.submit(after.Head.Issuer, after.Raw); a.StatusCode != 503 || !strings.Contains(a.body, string(gateway.CodeDirectoryStale)) || a.Header.Get("Retry-After") == "" {
		t.Errorf("a new message got %d %q, want to be asked to come again", a.StatusCode, a.body)
	}
	if a := w.submit(before.Head.Issuer, before.Raw); a.StatusCode != 202 || a.body != receipt.body {
		t.Errorf("the message before got %d %q, want its receipt", a.StatusCode, a.body)
	}
}

func TestWhatIsUnsafeIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*world)
		want   string
	}{
		"development keys": {func(w *world) { w.config.Development = false }, "development keys"},
		"no keys of the gateway": {func(w *world) {
			w.config.Certs = t.TempDir()
			w.config.Directory, w.config.Pins = w.dir+"/directory.json", w.dir+"/pins.json"
		}, "no keys of the gateway"},
		"another region's keys": {func(w *world) {
			other := t.TempDir()
			if _, err := certs.Develop(other, certs.Options{Now: morning.Add(-time.Hour)}); err != nil {
				t.Fatal(err)
			}
			w.config.Certs, w.config.Directory, w.config.Pins = other, w.dir+"/directory.json", w.dir+"/pins.json"
		}, "does not list the gateway's key"},
		"another region's pins": {func(w *world) {
			other := t.TempDir()
			if _, err := certs.Develop(other, certs.Options{Now: morning.Add(-time.Hour)}); err != nil {
				t.Fatal(err)
			}
			w.config.Pins = other + "/pins.json"
		}, "directory"},
		"an expired directory": {func(w *world) { w.now.add(w.dirs.Expires().Sub(morning)) }, "expired"},
		"no policy":            {func(w *world) { w.config.Policy = w.dir + "/nowhere.yaml" }, "reading the policy"},
		"an open door":         {func(w *world) { w.config.Listen = "0.0.0.0:0" }, "needs tls"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			tt.change(w)
			g, err := w.open()
			if err == nil {
				w.gateway = g
				t.Fatal("the gateway opened")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want it to speak of %q", err, tt.want)
			}
		})
	}
}

func TestTheOperatorsSeeMetricsAndPartiesDoNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gatewayrun.Config) { c.Operators = "127.0.0.1:0" })
	w.start()
	m := w.signed(capacity, outgoing.Options{}, nil)
	w.submit(m.Head.Issuer, m.Raw)
	if a := w.call("", "GET", "/metrics", nil); a.StatusCode != 404 {
		t.Errorf("at the door /metrics got %d", a.StatusCode)
	}
	w.url = "http://" + w.gateway.Operators().String()
	a := w.call("", "GET", "/metrics", nil)
	for _, want := range []string{`trm_gateway_accepted_total{repeat="false"} 1`, `http_route="/v1/messages"`, "go_goroutines", "trm_gateway_receive_duration_seconds_bucket",
		`trm_gateway_backlog{country="al",state="placed"} 0`, `trm_gateway_backlog_age_seconds{country="rs"}`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s among the metrics", want)
		}
	}
	if strings.Contains(a.body, m.ID.ID) || strings.Contains(a.body, "mobile-team") || strings.Contains(a.body, "capacity") {
		t.Error("the metrics tell about a message")
	}
	if a := w.call("", "GET", "/readyz", nil); a.StatusCode != 200 {
		t.Errorf("/readyz for operators got %d", a.StatusCode)
	}
	if a := w.call(m.Head.Issuer, "POST", "/v1/messages", m.Raw); a.StatusCode != 404 && a.StatusCode != 405 {
		t.Errorf("operators' listener took a message: %d", a.StatusCode)
	}
}

// TestWhatNobodyTakesExpiresWithTheGatewaysSignature also across a restart: the sender is
// told that nothing says it arrived.
func TestWhatNobodyTakesExpiresWithTheGatewaysSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gatewayrun.Config) { c.Lapse = time.Minute })
	w.start()
	m := w.signed(capacity, outgoing.Options{}, nil)
	a := w.submit(m.Head.Issuer, m.Raw)
	path := a.Header.Get("Location")
	w.state(m.Head.Issuer, path, gateway.StateQueued)
	w.stop()
	w.now.add(m.Head.Expires.Sub(morning) + 2*time.Minute)
	w.start()
	got := w.state(m.Head.Issuer, path, gateway.StateExpired)
	evidence, _ := got["evidence"].([]any)
	if len(evidence) != 2 {
		t.Fatalf("the sender is shown %d pieces of evidence, want its receipt and the gateway's statement", len(evidence))
	}
	s, kid, err := envelope.Codec{}.Examine(evidence[1].(string))
	if err != nil || s.Event != gateway.ContentConsignmentFailure || s.Code != gateway.CodeExpired || s.Signer != gateway.TheGateway {
		t.Errorf("got %+v, %v", s, err)
	}
	k, ok := w.dirs.Key(kid)
	if !ok {
		t.Fatal("the directory does not list the key that signed")
	}
	if err := (envelope.Codec{}).Check(evidence[1].(string), k); err != nil {
		t.Error(err)
	}
}
