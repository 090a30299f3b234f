package schemas

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"example.org/trm/gateway"
	"example.org/trm/schemas/internal/table"
)

// English is the language in which the code lists are written. All others are translations.
const English = "en"

// Languages are those into which codes and terms are translated, as BCP 47 tags.
var Languages = [...]string{"sq", "bs", "sr-Latn", "sr-Cyrl", "cnr", "mk", "ro"}

// Catalogue is what is here in one language.
type Catalogue struct {
	Language string
	// Review says who has read it: "none", or "native" once a native speaker has who knows
	// the field. Whoever shows a text shows this beside it.
	Review string
	codes  map[string]map[string]string // by list and code
	terms  map[string]string            // by the id of the term
}

// Codes are the texts by list and code; the names of countries are the list "country".
// They are shared: read them only.
func (c Catalogue) Codes() map[string]map[string]string { return c.codes }

// Term is a legal term of the glossary.
type Term struct {
	ID    string            `json:"id"`
	Texts map[string]string `json:"texts"` // by language, English among them
}

var (
	errLanguage = errors.New("not a language of the region")
	errText     = errors.New("a text is for a code that no list has, or is empty, too long or not printable")
)

func (t Texts) check(lists []List) error {
	for lang, byList := range t {
		if !slices.Contains(Languages[:], lang) {
			return fmt.Errorf("checking texts: %q: %w", lang, errLanguage)
		}
		for name, codes := range byList {
			i := slices.IndexFunc(lists, func(l List) bool { return l.Name == name })
			for code, text := range codes {
				if i < 0 || !table.Printable(text) {
					return fmt.Errorf("checking texts in %s: %w", lang, errText)
				}
				if _, ok := lists[i].Find(code); !ok {
					return fmt.Errorf("checking texts in %s: %w", lang, errText)
				}
			}
		}
	}
	return nil
}

// catalogues are the translations in the program, read once.
var catalogues = sync.OnceValues(func() (map[string]*Catalogue, error) {
	out := map[string]*Catalogue{}
	for _, lang := range Languages {
		if lang == latinSerbian {
			continue
		}
		c, err := readCatalogue(tree, lang)
		if err != nil {
			return nil, err
		}
		out[lang] = c
	}
	out[latinSerbian] = out[cyrillicSerbian].inLatin()
	return out, nil
})

// Serbian is written once, in Cyrillic, which has one Latin spelling; the other way it has
// not.
const (
	cyrillicSerbian = "sr-Cyrl"
	latinSerbian    = "sr-Latn"
)

// inLatin is the catalogue in the other script.
func (c *Catalogue) inLatin() *Catalogue {
	out := &Catalogue{Language: latinSerbian, Review: c.Review, codes: map[string]map[string]string{}, terms: map[string]string{}}
	for id, text := range c.terms {
		out.terms[id] = Latin(text)
	}
	for list, codes := range c.codes {
		out.codes[list] = map[string]string{}
		for id, text := range codes {
			out.codes[list][id] = Latin(text)
		}
	}
	return out
}

// Latin writes Serbian Cyrillic in Latin letters. What is not Cyrillic stays.
func Latin(text string) string { return serbian.Replace(text) }

var serbian = strings.NewReplacer(
	"А", "A", "Б", "B", "В", "V", "Г", "G", "Д", "D", "Ђ", "Đ", "Е", "E", "Ж", "Ž", "З", "Z", "И", "I", "Ј", "J", "К", "K", "Л", "L", "Љ", "Lj",
	"М", "M", "Н", "N", "Њ", "Nj", "О", "O", "П", "P", "Р", "R", "С", "S", "Т", "T", "Ћ", "Ć", "У", "U", "Ф", "F", "Х", "H", "Ц", "C", "Ч", "Č", "Џ", "Dž", "Ш", "Š",
	"а", "a", "б", "b", "в", "v", "г", "g", "д", "d", "ђ", "đ", "е", "e", "ж", "ž", "з", "z", "и", "i", "ј", "j", "к", "k", "л", "l", "љ", "lj",
	"м", "m", "н", "n", "њ", "nj", "о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "ћ", "ć", "у", "u", "ф", "f", "х", "h", "ц", "c", "ч", "č", "џ", "dž", "ш", "š",
)

// readCatalogue reads texts/LANG.csv: the review, the terms (list "glossary") and the
// codes.
func readCatalogue(fsys fs.FS, lang string) (*Catalogue, error) {
	raw, err := fs.ReadFile(fsys, path.Join("texts", lang+".csv"))
	if err != nil {
		return nil, fmt.Errorf("reading the texts: %w", err)
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord = 3
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the texts in %s: %w", lang, err)
	}
	c := &Catalogue{Language: lang, codes: map[string]map[string]string{}, terms: map[string]string{}}
	for _, l := range lines[min(1, len(lines)):] {
		list, id, text := l[0], l[1], l[2]
		switch list {
		case "review":
			c.Review = text
		case glossaryList:
			c.terms[id] = text
		default:
			if c.codes[list] == nil {
				c.codes[list] = map[string]string{}
			}
			if _, twice := c.codes[list][id]; twice {
				return nil, fmt.Errorf("reading the texts in %s: %s of %s is there twice", lang, id, list)
			}
			c.codes[list][id] = text
		}
	}
	if c.Review != "none" && c.Review != "native" {
		return nil, fmt.Errorf("reading the texts in %s: review is none or native", lang)
	}
	return c, nil
}

const glossaryList = "glossary"

// Catalogue is what is known of a language's texts; English has none, it is the source.
func (s *Set) Catalogue(lang string) (Catalogue, bool) {
	all, err := catalogues()
	if err != nil || all[lang] == nil {
		return Catalogue{}, false
	}
	return *all[lang], true
}

// Text is a code in a language, translated true. Where there is no translation it is the
// English text, and where the code is in no list here the code itself.
func (s *Set) Text(list, code, lang string) (text string, translated bool) {
	for _, r := range backward(s.shelf.Load().releases) {
		if t, ok := r.texts[lang][list][code]; ok {
			return t, true
		}
	}
	if all, err := catalogues(); err == nil && all[lang] != nil {
		if t, ok := all[lang].codes[list][code]; ok {
			return t, true
		}
	}
	if c, ok := s.Code(list, code); ok {
		return c.En, lang == English
	}
	return code, false
}

// Glossary are the legal terms in every language, in their own order.
func (s *Set) Glossary() ([]Term, error) {
	raw, err := fs.ReadFile(tree, "texts/glossary.csv")
	if err != nil {
		return nil, fmt.Errorf("reading the glossary: %w", err)
	}
	lines, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the glossary: %w", err)
	}
	all, err := catalogues()
	if err != nil {
		return nil, err
	}
	var out []Term
	for _, l := range lines[1:] {
		t := Term{ID: l[0], Texts: map[string]string{English: l[1]}}
		for lang, c := range all {
			if text, ok := c.terms[t.ID]; ok {
				t.Texts[lang] = text
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// CountryName is a country's name in a language and the footnote that goes with it, which
// is empty for most. In a language that is not here both are English.
func (s *Set) CountryName(c gateway.Country, lang string) (name, note string) {
	name = c.Name()
	if all, err := catalogues(); err == nil && all[lang] != nil {
		name = all[lang].codes["country"][string(c)]
	} else {
		lang = English
	}
	if strings.HasSuffix(name, "*") {
		note = footnotes[lang]
	}
	return name, note
}

// footnotes of the designation Kosovo* say the same in every language, in English in the
// words of [gateway.FootnoteXK]; the Serbian one in Latin letters is made.
var footnotes = map[string]string{
	English:         gateway.FootnoteXK,
	"sq":            "* Ky emërtim nuk paragjykon qëndrimet për statusin dhe është në përputhje me Rezolutën 1244/1999 të KS të OKB-së dhe me Opinionin e GJND-së për shpalljen e pavarësisë së Kosovës.",
	"bs":            "* Ovaj naziv ne prejudicira stavove o statusu i u skladu je s Rezolucijom VS UN-a 1244/1999 i mišljenjem MSP-a o proglašenju nezavisnosti Kosova.",
	cyrillicSerbian: "* Овај назив не прејудицира ставове о статусу и у складу је са Резолуцијом СБ УН 1244/1999 и мишљењем МСП о проглашењу независности Косова.",
	latinSerbian:    "* Ovaj naziv ne prejudicira stavove o statusu i u skladu je sa Rezolucijom SB UN 1244/1999 i mišljenjem MSP o proglašenju nezavisnosti Kosova.",
	"cnr":           "* Ovaj naziv ne prejudicira stavove o statusu i u skladu je s Rezolucijom SB UN 1244/1999 i mišljenjem MSP o proglašenju nezavisnosti Kosova.",
	"mk":            "* Овој назив не ги доведува во прашање ставовите за статусот и е во согласност со Резолуцијата 1244/1999 на СБ на ОН и со мислењето на МСП за прогласувањето на независноста на Косово.",
	"ro":            "* Această denumire nu aduce atingere pozițiilor privind statutul și este conformă cu Rezoluția 1244/1999 a CSONU și cu Avizul CIJ privind declarația de independență a Kosovo.",
}
