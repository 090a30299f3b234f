package envelope

import (
	"strings"
	"unicode/utf16"
)

// string reads a string literal; s is known to be UTF-8.
func (p *parser) string() (string, error) {
	p.i++
	start := p.i
	// Most of a message is base64url in long strings: eight bytes at a time.
	for p.i+8 <= len(p.s) && !isSpecial(p.s[p.i:p.i+8]) {
		p.i += 8
	}
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return p.s[start : p.i-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", malformed(p.i, "a control character in a string")
		}
		p.i++
	}
	return "", malformed(p.i, "a string has no end")
}

// isSpecial reports whether one of eight bytes may end a string, begin an escape, or be a
// control character. It may say so of others too, never the other way round: in each
// byte of a difference the top bit is set where the subtraction went below zero.
func isSpecial(s string) bool {
	const each, top = 0x0101010101010101, 0x8080808080808080
	w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	quote, escape := w^each*'"', w^each*'\\'
	return ((w-each*0x20)&^w|(quote-each)&^quote|(escape-each)&^escape)&top != 0
}

// escaped goes on with a string that begins at start and has its first escape at p.i.
func (p *parser) escaped(start int) (string, error) {
	var b strings.Builder
	b.WriteString(p.s[start:p.i])
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return b.String(), nil
		case c < 0x20:
			return "", malformed(p.i, "a control character in a string")
		case c != '\\':
			b.WriteByte(c)
			p.i++
		default:
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		}
	}
	return "", malformed(p.i, "a string has no end")
}

func (p *parser) escape() (rune, error) {
	at := p.i
	if p.i+1 >= len(p.s) {
		return 0, malformed(at, "a string has no end")
	}
	p.i += 2
	switch p.s[at+1] {
	case '"', '\\', '/':
		return rune(p.s[at+1]), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
	default:
		return 0, malformed(at, "no such escape")
	}
	r, ok := p.hex()
	if !ok {
		return 0, malformed(at, "no such escape")
	}
	if r == 0 {
		return 0, malformed(at, "a NUL in a string") // where databases and C libraries end it
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	// A half of a pair alone is no character: readers replace it, each in its own way.
	if strings.HasPrefix(p.s[p.i:], `\u`) {
		p.i += 2
		if low, ok := p.hex(); ok {
			if pair := utf16.DecodeRune(r, low); pair != '\uFFFD' {
				return pair, nil
			}
		}
	}
	return 0, malformed(at, "a lone surrogate")
}

func (p *parser) hex() (rune, bool) {
	if p.i+4 > len(p.s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.s[p.i : p.i+4]) {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	p.i += 4
	return r, true
}
