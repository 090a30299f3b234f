package notify_test

import (
	"strings"
	"testing"
	"time"

	"example.org/trm/adapters/country"
	"example.org/trm/adapters/notify"
	"example.org/trm/gateway"
)

// TestSevenCountriesSayTheSentenceInTheirLanguagesAndTime holds every word that can leave:
// a change of wording is a change of this table.
func TestSevenCountriesSayTheSentenceInTheirLanguagesAndTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	today, tomorrow := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC), time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
	for c, want := range map[gateway.Country][3]string{
		"al": {
			"Një mesazh është në pritje. Ref 7Q4KXM. Përgjigjuni deri në orën 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 16:00.\n",
			"Një mesazh është në pritje. Ref 7Q4KXM. Përgjigjuni deri më 24.11.2026, ora 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 24.11.2026, 16:00.\n",
			"Një mesazh është në pritje. Ref 7Q4KXM.\nA message is waiting. Ref 7Q4KXM.\n",
		},
		"ba": {
			"Jedna poruka čeka. Ref 7Q4KXM. Odgovorite do 16:00.\nЈедна порука чека. Ref 7Q4KXM. Одговорите до 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 16:00.\n",
			"Jedna poruka čeka. Ref 7Q4KXM. Odgovorite do 24.11.2026 u 16:00.\nЈедна порука чека. Ref 7Q4KXM. Одговорите до 24.11.2026 у 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 24.11.2026, 16:00.\n",
			"Jedna poruka čeka. Ref 7Q4KXM.\nЈедна порука чека. Ref 7Q4KXM.\nA message is waiting. Ref 7Q4KXM.\n",
		},
		"xk": {
			"Një mesazh është në pritje. Ref 7Q4KXM. Përgjigjuni deri në orën 16:00.\nJedna poruka čeka. Ref 7Q4KXM. Odgovorite do 16:00.\nЈедна порука чека. Ref 7Q4KXM. Одговорите до 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 16:00.\n",
			"Një mesazh është në pritje. Ref 7Q4KXM. Përgjigjuni deri më 24.11.2026, ora 16:00.\nJedna poruka čeka. Ref 7Q4KXM. Odgovorite do 24.11.2026 u 16:00.\nЈедна порука чека. Ref 7Q4KXM. Одговорите до 24.11.2026 у 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 24.11.2026, 16:00.\n",
			"Një mesazh është në pritje. Ref 7Q4KXM.\nJedna poruka čeka. Ref 7Q4KXM.\nЈедна порука чека. Ref 7Q4KXM.\nA message is waiting. Ref 7Q4KXM.\n",
		},
		"me": {
			"Jedna poruka čeka. Ref 7Q4KXM. Odgovorite do 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 16:00.\n",
			"Jedna poruka čeka. Ref 7Q4KXM. Odgovorite do 24.11.2026 u 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 24.11.2026, 16:00.\n",
			"Jedna poruka čeka. Ref 7Q4KXM.\nA message is waiting. Ref 7Q4KXM.\n",
		},
		"mk": {
			"Една порака чека. Ref 7Q4KXM. Одговорете до 16:00.\nNjë mesazh është në pritje. Ref 7Q4KXM. Përgjigjuni deri në orën 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 16:00.\n",
			"Една порака чека. Ref 7Q4KXM. Одговорете до 24.11.2026 во 16:00.\nNjë mesazh është në pritje. Ref 7Q4KXM. Përgjigjuni deri më 24.11.2026, ora 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 24.11.2026, 16:00.\n",
			"Една порака чека. Ref 7Q4KXM.\nNjë mesazh është në pritje. Ref 7Q4KXM.\nA message is waiting. Ref 7Q4KXM.\n",
		},
		"rs": {
			"Једна порука чека. Ref 7Q4KXM. Одговорите до 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 16:00.\n",
			"Једна порука чека. Ref 7Q4KXM. Одговорите до 24.11.2026 у 16:00.\nA message is waiting. Ref 7Q4KXM. Answer by 24.11.2026, 16:00.\n",
			"Једна порука чека. Ref 7Q4KXM.\nA message is waiting. Ref 7Q4KXM.\n",
		},
		"md": { // an hour east of the others
			"Un mesaj este în așteptare. Ref 7Q4KXM. Răspundeți până la ora 17:00.\nA message is waiting. Ref 7Q4KXM. Answer by 17:00.\n",
			"Un mesaj este în așteptare. Ref 7Q4KXM. Răspundeți până la 24.11.2026, ora 17:00.\nA message is waiting. Ref 7Q4KXM. Answer by 24.11.2026, 17:00.\n",
			"Un mesaj este în așteptare. Ref 7Q4KXM.\nA message is waiting. Ref 7Q4KXM.\n",
		},
	} {
		p, err := country.Of(c)
		must(t, err)
		w, err := notify.WordsOf(p)
		must(t, err)
		for i, due := range []time.Time{today, tomorrow, {}} {
			if got := w.Say("7Q4KXM", due, now); got != want[i] {
				t.Errorf("%s: got\n%s\nwant\n%s", c, got, want[i])
			}
		}
	}
}

func TestDayIsThatOfTheOffice(t *testing.T) {
	t.Parallel()
	p, err := country.Of("md")
	must(t, err)
	w, err := notify.WordsOf(p, "en")
	must(t, err)
	// 21:30 UTC is 23:30 in Chisinau, 22:30 is past midnight there.
	now := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	if got, want := w.Say("7Q4KXM", now.Add(90*time.Minute), now), "A message is waiting. Ref 7Q4KXM. Answer by 23:30.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := w.Say("7Q4KXM", now.Add(150*time.Minute), now), "A message is waiting. Ref 7Q4KXM. Answer by 24.11.2026, 00:30.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// And in summer time.
	july := time.Date(2026, 7, 6, 8, 0, 0, 0, time.UTC)
	if got, want := w.Say("7Q4KXM", july.Add(time.Hour), july), "A message is waiting. Ref 7Q4KXM. Answer by 12:00.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLanguagesAreChosenOrRefused(t *testing.T) {
	t.Parallel()
	p, err := country.Of("rs")
	must(t, err)
	w, err := notify.WordsOf(p, "en", "sq")
	must(t, err)
	if got, want := w.Say("7Q4KXM", time.Time{}, noon), "A message is waiting. Ref 7Q4KXM.\nNjë mesazh është në pritje. Ref 7Q4KXM.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := notify.WordsOf(p, "en", "de"); err == nil {
		t.Error("a language without a sentence: got no error")
	}
}

// TestEverySentenceHasItsPlacesAndSaysWhoHasReadIt: a translation that loses the reference
// or the time would tell nobody what to do.
func TestEverySentenceHasItsPlacesAndSaysWhoHasReadIt(t *testing.T) {
	t.Parallel()
	all, err := notify.Sentences()
	must(t, err)
	for _, tag := range []string{"en", "sq", "bs", "sr-Latn", "sr-Cyrl", "cnr", "mk", "ro"} {
		s, ok := all[tag]
		if !ok {
			t.Errorf("there is no sentence in %s", tag)
			continue
		}
		if s.Review != "none" {
			t.Errorf("%s: review is %q, and nobody has read it", tag, s.Review)
		}
		for sentence, places := range map[string][]string{s.Waits: {"{ref}"}, s.Today: {"{ref}", "{time}"}, s.Later: {"{ref}", "{time}", "{date}"}} {
			for _, p := range places {
				if strings.Count(sentence, p) != 1 {
					t.Errorf("%s: %q has not one %s", tag, sentence, p)
				}
			}
			if strings.Count(sentence, "{") != len(places) {
				t.Errorf("%s: %q has a place that nothing fills", tag, sentence)
			}
		}
	}
	if len(all) != 8 {
		t.Errorf("got %d languages, want 8", len(all))
	}
}
