package leak

import "regexp"

const (
	mailName = `[a-z0-9][a-z0-9._%+\-]*`
	mailAt   = `(?:@|[(\[{<] ?(?:@|at|et|ad|kod|majmun|majmunce|manki|monkey|arond|kukac|afna) ?[)\]}>])`
	spokenAt = ` (?:at|et|majmun|majmunce|manki|monkey|arond|arong|kukac) `
	mailDot  = ` ?(?:\.|[(\[{<] ?(?:\.|dot|tacka|tocka|pika|pike|punct|punkt) ?[)\]}>]| (?:dot|tacka|tocka|pika|pike|punct|punkt) ) ?`
	spokenD  = ` ?(?:[(\[{<] ?(?:dot|tacka|tocka|pika|pike|punct|punkt) ?[)\]}>]| (?:dot|tacka|tocka|pika|pike|punct|punkt) ) ?`
	provider = `(?:gmail|g-mail|googlemail|yahoo|ymail|hotmail|outlook|live|msn|icloud|proton|protonmail|mail|yandex|gmx|t-com|web)`
)

var (
	// An at sign, or a word for it in brackets, needs no more than a dot behind it; a bare
	// word for it needs a word for the dot as well, or a house where people have their mail.
	mailForm = regexp.MustCompile(`(?:` + mailName + ` ?` + mailAt + ` ?[a-z0-9\-]+(?:` + mailDot + `[a-z0-9\-]+)+` +
		`|` + mailName + spokenAt + `[a-z0-9\-]+(?:` + spokenD + `[a-z0-9\-]+)+` +
		`|` + mailName + spokenAt + provider + mailDot + `[a-z]{2,3}\b` +
		`|` + mailName + ` ?` + mailAt + ` ?` + provider + `\b)`)
)

// mails finds addresses of electronic mail, also those that are written out against
// machines.
func mails(r *reading, add func(Kind, int, int)) {
	for _, m := range mailForm.FindAllIndex(r.text, -1) {
		add(Mail, m[0], m[1])
	}
}
