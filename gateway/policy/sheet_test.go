package policy_test

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway/policy"
)

// kinds are all types of the catalogue, as the matrix is asked about them.
func kinds(t testing.TB) []policy.Kind {
	t.Helper()
	s := catalogue(t)
	var out []policy.Kind
	for _, typ := range s.Types() {
		row, _ := s.Row(typ.Name)
		out = append(out, policy.Kind{Type: typ, Codes: row.Codes})
	}
	return out
}

func matrix(t testing.TB) policy.Matrix {
	t.Helper()
	matrixOnce.Do(func() { theMatrix = inForce(t).Matrix(kinds(t), policy.Usual(everyday.Pair.Purposes)) })
	return theMatrix
}

// theMatrix is the same for all tests, which only read it.
var (
	matrixOnce sync.Once
	theMatrix  policy.Matrix
)

// golden compares what was written with a file, or writes the file.
func golden(t *testing.T, name string, write func(io.Writer) error) []byte {
	t.Helper()
	var got bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, "sheet.md") {
		return got.Bytes() // the other two say the same, and show a reviewer what changed
	}
	if *update {
		if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("%s has changed (-file +made); read the difference, then run go test ./gateway/policy -update\n%s", name, diff)
	}
	return got.Bytes()
}

func TestThePageToSignIsTheSameInEveryForm(t *testing.T) {
	t.Parallel()
	m := matrix(t)
	for name, write := range map[string]func(io.Writer) error{
		"testdata/sheet.txt": m.WriteText, "testdata/sheet.md": m.WriteMarkdown, "testdata/sheet.html": m.WriteHTML,
	} {
		page := string(golden(t, name, write))
		for _, must := range []string{m.Release, m.Digest, "UNSCR 1244/1999", "Kosovo", "ignature"} {
			if !strings.Contains(page, must) {
				t.Errorf("%s does not say %q", name, must)
			}
		}
		for _, id := range m.Named() {
			if id != policy.DefaultDeny && strings.Count(page, id) < 2 {
				t.Errorf("%s names the rule %s and does not say it", name, id)
			}
		}
		for _, tab := range m.Tables {
			if !strings.Contains(page, tab.Heading()) {
				t.Errorf("%s has no table for %s", name, tab.Heading())
			}
		}
		for _, far := range []string{"http:", "https:", "src=", "@import", "<script"} {
			if strings.Contains(page, far) {
				t.Errorf("%s needs something else: it has %q", name, far)
			}
		}
	}
	if again := inForce(t).Matrix(kinds(t), policy.Usual(everyday.Pair.Purposes)); !cmp.Equal(m.Tables, again.Tables) {
		t.Error("made twice, the matrix differs")
	}
}

func TestTheReferencePageOfRulesIsGenerated(t *testing.T) {
	t.Parallel()
	golden(t, "../doc/rules.md", inForce(t).WriteRules)
}

// TestTheMatrixIsWhatThePolicyDecides takes each cell and asks again.
func TestTheMatrixIsWhatThePolicyDecides(t *testing.T) {
	t.Parallel()
	p, s, w := inForce(t), catalogue(t), policy.Usual(everyday.Pair.Purposes)
	seen := 0
	for _, tab := range p.Matrix(kinds(t), w).Tables {
		typ, _ := s.Type(tab.Type)
		for _, to := range tab.To {
			for _, c := range tab.Cases {
				for _, says := range c.Situations {
					i := slices.IndexFunc(policy.Situations(), func(s policy.Situation) bool { return s.Says == says })
					codes := tab.Codes
					if len(codes) == 0 {
						row, _ := s.Row(tab.Type)
						codes = append([]string{}, row.Codes...)
					}
					if len(codes) == 0 {
						codes = []string{""}
					}
					for _, code := range codes {
						q := policy.Ask(policy.Situations()[i], typ, code, to, w)
						d := p.Decide(q)
						seen++
						withheldMust := slices.ContainsFunc(typ.Must, func(u string) bool { return d.Refusal == nil && !slices.Contains(d.Released, u) })
						if (c.Refused != "") != (d.Refusal != nil || withheldMust) {
							t.Fatalf("%s, %s: the matrix says refused by %q, the policy %v", tab.Heading(), says, c.Refused, d.Refusal)
						}
						for _, cell := range c.Cells {
							unit := strings.Replace(cell.Unit, "@aud", "@"+to, 1)
							if cell.Leaves != slices.Contains(d.Released, unit) || cell.Rule != withheldBy(d, unit) {
								t.Fatalf("%s, %s: of %s the matrix says %+v", tab.Heading(), says, unit, cell)
							}
						}
					}
				}
			}
		}
	}
	if seen < 1000 {
		t.Errorf("asked about %d cases only", seen)
	}
}

// TestEveryRuleThatTheGatewayKeepsShowsInTheMatrix or is one that no everyday message meets.
func TestEveryRuleThatTheGatewayKeepsShowsInTheMatrix(t *testing.T) {
	t.Parallel()
	named := matrix(t).Named()
	beyond := map[string]string{
		"no-assistance-for-the-police": "no type has such a recipient",
		"sender-of-the-type":           "the matrix asks about senders who may",
		"receiver-of-the-type":         "and about recipients who may",
		"class-of-the-role":            "it assumes what the directory grants",
		"override-best-interests":      "it overrides once, for danger to life",
		"nothing-sealed-in-capacity":   "the type has nothing sealed to ask about",
		"health-to-those-who-care":     "no type seals health to another",
	}
	for _, r := range inForce(t).Rules() {
		if r.Effect == policy.Allow || r.Effect == policy.Duty || slices.Contains(named, r.ID) {
			continue
		}
		if beyond[r.ID] == "" {
			t.Errorf("no situation of the matrix meets %s: add one", r.ID)
		}
	}
}
