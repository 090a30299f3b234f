package schemas

import (
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/xeipuuv/gojsonschema"

	"example.org/trm/gateway"
)

// format decides whether a string has a form. gojsonschema's own checkers are not used:
// its date-time takes a time without a date, its email takes a display name, and a
// format it does not know passes.
type format func(string) bool

// IsFormat implements gojsonschema.FormatChecker.
func (f format) IsFormat(v any) bool {
	s, ok := v.(string)
	return ok && f(s)
}

// registerFormats puts ours into gojsonschema's registry, which is one for the process.
// They are functions of the string alone, so that whoever registers first changes
// nothing.
var registerFormats = sync.OnceFunc(func() {
	for name, f := range formats {
		gojsonschema.FormatCheckers.Add(name, f)
	}
})

// formats are the forms that schemas may name.
var formats = map[string]format{
	"date-time":   isDateTime,
	"date":        func(s string) bool { return isTime(s, "2006-01-02") },
	"month":       func(s string) bool { return isTime(s, "2006-01") },
	"uuid-v7":     isUUIDv7,
	"party":       func(s string) bool { _, err := gateway.ParseParty(s); return err == nil },
	"role":        isRole,
	"member":      func(s string) bool { return gateway.Country(s).Valid() },
	"country":     isCountry,
	"target":      isTarget,
	"compact-jwe": isCompactJWE,
	"email":       func(s string) bool { return len(s) <= 254 && emailForm.MatchString(s) },
	"name":        isName,
}

// formatHints say what a form is, to the one who has to correct it.
var formatHints = map[string]string{
	"date-time":   "Write a moment in UTC with seconds, such as 2026-11-24T16:00:00Z.",
	"date":        "Write a date, such as 2026-11-24.",
	"month":       "Write a month, such as 2026-11.",
	"uuid-v7":     "Write a UUID of version 7 in lower case (RFC 9562, Section 5.7).",
	"party":       "Write a party of the directory, such as rs/coordinator.",
	"role":        "Write a role, such as coordinator or mobile-team.2; trm codes role lists them.",
	"member":      "Write one of al, ba, xk, md, me, mk, rs.",
	"country":     "Write a country's two-letter code in lower case (ISO 3166-1, and xk).",
	"target":      "Write a message's jti, or a jti with # and a unit, or the thread.",
	"compact-jwe": "Seal the unit to its role: a compact JWE.",
	"email":       "Write a mail address, without a display name.",
	"name":        "Write a name: letters, digits, spaces, apostrophes, points, commas and hyphens.",
}

// isDateTime holds times to the one form that the exchange uses (RFC 3339, in UTC with
// whole seconds), so that equal moments are equal strings.
func isDateTime(s string) bool { return isTime(s, "2006-01-02T15:04:05Z") }

func isTime(s, layout string) bool {
	if len(s) != len(layout) {
		return false
	}
	t, err := time.Parse(layout, s)
	return err == nil && t.Year() >= 1900
}

func isUUIDv7(s string) bool {
	if len(s) != 36 || s[14] != '7' || !strings.ContainsRune("89ab", rune(s[19])) {
		return false
	}
	for i, c := range []byte(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && !isHex(c) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

// roles are the kinds of role that a message may name. A role is no free text.
const roles = " coordinator child-protection social-services referral-ngo mobile-team prosecution auditor "

func isRole(s string) bool {
	_, err := gateway.ParseParty("rs/" + s)
	return err == nil && strings.Contains(roles, " "+gateway.RoleKind(s)+" ")
}

// units are the blocks that a target may name after its #.
const units = " subject needs asks results offer contact report facts proceedings identity family guardian note health travel "

func isTarget(s string) bool {
	id, unit, named := strings.Cut(s, "#")
	if !isUUIDv7(id) {
		return false
	}
	if !named {
		return true
	}
	block, role, field := gateway.SplitUnit(unit)
	return strings.Contains(units, " "+block+" ") && field == "" && !strings.Contains(unit, "/") && (role == "" && unit == block || isRole(role))
}

// isCompactJWE checks the outside of a compact JWE (RFC 7516, Section 7.1) in one pass:
// five parts, each of them there, a 96-bit nonce and a 128-bit tag.
func isCompactJWE(s string) bool {
	part, start := 0, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if !isBase64URL[s[i]] {
				return false
			}
			continue
		}
		n := i - start
		if n == 0 || part == 2 && n != 16 || part == 4 && n != 22 {
			return false
		}
		part, start = part+1, i+1
	}
	return part == 5
}

var isBase64URL = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		t[c] = true
	}
	return t
}()

var emailForm = regexp.MustCompile(`^[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}$`)

// isName takes names of people, places and offices in any script, on one line.
func isName(s string) bool {
	for i, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			continue
		}
		if i == 0 || !unicode.IsMark(r) && !strings.ContainsRune(" '’.,-", r) {
			return false
		}
	}
	return s != ""
}

// countries are the codes of ISO 3166-1, alpha-2, and xk, which ISO leaves to its users.
const countries = " ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br bs bt bv bw by bz " +
	"ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg eh er es et fi fj fk fm fo fr " +
	"ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp " +
	"ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz " +
	"na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw " +
	"sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz " +
	"ua ug um us uy uz va vc ve vg vi vn vu wf ws xk ye yt za zm zw "

func isCountry(s string) bool { return len(s) == 2 && strings.Contains(countries, " "+s+" ") }
