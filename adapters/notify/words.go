package notify

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"example.org/trm/adapters/country"
)

//go:embed wording.yaml
var wording []byte

// Sentence is the one sentence in one language.
type Sentence struct {
	// Review says whether a native speaker has read it: "none" or "native".
	Review string `yaml:"review"`
	Waits  string `yaml:"waits"` // nothing is owed
	Today  string `yaml:"today"` // an answer is owed today
	Later  string `yaml:"later"` // on another day
}

// Sentences reads the sentence in every language, by BCP 47 tag. Nothing is kept: each
// call reads the data in the binary.
func Sentences() (map[string]Sentence, error) {
	var all map[string]Sentence
	d := yaml.NewDecoder(bytes.NewReader(wording))
	d.KnownFields(true)
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("reading the wording of notices: %w", err)
	}
	for tag, s := range all {
		if s.Waits == "" || s.Today == "" || s.Later == "" || s.Review != "none" && s.Review != "native" {
			return nil, fmt.Errorf("reading the wording of notices: %s is not complete", tag)
		}
	}
	return all, nil
}

// Words says the sentence in the languages of an office and in its time zone. Make one
// with [WordsOf]. Safe for concurrent use.
type Words struct {
	sentences []Sentence
	zone      *time.Location
}

// WordsOf is the wording of a country: in the languages given, or else in its official
// ones and English. Languages that say it in the same letters say it once.
func WordsOf(p country.Profile, languages ...string) (Words, error) {
	all, err := Sentences()
	if err != nil {
		return Words{}, err
	}
	w := Words{}
	if w.zone, err = p.Location(); err != nil {
		return Words{}, fmt.Errorf("choosing the wording of notices: %w", err)
	}
	chosen := len(languages) > 0
	if !chosen {
		languages = append(slices.Clone(p.Official), "en")
	}
	for _, tag := range languages {
		s, ok := find(all, tag)
		if !ok && chosen {
			return Words{}, fmt.Errorf("choosing the wording of notices: there is none in %s", tag)
		}
		if ok && !slices.ContainsFunc(w.sentences, func(t Sentence) bool { return t.Later == s.Later }) {
			w.sentences = append(w.sentences, s)
		}
	}
	if len(w.sentences) == 0 {
		return Words{}, errors.New("choosing the wording of notices: there is none in any language of the country")
	}
	return w, nil
}

// find is the sentence in a language; where there is none in that script, the one that
// names no script.
func find(all map[string]Sentence, tag string) (Sentence, bool) {
	if s, ok := all[tag]; ok {
		return s, true
	}
	language, _, _ := strings.Cut(tag, "-")
	s, ok := all[language]
	return s, ok
}

// Say is the text of a notice: the sentence in each language, a line each. The time is that
// of the office's clock, with the date where that is not the day of now. The zero time says
// that nothing is owed.
func (w Words) Say(ref string, answerBy, now time.Time) string {
	lines := make([]string, len(w.sentences))
	at := answerBy.In(w.zone)
	for i, s := range w.sentences {
		text := s.Later
		switch {
		case answerBy.IsZero():
			text = s.Waits
		case at.Format(time.DateOnly) == now.In(w.zone).Format(time.DateOnly):
			text = s.Today
		}
		lines[i] = strings.NewReplacer("{ref}", ref, "{time}", at.Format("15:04"), "{date}", at.Format("2.1.2006")).Replace(text)
	}
	return strings.Join(lines, "\n") + "\n"
}
