package leak

import (
	"regexp"
	"time"
)

// numbered finds a word for a number of persons with a number behind it. With the word
// the check digit does not matter: a wrong one is a slip of the pen.
var numbered = regexp.MustCompile(`\b(?:jmbg|jmb|embg|emb|idnp|idn|nid|nish|cnp|oib|maticn[a-z]* broj[a-z]*|maticen broj|licn[a-z]* broj[a-z]*|licen broj|numri? personal|nr\.? personal|numr[a-z]* (?:i|te) identitetit|cod[a-z]* (?:numeric )?personal|numar[a-z]* personal|personal (?:id ?)?(?:number|no|code))\b` +
	`[^a-z0-9]{0,4}(?:[a-z]{1,8}[^a-z0-9]{1,3}){0,2}([a-z]?[0-9](?:[ .\-/_]{0,2}[0-9]){5,15}[a-z]?)\b`)

// personalNumbers finds the numbers that the seven countries give to persons.
func personalNumbers(r *reading, add func(Kind, int, int)) {
	for _, m := range numbered.FindAllSubmatchIndex(r.text, -1) {
		add(PersonalNumber, m[2], m[3])
	}
	for _, m := range albanian.FindAllIndex(r.text, -1) {
		if isNID(only(r.text[m[0]:m[1]], isWord)) {
			add(PersonalNumber, m[0], m[1])
		}
	}
	for _, g := range r.groups() {
		g.each(13, func(digits []byte, i, j int, even bool) {
			if isJMBG(digits) || even && isIDNP(digits) {
				add(PersonalNumber, i, j)
			}
		})
		g.each(10, func(digits []byte, i, j int, _ bool) {
			whole := j-i == len(digits) && (i == 0 || !bound(r.text[i-1])) && (j == len(r.text) || !bound(r.text[j]))
			if whole && isKosovo(digits) {
				add(PersonalNumber, i, j)
			}
		})
	}
}

// bound reports whether a number that touches b is part of something longer, such as the
// number of a case.
func bound(b byte) bool { return isWord(b) || b == '/' || b == '-' }

// isJMBG checks a number of the family that the successors of Yugoslavia share: day,
// month, three digits of the year, region, serial, and a check digit modulo 11.
func isJMBG(d []byte) bool {
	year := 2000 + value(d[4:7])
	if d[4] == '9' {
		year = 1000 + value(d[4:7])
	}
	if year >= 2100 || !isDate(year, value(d[2:4]), value(d[:2])) {
		return false
	}
	sum := 0
	for i, w := range [...]int{7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2} {
		sum += w * int(d[i]-'0')
	}
	check := 11 - sum%11
	if check >= 10 {
		check = 0
	}
	return check == int(d[12]-'0')
}

// isIDNP checks a Moldovan number: persons' begin with 2 or 0, and the check digit is the
// sum under the weights 7, 3, 1 modulo 10.
func isIDNP(d []byte) bool {
	if d[0] != '2' && d[0] != '0' {
		return false
	}
	sum := 0
	for i, b := range d[:12] {
		sum += [...]int{7, 3, 1}[i%3] * int(b-'0')
	}
	return sum%10 == int(d[12]-'0') && sum > 0
}

// isKosovo checks a number of ten digits with a check digit modulo 11.
func isKosovo(d []byte) bool {
	if d[0] == '0' || d[0] == '9' {
		return false
	}
	sum := 0
	for i, w := range [...]int{4, 3, 2, 7, 6, 5, 4, 3, 2} {
		sum += w * int(d[i]-'0')
	}
	check := 11 - sum%11
	if check >= 10 {
		check = 0
	}
	return check == int(d[9]-'0')
}

var albanian = regexp.MustCompile(`\b[a-t][ .\-_]{0,2}[0-9](?:[ .\-_]{0,2}[0-9]){7}[ .\-_]{0,2}[a-w]\b`)

// isNID checks an Albanian number: a letter for the decade, the year's last digit, month
// and day, a serial, and a check letter modulo 23. The month is raised by 30, 50 or 80. One
// whose date is a date is taken for a number whatever its check letter: few other things
// have this form.
func isNID(s []byte) bool {
	const letters = "wabcdefghijklmnopqrstuv"
	at := func(b byte) int {
		for i := range len(letters) {
			if letters[i] == b {
				return i
			}
		}
		return -1
	}
	sum := at(s[0])
	for i, b := range s[1:9] {
		sum += (i + 1) * int(b-'0')
	}
	if at(s[9]) == sum%23 {
		return true
	}
	month := value(s[2:4])
	for _, raised := range [...]int{80, 50, 30} {
		if month > raised {
			month -= raised
			break
		}
	}
	return isDate(1900+10*int(s[0]-'a')+int(s[1]-'0'), month, value(s[4:6]))
}

func isDate(year, month, day int) bool {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t.Year() == year && int(t.Month()) == month && t.Day() == day
}

// value is the number that few enough digits write.
func value(digits []byte) int {
	n := 0
	for _, d := range digits {
		n = 10*n + int(d-'0')
	}
	return n
}

func only(s []byte, keep func(byte) bool) []byte {
	out := make([]byte, 0, len(s))
	for _, b := range s {
		if keep(b) {
			out = append(out, b)
		}
	}
	return out
}

// group is digits that stand close together, with the place of each.
type group struct {
	digits []byte
	at     []int
}

// groups are the digits of a text, a group wherever at most three bytes that are no
// letters lie between two of them.
func (r *reading) groups() []group {
	var out []group
	var g group
	for i, b := range r.text {
		switch {
		case isDigit(b):
			if n := len(g.at); n > 0 && i-g.at[n-1] > 4 {
				out, g = append(out, g), group{}
			}
			g.digits, g.at = append(g.digits, b), append(g.at, i)
		case isLetter(b) && len(g.at) > 0:
			out, g = append(out, g), group{}
		}
	}
	return append(out, g)
}

// each gives every run of n digits that begins and ends where other digits do not touch
// it. It is even if the digits have nothing or the same number of bytes between them, or
// stand in blocks of three or more, of which the first may be shorter: dates and times are
// not even.
func (g group) each(n int, f func(digits []byte, from, to int, even bool)) {
	for i := 0; i+n <= len(g.digits); i++ {
		j := i + n - 1
		if i > 0 && g.at[i-1]+1 == g.at[i] || j+1 < len(g.at) && g.at[j]+1 == g.at[j+1] {
			continue
		}
		even, first, block := true, true, 1
		single := g.at[i+1] > g.at[i]+1 && g.at[i+2] > g.at[i+1]+1
		for k := i + 1; k <= j; k++ {
			gap := g.at[k]-g.at[k-1] > 1
			switch {
			case single:
				even = even && gap
			case gap:
				even, block = even && (block >= 3 || first), 1
				first = false
			default:
				block++
			}
		}
		f(g.digits[i:j+1], g.at[i], g.at[j]+1, even)
	}
}
