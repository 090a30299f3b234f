// Package twin holds the twin test of the whole region: two messages that differ only in
// what is sealed, or in what is withheld, leave the same traces.
//
// Each twin gets a region of its own, with the same keys. What they leave is compared
// after ids, times and digests were taken out, and signatures and ciphertexts were reduced
// to their length.
package twin

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/certs"
	"example.org/trm/gateway"
	"example.org/trm/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// TestSealedContentLeavesNoTrace: whether something is said about somebody's health or
// nothing, nobody can tell but those whom it is sealed to.
func TestSealedContentLeavesNoTrace(t *testing.T) {
	t.Parallel()
	d := harness.Referral("me/coordinator", "rs/coordinator")
	one, two := twins(t, d, without(d, "health@child-protection", "guardian@child-protection"), func(r *harness.Region, d harness.Draft) {
		r.Send(d)
	})
	compare(t, one, two, "gateway journal", "gateway log", "gateway spans", "metrics", "redis", "coordinator")
}

// TestWithheldUnitLeavesNoTrace: whether there was a name that policy withheld, or none,
// nobody can tell but the sender and its auditor; not the gateway's operator either, from
// what is kept.
func TestWithheldUnitLeavesNoTrace(t *testing.T) {
	t.Parallel()
	d := harness.Referral("me/coordinator", "rs/coordinator")
	named := d.With(map[string]any{"sealed": maps.Clone(d["sealed"].(map[string]any))})
	named["sealed"].(map[string]any)["identity@coordinator"] = map[string]any{
		"names": []any{map[string]any{"script": "latn", "given": "Canary TWINNAME", "family": "Canary TWINNAMES"}},
	}
	one, two := twins(t, named, d, func(r *harness.Region, d harness.Draft) {
		r.Submit(d, true)
	})
	compare(t, one, two, slices.Sorted(maps.Keys(one))...)
}

// without is the draft in which units say nothing.
func without(d harness.Draft, units ...string) harness.Draft {
	sealed := maps.Clone(d["sealed"].(map[string]any))
	for _, u := range units {
		delete(sealed, u)
	}
	return d.With(map[string]any{"sealed": sealed})
}

// twins lets two regions carry one draft each and returns what they leave.
func twins(t *testing.T, one, two harness.Draft, send func(*harness.Region, harness.Draft)) (traces, traces) {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "certs")
	if _, err := certs.Develop(keys, certs.Options{}); err != nil {
		t.Fatal(err)
	}
	var both [2]traces
	for i, d := range []harness.Draft{one, two} {
		r := harness.New(t, harness.Options{Certs: keys})
		send(r, d)
		both[i] = left(t, r)
	}
	return both[0], both[1]
}

// left is what a region left behind, once everything has ended and its processes too.
func left(t *testing.T, r *harness.Region) traces {
	t.Helper()
	r.Settle()
	// What is finished leaves Redis a moment later: both twins are looked at after that.
	r.Until("what is finished to leave the streams", func() bool { return swept(t, r) })
	r.Stop()
	return traces{
		"gateway journal":  journal(t, filepath.Join(r.Dir, "gateway", "journal.db")),
		"gateway log":      log(r.Gateway),
		"gateway spans":    spans(r, "gatewayd"),
		"metrics":          metrics(r.Metrics()),
		"redis":            aof(t, r.Redis.Dir()),
		"coordinator":      files(t, r, "rs/coordinator"),
		"rs journal":       journal(t, filepath.Join(r.Dir, "adapters", "rs", "adapter.db")),
		"rs spans":         spans(r, "adapterd rs"),
		"rs log":           log(r.Adapters["rs"].Program),
		"child protection": files(t, r, gateway.Party("rs/child-protection")),
	}
}

// swept reports whether no delivery has a place in a stream any more, and no evidence
// waits in one.
func swept(t *testing.T, r *harness.Region) bool {
	t.Helper()
	if n, err := r.Redis.Client().XLen(t.Context(), "trm:{rs}:evidence").Result(); err != nil || n > 0 {
		return false
	}
	for _, line := range journal(t, filepath.Join(r.Dir, "gateway", "journal.db")) {
		if strings.HasPrefix(line, "deliveries ") && !strings.Contains(line, " sequence=0") {
			return false
		}
	}
	return true
}

func compare(t *testing.T, one, two traces, stores ...string) {
	t.Helper()
	for _, s := range stores {
		if len(one[s]) == 0 {
			t.Errorf("%s: holds nothing: comparing it proves nothing", s)
		}
		if diff := cmp.Diff(two[s], one[s]); diff != "" {
			t.Errorf("%s tells the twins apart (-without +with):\n%s", s, diff)
		}
	}
}
