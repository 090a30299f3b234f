package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
	"example.org/trm/gateway/ledger"
)

// Format is what bundle.json says of a bundle that this package writes and reads.
const Format = "trm-audit/1"

// Contents is bundle.json: whose the bundle is and what it spans.
type Contents struct {
	Format string        `json:"format"`
	Origin string        `json:"origin"` // of the log: "trm/2026"
	Viewer gateway.Party `json:"viewer"` // the auditor whose it is
	First  int64         `json:"first"`  // the first entry that it is about
	Size   int64         `json:"size"`   // of the tree: its last entry is one less
}

// chunk is how many entries one entry bundle holds (C2SP tlog-tiles).
const chunk = 256

// begin is the first entry whose bytes are in the bundle.
func (c Contents) begin() int64 { return c.First / chunk * chunk }

var originForm = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,64}$`)

func (c Contents) check() error {
	p, err := gateway.ParseParty(string(c.Viewer))
	switch {
	case c.Format != Format:
		return fmt.Errorf("bundle.json: the format is not %s", Format)
	case err != nil || p.Kind() != "auditor":
		return fmt.Errorf("bundle.json: the viewer is not an auditor")
	case !originForm.MatchString(c.Origin) || c.First < 0 || c.First > c.Size || c.Size > 1<<40:
		return fmt.Errorf("bundle.json: the range is not one")
	}
	return nil
}

// Opened is a line of openings/...: what opens one entry, for this viewer.
type Opened struct {
	Index   int64   `json:"index"`
	Nonce   string  `json:"nonce,omitempty"`   // 32 bytes, base64url
	Opening string  `json:"opening,omitempty"` // exactly the bytes that the entry commits to
	Secret  *Secret `json:"concealed,omitempty"`
	Core    *Core   `json:"core,omitempty"`   // of an acceptance
	Purged  *Purge  `json:"purged,omitempty"` // the rest is gone by this
}

// Purge names the entry that says that what opened others was destroyed.
type Purge struct {
	Number int64  `json:"number"`
	Origin string `json:"origin"` // the log it stands in: retention ends in a later year
	Entry  int64  `json:"entry"`
}

// Secret opens what an acceptance conceals from all but the sender and its auditor.
type Secret struct {
	Nonce   string `json:"nonce"`
	Opening string `json:"opening"`
}

// Core is a message's signed part as its origin signed it, the digests of what was
// released, in the order in which the binding names it, and the binding. No unit is in it.
type Core struct {
	Protected string   `json:"protected"`
	Payload   string   `json:"payload"`
	Signature string   `json:"signature"`
	Released  []string `json:"released"`
	Bound     string   `json:"kb_jwt"`
}

// Names of members.
const (
	nameContents   = "bundle.json"
	nameCheckpoint = "checkpoint"
	nameStatements = "statements.jsonl"
)

func nameDirectory(n int) string          { return "directories/" + strconv.Itoa(n) + ".json" }
func namePolicy(digest string) string     { return "policies/" + digest + ".yaml" }
func nameSchemas(digest, f string) string { return "schemas/" + digest + "/" + f }

// tilePath is the path of a tile of C2SP tlog-tiles without its prefix: "x001/234" and, of
// a partial one, ".p/17".
func tilePath(n int64, width int) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	if width < chunk {
		s += ".p/" + strconv.Itoa(width)
	}
	return s
}

func nameTile(level int, n int64, width int) string {
	return "tile/" + strconv.Itoa(level) + "/" + tilePath(n, width)
}

func nameEntries(n int64, width int) string { return "tile/entries/" + tilePath(n, width) }
func nameOpenings(n int64) string           { return "openings/" + tilePath(n, chunk) + ".jsonl" }

// width is how many of a level's hashes, of which there are n in all, are in its tile t.
func width(n, t int64) int { return int(min(chunk, n-t*chunk)) }

// marshal writes JSON in one form: no white space, no escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// unmarshal reads what [marshal] wrote, and nothing that reads alike: by the strict decoder
// first, then byte for byte against what it would have written.
func unmarshal(raw []byte, v any) error {
	if _, err := envelope.DecodeJSON(raw); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return errForm
	}
	if again, err := marshal(v); err != nil || !bytes.Equal(again, raw) {
		return errForm
	}
	return nil
}

var errForm = fmt.Errorf("not in the one form: a member is unknown, missing, out of order or written otherwise")

// lines splits a .jsonl member; the last line ends too.
func lines(data []byte) ([]string, error) {
	if len(data) == 0 {
		return nil, nil
	}
	text, ok := strings.CutSuffix(string(data), "\n")
	if !ok {
		return nil, errForm
	}
	return strings.Split(text, "\n"), nil
}

// parseEntry reads an entry of whose words every one can be printed.
func parseEntry(raw []byte) (ledger.Entry, error) {
	e, err := ledger.ParseEntry(raw)
	if err == nil && e.Pair.Origin != "" && !originForm.MatchString(e.Pair.Origin) {
		err = ledger.ErrEntry
	}
	return e, err
}
