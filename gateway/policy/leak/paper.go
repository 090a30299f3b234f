package leak

import "regexp"

var (
	paperForm = regexp.MustCompile(`\b(?:passport|pasos[a-z]*|putovnic[a-z]*|pasaport[a-z]*|pasport[a-z]*|licn[a-z]* kart[a-z]*|lk|osobn[a-z]* iskaznic[a-z]*|leternjoftim[a-z]*|letra e njoftimit|kart[a-z]* (?:e |te )?identitetit?|` +
		`cart[a-z]* (?:de|of) identit[a-z]*|buletin[a-z]*|identity card|id card|id-card|identity document|travel document|putn[a-z]* (?:isprav|list)[a-z]*|paten[a-z]* isprav[a-z]*|patn[a-z]* isprav[a-z]*|dokument[a-z]* i udhetimit|` +
		`vozack[a-z]* dozvol[a-z]*|driving licen[cs]e|boravisn[a-z]* dozvol[a-z]*|dozvol[a-z]* (?:za )?borav[a-z]*|residence permit|leje qendrimi|permis[a-z]* de sedere|izvod[a-z]* iz matic[a-z]*|birth certificate)` +
		`[^a-z0-9]{0,4}(?:[a-z]{1,10}[^a-z0-9]{1,3}){0,4}([a-z]{0,3}[ .\-]?[0-9](?:[ .\-]{0,2}[0-9a-z]?[0-9]){4,9}[a-z]{0,3})\b`)
	// The forms of passports and identity cards here: a letter or two and seven or eight
	// digits, written together.
	barePaper = regexp.MustCompile(`(?:^|[^a-z0-9/\-.])([a-z]{1,2}[0-9]{7,8})\b`)
)

// papers finds the numbers of passports, identity cards and permits.
func papers(r *reading, add func(Kind, int, int)) {
	text := withoutDates(r.text)
	for _, m := range paperForm.FindAllSubmatchIndex(text, -1) {
		add(Paper, m[2], m[3])
	}
	for _, m := range barePaper.FindAllSubmatchIndex(text, -1) {
		add(Paper, m[2], m[3])
	}
}

var dateOrTime = regexp.MustCompile(`\b([0-9]{1,2}) ?[./\-] ?([0-9]{1,2}) ?[./\-] ?(?:19|20)[0-9]{2}\b|\b(?:19|20)[0-9]{2}-([0-9]{2})-([0-9]{2})\b|\b[0-9]{1,2}:[0-9]{2}\b`)

// withoutDates is the text with signs in place of dates and times, of the same length.
func withoutDates(text []byte) []byte {
	out := append([]byte(nil), text...)
	for _, m := range dateOrTime.FindAllSubmatchIndex(text, -1) {
		day, mon := 1, 1
		switch {
		case m[2] >= 0:
			day, mon = value(text[m[2]:m[3]]), value(text[m[4]:m[5]])
		case m[6] >= 0:
			mon, day = value(text[m[6]:m[7]]), value(text[m[8]:m[9]])
		}
		if day < 1 || day > 31 || mon < 1 || mon > 12 {
			continue
		}
		for i := m[0]; i < m[1]; i++ {
			out[i] = ';'
		}
	}
	return out
}
