package canary

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const value = "Xhevalina Zzyxov/7?~"

func flock(t *testing.T) *Flock {
	t.Helper()
	var f Flock
	if err := f.Add("name", value); err != nil {
		t.Fatal(err)
	}
	return &f
}

// TestEveryFormIsFoundWhateverStandsAround hides the value in each form, behind 0 to 8
// bytes and before others.
func TestEveryFormIsFoundWhateverStandsAround(t *testing.T) {
	t.Parallel()
	f := flock(t)
	b64 := func(e *base64.Encoding) func(string) string {
		return func(s string) string { return e.EncodeToString([]byte(s)) }
	}
	hide := map[string]func(string) string{
		"plain":                    func(s string) string { return s },
		"hex":                      func(s string) string { return hex.EncodeToString([]byte(s)) },
		"upper hex":                func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
		"base64, padded":           b64(base64.StdEncoding),
		"base64":                   b64(base64.RawStdEncoding),
		"base64url":                b64(base64.RawURLEncoding),
		"base64url of base64url":   func(s string) string { return b64(base64.RawURLEncoding)("x." + b64(base64.RawURLEncoding)(s)) },
		"base64 of base64, padded": func(s string) string { return b64(base64.StdEncoding)(b64(base64.StdEncoding)(s)) },
	}
	for name, form := range hide {
		for n := range 9 {
			for _, after := range []string{"", "\xff", "\xff\xff", "ab\xffcd"} {
				text := "," + form(strings.Repeat("\xfe", n)+value+after) + ","
				if len(f.Search("x", []byte(text))) == 0 {
					t.Errorf("%s behind %d bytes and before %d: not found", name, n, len(after))
				}
			}
		}
	}
}

// TestWhatIsNotThereIsNotFound guards against a search that finds everything.
func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	f := flock(t)
	for _, text := range []string{"", "Xhevalina", strings.Repeat("Xhevalina Zzyxo", 100), base64.StdEncoding.EncodeToString([]byte("another name altogether"))} {
		if got := f.Search("x", []byte(text)); len(got) > 0 {
			t.Errorf("found %v in a text of %d bytes without it", got, len(text))
		}
	}
}

// TestShortValuesAreNoCanaries because they are found by chance.
func TestShortValuesAreNoCanaries(t *testing.T) {
	t.Parallel()
	var f Flock
	if err := f.Add("short", "HIV"); err == nil || f.Len() != 0 {
		t.Errorf("a canary of 3 bytes was taken: %v", err)
	}
}

// TestTreeFindsNamesAndContentsAndSkips what it is told to.
func TestTreeFindsNamesAndContentsAndSkips(t *testing.T) {
	t.Parallel()
	f, dir := flock(t), t.TempDir()
	for name, text := range map[string]string{
		"journal/db-wal":                            "\x00\x01" + value + "\x00",
		"inbox/letter.json":                         value,
		hex.EncodeToString([]byte(value)) + ".json": "{}",
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, searched, err := f.Tree(dir, func(rel string) bool { return rel == "inbox" })
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || searched != len(value)+5 {
		t.Errorf("found %v in %d bytes, want one in a name and one in the WAL, in %d", found, searched, len(value)+5)
	}
	for _, x := range found {
		if strings.Contains(fmt.Sprint(x), value) {
			t.Error("a finding shows the value that it found")
		}
	}
}

// BenchmarkSearch is one mebibyte and a thousand canaries.
func BenchmarkSearch(b *testing.B) {
	var f Flock
	for i := range 1000 {
		if err := f.Add("x", fmt.Sprintf("Canary %09d", i)); err != nil {
			b.Fatal(err)
		}
	}
	text := []byte(strings.Repeat("0123456789abcdef", 1<<16))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		f.Search("x", text)
	}
}
