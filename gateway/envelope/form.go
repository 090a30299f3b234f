package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"example.org/trm/gateway"
)

var errForm = errors.New("not canonical base64url")

// decode64 reads base64url as RFC 7515, Section 2 writes it, and in one way only: no
// padding, no line breaks (which the standard library skips), unused bits zero. A second
// way to write the same bytes would be a second message under one signature.
func decode64(s string) ([]byte, error) {
	if strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0 {
		return nil, errForm
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errForm
	}
	return b, nil
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// isSum reports whether s is 32 bytes in base64url: a digest, a thumbprint or a key id.
func isSum(s string) bool {
	if len(s) != 43 {
		return false
	}
	_, err := decode64(s)
	return err == nil
}

// isUUID7 reports whether s is a UUIDv7 (RFC 9562, Section 5.7) in lower case.
func isUUID7(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !isDigit(c) && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return s[14] == '7' && strings.IndexByte("89ab", s[19]) >= 0
}

func isParty(s string) bool {
	_, err := gateway.ParseParty(s)
	return err == nil
}

// isToken reports whether s can be a code, an article or another coded string.
func isToken(s string) bool {
	if s == "" || len(s) > 120 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// isCode reports whether s can be a code of a closed list, or a rule's or role's name.
// Evidence holds nothing else that could be read; that the code is of the list, the
// collector checks.
func isCode(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && (c < 'a' || c > 'z') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// The names of units. A role is written as in a party's name.
const (
	blockPattern = `[a-z][A-Za-z]{0,39}`
	rolePattern  = `[a-z]+(?:-[a-z]+)*(?:\.[1-9][0-9]?)?`
)

var (
	blockForm = regexp.MustCompile(`^` + blockPattern + `$`)
	roleForm  = regexp.MustCompile(`^` + rolePattern + `$`)
	unitForm  = regexp.MustCompile(`^` + blockPattern + `(?:@` + rolePattern + `)?$`)
)

func isBlock(s string) bool { return blockForm.MatchString(s) }
func isRole(s string) bool  { return len(s) <= 40 && roleForm.MatchString(s) }
func isUnit(s string) bool  { return len(s) <= 80 && unitForm.MatchString(s) }

// wallClock is how times other than iat and exp are written (RFC 3339, UTC, whole
// seconds), in exactly one way.
const wallClock = "2006-01-02T15:04:05Z"

func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(wallClock, s)
	return t, err == nil && len(s) == len(wallClock)
}

var errNotJSON = errors.New("writing json: a value that JSON does not have")

// marshal writes JSON as it stands, without the escapes that make it safe inside HTML. Its
// error does not name the value: that could be a person's.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, errNotJSON
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
