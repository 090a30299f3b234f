package leak

import (
	"bytes"
	"slices"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// reading is a text as a reader could take it: lower-case ASCII, with the place of every
// byte in what was written. Letters of no script that is known here are '_'.
type reading struct {
	text     []byte
	from, to []int  // the characters that each byte stands for
	capital  []bool // whether the character was a capital letter
	caps     bool   // nothing but capitals: a capital says nothing then
}

func (r *reading) put(s string, from, to int, capital bool) {
	for i := range len(s) {
		r.text = append(r.text, s[i])
		r.from, r.to, r.capital = append(r.from, from), append(r.to, to), append(r.capital, capital)
	}
}

// sign is one character taken apart: an ASCII byte, or a letter of another script with the
// sound that it has and the Latin letter that it looks like.
type sign struct {
	at      int // of the character in the text
	plain   byte
	sound   string // of a letter of another script
	look    byte   // 0 if it looks like none
	capital bool
}

func (s sign) letter() bool { return s.plain == 0 || s.plain >= 'a' && s.plain <= 'z' }

// readings are the different ways to read a text: words of one script by their sound and
// mixed ones by their look; all by their look; and either with letters among digits taken
// for digits. Most texts have one.
func readings(text string) []*reading {
	signs := apart(text)
	all := []*reading{spell(signs, false), spell(signs, true)}
	for _, r := range all[:2] {
		all = append(all, r.figures(), r.spoken())
	}
	var out []*reading
	for _, r := range all {
		if r == nil || slices.ContainsFunc(out, func(o *reading) bool { return bytes.Equal(o.text, r.text) }) {
			continue
		}
		out = append(out, r)
	}
	return out
}

// apart takes the characters apart into what they are made of. What nobody sees is left
// out.
func apart(text string) []sign {
	signs := make([]sign, 0, len(text))
	at := 0
	for _, c := range text {
		if b, ok := asIs[c]; ok {
			signs = append(signs, sign{at: at, plain: b})
		} else if c < 0x80 {
			signs = appendSign(signs, c, at)
		} else {
			for _, part := range norm.NFKD.String(string(c)) {
				signs = appendSign(signs, part, at)
			}
		}
		at++
	}
	return signs
}

func appendSign(signs []sign, c rune, at int) []sign {
	s := sign{at: at, capital: unicode.IsUpper(c)}
	small := unicode.ToLower(c)
	switch b, known := asIs[c]; {
	case known:
		s.plain = b
	case small < 0x80 && (small >= ' ' || unicode.IsSpace(small)):
		if s.plain = byte(small); small < ' ' {
			s.plain = ' '
		}
	case unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf, unicode.Cc) || unseen[c]:
		return signs
	case unicode.Is(unicode.Nd, c):
		s.plain = '0' + figure(c)
	case unicode.Is(unicode.Pd, c):
		s.plain = '-'
	case unicode.IsSpace(c):
		s.plain = ' '
	case unicode.IsLetter(c):
		s.sound, s.look = sounds[small], looks[small]
		if latin := latins[small]; latin != 0 {
			s.plain = latin
		}
	default:
		s.plain = ';'
	}
	return append(signs, s)
}

// figure is the value of a decimal digit of any script: they stand in tens.
func figure(c rune) byte {
	for _, r := range unicode.Nd.R16 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return byte((c - rune(r.Lo)) % 10)
		}
	}
	for _, r := range unicode.Nd.R32 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return byte((c - rune(r.Lo)) % 10)
		}
	}
	return 0
}

// spell writes the signs, word by word: by its sound a word of another script, with the
// Latin letters in it as those that they look like, and by its look a Latin word with
// letters of another script in it, or all.
func spell(signs []sign, look bool) *reading {
	r := &reading{caps: true}
	for i := 0; i < len(signs); {
		j, foreign, latin := i, 0, 0
		for j < len(signs) && signs[j].letter() {
			if signs[j].plain == 0 {
				foreign++
			} else {
				latin++
			}
			r.caps = r.caps && signs[j].capital
			j++
		}
		for _, s := range signs[i:j] {
			switch {
			case s.plain != 0 && foreign >= latin && !look && soundAlike[s.plain] != 0:
				r.put(string(soundAlike[s.plain]), s.at, s.at+1, s.capital)
			case s.plain != 0:
				r.put(string(s.plain), s.at, s.at+1, s.capital)
			case s.look != 0 && (look || latin > foreign || s.sound == ""):
				r.put(string(s.look), s.at, s.at+1, s.capital)
			case s.sound != "":
				r.put(s.sound, s.at, s.at+1, s.capital)
			default:
				r.put("_", s.at, s.at+1, s.capital)
			}
		}
		if i = j; i < len(signs) {
			r.put(string(signs[i].plain), signs[i].at, signs[i].at+1, false)
			i++
		}
	}
	return r
}

// figures takes letters for the digits that they look like, in words that have a digit and
// otherwise such letters only.
func (r *reading) figures() *reading {
	out := *r
	out.text = slices.Clone(r.text)
	for i, j := range r.words() {
		digits, others := 0, 0
		for _, b := range r.text[i:j] {
			switch {
			case isDigit(b):
				digits++
			case figureLike[b] == 0:
				others++
			}
		}
		if digits == 0 || others > 0 {
			continue
		}
		for k := i; k < j; k++ {
			if d := figureLike[out.text[k]]; d != 0 {
				out.text[k] = d
			}
		}
	}
	return &out
}

// enoughSpoken is how many digits in words, one after another, are a number.
const enoughSpoken = 6

// spoken takes digits in words for digits, where there are enough of them in a row.
func (r *reading) spoken() *reading {
	type word struct{ i, j int }
	var run []word
	out := &reading{caps: r.caps}
	done := 0
	flush := func(upTo int) {
		if len(run) >= enoughSpoken {
			out.copy(r, done, run[0].i)
			for _, w := range run {
				out.put(string(spokenDigits[string(r.text[w.i:w.j])]), r.from[w.i], r.to[w.j-1], false)
			}
			done = run[len(run)-1].j
		}
		run = run[:0]
	}
	for i, j := range r.words() {
		if _, ok := spokenDigits[string(r.text[i:j])]; !ok || len(run) > 0 && i-run[len(run)-1].j > 3 {
			flush(i)
			if !ok {
				continue
			}
		}
		run = append(run, word{i, j})
	}
	flush(len(r.text))
	if done == 0 {
		return nil
	}
	out.copy(r, done, len(r.text))
	return out
}

func (r *reading) copy(from *reading, i, j int) {
	r.text = append(r.text, from.text[i:j]...)
	r.from, r.to = append(r.from, from.from[i:j]...), append(r.to, from.to[i:j]...)
	r.capital = append(r.capital, from.capital[i:j]...)
}

// words are the runs of letters and digits.
func (r *reading) words() func(yield func(i, j int) bool) {
	return func(yield func(i, j int) bool) {
		for i := 0; i < len(r.text); {
			j := i
			for j < len(r.text) && isWord(r.text[j]) {
				j++
			}
			if j > i && !yield(i, j) {
				return
			}
			i = max(j, i+1)
		}
	}
}

func isDigit(b byte) bool  { return b >= '0' && b <= '9' }
func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b == '_' }
func isWord(b byte) bool   { return isDigit(b) || isLetter(b) || b == '|' }
