package ledger_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsEnteredIsPublishedInOrderAndWitnessed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoOfThree)
	w.run()
	w.deeds(0, 300)
	w.witnessed(300)
	if n := w.proven(origin); n != 300 {
		t.Fatalf("%d entries are in the log", n)
	}
	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprintf("deed %d", i))
	}
	if diff := cmp.Diff(want, w.digests(origin)); diff != "" {
		t.Error(diff)
	}
}
