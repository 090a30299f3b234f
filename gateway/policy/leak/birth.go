package leak

import "regexp"

const (
	month = `(?:januar[aiu]?|january|jan|sijec(?:anj|nja|nju)|janar(?:it)?|ianuarie|februar[aiu]?|february|feb|veljac[aei]|shkurt(?:it)?|februarie|` +
		`mart(?:a|u|i|ie)?|march|mars(?:it)?|ozuj(?:ak|ka|ku)|april(?:a|u|i|ie)?|apr|trav(?:anj|nja|nju)|prill(?:it)?|` +
		`maj(?:a|u|it)?|may|mai|svib(?:anj|nja|nju)|jun(?:a|u|e|i)?|iunie|lip(?:anj|nja|nju)|qershor(?:it)?|` +
		`jul(?:a|u|y|i)?|iulie|srp(?:anj|nja|nju)|korrik(?:ut)?|avgust[aiu]?|august[aiu]?|aug|avg|kolovoz[au]?|gusht(?:it)?|` +
		`septemb(?:ar|ra|ru|er|ri)|septembrie|sept?|ruj(?:an|na|nu)|shtator(?:it)?|oktob(?:ar|ra|ru|er|ri)|october|octombrie|okt|oct|listopad[au]?|tetor(?:it)?|` +
		`novemb(?:ar|ra|ru|er|ri)|noiembrie|nov|studen(?:i|og|om)|nentor(?:it)?|decemb(?:ar|ra|ru|er|ri)|decembrie|dec|dek|prosin(?:ac|ca|cu)|dhjetor(?:it)?|janyary)`
	year     = `(?:19|20)[0-9]{2}`
	figures  = `[0-9]{1,2} ?[./,\- ] ?[0-9]{1,2} ?[./,\- ] ?(?:` + year + `|[0-9]{2})\b`
	dateForm = `(?:` + year + ` ?[./\-] ?[0-9]{1,2} ?[./\-] ?[0-9]{1,2}\b` +
		`|` + figures +
		`|[0-9]{1,2} ?[./\- ] ?[ivx]{1,4}\b ?[./\- ]{0,2} ?(?:` + year + `|[0-9]{2})\b` +
		`|(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])` + year + `\b` +
		`|(?:[0-9]{1,2}(?:st|nd|rd|th|-?ti|-?og)?[ .\-]{0,2}(?:of )?|(?:[a-z]+ ){0,2}?)` + month + `\b(?:[ .,\-]{1,2}[0-9]{1,2}(?:st|nd|rd|th)?\b)?(?:[ .,\-]{0,3}` + year + `)?)`
	bornWord = `(?:ro[dg]?j?en[aoie]?|ro[dg]j?enj[aeu]|rodendan[a-z]*|rodjendan[a-z]*|roz?denj?[aeiy]*|raganje(?:to)?|radanje(?:to)?|rodil[a-z]*|rod\.|rodj\.|` +
		`lindur|lindi|lindjes?|datelindj[ae]|ditelindj[ae]|dtl|d\.l\.|nascut[aei]?|nasterii?|n\. la|data n\.|born|birth|birthday|birthdate|dob|d\.o\.b\.?)`
	between = `(?:joj|mu|njoj|njemu|je|su|sam|si|dana|na|u|on|in|the|of|me|me date|dat[aeu]m?[a-z]*|la|pe|dne|den|ka|eshte|este|is|was|godin[aeu]|god|g|e|i|din|anul|luna|vo|ne|an|data|date|datum|date of|day|year|` +
		`negov[a-z]*|njegov[a-z]*|njen[a-z]*)`
)

var (
	bornForm = regexp.MustCompile(`\b` + bornWord + `[^a-z0-9]{0,4}(?:` + between + `[^a-z0-9]{1,4}){0,4}(?:(?:u|ne|in|la|vo|at|na) [a-z]+(?: [a-z]+,)?[ ,]{1,3}(?:` + between + `[^a-z0-9]{1,4}){0,3})?(` + dateForm + `)`)
	// The date first: the word must follow at once, in the same sentence.
	thenBorn = regexp.MustCompile(`(` + dateForm + `)(?:\.? ?(?:godin[aeu]|god\.?|g\.))?(\.?[ ,(]{1,3})(` + bornWord + `)\b`)
)

// birthDates finds dates beside a word of birth. A date without one is a hearing's or a
// law's.
func birthDates(r *reading, add func(Kind, int, int)) {
	for _, m := range bornForm.FindAllSubmatchIndex(r.text, -1) {
		add(BirthDate, m[2], m[3])
	}
	for _, m := range thenBorn.FindAllSubmatchIndex(r.text, -1) {
		// A word with one capital begins the next sentence; "DOB" does not.
		if sentence := r.capital[m[6]] && !r.capital[m[6]+1] && !r.caps; !sentence {
			add(BirthDate, m[2], m[3])
		}
	}
}
