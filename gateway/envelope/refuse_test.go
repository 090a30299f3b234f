package envelope_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// chosen is a name that a sender chose. It never comes back in an answer.
const chosen = "Zorislava"

type refusal struct {
	name    string
	code    gateway.Code
	pointer string
	spoil   func(f *forgery)
}

const salt = "AAAAAAAAAAAAAAAAAAAAAA"

func whole(change func(string) string) func(*forgery) {
	return func(f *forgery) { f.envelope = change }
}

func swapped(from, to string) func(*forgery) {
	return func(f *forgery) {
		f.envelope = func(s string) string { f.swap(&s, from, to); return s }
	}
}

func payload(from, to string) func(*forgery) {
	return func(f *forgery) { f.inPayload(from, to) }
}

func protected(from, to string) func(*forgery) {
	return func(f *forgery) { f.inProtected(from, to) }
}

// unprotected puts another unprotected header in place of the message's.
func unprotected(header string) func(*forgery) {
	return whole(func(s string) string { return s[:strings.Index(s, `"header"`)] + `"header":` + header + "}" })
}

// twin encodes the text so that one of its letters is written in a second way.
func twin(change func(string) string) func(*forgery) {
	return func(f *forgery) { f.encode = func(s string) string { return change(b64(s)) } }
}

var formRefusals = []refusal{
	{"nothing", gateway.CodeMalformed, "", whole(func(string) string { return "" })},
	{"only white space", gateway.CodeMalformed, "", whole(func(string) string { return " \n" })},
	{"a list", gateway.CodeMalformed, "", whole(func(s string) string { return "[" + s + "]" })},
	{"a string", gateway.CodeMalformed, "", whole(func(string) string { return `"envelope"` })},
	{"the compact serialisation", gateway.CodeMalformed, "", whole(func(string) string { return "e30.e30.AAAA~" })},
	{"a byte order mark", gateway.CodeMalformed, "", whole(func(s string) string { return "\ufeff" + s })},
	{"bytes that are not UTF-8", gateway.CodeMalformed, "", swapped(`"header":{`, "\"header\":{\"\xff\":1,")},
	{"an overlong UTF-8 sequence", gateway.CodeMalformed, "", swapped(`"header":{`, "\"header\":{\"\xc0\xaf\":1,")},
	{"a surrogate in UTF-8", gateway.CodeMalformed, "", swapped(`"header":{`, "\"header\":{\"\xed\xa0\x80\":1,")},
	{"a letter after the end", gateway.CodeMalformed, "", whole(func(s string) string { return s + "x" })},
	{"a second envelope after the first", gateway.CodeMalformed, "", whole(func(s string) string { return s + s })},
	{"a NUL after the end", gateway.CodeMalformed, "", whole(func(s string) string { return s + "\x00" })},
	{"the end cut off", gateway.CodeMalformed, "", whole(func(s string) string { return s[:len(s)-1] })},
	{"a comma before the end", gateway.CodeMalformed, "", whole(func(s string) string { return s[:len(s)-1] + ",}" })},
	{"payload twice", gateway.CodeMalformed, "", swapped(`{"payload"`, `{"payload":"e30","payload"`)},
	{"payload and PAYLOAD", gateway.CodeMalformed, "", swapped(`{"payload"`, `{"PAYLOAD":"e30","payload"`)},
	{"payload twice, once with an escape", gateway.CodeMalformed, "", swapped(`{"payload"`, `{"\u0070ayload":"e30","payload"`)},
	{"signature and the same with a long s", gateway.CodeMalformed, "", swapped(`{"payload"`, `{"ſignature":"e30","payload"`)},
	{"only PAYLOAD", gateway.CodeMalformed, "/payload", swapped(`{"payload"`, `{"PAYLOAD"`)},
	{"a member that is not known", gateway.CodeMalformed, "", swapped(`{"payload"`, `{"`+chosen+`":"","payload"`)},
	{"the general serialisation", gateway.CodeMalformed, "/protected", whole(func(s string) string {
		return strings.Replace(strings.Replace(s, `,"protected"`, `,"signatures":[{"protected"`, 1), `}}`, `}}]}`, 1)
	})},
	{"a second list of signatures beside the first", gateway.CodeMalformed, "", swapped(`{"payload"`, `{"signatures":[],"payload"`)},
	{"no signature", gateway.CodeMalformed, "/signature", func(f *forgery) {
		f.envelope = func(s string) string { f.swap(&s, `"signature":"`+f.signature+`",`, ""); return s }
	}},
	{"an empty payload", gateway.CodeMalformed, "/payload", func(f *forgery) { f.encode = func(string) string { return "" } }},
	{"a payload that is an object", gateway.CodeMalformed, "/payload", func(f *forgery) {
		f.envelope = func(s string) string { f.swap(&s, `"`+b64(f.payload)+`"`, f.payload); return s }
	}},
	{"no unprotected header", gateway.CodeMalformed, "/header", whole(func(s string) string { return s[:strings.Index(s, `,"header"`)] + "}" })},
	{"an alg in the unprotected header", gateway.CodeMalformed, "/header", func(f *forgery) { f.header = `,"alg":"ES256"` }},
	{"a crit in the unprotected header", gateway.CodeMalformed, "/header", func(f *forgery) { f.header = `,"crit":["disclosures"]` }},
	{"no disclosures", gateway.CodeMalformed, "/header/disclosures", unprotected(`{"kb_jwt":"e30.e30.AAAA"}`)},
	{"an empty unprotected header", gateway.CodeMalformed, "/header", unprotected(`{}`)},
	{"disclosures that are a string", gateway.CodeMalformed, "/header/disclosures", unprotected(`{"disclosures":""}`)},
	{"a disclosure that is a list", gateway.CodeMalformed, "/header/disclosures", swapped(`"disclosures":[`, `"disclosures":[[],`)},
	{"65 disclosures", gateway.CodeMalformed, "/header/disclosures", swapped(`"disclosures":[`, `"disclosures":[`+strings.Repeat(`"",`, 64))},
	{"an empty kb_jwt", gateway.CodeMalformed, "/header/kb_jwt", func(f *forgery) { f.header = `,"kb_jwt":""` }},
	{"a kb_jwt of two parts", gateway.CodeMalformed, "/header/kb_jwt", func(f *forgery) { f.header = `,"kb_jwt":"e30.e30"` }},
	{"a kb_jwt of four parts", gateway.CodeMalformed, "/header/kb_jwt", func(f *forgery) { f.header = `,"kb_jwt":"e30.e30.AAAA.AAAA"` }},
	{"a kb_jwt that is too long", gateway.CodeMalformed, "/header/kb_jwt", func(f *forgery) { f.header = `,"kb_jwt":"e30.e30.` + strings.Repeat("AAAA", 3<<10) + `"` }},
	{"twice 256 KiB", gateway.CodeTooLarge, "", whole(func(s string) string { return s + strings.Repeat(" ", 512<<10) })},
	{"a few bytes more than 256 KiB", gateway.CodeTooLarge, "", whole(func(s string) string { return s + strings.Repeat(" ", 256<<10-len(s)+20) })},
	{"33 levels", gateway.CodeMalformed, "", swapped(`"header":{`, `"header":{"x":`+strings.Repeat("[", 33)+strings.Repeat("]", 33)+`,`)},
	{"too many values", gateway.CodeMalformed, "", swapped(`"header":{`, `"header":{"x":[`+strings.Repeat("0,", 4000)+`0],`)},
	{"too many values in one disclosure", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) {
		f.edit("needs", `"days":14`, `"days":[`+strings.Repeat("0,", 4000)+`0]`)
	}},
	{"a lone high surrogate", gateway.CodeMalformed, "/payload", payload(`"assistance"`, `"assistance\ud800"`)},
	{"a lone low surrogate", gateway.CodeMalformed, "/payload", payload(`"assistance"`, `"assistance\udc00"`)},
	{"a high surrogate before a letter", gateway.CodeMalformed, "/payload", payload(`"assistance"`, `"assistance\ud800\u0041"`)},
	{"a NUL in a string", gateway.CodeMalformed, "/payload", payload(`"assistance"`, `"assistance\u0000"`)},
	{"an escape that JSON does not have", gateway.CodeMalformed, "/payload", payload(`"assistance"`, `"\assistance"`)},
	{"a line break in a string", gateway.CodeMalformed, "/payload", payload(`"assistance"`, "\"assist\nance\"")},
	{"a comment", gateway.CodeMalformed, "/payload", payload(`"assistance"`, `/**/"assistance"`)},
	{"a number bomb", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.edit("needs", `"days":14`, `"days":1e999999`) }},
	{"an exponent", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.edit("needs", `"days":14`, `"days":14E0`) }},
	{"an integer beyond 2^53", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.edit("needs", `"days":14`, `"days":9007199254740993`) }},
	{"a number of a thousand digits", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.edit("needs", `"days":14`, `"days":`+strings.Repeat("9", 1000)) }},
	{"a fraction of seven digits", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.edit("needs", `"days":14`, `"days":14.0000001`) }},
	{"a leading zero", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.edit("needs", `"days":14`, `"days":014`) }},
	{"a plus sign", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.edit("needs", `"days":14`, `"days":+14`) }},
	{"a point without digits", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.edit("needs", `"days":14`, `"days":14.`) }},
	{"NaN", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.edit("needs", `"days":14`, `"days":NaN`) }},

	{"a padded header", gateway.CodeMalformed, "/protected", twin(func(s string) string { return s + "=" })},
	{"a header in base64 of the standard alphabet", gateway.CodeMalformed, "/protected", func(f *forgery) {
		f.encode = func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s+"   ")) + "+/" }
	}},
	{"a line feed in base64url", gateway.CodeMalformed, "/protected", twin(func(s string) string { return s[:4] + "\n" + s[4:] })},
	{"a carriage return in base64url", gateway.CodeMalformed, "/protected", twin(func(s string) string { return s[:4] + "\r" + s[4:] })},
	{"a header that is literal JSON", gateway.CodeMalformed, "/protected", func(f *forgery) { f.encode = func(s string) string { return strings.ReplaceAll(s, `"`, "'") } }},
	{"stray bits in a disclosure", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) {
		i := f.find("needs")
		f.redisclose("needs", func(s string) string { return s + strings.Repeat(" ", (4-len(s)%3)%3) }) // one byte over: two letters, four stray bits
		d := f.disclosures[i]
		f.replace(i, d[:len(d)-1]+string(d[len(d)-1]+1))
	}},
	{"a padded disclosure", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.replace(f.find("needs"), f.disclosures[f.find("needs")]+"=") }},
	{"a line break in a disclosure", gateway.CodeMalformed, "/header/disclosures/2", func(f *forgery) { f.replace(f.find("needs"), f.disclosures[f.find("needs")]+"\n") }},
	{"a signature with stray bits", gateway.CodeMalformed, "/signature", func(f *forgery) { f.signature = strings.Repeat("A", 85) + "B" }},
	{"a padded signature", gateway.CodeMalformed, "/signature", func(f *forgery) { f.signature += "==" }},
	{"a signature of 63 bytes", gateway.CodeMalformed, "/signature", func(f *forgery) { f.signature = b64(strings.Repeat("x", 63)) }},
	{"a signature in DER", gateway.CodeMalformed, "/signature", func(f *forgery) { f.signature = b64("\x30\x44\x02\x20" + strings.Repeat("x", 66)) }},
	{"no letters in the signature", gateway.CodeMalformed, "/signature", func(f *forgery) { f.signature = "" }},
}

var headerRefusals = []refusal{
	{"crit with a name that is not known", gateway.CodeHeaderUnknown, "/protected", protected(`"alg"`, `"crit":["`+chosen+`"],"alg"`)},
	{"an empty crit", gateway.CodeHeaderUnknown, "/protected", protected(`"alg"`, `"crit":[],"alg"`)},
	{"b64 false", gateway.CodeHeaderUnknown, "/protected", protected(`"alg"`, `"b64":false,"alg"`)},
	{"a key in the header", gateway.CodeHeaderUnknown, "/protected", protected(`"alg"`, `"jwk":{},"alg"`)},
	{"jku", gateway.CodeHeaderUnknown, "/protected", protected(`"alg"`, `"jku":"https://`+chosen+`.example","alg"`)},
	{"x5u", gateway.CodeHeaderUnknown, "/protected", protected(`"alg"`, `"x5u":"https://x.example","alg"`)},
	{"x5t of SHA-1", gateway.CodeHeaderUnknown, "/protected", protected(`"alg"`, `"x5t":"AAAAAAAAAAAAAAAAAAAAAAAAAAA","alg"`)},
	{"sigT of the older JAdES", gateway.CodeHeaderUnknown, "/protected", protected(`"alg"`, `"sigT":"2026-11-24T09:00:00Z","alg"`)},
	{"alg twice", gateway.CodeMalformed, "/protected", protected(`"alg"`, `"alg":"EdDSA","alg"`)},
	{"alg and ALG", gateway.CodeMalformed, "/protected", protected(`"alg"`, `"ALG":"EdDSA","alg"`)},
	{"alg none", gateway.CodeAlgorithm, "/protected/alg", protected(`"ES256"`, `"none"`)},
	{"alg HS256", gateway.CodeAlgorithm, "/protected/alg", protected(`"ES256"`, `"HS256"`)},
	{"alg RS256", gateway.CodeAlgorithm, "/protected/alg", protected(`"ES256"`, `"RS256"`)},
	{"alg ES384", gateway.CodeAlgorithm, "/protected/alg", protected(`"ES256"`, `"ES384"`)},
	{"alg in lower case", gateway.CodeAlgorithm, "/protected/alg", protected(`"ES256"`, `"es256"`)},
	{"no alg", gateway.CodeHeaderUnknown, "/protected/alg", protected(`"alg":"ES256",`, ``)},
	{"the typ of evidence", gateway.CodeTyp, "/protected/typ", protected(`"trm+sd-jwt"`, `"trm-evidence+jwt"`)},
	{"typ with its media type's prefix", gateway.CodeTyp, "/protected/typ", protected(`"trm+sd-jwt"`, `"application/trm+sd-jwt"`)},
	{"no typ", gateway.CodeHeaderUnknown, "/protected/typ", protected(`,"typ":"trm+sd-jwt"`, ``)},
	{"another cty", gateway.CodeTyp, "/protected/cty", protected(`"application/trm+json"`, `"application/json"`)},
	{"no cty", gateway.CodeHeaderUnknown, "/protected/cty", protected(`"cty":"application/trm+json",`, ``)},
	{"no iat", gateway.CodeHeaderUnknown, "/protected/iat", protected(`"iat":1795510800,`, ``)},
	{"iat in quotes", gateway.CodeHeaderUnknown, "/protected/iat", protected(`"iat":1795510800`, `"iat":"1795510800"`)},
	{"iat with a fraction", gateway.CodeHeaderUnknown, "/protected/iat", protected(`"iat":1795510800`, `"iat":1795510800.0`)},
	{"iat in milliseconds", gateway.CodeHeaderUnknown, "/protected/iat", protected(`"iat":1795510800`, `"iat":1795510800000`)},
	{"iat before 1970", gateway.CodeHeaderUnknown, "/protected/iat", protected(`"iat":1795510800`, `"iat":-1`)},
	{"a kid of 42 letters", gateway.CodeHeaderUnknown, "/protected/kid", func(f *forgery) { f.inProtected(`"kid":"`+kidOf(f), `"kid":"`+kidOf(f)[1:]) }},
	{"a kid that is a name", gateway.CodeHeaderUnknown, "/protected/kid", func(f *forgery) { f.inProtected(kidOf(f), chosen) }},
	{"a kid with stray bits", gateway.CodeHeaderUnknown, "/protected/kid", func(f *forgery) { f.inProtected(kidOf(f), strings.Repeat("A", 42)+"B") }},
	{"no thumbprint", gateway.CodeHeaderUnknown, "/protected/x5t#S256", protected(`,"x5t#S256":"`+strings.Repeat("A", 43)+`"`, ``)},
	{"a thumbprint of SHA-1's length", gateway.CodeHeaderUnknown, "/protected/x5t#S256", protected(strings.Repeat("A", 43), strings.Repeat("A", 27))},
	{"an empty x5c", gateway.CodeHeaderUnknown, "/protected/x5c", protected(`"alg"`, `"x5c":[],"alg"`)},
	{"an x5c that is a string", gateway.CodeHeaderUnknown, "/protected/x5c", protected(`"alg"`, `"x5c":"MAA=","alg"`)},
	{"a certificate that x5t#S256 does not name", gateway.CodeHeaderUnknown, "/protected/x5c", protected(`"alg"`, `"x5c":["MAA="],"alg"`)},
	{"a certificate in base64url", gateway.CodeHeaderUnknown, "/protected/x5c", protected(`"alg"`, `"x5c":["MAA"],"alg"`)},
	{"six certificates", gateway.CodeHeaderUnknown, "/protected/x5c", func(f *forgery) {
		f.inProtected(strings.Repeat("A", 43), sum("0\x00"))
		f.inProtected(`"alg"`, `"x5c":["MAA=","MAA=","MAA=","MAA=","MAA=","MAA="],"alg"`)
	}},
	{"a header of more than 16 KiB", gateway.CodeHeaderUnknown, "/protected", protected(`"alg"`, strings.Repeat(" ", 16<<10)+`"alg"`)},
	{"a header that is a list", gateway.CodeMalformed, "/protected", func(f *forgery) { f.protected = "[" + f.protected + "]" }},
}

func kidOf(f *forgery) string {
	_, after, _ := strings.Cut(f.protected, `"kid":"`)
	kid, _, _ := strings.Cut(after, `"`)
	return kid
}

var headRefusals = []refusal{
	{"a payload that is a list", gateway.CodeMalformed, "/payload", func(f *forgery) { f.payload = "[]" }},
	{"a claim twice", gateway.CodeMalformed, "/payload", payload(`"lane"`, `"lane":"urgent","lane"`)},
	{"a claim once more in capitals", gateway.CodeMalformed, "/payload", payload(`"lane"`, `"LANE":"urgent","lane"`)},
	{"a claim that is not known", gateway.CodeSchema, "", payload(`"lane"`, `"`+chosen+`":"x","lane"`)},
	{"a block in the clear", gateway.CodeSchema, "", payload(`"lane"`, `"subject":{},"lane"`)},
	{"a claim that is null", gateway.CodeSchema, "/inReplyTo", payload(`"lane"`, `"inReplyTo":null,"lane"`)},
	{"a claim that is empty", gateway.CodeSchema, "/inReplyTo", payload(`"lane"`, `"inReplyTo":"","lane"`)},
	{"no jti", gateway.CodeSchema, "/jti", payload(`"jti":"`+jti+`",`, ``)},
	{"a jti in upper case", gateway.CodeSchema, "/jti", payload(jti, strings.ToUpper(jti))},
	{"a jti that is a UUIDv4", gateway.CodeSchema, "/jti", payload(jti, "0199a3b4-5c6d-4e8f-9a0b-1c2d3e4f5a6b")},
	{"a jti of another variant", gateway.CodeSchema, "/jti", payload(jti, "0199a3b4-5c6d-7e8f-ca0b-1c2d3e4f5a6b")},
	{"a jti without hyphens", gateway.CodeSchema, "/jti", payload(jti, strings.ReplaceAll(jti, "-", "")+"0000")},
	{"a jti in braces", gateway.CodeSchema, "/jti", payload(jti, "{"+jti+"}")},
	{"two recipients", gateway.CodeSchema, "/aud", payload(`"aud":"rs/coordinator"`, `"aud":["rs/coordinator"]`)},
	{"an iss of a country outside", gateway.CodeSchema, "/iss", payload(`"iss":"ba/`, `"iss":"zz/`)},
	{"an iss that climbs", gateway.CodeSchema, "/iss", payload(`"iss":"ba/coordinator"`, `"iss":"ba/../rs"`)},
	{"an iss in capitals", gateway.CodeSchema, "/iss", payload(`"iss":"ba/`, `"iss":"BA/`)},
	{"iat with a fraction in the claims", gateway.CodeSchema, "/iat", payload(`"iat":1795510800`, `"iat":1795510800.5`)},
	{"exp in quotes", gateway.CodeSchema, "/exp", payload(`"exp":1795770000`, `"exp":"1795770000"`)},
	{"no exp", gateway.CodeSchema, "/exp", payload(`"exp":1795770000,`, ``)},
	{"nbf", gateway.CodeSchema, "", payload(`"lane"`, `"nbf":1,"lane"`)},
	{"a cnf that holds a key itself", gateway.CodeSchema, "/cnf/kid", payload(`"cnf":{"kid"`, `"cnf":{"jwk"`)},
	{"a cnf with more than kid", gateway.CodeSchema, "/cnf", payload(`"cnf":{`, `"cnf":{"jku":"x",`)},
	{"no thread", gateway.CodeSchema, "/thread", payload(`,"thread":"`+thread+`"`, ``)},
	{"a lane that is not one", gateway.CodeSchema, "/lane", payload(`"normal"`, `"express"`)},
	{"a time with an offset", gateway.CodeSchema, "/answerBy", payload(`"2026-11-26T09:00:00Z"`, `"2026-11-26T10:00:00+01:00"`)},
	{"a time with a fraction", gateway.CodeSchema, "/answerBy", payload(`"2026-11-26T09:00:00Z"`, `"2026-11-26T09:00:00.5Z"`)},
	{"a time in lower case", gateway.CodeSchema, "/answerBy", payload(`"2026-11-26T09:00:00Z"`, `"2026-11-26t09:00:00z"`)},
	{"the 31st of November", gateway.CodeSchema, "/answerBy", payload(`"2026-11-26T09:00:00Z"`, `"2026-11-31T09:00:00Z"`)},
	{"attestations that are not sorted", gateway.CodeSchema, "/attests", payload(`["protection-checked"]`, `["protection-checked","family-excluded"]`)},
	{"an attestation twice", gateway.CodeSchema, "/attests", payload(`["protection-checked"]`, `["protection-checked","protection-checked"]`)},
	{"an empty list of attestations", gateway.CodeSchema, "/attests", payload(`["protection-checked"]`, `[]`)},
	{"a number in act", gateway.CodeSchema, "/act", payload(`["housing","legal-aid"]`, `[1]`)},
	{"an agreement without state", gateway.CodeSchema, "/agreement/state", payload(`"state":"given"`, `"reason":"given"`)},
	{"an agreement that says more", gateway.CodeSchema, "/agreement", payload(`"state":"given"`, `"`+chosen+`":"x","state":"given"`)},
	{"an agreement that is a string", gateway.CodeSchema, "/agreement", payload(`"agreement":{"by":"person","state":"given"}`, `"agreement":"given"`)},
	{"test that is false", gateway.CodeSchema, "/test", payload(`"lane"`, `"test":false,"lane"`)},
	{"test in quotes", gateway.CodeSchema, "/test", payload(`"lane"`, `"test":"true","lane"`)},
	{"a purpose with a space", gateway.CodeSchema, "/purpose", payload(`"assistance"`, `"assistance for `+chosen+`"`)},
	{"a purpose of 121 letters", gateway.CodeSchema, "/purpose", payload(`"assistance"`, `"`+strings.Repeat("a", 121)+`"`)},
	{"a basis in letters beyond ASCII", gateway.CodeSchema, "/basis", payload(`art-6`, `član-6`)},
	{"_sd inside a claim of the head", gateway.CodeSchema, "/agreement", payload(`"state":"given"`, `"_sd":["`+strings.Repeat("A", 43)+`"],"state":"given"`)},
}

var disclosureRefusals = []refusal{
	{"no _sd_alg", gateway.CodeDisclosure, "/_sd_alg", payload(`"_sd_alg":"sha-256",`, ``)},
	{"_sd_alg sha-512", gateway.CodeDisclosure, "/_sd_alg", payload(`"sha-256"`, `"sha-512"`)},
	{"a truncated _sd_alg", gateway.CodeDisclosure, "/_sd_alg", payload(`"sha-256"`, `"sha-256-32"`)},
	{"_sd_alg in capitals", gateway.CodeDisclosure, "/_sd_alg", payload(`"sha-256"`, `"SHA-256"`)},
	{"no _sd", gateway.CodeDisclosure, "/_sd", func(f *forgery) { f.payload, f.disclosures = replaceSD(f, ``), []string{} }},
	{"an _sd that is null", gateway.CodeDisclosure, "/_sd", func(f *forgery) { f.payload, f.disclosures = replaceSD(f, `"_sd":null,`), []string{} }},
	{"an empty _sd", gateway.CodeDisclosure, "/_sd", func(f *forgery) { f.payload, f.disclosures = replaceSD(f, `"_sd":[],`), []string{} }},
	{"an _sd that is a string", gateway.CodeDisclosure, "/_sd", func(f *forgery) { f.payload, f.disclosures = replaceSD(f, `"_sd":"x",`), []string{} }},
	{"a digest that is a number", gateway.CodeDisclosure, "/_sd", payload(`"_sd":[`, `"_sd":[1,`)},
	{"a digest of 42 letters", gateway.CodeDisclosure, "/_sd", func(f *forgery) { d := f.decoy(); f.inPayload(d, d[1:]) }},
	{"a digest with stray bits", gateway.CodeDisclosure, "/_sd", func(f *forgery) { f.inPayload(f.decoy(), strings.Repeat("A", 42)+"B") }},
	{"more than 64 digests", gateway.CodeDisclosure, "/_sd", func(f *forgery) {
		var more strings.Builder
		for i := range 64 {
			more.WriteString(`"` + sum(fmt.Sprint(i)) + `",`)
		}
		f.inPayload(`"_sd":[`, `"_sd":[`+more.String())
	}},
	{"a decoy twice", gateway.CodeDisclosure, "/_sd", func(f *forgery) { d := f.decoy(); f.inPayload(`"`+d+`"`, `"`+d+`","`+d+`"`) }},
	{"the digest of a disclosure twice", gateway.CodeDisclosure, "/_sd", func(f *forgery) { f.inPayload(f.decoy(), sum(f.disclosures[0])) }},
	{"a digest in a block and at the top", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) {
		f.add(`["` + salt + `","offer",{"_sd":["` + f.decoys()[1] + `"]}]`)
	}},
	{"a disclosure twice", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.disclosures = append(f.disclosures, f.disclosures[2]) }},
	{"a disclosure that no digest names", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.disclosures = append(f.disclosures, b64(`["`+salt+`","offer",{}]`)) }},
	{"a field whose block was left out", gateway.CodeDisclosure, "/header/disclosures/3", func(f *forgery) {
		i := f.find("subject")
		f.disclosures = append(f.disclosures[:i:i], f.disclosures[i+1:]...)
	}},
	{"a disclosure that is an object", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`{"offer":{}}`) }},
	{"the disclosure of an array element", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `",{}]`) }},
	{"a disclosure of four", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","offer",{},1]`) }},
	{"a disclosure that is not JSON", gateway.CodeMalformed, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","offer",{}`) }},
	{"something after a disclosure", gateway.CodeMalformed, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","offer",{}] []`) }},
	{"a salt of 120 bits", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + strings.Repeat("A", 20) + `","offer",{}]`) }},
	{"a salt with stray bits", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt[:21] + `B","offer",{}]`) }},
	{"a salt that is a word", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["not base64url at all!","offer",{}]`) }},
	{"a salt of 65 bytes", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + b64(strings.Repeat("x", 65)) + `","offer",{}]`) }},
	{"a salt that is a number", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`[1,"offer",{}]`) }},
	{"a name that is a number", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `",1,{}]`) }},
	{"a claim named _sd", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","_sd",[]]`) }},
	{"a claim named _sd_alg", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","_sd_alg","sha-256"]`) }},
	{"a claim named ...", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","...",{}]`) }},
	{"a claim of the head, there already", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","exp",1]`) }},
	{"a claim of the head, not there yet", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","outcome","accepted"]`) }},
	{"a claim of the head as a field of a block", gateway.CodeDisclosure, "/header/disclosures/4", func(f *forgery) { f.edit("decidedBy", `"decidedBy"`, `"iss"`) }},
	{"nbf in a disclosure", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","nbf",1]`) }},
	{"a block twice", gateway.CodeDisclosure, "/_sd", func(f *forgery) { f.add(`["` + salt + `","needs",{}]`) }},
	{"a field that the block has in the clear", gateway.CodeDisclosure, "/header/disclosures/3", func(f *forgery) { f.edit("phase", `"phase"`, `"child"`) }},
	{"digests two levels deep", gateway.CodeDisclosure, "/header/disclosures/3", func(f *forgery) {
		f.edit("phase", `"presumed"`, `{"_sd":["`+strings.Repeat("A", 43)+`"]}`)
	}},
	{"digests below a member in the clear", gateway.CodeDisclosure, "/header/disclosures/2", func(f *forgery) {
		f.edit("needs", `"days":14`, `"_sd":["`+strings.Repeat("A", 43)+`"]`)
	}},
	{"an element that could be left out", gateway.CodeDisclosure, "/header/disclosures/2", func(f *forgery) {
		f.edit("needs", `"days":14`, `"days":[{"...":"`+strings.Repeat("A", 43)+`"}]`)
	}},
	{"_sd_alg inside a block", gateway.CodeDisclosure, "/header/disclosures/2", func(f *forgery) { f.edit("needs", `"days":14`, `"_sd_alg":"sha-256"`) }},
	{"an empty _sd inside a block", gateway.CodeDisclosure, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","offer",{"_sd":[]}]`) }},
	{"a block that is a string", gateway.CodeSchema, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","offer","` + chosen + `"]`) }},
	{"a block that is a list", gateway.CodeSchema, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","offer",[]]`) }},
	{"a block that is null", gateway.CodeSchema, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","offer",null]`) }},
	{"a block in capitals", gateway.CodeUnitUnknown, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","` + chosen + `",{}]`) }},
	{"a block without a name", gateway.CodeUnitUnknown, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","",{}]`) }},
	{"a block with a space", gateway.CodeUnitUnknown, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","of fer",{}]`) }},
	{"a block with a line break at the end", gateway.CodeUnitUnknown, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","offer\n",{}]`) }},
	{"a field of a block at the top", gateway.CodeUnitUnknown, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","needs/n1",{}]`) }},
	{"a field with a slash in its name", gateway.CodeUnitUnknown, "/header/disclosures/3", func(f *forgery) { f.edit("phase", `"phase"`, `"a/b"`) }},
	{"a role in capitals", gateway.CodeUnitUnknown, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","health@Auditor","x"]`) }},
	{"no role after the sign", gateway.CodeUnitUnknown, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","health@","x"]`) }},
	{"two roles", gateway.CodeUnitUnknown, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","health@auditor@auditor","x"]`) }},
}

func replaceSD(f *forgery, with string) string {
	start := strings.Index(f.payload, `"_sd":[`)
	end := strings.Index(f.payload, `"_sd_alg"`)
	return f.payload[:start] + with + f.payload[end:]
}

var sealRefusals = []refusal{
	{"a sealed unit in the clear", gateway.CodeUnitNotSealed, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","travel@auditor",{"to":"` + chosen + `"}]`) }},
	{"a JWE in JSON", gateway.CodeUnitNotSealed, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","travel@auditor",{"ciphertext":""}]`) }},
	{"a word for a JWE", gateway.CodeUnitSealedWrong, "/header/disclosures/6", func(f *forgery) { f.add(`["` + salt + `","travel@auditor","` + chosen + `"]`) }},
	{"a JWE without tag", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) {
		f.reseal(nil, func(p []string) { p[4] = "" })
	}},
	{"a JWE of six parts", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) {
		f.reseal(nil, func(p []string) { p[4] += ".AAAA" })
	}},
	{"a padded part", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.reseal(nil, func(p []string) { p[4] += "==" }) }},
	{"a nonce of 16 bytes", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) {
		f.reseal(nil, func(p []string) { p[2] = b64(strings.Repeat("x", 16)) })
	}},
	{"a wrapped key of 32 bytes", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) {
		f.reseal(nil, func(p []string) { p[1] = b64(strings.Repeat("x", 32)) })
	}},
	{"a length that is no size class", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) {
		f.reseal(nil, func(p []string) { p[3] = b64(strings.Repeat("x", 1025)) })
	}},
	{"direct key agreement", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"ECDH-ES+A256KW"`, `"ECDH-ES"`) }},
	{"RSA", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"ECDH-ES+A256KW"`, `"RSA1_5"`) }},
	{"a password", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) {
		f.inSeal(`"alg":"ECDH-ES+A256KW"`, `"alg":"PBES2-HS256+A128KW","p2c":9007199254740992`)
	}},
	{"A128GCM", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"A256GCM"`, `"A128GCM"`) }},
	{"compression", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"alg"`, `"zip":"DEF","alg"`) }},
	{"party information", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"alg"`, `"apu":"QQ","alg"`) }},
	{"crit in a seal", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"alg"`, `"crit":["ptr"],"alg"`) }},
	{"role twice in a seal", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"role"`, `"role":"auditor","role"`) }},
	{"the typ of a delivery", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"trm-unit+jwe"`, `"trm-delivery+jwe"`) }},
	{"an ephemeral key on P-384", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"P-256"`, `"P-384"`) }},
	{"an ephemeral point that is not on P-256", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) {
		f.reseal(func(s string) string {
			i := strings.Index(s, `"y":"`) + len(`"y":"`)
			return s[:i] + base64.RawURLEncoding.EncodeToString(elliptic.P256().Params().Gx.Bytes()) + s[i+43:]
		}, nil)
	}},
	{"an ephemeral key with its private half", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) {
		f.inSeal(`"crv"`, `"d":"`+strings.Repeat("A", 43)+`","crv"`)
	}},
	{"an ephemeral coordinate of 31 bytes", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) {
		f.reseal(func(s string) string {
			i := strings.Index(s, `"y":"`) + len(`"y":"`)
			return s[:i] + b64(strings.Repeat("x", 31)) + s[i+43:]
		}, nil)
	}},
	{"a seal without place", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`,"ptr":"/health@child-protection"`, ``) }},
	{"a seal without message", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"jti":"`+jti+`",`, ``) }},
	{"a seal for another role than its name's", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) {
		f.inSeal(`"role":"child-protection"`, `"role":"coordinator"`)
	}},
	{"a pointer that is none", gateway.CodeUnitSealedWrong, "/header/disclosures/1", func(f *forgery) { f.inSeal(`"/health@child-protection"`, `"`+chosen+`"`) }},
}

func TestEveryRefusalHasItsOneReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ES256")
	raw := w.message(t)
	if _, err := (envelope.Codec{}).Decode(forge(t, raw).bytes()); err != nil {
		t.Fatalf("the message that every case spoils is refused itself: %v", err)
	}
	for group, cases := range map[string][]refusal{
		"form": formRefusals, "header": headerRefusals, "head": headRefusals, "disclosures": disclosureRefusals, "seals": sealRefusals,
	} {
		for _, c := range cases {
			t.Run(group+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				f := forge(t, raw)
				c.spoil(f)
				_, err := envelope.Codec{}.Decode(f.bytes())
				if err == nil {
					t.Fatal("accepted")
				}
				p := gateway.AsProblem(err)
				if p.Code != c.code || p.Pointer != c.pointer {
					t.Errorf("got %s at %q (%s), want %s at %q", p.Code, p.Pointer, p.Hint, c.code, c.pointer)
				}
				if said := err.Error() + p.Hint + p.Pointer; strings.Contains(said, chosen) {
					t.Errorf("the refusal repeats what the sender chose: %s", said)
				}
			})
		}
	}
}

func TestTheTableOfRefusalsNamesEachCaseOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, cases := range [][]refusal{formRefusals, headerRefusals, headRefusals, disclosureRefusals, sealRefusals} {
		for _, c := range cases {
			if seen[c.name] {
				t.Errorf("%q is there twice", c.name)
			}
			seen[c.name] = true
		}
	}
}
