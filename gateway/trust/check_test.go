package trust

import (
	"strings"
	"testing"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

func TestAWholeDirectoryHasNoFault(t *testing.T) {
	t.Parallel()
	if err := newRegion(t).doc.Check(); err != nil {
		t.Error(err)
	}
}

// Every row changes one thing of a good document. It must be refused for that one reason
// and no other, by the coordinator who would sign it and by everybody who opens it.
// terms are a pair's own for some topics.
func terms(topics ...string) []gateway.AgreedTerm {
	out := make([]gateway.AgreedTerm, len(topics))
	for i, topic := range topics {
		out[i] = gateway.AgreedTerm{Topic: topic, Due: gateway.Due{Normal: gateway.Term{N: 3, Unit: "wd"}, Child: gateway.Term{N: 12, Unit: "h"}, Urgent: gateway.Term{N: 1, Unit: "h"}}}
	}
	return out
}

func TestEveryFaultOfADirectoryHasItsOwnReason(t *testing.T) {
	t.Parallel()
	edit := func(p gateway.Party, change func(e *Entry)) func(*testing.T, *region) {
		return func(_ *testing.T, r *region) { change(r.doc.Entry(p)) }
	}
	key := func(use gateway.Use, change func(k *Key)) func(*testing.T, *region) {
		return func(_ *testing.T, r *region) { change(r.key("rs/coordinator", use)) }
	}
	doc := func(change func(d *Document)) func(*testing.T, *region) {
		return func(_ *testing.T, r *region) { change(&r.doc) }
	}
	for _, row := range []struct {
		name   string
		change func(*testing.T, *region)
		want   Reason
	}{
		{"number 0", doc(func(d *Document) { d.Number = 0 }), BadNumber},
		{"fractions of a second", doc(func(d *Document) { d.Issued = d.Issued.Add(-time.Millisecond) }), BadDates},
		{"a time zone", doc(func(d *Document) { d.Expires = d.Expires.In(time.FixedZone("", 3600)) }), BadDates},
		{"expires before it activates", doc(func(d *Document) { d.Expires = d.Activates }), BadDates},
		{"activates before it is issued", doc(func(d *Document) { d.Issued = d.Activates.Add(time.Second) }), BadDates},
		{"number 2 without delay", doc(func(d *Document) { d.Number = 2 }), NoDelay},
		{"number 2 one second early", doc(func(d *Document) { d.Number = 2; d.Issued = d.Activates.Add(time.Second - Delay) }), NoDelay},
		{"lives too long", doc(func(d *Document) { d.Expires = d.Activates.Add(MaxLife + time.Second) }), LivesTooLong},
		{"no directory key for a country", doc(func(d *Document) { d.Coordinators = d.Coordinators[1:] }), CountryMissing},
		{"a directory key for an eighth country", doc(func(d *Document) {
			k := d.Coordinators[0]
			k.Country = "zz"
			d.Coordinators = append(d.Coordinators, k)
		}), CountryMissing},
		{"directory keys out of order", doc(func(d *Document) { d.Coordinators[0], d.Coordinators[1] = d.Coordinators[1], d.Coordinators[0] }), PartyTwice},
		{"a directory key under another id", doc(func(d *Document) { d.Coordinators[0].ID = d.Parties[0].Keys[0].ID }), WrongID},
		{"no coordinator in a country", doc(func(d *Document) { d.Parties = d.Parties[1:] }), CountryMissing},
		{"a coordinator without encryption", edit("al/coordinator", func(e *Entry) { e.Keys = keep(e.Keys, gateway.UseMessage) }), CoordinatorMute},
		{"a coordinator whose message key is revoked", func(_ *testing.T, r *region) {
			r.key("rs/coordinator", gateway.UseMessage).Revoked = noon.Add(-time.Minute)
		}, CoordinatorMute},
		{"no gateway", doc(func(d *Document) { *d = without(*d, gateway.TheGateway) }), GatewayMute},
		{"a gateway without binding", edit(gateway.TheGateway, func(e *Entry) { e.Keys = keep(e.Keys, gateway.UseEvidence) }), GatewayMute},
		{"a party of no country", doc(func(d *Document) { d.Parties = append(d.Parties, Entry{Party: "zz/coordinator"}) }), BadParty},
		{"a party out of order", doc(func(d *Document) { d.Parties[0], d.Parties[1] = d.Parties[1], d.Parties[0] }), PartyTwice},
		{"no English name", edit("rs/coordinator", func(e *Entry) { e.Names = map[string]string{"sq": "Zyra"} }), BadName},
		{"a name with a control character", edit("rs/coordinator", func(e *Entry) { e.Names["en"] = "Office\x1b[2J" }), BadName},
		{"a name that turns the text around", edit("rs/coordinator", func(e *Entry) { e.Names["en"] = "Office \u202e" }), BadName},
		{"a name of a whole page", edit("rs/coordinator", func(e *Entry) { e.Names["en"] = strings.Repeat("a", 101) }), BadName},
		{"a language that is none", edit("rs/coordinator", func(e *Entry) { e.Names["Serbian"] = "Office" }), BadName},
		{"Kosovo without asterisk", edit("xk/coordinator", func(e *Entry) { e.Names["en"] = "Office" }), FootnoteMissing},
		{"a mailbox with a line feed", edit("rs/coordinator", func(e *Entry) { e.Mailbox = "a@example.org\nBcc: b@example.org" }), BadMailbox},
		{"a telephone without country code", edit("rs/coordinator", func(e *Entry) { e.Duty = "011 123456" }), BadDuty},
		{"itself as alternate", edit("rs/coordinator", func(e *Entry) { e.Alternate = "rs/coordinator" }), BadAlternate},
		{"an alternate abroad", edit("rs/coordinator", func(e *Entry) { e.Alternate = "ba/coordinator" }), BadAlternate},
		{"an alternate that is not listed", edit("rs/coordinator", func(e *Entry) { e.Alternate = "rs/social-services" }), BadAlternate},
		{"no classes", edit("rs/coordinator", func(e *Entry) { e.Classes = nil }), BadClasses},
		{"classes without E", edit("rs/coordinator", func(e *Entry) { e.Classes = []gateway.Class{"C1"} }), BadClasses},
		{"classes out of order", edit("rs/coordinator", func(e *Entry) { e.Classes = []gateway.Class{"E", "C2", "C1"} }), BadClasses},
		{"a class twice", edit("rs/coordinator", func(e *Entry) { e.Classes = []gateway.Class{"E", "E"} }), BadClasses},
		{"a class that is none", edit("rs/coordinator", func(e *Entry) { e.Classes = []gateway.Class{"E", "L1"} }), BadClasses},
		{"health for a coordinator", edit("rs/coordinator", func(e *Entry) { e.Classes = []gateway.Class{"E", "P2"} }), RoleMayNot},
		{"sealed units for the gateway", edit(gateway.TheGateway, func(e *Entry) { e.Classes = []gateway.Class{"E", "C2"} }), RoleMayNot},
		{"no keys", edit("rs/child-protection", func(e *Entry) { e.Keys = nil }), BadKey},
		{"keys out of order", edit("rs/child-protection", func(e *Entry) { e.Keys[0], e.Keys[1] = e.Keys[1], e.Keys[0] }), BadKey},
		{"a key on another curve", key(gateway.UseEvidence, func(k *Key) { k.JWK = []byte(strings.Replace(string(k.JWK), "P-256", "P-384", 1)) }), BadKey},
		{"a key with a member more", key(gateway.UseEvidence, func(k *Key) { k.JWK = []byte(strings.Replace(string(k.JWK), "{", `{"x5u":"https://example.org",`, 1)) }), BadKey},
		{"a key written in another order", key(gateway.UseEvidence, func(k *Key) { k.JWK = reordered(k.JWK) }), BadKey},
		{"an encryption key that signs", key(gateway.UseEvidence, func(k *Key) { k.JWK = []byte(strings.Replace(string(k.JWK), "ES256", "ECDH-ES+A256KW", 1)) }), BadKey},
		{"a private key", func(t *testing.T, r *region) {
			private, err := r.keys["rs/coordinator"][gateway.UseEvidence].Marshal()
			if err != nil {
				t.Fatal(err)
			}
			r.key("rs/coordinator", gateway.UseEvidence).JWK = private
		}, BadKey},
		{"a key under another's id", func(_ *testing.T, r *region) {
			r.key("rs/coordinator", gateway.UseApproval).ID = r.key("ba/coordinator", gateway.UseApproval).ID
		}, WrongID},
		{"one key in two uses", func(t *testing.T, r *region) {
			k := *r.key("rs/coordinator", gateway.UseEvidence)
			k.Use, k.Thumbprint = gateway.UseApproval, gateway.DigestString("another certificate")
			k.JWK, _, _ = envelope.MarshalPublic(r.keys["rs/coordinator"][gateway.UseEvidence].Public(), gateway.UseApproval)
			r.replace("rs/coordinator", k)
		}, KeyTwice},
		{"one key with two parties", func(_ *testing.T, r *region) {
			k := *r.key("ba/coordinator", gateway.UseEvidence)
			k.Thumbprint = gateway.DigestString("another certificate")
			r.replace("rs/coordinator", k)
		}, KeyTwice},
		{"a directory key as a party's", func(t *testing.T, r *region) {
			k := *r.key("rs/coordinator", gateway.UseApproval)
			jwk, id, err := envelope.MarshalPublic(r.hands["rs"].Public(), gateway.UseApproval)
			if err != nil {
				t.Fatal(err)
			}
			k.JWK, k.ID = jwk, id
			r.replace("rs/coordinator", k)
		}, KeyTwice},
		{"a binding key with an office", func(t *testing.T, r *region) {
			_, k := fresh(t, gateway.UseBinding, noon)
			r.replace("rs/coordinator", k)
		}, WrongUse},
		{"a message key with the gateway", func(t *testing.T, r *region) {
			_, k := fresh(t, gateway.UseMessage, noon)
			r.replace(gateway.TheGateway, k)
		}, WrongUse},
		{"an ended window", key(gateway.UseApproval, func(k *Key) { k.NotAfter = k.NotBefore }), BadWindow},
		{"a window in fractions", key(gateway.UseApproval, func(k *Key) { k.NotAfter = k.NotAfter.Add(time.Nanosecond) }), BadWindow},
		{"an encryption key of 91 days", key(gateway.UseEncryption, func(k *Key) { k.NotAfter = k.NotBefore.Add(91 * day) }), WindowTooLong},
		{"a signing key of two years", key(gateway.UseMessage, func(k *Key) { k.NotAfter = k.NotBefore.Add(730 * day) }), WindowTooLong},
		{"revoked before it was valid", key(gateway.UseApproval, func(k *Key) { k.Revoked = k.NotBefore.Add(-time.Second) }), BadRevocation},
		{"revoked after it ended", key(gateway.UseApproval, func(k *Key) { k.Revoked = k.NotAfter }), BadRevocation},
		{"a signing key without certificate", key(gateway.UseApproval, func(k *Key) { k.Thumbprint = "" }), ThumbprintMissing},
		{"a thumbprint with stray bits", key(gateway.UseApproval, func(k *Key) { k.Thumbprint = strings.Repeat("A", 42) + "B" }), ThumbprintMissing},
		{"an encryption key with certificate", key(gateway.UseEncryption, func(k *Key) { k.Thumbprint = gateway.DigestString("x") }), ThumbprintUnwanted},
		{"one certificate for two keys", func(_ *testing.T, r *region) {
			r.key("rs/coordinator", gateway.UseApproval).Thumbprint = r.key("ba/coordinator", gateway.UseApproval).Thumbprint
		}, ThumbprintTwice},
		{"a pair the wrong way round", doc(func(d *Document) { d.Pairs[0].A, d.Pairs[0].B = d.Pairs[0].B, d.Pairs[0].A }), BadPair},
		{"a pair twice", doc(func(d *Document) { d.Pairs = append(d.Pairs, d.Pairs[len(d.Pairs)-1]) }), PairTwice},
		{"a pair missing", doc(func(d *Document) { d.Pairs = d.Pairs[1:] }), PairMissing},
		{"articles out of order", doc(func(d *Document) { d.Pairs[0].Articles = []string{"art-33", "art-12"} }), BadTerms},
		{"an article in words", doc(func(d *Document) { d.Pairs[0].Articles = []string{"Article 33"} }), BadTerms},
		{"no purposes", doc(func(d *Document) { d.Pairs[0].Purposes = nil }), BadTerms},
		{"a log under another name than its key", doc(func(d *Document) { d.Log.Name = "trn" }), BadLogKey},
		{"a log with a witness' key", doc(func(d *Document) { d.Log.Key, d.Log.Name = strings.Fields(d.Log.Policy)[2], "one.example.org" }), BadLogKey},
		{"a log without policy", doc(func(d *Document) { d.Log.Policy = "" }), BadLogPolicy},
		{"a policy that names the log itself", doc(func(d *Document) { d.Log.Policy = "log " + d.Log.Key + "\n" + d.Log.Policy }), BadLogPolicy},
		{"a quorum of nobody", doc(func(d *Document) { d.Log.Policy = "quorum two\n" }), BadLogPolicy},
		{"terms out of order", doc(func(d *Document) { d.Pairs[0].Terms = terms("referral", "info") }), BadDeadlines},
		{"a term twice", doc(func(d *Document) { d.Pairs[0].Terms = terms("info", "info") }), BadDeadlines},
		{"a term of words", doc(func(d *Document) { d.Pairs[0].Terms = terms("All referrals") }), BadDeadlines},
		{"a code of words", doc(func(d *Document) { d.Pairs[0].Terms = terms("info"); d.Pairs[0].Terms[0].Code = "any Code" }), BadDeadlines},
		{"a term for a third country", doc(func(d *Document) { d.Pairs[0].Terms = terms("info"); d.Pairs[0].Terms[0].From = "rs" }), BadDeadlines},
		{"no term in one lane", doc(func(d *Document) { d.Pairs[0].Terms = terms("info"); d.Pairs[0].Terms[0].Urgent = gateway.Term{} }), BadDeadlines},
		{"no instrument", doc(func(d *Document) { d.Pairs[0].Instrument = "" }), BadTerms},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := newRegion(t)
			row.change(t, &r)
			if _, err := Sign(r.doc, r.by(four...)...); err == nil {
				t.Error("it was signed")
			}
			err := r.doc.Check()
			wantReason(t, err, row.want)
			for _, f := range Faults(err) {
				// A pair that is the wrong way round is also missing the right way round.
				if f.Reason != row.want && row.want != BadPair && f.Where != "zz" {
					t.Errorf("also refused for %q", f)
				}
			}
			_, err = Open(r.force(t, r.doc), r.pins, noon, 0)
			wantReason(t, err, row.want)
		})
	}
}

func (r *region) key(p gateway.Party, u gateway.Use) *Key {
	e := r.doc.Entry(p)
	for i := range e.Keys {
		if e.Keys[i].Use == u {
			return &e.Keys[i]
		}
	}
	return nil
}

// replace puts a key where the party's key of that use is, or adds it.
func (r *region) replace(p gateway.Party, k Key) {
	if at := r.key(p, k.Use); at != nil {
		*at = k
	} else {
		e := r.doc.Entry(p)
		e.Keys = append(e.Keys, k)
	}
	r.doc.Sort()
}

func keep(keys []Key, u gateway.Use) []Key {
	var out []Key
	for _, k := range keys {
		if k.Use == u {
			out = append(out, k)
		}
	}
	return out
}

func without(doc Document, p gateway.Party) Document {
	var left []Entry
	for _, e := range doc.Parties {
		if e.Party != p {
			left = append(left, e)
		}
	}
	doc.Parties = left
	return doc
}

// reordered moves the first member of an object to its end.
func reordered(jwk []byte) []byte {
	body := strings.Trim(string(jwk), "{}")
	first, rest, _ := strings.Cut(body, ",")
	return []byte("{" + rest + "," + first + "}")
}

func TestCheckReportsEveryFaultAndNotOnlyTheFirst(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	r.doc.Number = 0
	r.doc.Entry("rs/coordinator").Duty = ""
	r.doc.Pairs[3].Instrument = "!"
	if got := len(Faults(r.doc.Check())); got != 3 {
		t.Errorf("%d faults, want 3: %v", got, r.doc.Check())
	}
}
