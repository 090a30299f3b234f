package policy_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/policy"
	"example.org/trm/schemas"
)

var update = flag.Bool("update", false, "write the golden matrix anew")

// The golden matrix is what the policy decides about every type, question, recipient,
// purpose, basis, agreement, attestation and state of the thread, one file for each topic,
// for a person to read and for a reviewer to see what a changed rule changes. Where values
// make no difference they share a line, and a line without a condition has none.
func TestGoldenMatrixSaysWhatLeavesInEveryCase(t *testing.T) {
	t.Parallel()
	p, s := inForce(t), catalogue(t)
	files := make(map[string]string)
	for _, typ := range s.Types() {
		row, _ := s.Row(typ.Name)
		files[typ.Topic] += section(p, typ, row)
	}
	if *update {
		if err := os.RemoveAll("testdata/matrix"); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll("testdata/matrix", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for topic, got := range files {
		name := filepath.Join("testdata", "matrix", topic+".txt")
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(got, "\n"), strings.Split(string(want), "\n")); diff != "" {
			t.Errorf("%s has changed; read the difference, then run go test ./gateway/policy -update\n%s", name, diff)
		}
	}
	old, err := filepath.Glob("testdata/matrix/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		if _, ok := files[strings.TrimSuffix(filepath.Base(name), ".txt")]; !ok {
			t.Errorf("%s is of a topic that is no more", name)
		}
	}
}

func TestTheMatrixShowsEverythingThatRulesAskAbout(t *testing.T) {
	t.Parallel()
	for _, r := range inForce(t).Rules() {
		for _, w := range append([]policy.When{r.When}, r.Unless...) {
			if len(w.From)+len(w.Lanes)+len(w.Bases) > 0 {
				t.Errorf("rule %s asks about sender, lane or basis: give the matrix that dimension", r.ID)
			}
		}
	}
}

// dimension is one thing that a decision can depend on.
type dimension struct {
	name   string
	values []string
}

// section is the matrix of one type.
func section(p *policy.Policy, t gateway.Type, row schemas.Row) string {
	s := whole(t, row.Codes)
	s.bases = s.bases[:2]
	dims := []dimension{{"to", s.to}, {"purpose", s.purposes}, {"basis", s.bases}, {"attested", nil}, {"act", nil}, {"thread", []string{"new", "begun", "accepted", "declined", "closed", "withdrawn", "of-age"}}, {"agreement", nil}}
	for _, a := range s.attests {
		dims[3].values = append(dims[3].values, list(a, "nothing"))
	}
	for _, a := range s.acts {
		dims[4].values = append(dims[4].values, list(a, "none"))
	}
	for _, a := range s.agreements {
		dims[6].values = append(dims[6].values, spell(a))
	}
	at := make([]int, len(dims))
	tree := grow(dims, at, 0, func() string {
		q := asked(t, s.to[at[0]], s.purposes[at[1]], s.bases[at[2]], s.agreements[at[6]], s.threads[at[5]], s.attests[at[3]], s.acts[at[4]])
		return outcome(t, q.Head.Audience, p.Decide(q))
	})
	return "== " + t.Name + "\n" + tree + "\n"
}

// grow writes the tree of decisions below the first n dimensions, values that lead to the
// same subtree in one line.
func grow(dims []dimension, at []int, n int, decide func() string) string {
	if n == len(dims) {
		return decide()
	}
	d := dims[n]
	var trees []string
	groups := make(map[string][]string)
	for i, v := range d.values {
		at[n] = i
		sub := grow(dims, at, n+1, decide)
		if groups[sub] == nil {
			trees = append(trees, sub)
		}
		groups[sub] = append(groups[sub], v)
	}
	if len(trees) == 1 {
		return trees[0]
	}
	var b strings.Builder
	for _, sub := range trees {
		fmt.Fprintf(&b, "%s %s\n", d.name, strings.Join(groups[sub], " | "))
		for line := range strings.Lines(sub) {
			b.WriteString("  " + line)
		}
	}
	return b.String()
}

// outcome writes a decision: what leaves, and what does not by which rule.
func outcome(t gateway.Type, aud gateway.Party, d gateway.Decision) string {
	if d.Refusal != nil {
		return fmt.Sprintf("refused: %s (%s)\n", d.Refusal.Rule, d.Refusal.Code)
	}
	// The recipient's own role is written "aud", so that recipients can share a line.
	name := func(unit string) string {
		for _, sb := range t.Sealed {
			if sb.Unit(aud) == unit {
				return sb.Block + "@" + sb.Role
			}
		}
		return unit
	}
	var b strings.Builder
	if len(d.Released) > 0 {
		b.WriteString("leaves:")
		for _, u := range d.Released {
			b.WriteString(" " + name(u))
		}
		b.WriteString("\n")
	}
	for _, w := range d.Withheld {
		fmt.Fprintf(&b, "stays: %s (%s)\n", name(w.Unit), w.Rule)
	}
	if b.Len() == 0 {
		return "leaves: the head\n"
	}
	return b.String()
}

func list(l []string, none string) string {
	if len(l) == 0 {
		return none
	}
	return strings.Join(slices.Sorted(slices.Values(l)), ", ")
}

func spell(a gateway.Agreement) string {
	if a.State == "" {
		return "unsaid"
	}
	s := a.State
	if a.Reason != "" {
		s += ":" + a.Reason
	}
	if a.By == "" {
		return s + " by nobody"
	}
	s += " by " + a.By
	if a.Heard {
		s += ", child heard"
	}
	return s
}
