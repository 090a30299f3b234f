package leak_test

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"example.org/trm/gateway/policy/leak"
)

// lines are the rows of a table in testdata that are no comments.
func lines(t testing.TB, name string) []string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := s.Text(); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// disguise is a row of the table of what must be found.
type disguise struct {
	kinds []string
	text  string
}

func disguises(t testing.TB) []disguise {
	t.Helper()
	var out []disguise
	for _, line := range lines(t, "disguises.tsv") {
		kinds, text, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("a row without a tab: %s", line)
		}
		plain, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		out = append(out, disguise{strings.Split(kinds, ","), plain})
	}
	return out
}

func kindsOf(found []leak.Finding) []string {
	out := []string{}
	for _, f := range found {
		out = append(out, string(f.Kind))
	}
	return out
}

func TestEveryDisguiseIsSeenThrough(t *testing.T) {
	t.Parallel()
	rows := disguises(t)
	if len(rows) < 80 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	seen := map[string]int{}
	for _, row := range rows {
		for _, k := range row.kinds {
			seen[k]++
		}
		if got := kindsOf(leak.Scan(row.text)); !slices.Equal(got, row.kinds) {
			t.Errorf("%s\n got %v, want %v", row.text, got, row.kinds)
		}
	}
	for _, k := range leak.Kinds {
		if seen[string(k)] < 10 {
			t.Errorf("the table has %d rows of %s", seen[string(k)], k)
		}
	}
}

func TestInnocentSentencesPass(t *testing.T) {
	t.Parallel()
	rows := lines(t, "innocent.txt")
	if len(rows) < 80 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, text := range rows {
		for _, f := range leak.Scan(text) {
			t.Errorf("%s\n %s from %d to %d", text, f.Kind, f.From, f.To)
		}
	}
	if found := leak.Scan(strings.Join(rows, "\n")); len(found) > 0 {
		t.Errorf("found %d things where one sentence follows another: %v", len(found), found)
	}
}

func TestADisguiseIsSeenThroughInTheMiddleOfAText(t *testing.T) {
	t.Parallel()
	const before, after = "Dijete je danas stiglo. Ово је напомена; ", "; molimo odgovor do 16:00."
	for _, row := range disguises(t) {
		got := leak.Scan(before + row.text + after)
		if !slices.Equal(kindsOf(got), row.kinds) {
			t.Errorf("%s\n got %v, want %v", row.text, kindsOf(got), row.kinds)
		}
		from := utf8.RuneCountInString(before)
		to := from + utf8.RuneCountInString(row.text)
		for _, f := range got {
			if f.From < from || f.To > to {
				t.Errorf("%s\n %s from %d to %d, and the sentence from %d to %d", row.text, f.Kind, f.From, f.To, from, to)
			}
		}
	}
}

func TestAPositionCountsCharactersAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]leak.Finding{
		"JMBG 0101099710013.":                  {Kind: leak.PersonalNumber, From: 5, To: 18},
		"ЈМБГ 0101099710013.":                  {Kind: leak.PersonalNumber, From: 5, To: 18},
		"ЉЉЉ 01010\u200b99710013!":             {Kind: leak.PersonalNumber, From: 4, To: 18},
		"ﬁﬁ ана.канари@пример.срб":             {Kind: leak.Mail, From: 3, To: 24},
		"½ +381 60 1234567":                    {Kind: leak.Telephone, From: 2, To: 17},
		"Живи овде: улица Краља Петра 12.":     {Kind: leak.Address, From: 11, To: 31},
		"e\u0301e\u0301 rođena 12.05.2009 sad": {Kind: leak.BirthDate, From: 12, To: 22},
	} {
		got := leak.Scan(text)
		if len(got) != 1 || got[0] != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestACheckDigitTellsANumberFromAnother(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0101099710014", "3201099710013", "0113099710013", "1000000000004", "2000000000005", "1000000008", "A1231231231B", "DE88370400440532013000"} {
		if got := leak.Scan("Broj " + text + " nije ničiji."); len(got) > 0 {
			t.Errorf("%s: found %v", text, got)
		}
	}
}

func TestAFindingNeverHoldsTheText(t *testing.T) {
	t.Parallel()
	for _, row := range disguises(t) {
		for _, f := range leak.Scan(row.text) {
			said := strings.ReplaceAll(fmt.Sprintf("%v %+v %#v", f, f, f), string(f.Kind), "")
			for _, part := range strings.Fields(row.text) {
				if len(part) > 3 && strings.Contains(said, part) {
					t.Errorf("a finding says %q", part)
				}
			}
		}
	}
}

// hostile are texts that would be slow to look through, were any step not linear.
var hostile = []string{
	"0 ", "0", "01.", "+0", "(0", "a@", "a@a.", "at ", "ul. A ", "rođena ", "rođena u a ", "AA00 ", "geo:", "12.1234, ", "1° ", "nula ", "O0", "а0а", "tel ", "tel 1", "pasoš br ", "\u200b", "Ω", "ﷺ", "T9 ", "ulica ", "adresa: A ", "1 A Street ",
}

// What is hostile is looked through to its end, as what is not: a step that were a square
// of the length would not come back from a text a thousand times as long as a note.
func TestAHostileTextIsLookedThroughToItsEnd(t *testing.T) {
	t.Parallel()
	for _, unit := range hostile {
		text := strings.Repeat(unit, 20_000/len(unit)) + " A.B@c.example "
		if got := leak.Scan(text); !slices.ContainsFunc(got, func(f leak.Finding) bool { return f.Kind == leak.Mail }) {
			t.Errorf("after %q repeated, the address was not found", unit)
		}
	}
}

// BenchmarkHostile shows how time grows with the length: compare ns/op of 1000 and 8000.
func BenchmarkHostile(b *testing.B) {
	for _, unit := range hostile {
		for _, n := range []int{1000, 8000} {
			text := strings.Repeat(unit, n/len(unit))
			b.Run(fmt.Sprintf("%q/%d", unit, n), func(b *testing.B) {
				for b.Loop() {
					leak.Scan(text)
				}
			})
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, row := range disguises(f) {
		f.Add(row.text)
	}
	for _, text := range lines(f, "innocent.txt") {
		f.Add(text)
	}
	for _, unit := range hostile {
		f.Add(strings.Repeat(unit, 40))
	}
	f.Add("\xff\xfe 0101099710013")
	f.Fuzz(func(t *testing.T, text string) {
		found := leak.Scan(text)
		at, n := 0, utf8.RuneCountInString(text)
		for _, f := range found {
			if f.From < at || f.To <= f.From || f.To > n {
				t.Fatalf("%v of %d characters, after %d", f, n, at)
			}
			if !slices.Contains(leak.Kinds[:], f.Kind) {
				t.Fatalf("kind %q", f.Kind)
			}
			at = f.To
		}
		if again := leak.Scan(text); !slices.Equal(found, again) {
			t.Fatalf("%v, and then %v", found, again)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	innocent := strings.Join(lines(b, "innocent.txt"), " ")
	var telling strings.Builder
	for _, row := range disguises(b) {
		telling.WriteString(row.text + " ")
	}
	for name, text := range map[string]string{"innocent": innocent, "telling": telling.String()} {
		note := string([]rune(text)[:1000])
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				leak.Scan(note)
			}
		})
	}
}
