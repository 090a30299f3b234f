package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters"
	"example.org/trm/cmd/internal/region"
)

// tool runs the tool once in a home folder.
func tool(t *testing.T, home string, args ...string) (out string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), append([]string{"--home", home}, args...), strings.NewReader(""), &stdout, &stderr)
	return stdout.String() + stderr.String(), code
}

// TestAnOfficeTellsPastRecipientsFromTheCommandLine: shown before it is sent, sent once,
// and looked up afterwards.
func TestAnOfficeTellsPastRecipientsFromTheCommandLine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a region")
	}
	dir := t.TempDir()
	r, err := region.Start(t.Context(), region.Options{Dir: dir, Embedded: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := writeGatewayAddress(dir, gatewayAddress{URL: r.URL, Audience: region.Audience}); err != nil {
		t.Fatal(err)
	}
	for i, to := range []string{"rs/coordinator", "xk/coordinator"} {
		example, code := tool(t, dir, "types", "example", "referral.request")
		if code != exitOK {
			t.Fatal(example)
		}
		var d map[string]any
		if err := json.Unmarshal([]byte(example), &d); err != nil {
			t.Fatal(err)
		}
		d["from"], d["to"] = "me/coordinator", to
		delete(d, "thread")
		d["answerBy"] = time.Now().UTC().Add(20 * time.Hour).Truncate(time.Second).Format(time.RFC3339)
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, "draft.json")
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := tool(t, dir, "post", name, "--case", "114", "--key", "post-"+string(rune('a'+i)), "--wait", "30s"); code != exitOK || !strings.HasPrefix(out, "stored me/coordinator") || !strings.HasSuffix(out, "\n  delivered\n") {
			t.Fatalf("posting: %d: %s", code, out)
		}
	}
	withdraw := []string{"withdraw", "me/coordinator", "--case", "114", "--reason", "person-declined"}
	out, code := tool(t, dir, withdraw...)
	for _, want := range []string{"rs/coordinator", "xk/coordinator", "Nothing was sent. --send sends it.", "UNSCR 1244"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Fatalf("the preview, %d, does not say %q: %s", code, want, out)
		}
	}
	if out, _ := tool(t, dir, "changes", "me"); !strings.HasPrefix(out, "sent\n  nothing\n") {
		t.Errorf("after the preview: %s", out)
	}
	send := append(withdraw, "--send", "--key", "w-1")
	for range 2 {
		if out, code := tool(t, dir, send...); code != exitOK || strings.Count(out, "consent-withdrawn") != 2 {
			t.Fatalf("sending: %d: %s", code, out)
		}
	}
	var all adapters.Changes
	deadline := time.Now().Add(30 * time.Second)
	for delivered := 0; delivered < 2; time.Sleep(20 * time.Millisecond) {
		out, code := tool(t, dir, "--json", "changes", "me/coordinator")
		if code != exitOK || json.Unmarshal([]byte(out), &all) != nil || time.Now().After(deadline) {
			t.Fatalf("waiting for the deliveries: %d: %s", code, out)
		}
		delivered = 0
		for _, s := range all.Sent {
			if s.State == adapters.ChangeDelivered {
				delivered++
			}
		}
	}
	if out, _ := tool(t, dir, "changes", "rs"); !strings.Contains(out, "received\n  consent-withdrawn  from me/coordinator  delivered") {
		t.Errorf("Serbia sees: %s", out)
	}
	var in adapters.Changes
	if out, _ := tool(t, dir, "--json", "changes", "rs/coordinator"); json.Unmarshal([]byte(out), &in) != nil || len(in.Received) != 1 {
		t.Fatalf("Serbia sees: %s", out)
	}
	begin := []string{"answer", "rs/coordinator", in.Received[0].Delivery}
	if out, code := tool(t, dir, begin...); code != exitOK || !strings.Contains(out, "applied.answer/1.0") || !strings.Contains(out, "missing: /outcome") || strings.Contains(out, `"outcome"`) {
		t.Errorf("beginning an answer: %d: %s", code, out)
	}
	var first string
	for range 2 { // sent twice, it is one answer
		out, code := tool(t, dir, append(begin, "--outcome", "kept", "--reason", "duty-to-keep", "--send")...)
		if code != exitOK || first != "" && out != first {
			t.Fatalf("answering: %d: %s", code, out)
		}
		first = out
	}
	for {
		out, code := tool(t, dir, "changes", "me/coordinator")
		if code != exitOK || time.Now().After(deadline) {
			t.Fatalf("waiting for the answer: %d: %s", code, out)
		}
		if strings.Contains(out, "kept") && strings.Contains(out, "duty-to-keep") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a case that nobody knows":    {[]string{"withdraw", "me/coordinator", "--case", "Canary-Name"}, exitRefused, "Nothing was sent that this could change"},
		"a party without an adapter":  {[]string{"--home", t.TempDir(), "withdraw", "me/coordinator", "--case", "1"}, exitInternal, "no adapter of me"},
		"a correction of nothing":     {[]string{"correct", "me/coordinator", "--case", "114"}, exitUsage, "--block and --content"},
		"a message that takes longer": {[]string{"post", filepath.Join(dir, "draft.json"), "--wait", "1ns"}, exitPending, "not delivered yet"},
		"half an agreement":           {[]string{"recall", "me/coordinator", "--by", "person", "--case", "114"}, exitUsage, "give both"},
		"an answer that says nothing": {[]string{"answer", "rs/coordinator", "x", "--send"}, exitUsage, "for a person to say"},
		"an answer to nothing":        {[]string{"answer", "rs/coordinator", "x"}, exitRefused, "not-found"},
		"no country":                  {[]string{"changes", "fr"}, exitUsage, "party"},
	} {
		out, code := tool(t, dir, tt.args...)
		if code != tt.code || !strings.Contains(out, tt.says) || strings.Contains(out, "Canary") {
			t.Errorf("%s: got %d: %s", name, code, out)
		}
	}
}
