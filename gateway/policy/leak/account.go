package leak

import "regexp"

var accountForm = regexp.MustCompile(`\b[a-z]{2}[ .\-]?[0-9]{2}(?:[ .\-_]{0,2}[a-z0-9]){11,30}`)

// accountLength is how long the account numbers of a country are, from the SWIFT registry:
// the region's and those of the countries around it.
var accountLength = map[string]int{
	"al": 28, "ba": 20, "xk": 20, "me": 22, "mk": 19, "rs": 22, "md": 24,
	"at": 20, "be": 16, "bg": 22, "ch": 21, "cy": 28, "cz": 24, "de": 22, "dk": 18, "es": 24, "fr": 27, "gb": 22, "gr": 27, "hr": 21,
	"hu": 28, "ie": 22, "it": 27, "lu": 20, "mt": 31, "nl": 18, "no": 15, "pl": 28, "pt": 25, "ro": 24, "se": 24, "si": 19, "sk": 24,
	"sm": 27, "tr": 26, "ua": 29, "fi": 18, "ee": 20, "lt": 20, "lv": 21, "ge": 22,
}

// accounts finds bank account numbers (IBAN, ISO 13616): the country says how long one is,
// and its check digits make it 1 modulo 97.
func accounts(r *reading, add func(Kind, int, int)) {
	for from := 0; from < len(r.text); {
		m := accountForm.FindIndex(r.text[from:])
		if m == nil {
			return
		}
		i, j := from+m[0], from+m[1]
		from = i + 1
		n, ok := accountLength[string(r.text[i:i+2])]
		end, seen := i, 0
		for ; end < j && seen < n; end++ {
			if isWord(r.text[end]) && r.text[end] != '_' {
				seen++
			}
		}
		if ok && seen == n && (end == len(r.text) || !isAlnum(r.text[end])) && isAccount(only(r.text[i:end], isAlnum)) {
			add(Account, i, end)
			from = end
		}
	}
}

func isAlnum(b byte) bool { return isDigit(b) || b >= 'a' && b <= 'z' }

func isAccount(s []byte) bool {
	rest := 0
	for _, b := range append(s[4:len(s):len(s)], s[:4]...) {
		if isDigit(b) {
			rest = (10*rest + int(b-'0')) % 97
		} else {
			rest = (100*rest + int(b-'a') + 10) % 97
		}
	}
	return rest == 1
}
