package envelope

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/trm/gateway"
)

// Limits of every JSON text from outside. They bound what a hostile text can cost before
// anybody has looked at who sent it.
const (
	maxDepth    = 32
	maxValues   = 20_000  // of one text
	maxEnvelope = 4_000   // of all texts of an envelope together
	maxInteger  = 1 << 53 // beyond it JavaScript and others round silently (RFC 8259, Section 6)
	maxFraction = 6       // digits
)

// DecodeJSON reads one JSON text strictly: UTF-8 without lone surrogates, no name twice in
// an object nor two that differ in case alone, at most 32 levels and 20,000 values,
// integers up to 2^53, fractions of up to six digits and no exponents, no NUL in a string,
// nothing after the end. Objects become map[string]any, numbers json.Number.
//
// Exponents are refused because a number of nine bytes can keep a validator busy for
// milliseconds. Names that differ in case are refused because readers disagree about
// which of them they are. The error is a *gateway.Problem whose hint tells the byte.
// Its cost is linear in the input.
func DecodeJSON(raw []byte) (any, error) {
	b := budget(maxValues)
	return b.decode(raw)
}

// decodeObject reads a JSON text that must be an object.
func decodeObject(raw []byte) (map[string]any, error) {
	b := budget(maxValues)
	return b.object(raw)
}

// budget is how many values may still come, over one text or several.
type budget int

func (b *budget) decode(raw []byte) (any, error) {
	if i := invalidUTF8(raw); i >= 0 {
		return nil, malformed(i, "not UTF-8")
	}
	p := parser{s: string(raw), left: b}
	return p.text()
}

func (b *budget) object(raw []byte) (map[string]any, error) {
	v, err := b.decode(raw)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, malformed(0, "not an object")
	}
	return m, nil
}

func malformed(at int, what string) *gateway.Problem {
	return gateway.Refuse(gateway.CodeMalformed, "", fmt.Sprintf("JSON, byte %d: %s.", at, what))
}

func invalidUTF8(raw []byte) int {
	if utf8.Valid(raw) {
		return -1
	}
	for i := 0; i < len(raw); {
		r, n := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return -1
}

// parser reads s from i on. Values share the memory of s.
type parser struct {
	s     string
	i     int
	depth int
	left  *budget
}

func (p *parser) text() (any, error) {
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.i < len(p.s) {
		return nil, malformed(p.i, "something follows the end")
	}
	return v, nil
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// next skips white space and returns the byte there, 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.i == len(p.s) {
		return 0
	}
	return p.s[p.i]
}

func (p *parser) value() (any, error) {
	if *p.left--; *p.left < 0 {
		return nil, malformed(p.i, "too many values")
	}
	switch c := p.next(); {
	case c == '{':
		return nested(p, p.object)
	case c == '[':
		return nested(p, p.array)
	case c == '"':
		return p.string()
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	case p.literal("true"):
		return true, nil
	case p.literal("false"):
		return false, nil
	case p.literal("null"):
		return nil, nil
	}
	return nil, malformed(p.i, "no value here")
}

func nested[T any](p *parser, read func() (T, error)) (any, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, malformed(p.i, "too deep")
	}
	v, err := read()
	if err != nil {
		return nil, err
	}
	p.depth--
	return v, nil
}

func (p *parser) literal(word string) bool {
	if !strings.HasPrefix(p.s[p.i:], word) {
		return false
	}
	p.i += len(word)
	return true
}

func (p *parser) object() (map[string]any, error) {
	start := p.i
	p.i++
	m := make(map[string]any)
	plain := true // no name has anything but lower-case ASCII
	if p.next() == '}' {
		p.i++
		return m, nil
	}
	for {
		if p.next() != '"' {
			return nil, malformed(p.i, "a name is missing")
		}
		at := p.i
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if _, twice := m[name]; twice {
			return nil, malformed(at, "a name twice in one object")
		}
		plain = plain && isPlain(name)
		if p.next() != ':' {
			return nil, malformed(p.i, "a colon is missing")
		}
		p.i++
		if m[name], err = p.value(); err != nil {
			return nil, err
		}
		switch p.next() {
		case ',':
			p.i++
		case '}':
			p.i++
			if !plain && foldsTwice(m) {
				return nil, malformed(start, "two names of one object differ in case alone")
			}
			return m, nil
		default:
			return nil, malformed(p.i, "a comma is missing")
		}
	}
}

func (p *parser) array() ([]any, error) {
	p.i++
	a := []any{}
	if p.next() == ']' {
		p.i++
		return a, nil
	}
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		a = append(a, v)
		switch p.next() {
		case ',':
			p.i++
		case ']':
			p.i++
			return a, nil
		default:
			return nil, malformed(p.i, "a comma is missing")
		}
	}
}

// number reads what RFC 8259, Section 6 allows, without exponent and within the limits.
func (p *parser) number() (json.Number, error) {
	start := p.i
	if p.s[p.i] == '-' {
		p.i++
	}
	first := p.i
	n := uint64(0)
	for p.i < len(p.s) && isDigit(p.s[p.i]) {
		if n = n*10 + uint64(p.s[p.i]-'0'); n > maxInteger {
			return "", malformed(start, "a number is too large")
		}
		p.i++
	}
	if p.i == first || p.s[first] == '0' && p.i > first+1 {
		return "", malformed(start, "not a number")
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		point := p.i
		for p.i < len(p.s) && isDigit(p.s[p.i]) {
			p.i++
		}
		if p.i == point {
			return "", malformed(start, "not a number")
		}
		if p.i-point > maxFraction {
			return "", malformed(start, "a number has too many digits")
		}
	}
	if p.i < len(p.s) && (p.s[p.i] == 'e' || p.s[p.i] == 'E') {
		return "", malformed(start, "a number has an exponent")
	}
	return json.Number(p.s[start:p.i]), nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isPlain reports whether no other spelling of s differs from it in case alone.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

func foldsTwice(m map[string]any) bool {
	if len(m) < 2 {
		return false
	}
	seen := make(map[string]struct{}, len(m))
	for name := range m {
		seen[strings.Map(smallestFold, name)] = struct{}{}
	}
	return len(seen) < len(m)
}

// smallestFold is the same rune for all runes that Unicode's simple case folding, and
// with it encoding/json, takes for one another: "K", "k" and the Kelvin sign.
func smallestFold(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}
