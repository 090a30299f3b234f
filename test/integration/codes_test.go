package integration

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/trust"
	"example.org/trm/schemas"
	"example.org/trm/test/harness"
)

// newIndicator is in the second release only, and nobody else's code.
const newIndicator = "g16"

// publish makes a second release of the code lists, which is in force and overlaps with the
// first, has four coordinators sign it, and writes both files into a folder.
func publish(t *testing.T, keys, folder string) (name string) {
	t.Helper()
	set, err := schemas.Open()
	if err != nil {
		t.Fatal(err)
	}
	r, _ := set.Published("2026-11")
	r.Name, r.Lists = "2026-12", slices.Clone(r.Lists)
	i := slices.IndexFunc(r.Lists, func(l schemas.List) bool { return l.Name == "indicator" })
	r.Lists[i].Codes = append(slices.Clone(r.Lists[i].Codes), schemas.CodeText{ID: newIndicator, En: "Is made to defraud others online"})
	raw, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	var hands []*envelope.Private
	for _, c := range []gateway.Country{"al", "ba", "mk", "rs"} {
		k, err := certs.Coordinator(keys, c)
		if err != nil {
			t.Fatal(err)
		}
		hands = append(hands, k)
	}
	signed, err := trust.SignCodes(trust.Codes{
		Release: r.Name, Supersedes: "2026-11", Digests: r.Digests(), Published: now.AddDate(0, -1, 0), Activates: now.Add(-time.Hour), Overlaps: now.AddDate(2, 0, 0),
	}, hands...)
	if err != nil {
		t.Fatal(err)
	}
	put(t, folder, r.Name+".json", raw)
	put(t, folder, r.Name+".signed.json", signed)
	return r.Name
}

func put(t *testing.T, folder, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// referring is a referral with one indicator in its facts.
func referring(from, to gateway.Party, indicator string) harness.Draft {
	d := harness.Referral(from, to)
	d["sealed"].(map[string]any)["facts@coordinator"].(map[string]any)["indicators"] = []any{map[string]any{"code": indicator, "source": "observed"}}
	return d
}

// TestANewReleaseOfTheIndicatorListBreaksNothing while one adapter still has the old one,
// and each side is told what it needs to know: Montenegro follows the gateway, Serbia looks
// at releases before it uses them.
func TestANewReleaseOfTheIndicatorListBreaksNothing(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{
		Settings: func(c gateway.Country, config map[string]any) {
			config["refresh"] = "300ms"
			if c == "rs" {
				config["codes"] = "hand"
			}
		},
		Alarms: []string{"codes-missing"},
	})
	before := r.Send(referring("me/coordinator", "rs/coordinator", "g01"))
	r.Await(before, gateway.StateDelivered)

	release := publish(t, r.Certs, filepath.Join(r.Dir, "gateway", "codes"))
	r.Gateway.Reload()
	r.Until("the gateway to have the release in force", func() bool {
		body, _ := r.Get("me/coordinator", "/v1/codes")
		var c struct{ Release string }
		return json.Unmarshal(body, &c) == nil && c.Release == release
	})
	kept := func(c gateway.Country) string {
		return filepath.Join(r.Dir, "adapters", string(c), "codes", release+".signed.json")
	}
	r.Until("the adapter of Montenegro to have taken it, without a restart", func() bool { _, err := os.Stat(kept("me")); return err == nil })
	if _, err := os.Stat(kept("rs")); err == nil {
		t.Fatal("the adapter of Serbia took a release that nobody gave it")
	}

	// New to old: accepted, delivered and readable. What cannot be looked up is shown as it
	// came, and the office is told which release has it.
	s := r.Send(referring("me/coordinator", "rs/coordinator", newIndicator))
	r.Await(s, gateway.StateDelivered)
	st, err := r.Status(s)
	if err != nil || st.Problem != nil || st.Receipt == "" {
		t.Errorf("the sender is told %+v: %v", st.Problem, err)
	}
	d := consigned(t, r, s, "rs/coordinator")
	if d.Codes == nil || d.Codes.Release != release || !strings.Contains(d.Codes.Says, "does not have") {
		t.Fatalf("the office in Serbia is told %+v", d.Codes)
	}
	want := []schemas.Strange{{Pointer: "/facts@coordinator/indicators/0/code", List: "indicator", Code: newIndicator}}
	if diff := cmp.Diff(want, d.Codes.Strange); diff != "" {
		t.Errorf("what is strange (-want +got):\n%s", diff)
	}
	facts := d.Sealed["facts@coordinator"].(map[string]any)["indicators"]
	if diff := cmp.Diff([]any{map[string]any{"code": newIndicator, "source": "observed"}}, facts); diff != "" {
		t.Errorf("the indicator itself (-want +got):\n%s", diff)
	}
	// Another role of the same country is told of the release, and of nothing that is not
	// its own.
	if d := consigned(t, r, s, "rs/child-protection"); d.Codes == nil || d.Codes.Release != release || len(d.Codes.Strange) != 0 {
		t.Errorf("child protection is told %+v", d.Codes)
	}

	// Old to new: what is said in the release before is accepted while both hold.
	back := r.Send(harness.Capacity("rs/coordinator", "me/coordinator"))
	r.Await(back, gateway.StateDelivered)
	if d := consigned(t, r, back, "me/coordinator"); d.Head["codes"] != "2026-11" || d.Codes != nil {
		t.Errorf("in Montenegro: %v, %+v", d.Head["codes"], d.Codes)
	}

	// What the old release does not have its own desk refuses: field, list, release, and
	// what is accepted; never the value.
	body, status := r.Try(referring("rs/coordinator", "me/coordinator", newIndicator))
	var p gateway.Document
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	const hint = "Use a code of the list; trm codes indicator prints it. List indicator, release 2026-11; accepted releases: 2026-11."
	if status != http.StatusUnprocessableEntity || p.Code != gateway.CodeSchema || p.Pointer != "/sealed/facts@coordinator/indicators/0/code" || p.Detail != hint {
		t.Errorf("answered %d %s at %s: %s", status, p.Code, p.Pointer, p.Detail)
	}
	if strings.Contains(string(body), newIndicator) {
		t.Error("the refusal repeats the value")
	}

	// The office has looked at it and takes it: without a restart, nothing is strange.
	for _, suffix := range []string{".json", ".signed.json"} {
		raw, err := os.ReadFile(filepath.Join(r.Dir, "gateway", "codes", release+suffix))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(r.Dir, "adapters", "rs", "codes"), release+suffix, raw)
	}
	r.Until("the adapter of Serbia to use it", func() bool {
		body, _ := r.Try(referring("rs/coordinator", "me/coordinator", "canary-code"))
		return strings.Contains(string(body), "release "+release)
	})
	last := r.Send(referring("me/coordinator", "rs/coordinator", newIndicator))
	r.Await(last, gateway.StateDelivered)
	if d := consigned(t, r, last, "rs/coordinator"); d.Codes != nil {
		t.Errorf("once Serbia has the release it is told %+v", d.Codes)
	}
	answer := r.Send(referring("rs/coordinator", "me/coordinator", newIndicator))
	r.Await(answer, gateway.StateDelivered)
}

// consigned finds what a role's system has of a message.
func consigned(t *testing.T, r *harness.Region, s *harness.Sent, reader gateway.Party) harness.Effect {
	t.Helper()
	all, err := r.Arrived(reader.Country())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(e harness.Effect) bool { return e.Reader == reader && e.Head["jti"] == s.ID.ID })
	if i < 0 {
		t.Fatalf("%s has nothing of the message", reader)
	}
	return all[i]
}
