package leak

// degree and bell stand for signs that ASCII does not have.
const (
	degree = 0x01
	bell   = 0x02 // a telephone
)

// asIs are signs that are read as one of ASCII, or that Unicode would take apart into
// something else.
var asIs = map[rune]byte{
	'°': degree, 'º': degree, '˚': degree, '☎': bell, '✆': bell, '📞': bell, '📱': bell, '☏': bell,
	'‘': '\'', '’': '\'', '′': '\'', '´': '\'', 'ʹ': '\'', 'ʼ': '\'', '“': '"', '”': '"', '″': '"', '„': '"', '«': '"', '»': '"',
	'·': '.', '•': '.', '∙': '.', '⋅': '.', '‧': '.', '・': '.', '。': '.', '․': '.', '…': '.', '‚': ',', '،': ',', '、': ',',
	'−': '-', '⁃': '-', '¯': '-', '⁄': '/', '∕': '/', '∣': '|', '¦': '|', '\u2028': ' ', '\u2029': ' ', '（': '(', '）': ')',
}

// unseen are letters that show nothing.
var unseen = map[rune]bool{'\u115f': true, '\u1160': true, '\u3164': true, '\uffa0': true, '\u2800': true}

// latins are Latin letters that Unicode does not take apart.
var latins = map[rune]byte{
	'đ': 'd', 'ð': 'd', 'ł': 'l', 'ø': 'o', 'ı': 'i', 'ß': 's', 'æ': 'a', 'œ': 'o', 'ħ': 'h', 'ɑ': 'a', 'ɡ': 'g', 'ɩ': 'i', 'ȷ': 'j',
	'ᴀ': 'a', 'ʙ': 'b', 'ᴄ': 'c', 'ᴅ': 'd', 'ᴇ': 'e', 'ꜰ': 'f', 'ɢ': 'g', 'ʜ': 'h', 'ɪ': 'i', 'ᴊ': 'j', 'ᴋ': 'k', 'ʟ': 'l', 'ᴍ': 'm',
	'ɴ': 'n', 'ᴏ': 'o', 'ᴘ': 'p', 'ʀ': 'r', 'ꜱ': 's', 'ᴛ': 't', 'ᴜ': 'u', 'ᴠ': 'v', 'ᴡ': 'w', 'ʏ': 'y', 'ᴢ': 'z',
}

// sounds are the Cyrillic letters of the region as their Latin ones are written without
// marks, so that a word is found in either script.
var sounds = map[rune]string{
	'а': "a", 'б': "b", 'в': "v", 'г': "g", 'д': "d", 'ђ': "d", 'е': "e", 'ж': "z", 'з': "z", 'и': "i", 'ј': "j", 'к': "k",
	'л': "l", 'љ': "lj", 'м': "m", 'н': "n", 'њ': "nj", 'о': "o", 'п': "p", 'р': "r", 'с': "s", 'т': "t", 'ћ': "c", 'у': "u",
	'ф': "f", 'х': "h", 'ц': "c", 'ч': "c", 'џ': "dz", 'ш': "s", 'ѕ': "dz", 'щ': "s", 'ы': "y", 'э': "e", 'ю': "ju", 'я': "ja",
	'ь': "'", 'ъ': "'", 'і': "i", 'є': "e",
}

// looks are letters that a reader takes for a Latin one or for a digit.
var looks = map[rune]byte{
	'а': 'a', 'в': 'b', 'с': 'c', 'е': 'e', 'н': 'h', 'о': 'o', 'р': 'p', 'т': 't', 'у': 'y', 'х': 'x', 'к': 'k', 'м': 'm',
	'і': 'i', 'ј': 'j', 'ѕ': 's', 'ԁ': 'd', 'һ': 'h', 'ԛ': 'q', 'ԝ': 'w', 'г': 'r', 'п': 'n', 'и': 'u', 'з': '3', 'ч': '4', 'б': '6',
	'ӏ': 'l', 'ԍ': 'g', 'ѵ': 'v', 'є': 'e',
	'α': 'a', 'β': 'b', 'γ': 'y', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u',
	'χ': 'x', 'ω': 'w', 'ζ': 'z', 'μ': 'm', 'σ': 'o', 'ς': 's',
	'օ': 'o', 'ս': 'u', 'ո': 'n', 'հ': 'h', 'ց': 'g',
}

// soundAlike are the sounds of the Cyrillic letters that Latin ones look like, where they
// differ.
var soundAlike = [256]byte{'c': 's', 'p': 'r', 'x': 'h', 'y': 'u', 'b': 'v', 'h': 'n'}

// figureLike are letters that stand for digits.
var figureLike = [256]byte{'o': '0', 'l': '1', 'i': '1', '|': '1', 's': '5', 'b': '8', 'z': '2'}

// spokenDigits are the digits in the languages of the region, without marks.
var spokenDigits = map[string]byte{
	"nula": '0', "jedan": '1', "jedna": '1', "dva": '2', "dvije": '2', "dve": '2', "tri": '3', "cetiri": '4', "pet": '5', "sest": '6', "sedam": '7', "osam": '8', "devet": '9',
	"eden": '1', "edna": '1', "sedum": '7', "osum": '8',
	"zero": '0', "nje": '1', "dy": '2', "tre": '3', "kater": '4', "pese": '5', "gjashte": '6', "shtate": '7', "tete": '8', "nente": '9',
	"unu": '1', "doi": '2', "trei": '3', "patru": '4', "cinci": '5', "sase": '6', "sapte": '7', "opt": '8', "noua": '9',
	"one": '1', "two": '2', "three": '3', "four": '4', "five": '5', "six": '6', "seven": '7', "eight": '8', "nine": '9',
}
