package leak

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

const minutes = `(?:\b[nsewijz] ?)?[0-9]{1,3} ?(?:\x01|deg\b\.?|degrees?|stepeni?|stepen[a-z]*|grade|grad[ei]|gradusov?) ?[0-9]{1,2}(?:[.,][0-9]+)? ?(?:'|min[a-z]*\b\.?|m\b)(?: ?[0-9]{1,2}(?:[.,][0-9]+)? ?(?:''|"|sec?\b\.?|s\b))?(?: ?[nsewijz]\b)?`

var (
	// Four decimals are eleven metres. Three are a thousand, in sums of money, unless
	// something says degrees.
	decimalForm = regexp.MustCompile(`([-+]?[0-9]{1,2}[.,][0-9]{4,})\x01? ?[nsewijz]? ?[,;/| ] ?[a-z]? ?([-+]?[0-9]{1,3}[.,][0-9]{4,})(?:\x01? ?[nsewijz]\b|\x01)?` +
		`|(?:\b[nsewijz] ?)?([0-9]{1,2}[.,][0-9]{2,}) ?(?:\x01 ?[nsewijz]?|[ns]) ?[,;/| ]* ?[nsewijz]? ?([0-9]{1,3}[.,][0-9]{2,}) ?(?:\x01|[nsewijz]\b)`)
	labelledForm = regexp.MustCompile(`\b(?:lat|latitude|lon|lng|longitude|gps|koordinat[a-z]*|coordonate[a-z]*|coordinates?)\b[^a-z0-9]{1,4}(?:[a-z]{1,4}[^a-z0-9]{1,3})?[0-9]{1,3}[.,][0-9]{3,}`)
	minutesForm  = regexp.MustCompile(minutes + `(?:[,;/ ]{0,3}` + minutes + `)?`)
	plusForm     = regexp.MustCompile(`\b[23456789cfghjmpqrvwx]{4,8}\+[23456789cfghjmpqrvwx]{2,4}\b`)
	geoForm      = regexp.MustCompile(`\bgeo: ?-?[0-9]{1,3}[.,]?[0-9]*[^ ;]*`)
	mapForm      = regexp.MustCompile(`(?:\bmaps\.google\.|\bgoogle\.[a-z.]{2,6}/maps|\bgoo\.gl/maps|\bmaps\.app\.goo\.gl|\bopenstreetmap\.org|\bosm\.org|\bmaps\.apple\.com|\bwaze\.com|\bbing\.com/maps|\byandex\.[a-z]{2,3}/maps|\b2gis\.[a-z]{2,3}|\bw3w\.co|\bwhat3words\.com)[^ ;]*`)
	wordsForm    = regexp.MustCompile(`///[a-z]{2,}\.[a-z]{2,}\.[a-z]{2,}`)
)

// coordinates finds places on a map: latitude and longitude in decimals or in minutes,
// plus codes, geo addresses (RFC 5870), and addresses of maps in the net.
func coordinates(r *reading, add func(Kind, int, int)) {
	for _, m := range decimalForm.FindAllSubmatchIndex(r.text, -1) {
		lat, lon := m[2:4], m[4:6]
		if m[2] < 0 {
			lat, lon = m[6:8], m[8:10]
		}
		if within(r.text[lat[0]:lat[1]], 90) && within(r.text[lon[0]:lon[1]], 180) {
			add(Coordinates, m[0], m[1])
		}
	}
	for _, m := range plusForm.FindAllIndex(r.text, -1) {
		code := r.text[m[0]:m[1]]
		if bytes.ContainsAny(code, "cfghjmpqrvwx") && bytes.ContainsAny(code, "23456789") && bytes.IndexByte(code, '+')%2 == 0 {
			add(Coordinates, m[0], m[1])
		}
	}
	for _, form := range [...]*regexp.Regexp{labelledForm, minutesForm, geoForm, mapForm, wordsForm} {
		for _, m := range form.FindAllIndex(r.text, -1) {
			add(Coordinates, m[0], m[1])
		}
	}
}

func within(number []byte, limit float64) bool {
	v, err := strconv.ParseFloat(strings.Replace(string(number), ",", ".", 1), 64)
	return err == nil && v >= -limit && v <= limit
}
