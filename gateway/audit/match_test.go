package audit_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
)

func (w *world) match(a, b []byte) []string {
	w.t.Helper()
	m, err := audit.Match(context.Background(), bytes.NewReader(a), bytes.NewReader(b))
	w.ok(err)
	out := []string{}
	for _, d := range m.Differences {
		out = append(out, strings.Join([]string{string(d.Event), d.Has, d.Says}, ": "))
	}
	return out
}

// TestTwoAuditorsOfOneLogAgree whatever their ranges, and each lack is named by its number.
func TestTwoAuditorsOfOneLogAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request, answer := w.conversation()
	w.pad(400)
	w.send(referral(me, rs))
	size := int64(len(w.entries))
	mine, theirs := w.bundle("me/auditor"), w.bundle("rs/auditor")
	for name, pair := range map[string][2][]byte{
		"both whole": {mine, theirs}, "one and itself": {mine, mine}, "one longer": {w.bundleFrom("me/auditor", 0, 300), theirs},
		"one later": {mine, w.bundleFrom("rs/auditor", 300, size)}, "no pair in common": {mine, w.bundle("al/auditor")},
	} {
		if diff := cmp.Diff([]string{}, w.match(pair[0], pair[1])); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	m, err := audit.Match(context.Background(), bytes.NewReader(mine), bytes.NewReader(theirs))
	w.ok(err)
	if m.Deliveries != 3 || m.From != 0 || m.To != size {
		t.Errorf("compared %d deliveries of the entries %d to %d", m.Deliveries, m.From, m.To)
	}
	change := func(b []byte, f func(*opened)) []byte {
		members, err := audit.Unpack(b)
		w.ok(err)
		for i := range members {
			members[i].Data = slices.Clone(members[i].Data)
		}
		o := &opened{t, members}
		f(o)
		out, err := audit.Pack(o.members)
		w.ok(err)
		return out
	}
	for name, row := range map[string]struct {
		change func(*opened)
		want   []string
	}{
		"a delivery that one was not told of": {
			func(o *opened) { o.line(request.index, func(l *audit.Opened) { l.Index = -1 }) },
			[]string{"SubmissionAcceptance: first: the second lacks what opens it"},
		},
		"one told otherwise": {
			func(o *opened) {
				o.line(request.index+1, func(l *audit.Opened) { l.Opening = flip(l.Opening, 30) })
			},
			[]string{"ContentConsignment: both: each was given something else to open it"},
		},
		"another message": {
			func(o *opened) {
				o.line(answer.index, func(l *audit.Opened) { l.Core.Signature = flip(l.Core.Signature, 5) })
			},
			[]string{"SubmissionAcceptance: both: each was given another message, or another binding"},
		},
		"purged for one": {
			func(o *opened) {
				o.line(answer.index, func(l *audit.Opened) {
					*l = audit.Opened{Index: l.Index, Purged: &audit.Purge{Number: 3, Origin: origin, Entry: 11}}
				})
			},
			[]string{"SubmissionAcceptance: first: the second lacks what opens it: it is gone since purge 3"},
		},
		"another entry": {
			func(o *opened) { o.flipIn("tile/entries/000", 6) },
			[]string{"ContentHandover: both: the entry is another in each: the log showed two histories, or one bundle was changed"},
		},
	} {
		if diff := cmp.Diff(row.want, w.match(mine, change(theirs, row.change))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// Two histories.
	w.entries = w.entries[:len(w.entries)-1]
	w.stored = int64(len(w.entries))
	w.deed(gateway.Deed{Event: gateway.Redriven, At: noon, By: rs, Reason: gateway.CodeBusy})
	if got := w.match(mine, w.bundle("rs/auditor")); len(got) != 2 || !strings.Contains(got[0], "two trees") || !strings.Contains(got[1], "two histories") {
		t.Errorf("two histories: %q", got)
	}
	if _, err := audit.Match(context.Background(), bytes.NewReader(mine), strings.NewReader("no bundle")); !errors.Is(err, audit.ErrArchive) {
		t.Errorf("no bundle: %v", err)
	}
	if _, err := audit.Match(context.Background(), bytes.NewReader(mine), bytes.NewReader(theirs[:len(theirs)-600])); !errors.Is(err, audit.ErrArchive) {
		t.Errorf("half a bundle: %v", err)
	}
}
