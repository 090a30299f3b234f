package leak

import "slices"

// street says how a word for street is used.
type street struct {
	short    bool // an abbreviation: only with a dot
	numbered bool // means other things too: only with the number of a house
}

// streets are the words for street, square and settlement, without marks.
var streets = map[string]street{
	"ulica": {}, "ulici": {}, "ulice": {}, "ulicu": {}, "ulicom": {}, "ulicata": {}, "ul": {short: true}, "bulevar": {}, "bulevara": {}, "bulevaru": {}, "bulevarot": {},
	"bul": {short: true}, "blvd": {}, "blv": {}, "trg": {}, "trgu": {}, "trga": {}, "sokak": {}, "sokaku": {}, "sokaka": {}, "avenija": {}, "aveniji": {}, "avenije": {},
	"setaliste": {}, "setalistu": {}, "naselje": {numbered: true}, "naselju": {numbered: true}, "naselba": {numbered: true}, "nas": {short: true, numbered: true}, "plostad": {}, "plostadot": {}, "kej": {numbered: true},
	"rruga": {numbered: true}, "rruges": {numbered: true}, "rrugen": {numbered: true}, "rruge": {numbered: true}, "rr": {short: true}, "bulevardi": {}, "bulevardit": {}, "bulevardin": {},
	"sheshi": {}, "sheshit": {}, "sheshin": {}, "lagjja": {numbered: true}, "lagjes": {numbered: true}, "lagjen": {numbered: true}, "lgj": {short: true, numbered: true}, "pallati": {numbered: true},
	"strada": {}, "strazii": {}, "str": {short: true, numbered: true}, "bulevardul": {}, "bulevardului": {}, "bd": {short: true}, "aleea": {numbered: true}, "soseaua": {}, "sos": {short: true},
	"piata": {numbered: true}, "prospekt": {}, "prospektul": {},
}

// roads are the English words, behind the name.
var roads = []string{"street", "st", "road", "rd", "avenue", "ave", "boulevard", "square", "lane"}

// pauses end a name: words that go on about something else.
var pauses = []string{
	"u", "na", "i", "je", "su", "od", "do", "za", "se", "kod", "sa", "iz", "po", "pored", "blizu", "ili", "a", "ali", "gdje", "gde", "koja", "koji", "kada", "kad", "zajedno", "bez", "nije", "bila", "bio", "bilo", "oko", "ima", "vo", "od", "so", "koga", "kade", "e",
	"ne", "dhe", "ku", "me", "nga", "per", "te", "eshte", "ishte", "la", "in", "pe", "si", "cu", "din", "este", "a", "sau", "unde", "on", "at", "and", "the", "of", "is", "was", "with", "for", "to", "where", "when",
}

// particles stand inside names, before a capital.
var particles = []string{"e", "i", "te", "de", "la", "al", "lui", "und"}

// units are what numbers count that are no houses.
var units = []string{
	"h", "sati", "sat", "casova", "casa", "cas", "dana", "dan", "godina", "godine", "godinu", "god", "g", "km", "m", "min", "minuta", "eura", "eur", "evra", "din", "dinara", "denari", "lek", "leke", "lei", "osoba", "djece", "dece", "deca", "djeca", "lica", "puta",
	"ore", "vjet", "vjec", "ditë", "dite", "persona", "ani", "zile", "copii", "persoane", "years", "days", "hours", "people", "children", "pm", "am", "marta", "maja", "maj",
}

// word is a word of a reading.
type word struct {
	i, j    int
	text    string
	capital bool
	number  bool // 1 to 4 digits and a letter, or "bb" for none
	dotted  bool // a dot follows
}

// addresses finds a word for street with a name beside it, with or without the number of
// a house, and what is said to be an address.
func addresses(r *reading, add func(Kind, int, int)) {
	var all []word
	for i, j := range r.words() {
		all = append(all, r.word(i, j))
	}
	for n, w := range all {
		s, ok := streets[w.text]
		if ok && s.short && !w.dotted {
			// Without its dot it is a word for street only before a name and a number.
			s.numbered, ok = true, (w.text == "ul" || w.text == "rr" || w.text == "bul") && n+1 < len(all) && all[n+1].capital
		}
		if ok {
			if to, ok := named(r, all, n, s); ok {
				add(Address, w.i, to)
			}
			if from, to, ok := houseBehind(r, all, n); ok {
				add(Address, from, to)
			}
		}
		if slices.Contains(roads, w.text) {
			if from, ok := english(r, all, n); ok {
				add(Address, from, w.j)
			}
		}
		if to, ok := labelled(r, all, n); ok {
			add(Address, w.i, to)
		}
	}
}

func (r *reading) word(i, j int) word {
	w := word{i: i, j: j, text: string(r.text[i:j]), capital: r.capital[i] && !r.caps, dotted: j < len(r.text) && r.text[j] == '.'}
	digits := 0
	for digits < len(w.text) && isDigit(w.text[digits]) {
		digits++
	}
	w.number = digits >= 1 && digits <= 4 && len(w.text)-digits <= 1 || w.text == "bb"
	return w
}

// named looks behind a word for street: up to five words of a name, and a number.
func named(r *reading, all []word, n int, s street) (to int, ok bool) {
	name, capital := 0, false
	for k := n + 1; k < len(all) && k <= n+7; k++ {
		w := all[k]
		if !beside(r, all[k-1], w) {
			break
		}
		switch {
		case w.number && name > 0 && house(r, all, k):
			return w.j, true
		case w.number && w.dotted && k+1 < len(all) && !all[k+1].number: // "8. mart"
			name++
		case w.text == "br" || w.text == "broj" || w.text == "nr" || w.text == "no" || w.text == "numri" || w.text == "numarul":
		case w.number && name == 0 && k > n+1: // "Lagjja nr. 5"
			name++
		case isDigit(w.text[0]):
			return to, capital && !s.numbered
		case slices.Contains(particles, w.text) && k+1 < len(all) && all[k+1].capital:
		case slices.Contains(pauses, w.text):
			return to, capital && !s.numbered
		default:
			name++
			if w.capital {
				capital, to = true, w.j
			}
		}
	}
	return to, capital && !s.numbered
}

// houseBehind is a name before the word for street and a number behind it: "Kraljeva ulica
// 12".
func houseBehind(r *reading, all []word, n int) (from, to int, ok bool) {
	k := n + 1
	if k < len(all) && (all[k].text == "br" || all[k].text == "broj" || all[k].text == "nr") {
		k++
	}
	if n == 0 || k >= len(all) || !all[n-1].capital || !beside(r, all[n-1], all[n]) || !house(r, all, k) {
		return 0, 0, false
	}
	return all[n-1].i, all[k].j, true
}

// english is "12 Long Street", or "Long Street" in the middle of a sentence.
func english(r *reading, all []word, n int) (from int, ok bool) {
	k := n - 1
	for k >= 0 && k >= n-3 && all[k].capital && beside(r, all[k], all[k+1]) {
		k--
	}
	names := n - 1 - k
	switch {
	case names == 0 || !all[n].capital && !all[n].dotted && (k < 0 || !all[k].number):
		return 0, false
	case k >= 0 && all[k].number && beside(r, all[k], all[k+1]):
		return all[k].i, true
	}
	return 0, false
}

// labelled is what follows the word for address and a colon, if it has a capital or a
// number.
func labelled(r *reading, all []word, n int) (to int, ok bool) {
	switch all[n].text {
	case "adresa", "adresu", "adrese", "adresi", "address", "adres", "prebivaliste", "boraviste", "vendbanimi", "domiciliul", "domiciliu", "ziveaaliste", "adresata":
	default:
		return 0, false
	}
	at := all[n].j
	for at < len(r.text) && r.text[at] == ' ' {
		at++
	}
	if at >= len(r.text) || r.text[at] != ':' && r.text[at] != '-' {
		return 0, false
	}
	for k := n + 1; k < len(all) && k <= n+4; k++ {
		if k > n+1 && !beside(r, all[k-1], all[k]) {
			break
		}
		if all[k].capital || all[k].number {
			to, ok = all[k].j, true
		}
	}
	return to, ok
}

// beside reports whether one word follows the other without the end of a sentence.
func beside(r *reading, a, b word) bool {
	if b.i-a.j > 3 {
		return false
	}
	for _, c := range r.text[a.j:b.i] {
		switch c {
		case ' ', '.', ',', '-', '"', '\'':
		default:
			return false
		}
	}
	// A long word with a dot before a capital ends a sentence.
	return !(a.dotted && len(a.text) > 4 && b.capital)
}

// house reports whether the word is the number of a house, and not a year, a date, a time
// or a count of something.
func house(r *reading, all []word, k int) bool {
	w := all[k]
	if !w.number || w.text >= "1900" && w.text <= "2100" && len(w.text) == 4 {
		return false
	}
	if w.j+1 < len(r.text) && (r.text[w.j] == ':' || r.text[w.j] == '.' || r.text[w.j] == '%') && isDigit(r.text[w.j+1]) {
		return false
	}
	return k+1 == len(all) || !slices.Contains(units, all[k+1].text) || all[k+1].i-w.j > 2
}
