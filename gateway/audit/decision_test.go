package audit_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
	"example.org/trm/gateway/envelope"
)

// TestTheSendersAuditorReadsWhatWasWithheld with its own key, and nobody else can.
func TestTheSendersAuditorReadsWhatWasWithheld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request, answer := w.conversation()
	read := func(viewer gateway.Party, bundle []byte) (list []audit.Decision) {
		t.Helper()
		list, err := audit.Decisions(t.Context(), bytes.NewReader(bundle))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	mine := w.bundle("me/auditor")
	list := read("me/auditor", mine)
	if len(list) != 1 || list[0].Message != request.id() || list[0].Entry != request.index || list[0].Pair != request.number() {
		t.Fatalf("got %+v", list)
	}
	got, err := envelope.Reveal(list[0].Closed, w.key("me/auditor").Encryption[0], list[0].Message)
	if diff := cmp.Diff([]gateway.Withheld{{Unit: "identity@coordinator", Rule: "names-after-acceptance"}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := envelope.Reveal(list[0].Closed, w.key("rs/auditor").Encryption[0], list[0].Message); err == nil {
		t.Error("another country's auditor opens it")
	}
	if list := read("rs/auditor", w.bundle("rs/auditor")); len(list) != 1 || list[0].Message != answer.id() {
		t.Errorf("of what another country sent: %+v", list)
	}
	if list := read("md/auditor", w.bundle("md/auditor")); len(list) > 0 {
		t.Errorf("of what others exchanged: %+v", list)
	}
	// One that the entry does not commit to is none.
	members, err := audit.Unpack(mine)
	w.ok(err)
	o := &opened{t, members}
	o.line(request.index, func(l *audit.Opened) { l.Secret.Opening = flip(l.Secret.Opening, 20) })
	changed, err := audit.Pack(o.members)
	w.ok(err)
	if list := read("me/auditor", changed); len(list) > 0 {
		t.Errorf("changed: %+v", list)
	}
}
