package generate

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
)

// tongues are the languages of the glossary's page, each with its column. Serbian stands in
// Cyrillic, which has one Latin spelling.
var tongues = [...]string{"sq", "bs", "sr-Cyrl", "cnr", "mk", "ro"}

// glossary is the legal terms with their texts by language.
type glossary struct {
	ids, english []string
	texts        map[string]map[string]string // by language and id
	review       map[string]string
}

// readGlossary reads the terms, if the sources have any.
func readGlossary(fsys fs.FS) (*glossary, error) {
	lines, err := csvLines(fsys, "texts/glossary.csv", 2)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	g := &glossary{texts: map[string]map[string]string{}, review: map[string]string{}}
	for _, l := range lines {
		g.ids, g.english = append(g.ids, l[0]), append(g.english, l[1])
	}
	for _, lang := range tongues {
		if lines, err = csvLines(fsys, "texts/"+lang+".csv", 3); err != nil {
			return nil, err
		}
		g.texts[lang] = map[string]string{}
		for _, l := range lines {
			switch l[0] {
			case "review":
				g.review[lang] = l[2]
			case "glossary":
				g.texts[lang][l[1]] = l[2]
			}
		}
	}
	return g, nil
}

func csvLines(fsys fs.FS, name string, fields int) ([][]string, error) {
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("reading the texts: %w", err)
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord = fields
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return lines[min(1, len(lines)):], nil
}

// glossaryPage prints the terms in every language, and who has read them.
func (s *Source) glossaryPage() []byte {
	p := &page{}
	p.line("%s\n\n# Legal terms\n", made)
	p.line("The words to which every text in a language keeps. Serbian in Latin letters is the same text in the other script. A language whose review is *none* was not yet read by a native speaker of the field: whoever shows it says so.")
	head := []string{"term", "en"}
	review := []string{"*review*", "source"}
	for _, lang := range tongues {
		head, review = append(head, lang), append(review, s.glossary.review[lang])
	}
	p.table(head...)
	p.row(review...)
	for i, id := range s.glossary.ids {
		row := []string{"`" + id + "`", s.glossary.english[i]}
		for _, lang := range tongues {
			row = append(row, s.glossary.texts[lang][id])
		}
		p.row(row...)
	}
	return p.Bytes()
}
