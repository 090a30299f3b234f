package quorum_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.org/trm/gateway/ledger/quorum"
)

func key(t *testing.T, name string, kind quorum.Kind) string {
	t.Helper()
	_, k, err := quorum.Generate(name, kind)
	if err != nil {
		t.Fatal(err)
	}
	return k.String()
}

// six is two groups of three witnesses, without groups and quorum.
func six(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, n := range []string{"X1", "X2", "X3", "Y1", "Y2", "Y3"} {
		fmt.Fprintf(&b, "witness %s %s https://%s.example/\n", n, key(t, n+".example/w", quorum.Witness), n)
	}
	return b.String()
}

func TestAQuorumIsAsManyAsItSays(t *testing.T) {
	t.Parallel()
	w := six(t)
	const nested = "group X 2 X1 X2 X3\ngroup Y any Y1 Y2 Y3\ngroup both all X Y\n"
	for _, c := range []struct {
		rule, cosigned string
		want           bool
	}{
		{"quorum none\n", "", true},
		{"quorum X1\n", "", false},
		{"quorum X1\n", "X2", false},
		{"quorum X1\n", "X1", true},
		{"group g any X1 X2\nquorum g\n", "", false},
		{"group g any X1 X2\nquorum g\n", "X2", true},
		{"group g all X1 X2\nquorum g\n", "X2", false},
		{"group g all X1 X2\nquorum g\n", "X1 X2", true},
		{"group g 2 X1 X2 X3\nquorum g\n", "X1", false},
		{"group g 2 X1 X2 X3\nquorum g\n", "X1 Y1 Y2 Y3", false},
		{"group g 2 X1 X2 X3\nquorum g\n", "X3 X1", true},
		{nested + "quorum both\n", "X1 X2", false},
		{nested + "quorum both\n", "X1 Y1 Y2 Y3", false},
		{nested + "quorum both\n", "Y3 X1 X3", true},
		{nested + "quorum X\n", "X1 X2", true},
		{"# a remark\n\n \t" + nested + "\tquorum \t both \n", "X1 X2 Y1", true},
	} {
		p, err := quorum.Parse(w + c.rule)
		if err != nil {
			t.Errorf("%q: %v", c.rule, err)
			continue
		}
		names := strings.Fields(c.cosigned)
		if got := p.Satisfied(func(n string) bool { return slices.Contains(names, n) }); got != c.want {
			t.Errorf("%q with %q: satisfied is %v", c.rule, c.cosigned, got)
		}
	}
}

func TestTheZeroPolicyIsSatisfiedByNothing(t *testing.T) {
	t.Parallel()
	if (quorum.Policy{}).Satisfied(func(string) bool { return true }) {
		t.Error("no policy asks for no witness")
	}
}

func TestAPolicyThatCouldBeReadTwoWaysIsRefused(t *testing.T) {
	t.Parallel()
	w, log := six(t), key(t, "trm/2026", quorum.Log)
	one := key(t, "one", quorum.Witness)
	k, err := quorum.ParseKey(one)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no quorum":                    w,
		"no last line feed":            w + "quorum X1",
		"two quorums":                  w + "quorum X1\nquorum X2\n",
		"a quorum of nobody":           w + "quorum X9\n",
		"a member defined below":       "group g any X1\n" + w + "quorum g\n",
		"a group without members":      w + "group g any\nquorum g\n",
		"none of some":                 w + "group g 0 X1 X2\nquorum g\n",
		"three of two":                 w + "group g 3 X1 X2\nquorum g\n",
		"a number written otherwise":   w + "group g 02 X1 X2\nquorum g\n",
		"a member twice in a group":    w + "group g 2 X1 X1\nquorum g\n",
		"a member of two groups":       w + "group g any X1\ngroup h any X1\ngroup i all g h\nquorum i\n",
		"none as a member":             w + "group g any none\nquorum g\n",
		"none as a witness":            "witness none " + one + "\nquorum none\n",
		"a name taken":                 w + "witness X1 " + one + "\nquorum X1\n",
		"a key twice":                  "witness A " + one + "\nwitness B " + one + "\nquorum A\n",
		"a key under two names":        "witness A " + one + "\nwitness B " + k.Named("two").String() + "\nquorum A\n",
		"a log's key as witness":       "witness A " + log + "\nquorum A\n",
		"a witness' key as log":        "log " + one + "\n" + w + "quorum X1\n",
		"an unknown word":              w + "veto X1\nquorum X1\n",
		"a word with a capital":        w + "Quorum X1\n",
		"too many words":               w + "quorum X1 X2\n",
		"a carriage return":            w + "quorum X1\r\n",
		"a zero byte":                  w + "# \x00\nquorum X1\n",
		"more than anybody can check":  strings.Repeat("# remark\n", 10000) + w + "quorum X1\n",
		"a key that is none":           "witness A A+00000000+AAAA\nquorum A\n",
		"a key whose id is of another": "witness A " + strings.Replace(one, "one", "two", 1) + "\nquorum A\n",
	} {
		if _, err := quorum.Parse(text); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if p, err := quorum.Parse("log " + log + " https://log.example/\n" + w + "quorum X1\n"); err != nil || len(p.Logs) != 1 || len(p.Witnesses) != 6 || p.Witnesses[3].URL != "https://Y1.example/" {
		t.Errorf("a good one is refused, or half read: %+v, %v", p, err)
	}
}

func TestAPrivateKeyIsReadInOneFormOnly(t *testing.T) {
	t.Parallel()
	line, want, err := quorum.Generate("trm", quorum.Log)
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := quorum.ParsePrivate(line)
	if err != nil || !got.Equal(want) {
		t.Fatalf("%v, %v", got, err)
	}
	if _, _, err := quorum.ParsePrivate("# TEST KEY\n" + line); err != nil {
		t.Errorf("a remark: %v", err)
	}
	for _, bad := range []string{"", want.String(), strings.Replace(line, "trm", "trn", 1), line + "x", strings.TrimPrefix(line, "PRIVATE+")} {
		if _, _, err := quorum.ParsePrivate(bad); err == nil || strings.Contains(err.Error(), line[40:60]) {
			t.Errorf("a line that is no key: %v", err)
		}
	}
	if _, _, err := quorum.Generate("two words", quorum.Witness); err == nil {
		t.Error("a name with a space")
	}
}
