package leak

import (
	"regexp"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

var (
	calledForm = regexp.MustCompile(`(?:\x02|\b(?:tel|telefon[a-z]*|mob|mobil[a-z]*|mobitel[a-z]*|cel|celular[a-z]*|kel|viber[a-z]*|whats ?app[a-z]*|vocap|signal|telegram|gsm|phone|call|text|sms|faks|fax|zov[a-z]*|pozov[a-z]*|nazov[a-z]*|javi[a-z]*|telefonuj[a-z]*|telefono[a-z]*|suna[a-z]*|kontakt[a-z]*|contact[a-z]*)\b)` +
		`[^a-z0-9]{0,4}(?:[a-z]{1,10}[^a-z0-9+(]{1,3}){0,4}([+(]{0,2}[0-9](?:[ .\-/()_]{0,3}[0-9]){5,14})`)
	dialForm = regexp.MustCompile(`[+(]{0,2}[0-9](?:[ .\-/()_]{0,3}[0-9]){6,}`)
	caseYear = regexp.MustCompile(`[/\-](?:19|20)?[0-9]{2}$`)
)

// plans are the countries whose numbers people write without the country's code.
var plans = [...]string{"AL", "BA", "XK", "ME", "MK", "RS", "MD"}

// codes are those plans' country codes, which are also written without a plus.
var codes = [...]string{"355", "387", "383", "382", "389", "381", "373"}

// telephones finds telephone numbers: those behind a word for telephone, and those that a
// numbering plan knows.
func telephones(r *reading, add func(Kind, int, int)) {
	text := withoutDates(r.text)
	for _, m := range calledForm.FindAllSubmatchIndex(text, -1) {
		add(Telephone, m[2], m[3])
	}
	for _, m := range dialForm.FindAllIndex(text, -1) {
		dialled(text, m[0], m[1], add)
	}
}

// most is how many digits a number has with its country's code (E.164) and a prefix.
const most = 17

// dialled looks for numbers among digits that stand close together: from each place where
// one can begin, the longest that is one.
func dialled(text []byte, i, j int, add func(Kind, int, int)) {
	for i < j {
		if !begins(text, i) {
			i++
			continue
		}
		ends := make([]int, 0, most)
		digits := 0
		for k := i; k < j && digits < most; k++ {
			if isDigit(text[k]) {
				digits++
				if !goesOn(text, k+1) {
					ends = append(ends, k+1)
				}
			}
		}
		found := false
		for _, end := range slices.Backward(ends) {
			if found = isTelephone(text[i:end]); found {
				add(Telephone, i, end)
				i = end
				break
			}
		}
		if !found {
			i++
		}
	}
}

// begins reports whether a number can begin at i: nothing touches it that makes it part of
// something longer.
func begins(text []byte, i int) bool {
	if i > 0 && (bound(text[i-1]) || text[i-1] == '+' || text[i-1] == '.' && i > 1 && isDigit(text[i-2])) {
		return false
	}
	return text[i] == '+' || text[i] == '(' || isDigit(text[i])
}

// goesOn reports whether what ends before i is part of something longer, such as the
// number of a case.
func goesOn(text []byte, i int) bool {
	if i >= len(text) {
		return false
	}
	return isWord(text[i]) || (text[i] == '/' || text[i] == '-') && i+1 < len(text) && isDigit(text[i+1])
}

func isTelephone(written []byte) bool {
	digits := string(only(written, isDigit))
	plus := strings.IndexByte(string(written), '+')
	switch {
	case plus >= 0 && plus <= 1 && strings.Count(string(written), "+") == 1, strings.HasPrefix(digits, "00"):
		return isDialled("+"+strings.TrimPrefix(digits, "00"), "ZZ")
	case plus >= 0 || len(digits) < 8:
		return false
	case slices.Contains(codes[:], digits[:3]) && len(digits) >= 10:
		return isDialled("+"+digits, "ZZ")
	case digits[0] != '0' || len(digits) > 11 || caseYear.Match(written):
		return false
	}
	return slices.ContainsFunc(plans[:], func(plan string) bool { return isDialled(digits, plan) })
}

func isDialled(digits, plan string) bool {
	n, err := phonenumbers.Parse(digits, plan)
	return err == nil && phonenumbers.IsValidNumber(n)
}
