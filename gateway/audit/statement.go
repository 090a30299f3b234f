package audit

import (
	"fmt"

	"example.org/trm/gateway"
)

// statementKey names a signed statement: its signer gives each another id.
type statementKey struct {
	signer gateway.Party
	id     string
}

// said is a statement as it was first met.
type said struct {
	entry  int64
	digest string // of what was signed
}

// opening asks what needs what the entry commits to: is it here, does it open the entry,
// and does everything that it names agree and bear its signature.
func (v *verifier) opening(l *leaf, o Opened, opened bool) {
	country := v.parts.contents.Viewer.Country()
	ours := l.Pair.From == country || l.Pair.To == country
	switch {
	case l.Pair == (gateway.PairNumber{}) && l.Event != gateway.SubmissionRejection:
		v.deed(l, o, opened)
		return
	case !opened && !ours:
		return // another country's, or a refusal of somebody else's message
	case !opened:
		v.at(l, OpeningPresent, Violates, "what this entry commits to is missing, and nothing says that it was purged")
		v.begun(l)
		return
	case !ours && l.Event != gateway.SubmissionRejection:
		v.at(l, BundleForm, Violates, "what opens another countries' entry is here")
		return
	case o.Purged != nil:
		v.purged(l, *o.Purged)
		return
	}
	if !l.altered {
		if !v.hold(l, OpeningOpens, opens(o.Nonce, o.Opening, l.Commitment), "what is here is not what the entry commits to") {
			v.begun(l)
			return // whatever it is, it is not what happened
		}
	}
	body, err := readOpening(o.Opening)
	if err != nil {
		v.at(l, OpeningAgrees, Violates, "what the entry commits to cannot be read: "+err.Error())
		v.begun(l)
		return
	}
	v.report.conforms(OpeningPresent)
	v.hold(l, OpeningAgrees, body.Event == l.Event, "it is about a %s", body.Event)
	switch l.Event {
	case gateway.SubmissionAcceptance:
		v.acceptance(l, o, body)
	case gateway.SubmissionRejection:
		v.rejection(l, body)
	default:
		v.happening(l, body)
	}
}

// hold notes that something agrees, or says what does not.
func (v *verifier) hold(l *leaf, rule Rule, ok bool, format string, args ...any) bool {
	if ok {
		v.report.conforms(rule)
	} else {
		v.at(l, rule, Violates, fmt.Sprintf(format, args...))
	}
	return ok
}

// purged notes what nobody can check any more. The purge must be an entry: where it lies
// in the bundle, it is looked at.
func (v *verifier) purged(l *leaf, p Purge) {
	v.begun(l)
	if p.Origin == v.origin && p.Entry <= l.index {
		v.at(l, OpeningPresent, Violates, fmt.Sprintf("it is said to have been purged by entry %d, which came before it", p.Entry))
		return
	}
	v.report.find(Finding{
		Entry: l.index, Rule: OpeningPresent, Verdict: NotCheckable, Pair: l.Pair, Purge: &p,
		Says: fmt.Sprintf("what the entry commits to is gone since purge %d", p.Number),
	})
	v.claimed = append(v.claimed, claim{l.index, p})
}

// claim is what is said to be gone by a purge.
type claim struct {
	entry int64
	purge Purge
}

// purgings asks of every purge that is named and lies in the bundle whether it is one.
func (v *verifier) purgings() {
	for _, c := range v.claimed {
		p := c.purge
		if p.Origin != v.origin || p.Entry < v.parts.contents.First || p.Entry >= v.parts.contents.Size || v.purges[p.Entry] == p.Number && p.Number > 0 {
			continue
		}
		v.find(c.entry, OpeningPresent, Violates, fmt.Sprintf("it is said to be gone by purge %d at entry %d, which is not that purge", p.Number, p.Entry))
	}
}

// statement reads what somebody signed and proves it.
func (v *verifier) statement(l *leaf, jws string) (gateway.Statement, bool) {
	s, kid, err := codec.Examine(jws)
	if err != nil {
		v.at(l, EvidenceSigned, Violates, "the statement cannot be read: "+reason(err))
		return s, false
	}
	k, ok := v.lookup(kid)
	switch {
	case !ok || k.Party != s.Signer:
		v.at(l, EvidenceSigned, Violates, fmt.Sprintf("it was signed with a key that no directory lists for %s", s.Signer))
		return s, false
	case k.Use != gateway.UseEvidence:
		v.at(l, KeyUsable, Violates, fmt.Sprintf("%s signed it with a key of use %s", s.Signer, k.Use))
	case !k.ValidAt(s.At):
		v.at(l, KeyUsable, Violates, fmt.Sprintf("%s signed it at %s with a key that was %s", s.Signer, stamp(s.At), window(k, s.At)))
	default:
		v.report.conforms(KeyUsable)
	}
	k.Use = gateway.UseEvidence // another use was found above; the signature is looked at all the same
	if err := codec.Check(jws, k); err != nil {
		v.at(l, EvidenceSigned, Violates, fmt.Sprintf("%s did not sign it: the signature does not fit", s.Signer))
		return s, false
	}
	v.report.conforms(EvidenceSigned)
	v.once(l, s, jws)
	return s, true
}

// once asks whether the signer gave the statement's id to another statement.
func (v *verifier) once(l *leaf, s gateway.Statement, jws string) {
	key, digest := statementKey{s.Signer, s.ID}, unsigned(jws)
	first, known := v.said[key]
	if !known {
		v.said[key] = said{l.index, digest}
		return
	}
	if first.digest != digest && first.entry != l.index {
		v.at(l, NoContradiction, Violates, fmt.Sprintf("%s gave this statement the id of the one at entry %d, and it says something else", s.Signer, first.entry))
	}
}

// happening is a statement about a delivery: a recipient's, or the gateway's.
func (v *verifier) happening(l *leaf, o Opening) {
	s, ok := v.statement(l, o.Evidence)
	if !ok {
		return
	}
	// A recipient that cannot open a delivery cannot say which message it was.
	unopened := s.Event == gateway.ContentConsignmentFailure && s.Message == (gateway.MessageID{})
	ok = v.hold(l, EvidenceAgrees, s.Event == l.Event, "the statement says %s", s.Event)
	ok = v.hold(l, EvidenceAgrees, s.Message == o.Message() || unopened, "the statement is about another message than the entry") && ok
	ok = v.hold(l, EvidenceAgrees, s.Delivery == o.Delivery, "the statement is about another delivery than the entry") && ok
	ok = v.hold(l, EvidenceAgrees, s.Pair == l.Pair || s.Pair == (gateway.PairNumber{}), "the statement names another number than the entry") && ok
	ok = v.hold(l, EvidenceAgrees, s.Signer == gateway.TheGateway || s.Signer.Country() == l.Pair.To, "%s signed it, to whose country the delivery did not go", s.Signer) && ok
	if ok && s.Event == gateway.OverrideUnapproved {
		v.unapproved(o.Message())
	}
	if t := v.stories[l.Pair]; t != nil && ok && !v.heldBefore(l.index) {
		if t.audience != "" {
			v.hold(l, EvidenceAgrees, s.Signer == gateway.TheGateway || s.Signer == t.audience, "%s signed it, and the delivery was %s's", s.Signer, t.audience)
			v.hold(l, EvidenceAgrees, t.delivery == o.Delivery, "the delivery is not the one of this number")
			v.hold(l, EvidenceAgrees, s.Event != gateway.ContentConsignment || s.SDHash == t.sdHash, "what was delivered is not what the gateway released")
			v.hold(l, EvidenceOrder, !s.At.Add(gateway.Skew).Before(t.received), "it is dated %s, before the gateway received the message at %s", stamp(s.At), stamp(t.received))
		}
		t.events = append(t.events, happened{l.index, s.Event, s.Signer, s.Code, s.At})
	}
}

// rejection is the gateway's refusal of a message.
func (v *verifier) rejection(l *leaf, o Opening) {
	if o.Issuer.Country() != v.parts.contents.Viewer.Country() {
		v.at(l, BundleForm, Violates, "what opens a refusal of another country's message is here")
		return
	}
	s, ok := v.statement(l, o.Evidence)
	if !ok {
		return
	}
	v.hold(l, EvidenceAgrees, s.Event == l.Event && s.Signer == gateway.TheGateway, "the statement says %s, signed by %s", s.Event, s.Signer)
	v.hold(l, EvidenceAgrees, s.Message == o.Message() && s.Envelope == o.Envelope, "the statement is about another message than the entry")
	v.first(l, o.Message())
}

// first asks whether the message was answered before.
func (v *verifier) first(l *leaf, id gateway.MessageID) {
	if before, twice := v.messages[id]; twice && before == elsewhere {
		v.at(l, NoContradiction, Violates, "the message was answered in the log before this one already")
		return
	} else if twice && before != l.index {
		v.at(l, NoContradiction, Violates, fmt.Sprintf("the message was answered at entry %d already", before))
		return
	}
	v.messages[id] = l.index
}
