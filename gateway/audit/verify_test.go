package audit_test

import (
	"bytes"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/audit"
)

func show(t testing.TB, r *audit.Report) {
	t.Helper()
	for _, f := range r.Findings {
		t.Logf("entry %d %s %s: %s (%v)", f.Entry, f.Rule, f.Verdict, f.Says, f.Pair)
	}
}

// TestAnHonestLogHasNoFindings: for the auditors of both countries and of a third.
func TestAnHonestLogHasNoFindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conversation()
	for _, viewer := range []gateway.Party{"me/auditor", "rs/auditor", "al/auditor", "md/auditor"} {
		b := w.bundle(viewer)
		r := w.verify(b, nil)
		if !r.Clean() {
			t.Errorf("%s finds something", viewer)
			show(t, r)
		}
		if r.Entries != int64(len(w.entries)) {
			t.Errorf("%s read %d of %d entries", viewer, r.Entries, len(w.entries))
		}
		if again := w.bundle(viewer); !bytes.Equal(b, again) {
			t.Errorf("%s: the same range is another bundle", viewer)
		}
	}
}
