package twin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// accidents are what differs between two runs of the same thing.
var accidents = []struct {
	pattern *regexp.Regexp
	word    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<id>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "<time>"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "<digest>"},
	{regexp.MustCompile(`\b00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]\b`), "<trace>"},
	{regexp.MustCompile(`\b([0-9a-f]{32}|[0-9a-f]{16})\b`), "<trace>"},
	{regexp.MustCompile(`\b1[0-9]{9}([0-9]{3}){0,3}(-\d+)?\b`), "<time>"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "<address>"},
	{regexp.MustCompile(`/tmp/[^\s"]+`), "<path>"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ns|µs|us|ms|s)\b`), "<elapsed>"},
}

// digest is what stands for a digest, a key id or a coordinate wherever it stands alone.
var digest = regexp.MustCompile(`(^|[^A-Za-z0-9_-])[A-Za-z0-9_-]{43}($|[^A-Za-z0-9_-])`)

// token is a compact JWS or JWE, or one part of it.
var token = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){0,4}`)

// disclosure is the base64url of ["salt","name",value].
var disclosure = regexp.MustCompile(`\bWy[IJ][A-Za-z0-9_-]+`)

// signature is one that stands alone: 64 bytes.
var signature = regexp.MustCompile(`(^|[^A-Za-z0-9_-])[A-Za-z0-9_-]{86}($|[^A-Za-z0-9_-])`)

// A signed checkpoint: its root hash, who of the witnesses was quicker than the others, and
// what they and the log signed.
var (
	rootHash    = regexp.MustCompile(`(?m)^[A-Za-z0-9+/]{43}=$`)
	cosignature = regexp.MustCompile(`(?m)^— \S+\.witness\.example\.org [A-Za-z0-9+/]{100,}={0,2}$`)
	logSigned   = regexp.MustCompile(`(?m)^(— trm/\d+) [A-Za-z0-9+/]{90,}={0,2}$`)
)

// text is a text without accidents: tokens are opened as far as anybody can without a
// key, signatures and ciphertexts reduced to their length.
func text(s string) string {
	s = rootHash.ReplaceAllString(s, "<root>")
	s = cosignature.ReplaceAllString(s, "— <witness> <cosignature>")
	s = logSigned.ReplaceAllString(s, "$1 <signature>")
	s = disclosure.ReplaceAllStringFunc(s, func(d string) string {
		var v []any
		b, err := base64.RawURLEncoding.DecodeString(d)
		if err != nil || json.Unmarshal(b, &v) != nil || len(v) != 3 {
			return d
		}
		return normal(v[1:])
	})
	s = token.ReplaceAllStringFunc(s, func(t string) string {
		parts := strings.Split(t, ".")
		for i, p := range parts {
			b, err := base64.RawURLEncoding.DecodeString(p)
			var v any
			if err == nil && json.Unmarshal(b, &v) == nil {
				parts[i] = normal(v)
			} else {
				parts[i] = fmt.Sprintf("<%d characters>", len(p))
			}
		}
		return strings.Join(parts, ".")
	})
	s = signature.ReplaceAllString(s, "$1<signature>$2")
	for digest.MatchString(s) {
		s = digest.ReplaceAllString(s, "$1<digest>$2")
	}
	for _, a := range accidents {
		s = a.pattern.ReplaceAllString(s, a.word)
	}
	return s
}

// normal writes a value without accidents, members in order.
func normal(v any) string {
	switch v := v.(type) {
	case map[string]any:
		out := "{"
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if slices.Contains([]string{"time", "elapsed", "trace_id", "span_id"}, k) {
				continue
			}
			out += k + ":" + normal(v[k]) + " "
		}
		return out + "}"
	case []any:
		// Disclosures and digests stand sorted by what is random in them.
		out := make([]string, len(v))
		for i, x := range v {
			out[i] = normal(x)
		}
		slices.Sort(out)
		return fmt.Sprintf("[%s]", strings.Join(out, " "))
	case []byte:
		var j any
		if json.Unmarshal(v, &j) == nil {
			return normal(j)
		}
		if utf8.Valid(v) && len(v) != 32 {
			return text(string(v))
		}
		return fmt.Sprintf("<%d bytes>", len(v))
	case string:
		var j any
		if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &j) == nil {
			return normal(j)
		}
		return text(v)
	case float64:
		return text(fmt.Sprintf("%.0f", v))
	}
	return text(fmt.Sprint(v))
}

// TestAccidentsGoAndSubstanceStays: what is normalised away is only what no two runs share.
func TestAccidentsGoAndSubstanceStays(t *testing.T) {
	t.Parallel()
	b64 := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	same := [][2]any{
		{"at 2026-11-24T16:00:00Z", "at 2026-11-25T17:01:02.5Z"},
		{b64(`{"alg":"ES256","iat":1780000000}`) + "." + b64(`{"jti":"019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}`) + ".abcd", b64(`{"alg":"ES256","iat":1780000001}`) + "." + b64(`{"jti":"019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6072"}`) + ".bcde"},
		{[]byte{0xff, 1}, []byte{0xfe, 2}},
		{b64(`["salt","a",1]`), b64(`["tlas","a",1]`)},
		{checkpoint(5, 1, "al", "md"), checkpoint(5, 2, "md", "me")},
	}
	for _, p := range same {
		if normal(p[0]) != normal(p[1]) {
			t.Errorf("%q and %q differ", normal(p[0]), normal(p[1]))
		}
	}
	different := [][2]any{
		{"health", "guardian"},
		{b64(`{"alg":"ES256","crit":1}`) + ".e30.abcd", b64(`{"alg":"ES256","crit":2}`) + ".e30.abcd"},
		{b64(`{"alg":"x"}`) + ".AAAA.BBBB.CCCC.DDDD", b64(`{"alg":"x"}`) + ".AAAA.BBBB.CCCCC.DDDD"},
		{[]byte{0xff, 1}, []byte{0xfe, 2, 3}},
		{map[string]any{"n": 1.0}, map[string]any{"n": 2.0}},
		{"42", "43"},
		{checkpoint(5, 1, "al", "md"), checkpoint(6, 1, "al", "md")},
		{checkpoint(5, 1, "al", "md"), checkpoint(5, 1, "al")},
		{b64(`["salt","a",1]`), b64(`["salt","a",2]`)},
		{b64(`["salt","a","eyJhIjoxfQ.aa.aa.aa.aa"]`), b64(`["salt","a","eyJhIjoxfQ.aa.aa.aaa.aa"]`)},
	}
	for _, p := range different {
		if normal(p[0]) == normal(p[1]) {
			t.Errorf("%q hides a difference", normal(p[0]))
		}
	}
}

// checkpoint is a signed one, as the journal keeps it.
func checkpoint(size int, root byte, witnesses ...string) string {
	b64 := base64.StdEncoding.EncodeToString
	s := fmt.Sprintf("trm/2026\n%d\n%s\n\n— trm/2026 %s\n", size, b64(bytes.Repeat([]byte{root}, 32)), b64(bytes.Repeat([]byte{root}, 68)))
	for i, w := range witnesses {
		s += fmt.Sprintf("— %s.witness.example.org %s\n", w, b64(bytes.Repeat([]byte{root, byte(i)}, 38)))
	}
	return s
}
