package twin

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/trust"
	"example.org/trm/test/harness"
)

// TestAWithheldHealthUnitIsInNobodysView: a person agreed to a referral and not to their
// health being told. Whether the sender had submitted something about it or never had, the
// recipient, its auditor, another country's auditor and SELEC see the same: whatever they
// can fetch, receipts and bundles among it. Only the sender's own auditor can know.
func TestAWithheldHealthUnitIsInNobodysView(t *testing.T) {
	t.Parallel()
	d := harness.Referral("me/coordinator", "rs/child-protection").With(map[string]any{
		"agreement": map[string]any{"state": "limited", "reason": "content-limited", "by": "authority", "heard": true},
	})
	sealed := maps.Clone(d["sealed"].(map[string]any))
	delete(sealed, "facts@coordinator")
	with := d.With(map[string]any{"sealed": sealed})
	never := without(with, "health@child-protection")
	keys := filepath.Join(t.TempDir(), "certs")
	if _, err := certs.Develop(keys, certs.Options{}); err != nil {
		t.Fatal(err)
	}
	var both [2]traces
	var mine [2][]string
	for i, d := range []harness.Draft{with, never} {
		r := harness.New(t, harness.Options{Certs: keys})
		s := r.Submit(d, true)
		r.Settle()
		origin := slices.Collect(maps.Keys(r.Witnessed().Heads))[0]
		both[i] = traces{}
		for _, who := range []gateway.Party{"rs/child-protection", "rs/coordinator", "rs/auditor", "md/auditor", "selec/liaison"} {
			both[i][string(who)] = views(t, r, origin, who, s)
		}
		mine[i] = views(t, r, origin, "me/coordinator", s)
		r.Stop()
	}
	compare(t, both[0], both[1], slices.Sorted(maps.Keys(both[0]))...)
	// Digests are alike here, whatever they are of: nobody but the sender may have the one of
	// the envelope as it was submitted, or what is concealed.
	telling := func(line string) bool {
		return strings.Contains(line, "envelope:") || strings.Contains(line, "concealed:")
	}
	for i, view := range both {
		for who, lines := range view {
			if n := slices.IndexFunc(lines, telling); n >= 0 {
				t.Errorf("%s can fetch what only the sender may have: %s", who, lines[n])
			}
		}
		if !slices.ContainsFunc(mine[i], telling) {
			t.Error("the sender's own view lacks it too: the views are not looked at whole")
		}
	}
}

// views is every byte that a party can fetch: each route of the door that tells something
// of the exchange, and the receipt and the bundle that are made of what it gave.
func views(t *testing.T, r *harness.Region, origin string, who gateway.Party, s *harness.Sent) []string {
	t.Helper()
	message := "/v1/messages/" + string(s.ID.Issuer) + "/" + url.PathEscape(s.ID.ID)
	today := time.Now().UTC().Format(time.DateOnly)
	var lines []string
	for name, path := range map[string]string{
		"message": message, "proofs": message + "/proofs", "events": "/v1/events", "duties": "/v1/duties", "overrides": "/v1/overrides",
		"number": "/v1/pairs/me/rs/" + url.PathEscape(origin) + "/1", "checkpoint": "/v1/log/checkpoint", "daily": "/v1/log/checkpoint/daily",
		"hashes": "/v1/log/" + origin + "/tile/0/000.p/3", "entries": "/v1/log/" + origin + "/tile/entries/000.p/3",
	} {
		body, status := r.Get(who, path)
		lines = append(lines, fmt.Sprintf("%s: %d %s", name, status, normal(body)))
	}
	if body, status := r.Get(who, message+"/proofs"); status == 200 {
		lines = append(lines, "receipt: "+normal(receipt(t, r, who, s, body)))
	}
	bundle, status := r.Get(who, "/v1/audit?from="+today+"&to="+today)
	if status == 200 {
		lines = append(lines, members(t, bundle)...)
	}
	lines = append(lines, fmt.Sprintf("bundle: %d", status))
	slices.Sort(lines)
	return lines
}

// receipt is the file that stands alone, which must prove itself.
func receipt(t *testing.T, r *harness.Region, who gateway.Party, s *harness.Sent, proofs []byte) []byte {
	t.Helper()
	var list struct {
		Entries []audit.Step `json:"entries"`
	}
	if err := json.Unmarshal(proofs, &list); err != nil {
		t.Fatal(err)
	}
	pins, _, err := trust.ReadFolder(r.Certs)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := trust.LookBack(r.Certs, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	made := audit.Issue(who, s.ID, list.Entries, taken)
	if told := made.Verify(pins); len(told.Findings) > 0 || told.Pending() {
		t.Errorf("%s: the receipt proves nothing: %+v", who, told)
	}
	made.Directories = nil // the twins' regions have the same
	raw, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// members are the parts of a bundle that tell of the exchange, line by line.
func members(t *testing.T, bundle []byte) []string {
	t.Helper()
	var lines []string
	in := tar.NewReader(bytes.NewReader(bundle))
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		parts := [][]byte{fmt.Appendf(nil, "%d bytes", len(data))}
		switch {
		case strings.HasSuffix(h.Name, ".jsonl"), h.Name == "bundle.json", h.Name == "checkpoint":
			parts = bytes.SplitAfter(data, []byte("\n"))
		case strings.HasPrefix(h.Name, "tile/entries/"):
			parts = entriesOf(data)
		}
		for _, p := range parts {
			lines = append(lines, fmt.Sprintf("%s of %d: %s", text(h.Name), len(data), normal(p)))
		}
	}
}

// entriesOf takes an entry bundle apart (C2SP tlog-tiles).
func entriesOf(data []byte) (out [][]byte) {
	for len(data) > 2 {
		n := int(binary.BigEndian.Uint16(data))
		out = append(out, data[2:2+n])
		data = data[2+n:]
	}
	return out
}
