package envelope_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func TestStrictJSONReadsWhatEncodingJSONReads(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`null`, `true`, ` false `, `""`, `0`, `-0`, `-12.000001`, `9007199254740992`, `[]`, `{}`, "\t[ 1 , [ { } ] ]\r\n",
		`{"a":{"b":[1,2,{"c":null}]},"ä":"ö"}`, `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, `"😀 und ` + "\u007f" + `"`, `{"aB":1,"ab2":2}`,
	} {
		got, err := envelope.DecodeJSON([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want, err := lenient([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-encoding/json +ours):\n%s", text, diff)
		}
	}
}

func TestStrictJSONSaysWhichByteIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, hint string }{
		{`{"a":1,"a":2}`, "JSON, byte 7: a name twice in one object."},
		{`{"a":1,"A":2}`, "JSON, byte 0: two names of one object differ in case alone."},
		{`{"k":1,"` + "\u212a" + `":2}`, "JSON, byte 0: two names of one object differ in case alone."},
		{`[1e400]`, "JSON, byte 1: a number has an exponent."},
		{`[-9007199254740993]`, "JSON, byte 1: a number is too large."},
		{`[0.1234567]`, "JSON, byte 1: a number has too many digits."},
		{`[01]`, "JSON, byte 1: not a number."},
		{`[-]`, "JSON, byte 1: not a number."},
		{`[1.]`, "JSON, byte 1: not a number."},
		{`[.5]`, "JSON, byte 1: no value here."},
		{`{"a" 1}`, "JSON, byte 5: a colon is missing."},
		{`{"a":1 "b":2}`, "JSON, byte 7: a comma is missing."},
		{`{"a":1,}`, "JSON, byte 7: a name is missing."},
		{`[1 2]`, "JSON, byte 3: a comma is missing."},
		{`{a:1}`, "JSON, byte 1: a name is missing."},
		{`tru`, "JSON, byte 0: no value here."},
		{`TRUE`, "JSON, byte 0: no value here."},
		{`nullx`, "JSON, byte 4: something follows the end."},
		{`"a`, "JSON, byte 2: a string has no end."},
		{`"\u12`, "JSON, byte 1: no such escape."},
		{`"\x41"`, "JSON, byte 1: no such escape."},
		{`"\ud800\ud800"`, "JSON, byte 1: a lone surrogate."},
		{`"\u0000"`, "JSON, byte 1: a NUL in a string."},
		{"\"\t\"", "JSON, byte 1: a control character in a string."},
		{"\"\x1f\"", "JSON, byte 1: a control character in a string."},
		{"\"\\n\x1f\"", "JSON, byte 3: a control character in a string."},
		{"\"\xf4\x90\x80\x80\"", "JSON, byte 1: not UTF-8."},
		{strings.Repeat("[", 33) + strings.Repeat("]", 33), "JSON, byte 32: too deep."},
		{"[" + strings.Repeat("0,", 20_000) + "0]", "JSON, byte 39999: too many values."},
		{``, "JSON, byte 0: no value here."},
	} {
		_, err := envelope.DecodeJSON([]byte(c.text))
		if p := gateway.AsProblem(err); p.Code != gateway.CodeMalformed || p.Hint != c.hint {
			t.Errorf("%.40q: got %q, want %q", c.text, p.Hint, c.hint)
		}
	}
	deep := strings.Repeat("[", 32) + strings.Repeat("]", 32)
	if _, err := envelope.DecodeJSON([]byte(deep)); err != nil {
		t.Errorf("32 levels: %v", err)
	}
}

// lenient reads one JSON text as encoding/json does.
func lenient(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows")
	}
	return v, nil
}

// What the strict decoder reads, encoding/json reads too and in the same way; what it
// refuses although encoding/json reads it, it refuses for one of the reasons it promises.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5,-3],"b":{"c":"\u00e9\ud83d\ude00","D":null}}`, `{"a":1,"a":2}`, `{"k":1,"K":2}`, `[1e9,"\ud800"]`, " [true] \n", "\"\xff\"",
	} {
		f.Add([]byte(seed))
	}
	ours := []string{
		"a name twice in one object", "two names of one object differ in case alone", "a number has an exponent", "a number is too large",
		"a number has too many digits", "a lone surrogate", "a NUL in a string", "not UTF-8", "too deep", "too many values",
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := envelope.DecodeJSON(raw)
		want, lerr := lenient(raw)
		if err == nil {
			if lerr != nil {
				t.Fatalf("read what encoding/json refuses: %v", lerr)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("(-encoding/json +ours):\n%s", diff)
			}
			return
		}
		p := gateway.AsProblem(err)
		if p.Code != gateway.CodeMalformed {
			t.Fatalf("refused with %s", p.Code)
		}
		if lerr == nil {
			for _, reason := range ours {
				if strings.Contains(p.Hint, reason) {
					return
				}
			}
			t.Fatalf("refused what encoding/json reads: %s", p.Hint)
		}
	})
}
