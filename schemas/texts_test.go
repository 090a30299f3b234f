package schemas_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"example.org/trm/gateway"
	"example.org/trm/schemas"
)

func TestTheGlossaryIsWholeInEveryLanguage(t *testing.T) {
	t.Parallel()
	terms, err := open(t).Glossary()
	if err != nil {
		t.Fatal(err)
	}
	if len(terms) != 40 {
		t.Errorf("%d terms, want 40", len(terms))
	}
	seen := map[string]bool{}
	for _, term := range terms {
		if seen[term.ID] {
			t.Errorf("%s is there twice", term.ID)
		}
		seen[term.ID] = true
		for _, lang := range append([]string{schemas.English}, schemas.Languages[:]...) {
			if strings.TrimSpace(term.Texts[lang]) == "" {
				t.Errorf("%s has no text in %s", term.ID, lang)
			}
		}
	}
}

func TestEveryCodeHasATextInEveryLanguage(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, lang := range schemas.Languages {
		c, ok := s.Catalogue(lang)
		if !ok || c.Language != lang || c.Review != "none" && c.Review != "native" {
			t.Errorf("%s: %v, review %q", lang, ok, c.Review)
		}
		for _, l := range s.Lists() {
			for _, code := range l.Codes {
				text, translated := s.Text(l.Name, code.ID, lang)
				if !translated || text == "" {
					t.Errorf("%s %s has no text in %s", l.Name, code.ID, lang)
				}
				if text == code.En && len(text) > 12 {
					t.Errorf("%s %s is in English in %s", l.Name, code.ID, lang)
				}
			}
		}
	}
	if text, translated := s.Text("need", "guardian", "en"); text != "Guardian" || !translated {
		t.Errorf("English: %q, %t", text, translated)
	}
	if text, translated := s.Text("need", "canary", "sq"); text != "canary" || translated {
		t.Errorf("no code: %q, %t", text, translated)
	}
}

func TestACatalogueHasNoTextForACodeThatDoesNotExist(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, lang := range schemas.Languages {
		c, _ := s.Catalogue(lang)
		for list, codes := range c.Codes() {
			for code, text := range codes {
				if _, ok := s.Code(list, code); !ok && (list != "country" || !gateway.Country(code).Valid()) {
					t.Errorf("%s: %s has no code %q", lang, list, code)
				}
				if text != strings.TrimSpace(text) || strings.Contains(text, "  ") || len([]rune(text)) > 120 {
					t.Errorf("%s: the text of %s %s is long, or has spaces to spare", lang, list, code)
				}
			}
		}
	}
}

// TestEveryTextIsInTheScriptOfItsLanguage finds letters of the other script, which look
// alike and break every search.
func TestEveryTextIsInTheScriptOfItsLanguage(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, lang := range schemas.Languages {
		own, other := unicode.Latin, unicode.Cyrillic
		if lang == "mk" || lang == "sr-Cyrl" {
			own, other = other, own
		}
		c, _ := s.Catalogue(lang)
		for list, codes := range c.Codes() {
			for code, text := range codes {
				letters := strings.ContainsFunc(text, unicode.IsLetter)
				if strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(other, r) }) || letters && !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(own, r) }) {
					t.Errorf("%s: %s %s: %s", lang, list, code, text)
				}
			}
		}
	}
	for lang, letters := range map[string]string{
		"mk": "абвгдѓежзѕијклљмнњопрстќуфхцчџшѐѝ", "sr-Cyrl": "абвгдђежзијклљмнњопрстћуфхцчџш", "sr-Latn": "abcčćdđefghijklmnoprsštuvzž",
		"bs": "abcčćdđefghijklmnoprsštuvzž", "cnr": "abcčćdđefghijklmnoprsštuvzžśź", "sq": "abcçdeëfghijklmnopqrstuvxyz", "ro": "aăâbcdefghiîjklmnopqrsștțuvwxyz",
	} {
		c, _ := s.Catalogue(lang)
		for list, codes := range c.Codes() {
			for code, text := range codes {
				for _, r := range strings.ToLower(text) {
					if unicode.IsLetter(r) && !strings.ContainsRune(letters, r) {
						t.Errorf("%s: %s %s: %q is no letter of the language: %s", lang, list, code, r, text)
					}
				}
			}
		}
	}
}

// TestTermsAreTheSameInTheGlossaryAndInTheLists: who reads a list finds the word of the
// law.
func TestTermsAreTheSameInTheGlossaryAndInTheLists(t *testing.T) {
	t.Parallel()
	s := open(t)
	terms, err := s.Glossary()
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range []struct{ term, list, code string }{
		{"presumed-victim", "victimStatus", "presumed"}, {"identified-victim", "victimStatus", "identified"}, {"guardian", "need", "guardian"},
		{"legal-aid", "need", "legal-aid"}, {"identification", "phase", "1"}, {"residence-permit", "documentKind", "residence-permit"},
		{"injured-party", "personRole", "injured-party"}, {"best-interests", "override", "best-interests"}, {"safety-plan", "need", "safety-plan"},
	} {
		i := slices.IndexFunc(terms, func(t schemas.Term) bool { return t.ID == same.term })
		for _, lang := range schemas.Languages {
			text, _ := s.Text(same.list, same.code, lang)
			// The article stands behind the word in some of them: the stems are the same.
			if want, got := stems(terms[i].Texts[lang]), stems(text); !slices.Equal(want, got) {
				t.Errorf("%s: %s is %q in the glossary and %q in %s", lang, same.term, terms[i].Texts[lang], text, same.list)
			}
		}
	}
}

// stems are the beginnings of the words of a text, without particles.
func stems(text string) []string {
	var out []string
	for _, w := range strings.Fields(strings.ToLower(text)) {
		if r := []rune(w); len(r) > 2 {
			out = append(out, string(r[:3]))
		}
	}
	return out
}

func TestSerbianInLatinIsTheSameTextInTheOtherScript(t *testing.T) {
	t.Parallel()
	for cyrillic, latin := range map[string]string{
		"Његош, љубав и џеп": "Njegoš, ljubav i džep", "Ђорђе и Ћирило": "Đorđe i Ćirilo", "Жртва, часопис, шума": "Žrtva, časopis, šuma", "A–1 (x)": "A–1 (x)", "инјекција": "injekcija",
	} {
		if got := schemas.Latin(cyrillic); got != latin {
			t.Errorf("%s: got %s, want %s", cyrillic, got, latin)
		}
	}
	s := open(t)
	latin, _ := s.Catalogue("sr-Latn")
	cyrillic, _ := s.Catalogue("sr-Cyrl")
	n := 0
	for list, codes := range cyrillic.Codes() {
		for code, text := range codes {
			n++
			if got := latin.Codes()[list][code]; got != schemas.Latin(text) {
				t.Errorf("%s %s: %s and %s", list, code, text, got)
			}
		}
	}
	if n < 500 || latin.Review != cyrillic.Review {
		t.Errorf("%d texts, review %s and %s", n, latin.Review, cyrillic.Review)
	}
}

// TestBosnianMontenegrinAndSerbianDifferWhereTheyDo: one is not passed off as another.
func TestBosnianMontenegrinAndSerbianDifferWhereTheyDo(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct{ list, code, bs, cnr, sr string }{
		{"need", "safety-plan", "Plan sigurnosti", "Plan bezbjednosti", "Plan bezbednosti"},
		{"agreementState", "given", "Dat", "Data", "Data"},
		{"relation", "child", "Dijete", "Dijete", "Dete"},
		{"placeKind", "border-crossing", "Granični prijelaz", "Granični prelaz", "Granični prelaz"},
		{"relation", "grandparent", "Baka ili djed", "Baba ili đed", "Baka ili deda"},
	} {
		for lang, want := range map[string]string{"bs": c.bs, "cnr": c.cnr, "sr-Latn": c.sr} {
			if got, _ := s.Text(c.list, c.code, lang); got != want {
				t.Errorf("%s %s in %s: got %q, want %q", c.list, c.code, lang, got, want)
			}
		}
	}
}

func TestKosovoCarriesItsFootnoteInEveryLanguage(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, lang := range append([]string{schemas.English}, schemas.Languages[:]...) {
		for _, c := range gateway.Countries {
			name, note := s.CountryName(c, lang)
			if name == "" || strings.HasSuffix(name, "*") != (c == "xk") || (note != "") != (c == "xk") {
				t.Errorf("%s in %s: %q with the note %q", c, lang, name, note)
			}
			if c == "xk" && (!strings.HasPrefix(note, "*") || !strings.Contains(note, "1244/1999")) {
				t.Errorf("%s: %q", lang, note)
			}
		}
	}
	if _, note := s.CountryName("xk", "en"); note != gateway.FootnoteXK {
		t.Errorf("in English: %q", note)
	}
	_, cyrillic := s.CountryName("xk", "sr-Cyrl")
	if _, latin := s.CountryName("xk", "sr-Latn"); latin != schemas.Latin(cyrillic) {
		t.Errorf("in Serbian it says two things: %s", latin)
	}
	if name, note := s.CountryName("xk", "tlh"); name != "Kosovo*" || note != gateway.FootnoteXK {
		t.Errorf("in a language that is not here: %q, %q", name, note)
	}
}
