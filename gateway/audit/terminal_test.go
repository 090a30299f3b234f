package audit_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"example.org/trm/gateway/audit"
)

// TestABundleDoesNotTalkToItsReadersTerminal: whatever somebody wrote into it, nothing in a
// report is more than text.
func TestABundleDoesNotTalkToItsReadersTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request, _ := w.conversation()
	const escape = "\x1b[2J\u202eall is well"
	members, err := audit.Unpack(w.bundle("me/auditor"))
	w.ok(err)
	o := &opened{t, members}
	o.entries(func(l [][]byte) [][]byte {
		l[6] = []byte(strings.Replace(string(l[6]), `"trm/2026"`, `"trm\u001b[2J"`, 1))
		return l
	})
	o.line(request.index, func(l *audit.Opened) {
		l.Opening = strings.Replace(l.Opening, "SubmissionAcceptance", `Sub\u001b[2J`, 1)
	})
	o.members = append(o.members, audit.Member{Name: "notes" + escape, Data: []byte(escape)})
	b, err := audit.Pack(o.members)
	w.ok(err)
	r := w.verify(b, nil)
	if r.Clean() {
		t.Fatal("nothing was found")
	}
	for _, f := range r.Findings {
		if strings.ContainsFunc(f.Says+string(f.Rule)+f.Pair.Origin, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("a finding says %q of %q", f.Says, f.Pair.Origin)
		}
	}
	receipt := w.issue(me, request, int64(len(w.entries)))
	receipt.Message.ID = escape
	raw, err := json.Marshal(receipt)
	w.ok(err)
	if _, err := audit.ParseReceipt(raw); err == nil {
		t.Error("a receipt of such a message was read")
	}
}
