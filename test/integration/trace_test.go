package integration

import (
	"slices"
	"testing"

	"example.org/trm/test/harness"
)

// TestOneTraceShowsEveryStep of a message, from the outbox of its sender through the
// gateway and Redis to the recorded evidence, in one tree.
func TestOneTraceShowsEveryStep(t *testing.T) {
	t.Parallel()
	r := harness.New(t, harness.Options{})
	r.Send(harness.Referral("me/coordinator", "rs/coordinator"))
	r.Stop() // which exports the last spans
	traces := map[string][]harness.Span{}
	for _, s := range r.Spans.All() {
		traces[s.Trace] = append(traces[s.Trace], s)
	}
	var found int
	for _, tree := range traces {
		if !slices.ContainsFunc(tree, func(s harness.Span) bool { return s.Name == "accept" }) {
			continue
		}
		found++
		steps := map[string]int{}
		roots := 0
		for _, s := range tree {
			steps[s.Service+": "+s.Name]++
			if s.Parent == "" {
				roots++
			} else if !slices.ContainsFunc(tree, func(p harness.Span) bool { return p.ID == s.Parent }) {
				t.Errorf("%s: %s hangs on nothing in its trace", s.Service, s.Name)
			}
		}
		if roots != 1 {
			t.Errorf("the trace has %d roots, want one", roots)
		}
		for step, want := range map[string]int{
			"adapterd me: submit message": 1,
			"gatewayd: POST /v1/messages": 1,
			"gatewayd: accept":            1,
			"gatewayd: dispatch":          1,
			"adapterd rs: take delivery":  1,
			"adapterd rs: open delivery":  1,
			"adapterd rs: deliver":        3, // what the queue gives, and one for each reader
			"gatewayd: collect":           1,
		} {
			if steps[step] != want {
				t.Errorf("the trace shows %q %d times, want %d; it shows %v", step, steps[step], want, steps)
			}
		}
	}
	if found != 1 {
		t.Errorf("found %d traces in which a message was accepted, want one", found)
	}
}
