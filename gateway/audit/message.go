package audit

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/trm/gateway"
	"example.org/trm/gateway/envelope"
)

// acceptance is a message that the gateway received: what its origin signed, what the
// gateway signed that it released, and whether it might.
func (v *verifier) acceptance(l *leaf, o Opened, body Opening) {
	received := at(body.ReceivedAt)
	v.report.Messages++
	v.hold(l, OpeningAgrees, body.Issuer.Country() == l.Pair.From && body.Audience.Country() == l.Pair.To, "it is from %s to %s, and the entry from %s to %s", body.Issuer, body.Audience, l.Pair.From, l.Pair.To)
	v.first(l, body.Message())
	if s := v.stories[l.Pair]; s != nil {
		s.audience, s.delivery, s.sdHash, s.received = body.Audience, body.Delivery, body.SDHash, received
	}
	v.answer(l, o, body)
	v.closed(l, body, received)
	if v.receipt {
		return
	}
	if o.Core == nil {
		v.at(l, OpeningPresent, Violates, "what the sender signed is missing")
		v.begun(l)
		return
	}
	head, ok := v.core(l, *o.Core, body)
	if !ok {
		v.begun(l)
		return
	}
	v.setAside(l, head, received)
	b, ok := v.binding(l, *o.Core, head, body)
	facts := v.follow(l, head)
	if ok {
		v.released(l, head, b, facts, received)
	}
}

// closed asks whether the delivery was closed for its recipient and nobody else.
func (v *verifier) closed(l *leaf, body Opening, received time.Time) {
	d, ok := v.history.At(received)
	if !ok {
		return // found where the message's own key is looked for
	}
	k, ok := d.Key(body.KeyID)
	switch {
	case !ok || k.Party != body.Audience || k.Use != gateway.UseEncryption:
		v.at(l, KeyUsable, Violates, fmt.Sprintf("the delivery was closed for a key that is not one of %s to open it with", body.Audience))
	case !k.ValidAt(received):
		v.at(l, KeyUsable, Violates, fmt.Sprintf("the delivery was closed for a key of %s that was %s", body.Audience, window(k, received)))
	default:
		v.report.conforms(KeyUsable)
	}
}

// answer is what only the sender and its auditor may have of an acceptance.
func (v *verifier) answer(l *leaf, o Opened, body Opening) {
	sent := l.Pair.From == v.parts.contents.Viewer.Country()
	switch {
	case o.Secret == nil && !sent:
		return
	case o.Secret == nil:
		v.at(l, OpeningPresent, Violates, "the receipt and the decision about the message, which this country sent, are missing")
		return
	case !sent:
		v.at(l, BundleForm, Violates, "what only the sender and its auditor may have is here")
		return
	case !l.altered && !opens(o.Secret.Nonce, o.Secret.Opening, l.Withheld):
		v.at(l, OpeningOpens, Violates, "the receipt and decision that are here are not those that the entry commits to")
		return
	}
	v.report.conforms(OpeningOpens)
	c, err := readConcealed(o.Secret.Opening)
	if err != nil {
		v.at(l, OpeningAgrees, Violates, "the receipt and decision cannot be read: "+err.Error())
		return
	}
	s, ok := v.statement(l, c.Evidence)
	if !ok {
		return
	}
	v.hold(l, EvidenceAgrees, s.Event == l.Event && s.Signer == gateway.TheGateway, "the receipt says %s, signed by %s", s.Event, s.Signer)
	v.hold(l, EvidenceAgrees, s.Message == body.Message() && s.Envelope == c.Envelope, "the receipt is for another message than the entry")
	v.hold(l, EvidenceAgrees, s.Pair == l.Pair, "the receipt names another number than the entry")
	v.hold(l, EvidenceAgrees, s.SDHash == body.SDHash, "the receipt says that something else was released than the entry does")
	v.hold(l, EvidenceAgrees, s.Decision == gateway.DigestString(c.Sender), "the decision is not the one that the receipt names")
	v.hold(l, EvidenceAgrees, s.At.Unix() == body.ReceivedAt, "the receipt is dated %s, and the message was received at %s", stamp(s.At), stamp(at(body.ReceivedAt)))
}

// core proves that the origin signed the message that the opening names.
func (v *verifier) core(l *leaf, c Core, body Opening) (gateway.Head, bool) {
	raw, err := marshal(map[string]any{
		"payload": c.Payload, "protected": c.Protected, "signature": c.Signature, "header": map[string]any{"disclosures": []string{}},
	})
	var p gateway.Parts
	if err == nil {
		p, err = codec.Decode(raw)
	}
	if err != nil {
		v.at(l, CoreSigned, Violates, "what the sender signed cannot be read: "+reason(err))
		return gateway.Head{}, false
	}
	h, received := p.Head, at(body.ReceivedAt)
	d, ok := v.history.At(received)
	if !ok {
		v.at(l, CoreSigned, Violates, "no directory that is here was in force at "+stamp(received))
		return h, false
	}
	k, ok := d.Key(p.Header.KeyID)
	switch {
	case !ok || k.Party != h.Issuer:
		v.at(l, CoreSigned, Violates, fmt.Sprintf("it was signed with a key that the directory then in force does not list for %s", h.Issuer))
		return h, false
	case k.Use != gateway.UseMessage:
		v.at(l, KeyUsable, Violates, fmt.Sprintf("%s signed the message with a key of use %s", h.Issuer, k.Use))
	case !k.ValidAt(h.IssuedAt):
		v.at(l, KeyUsable, Violates, fmt.Sprintf("%s signed the message at %s with a key that was %s", h.Issuer, stamp(h.IssuedAt), window(k, h.IssuedAt)))
	case k.RevokedBy(received):
		v.late(l, h, k, received)
	default:
		v.report.conforms(KeyUsable)
	}
	k.Use = gateway.UseMessage // another use was found above; the signature is looked at all the same
	if err := codec.Verify(p, k); err != nil {
		v.at(l, CoreSigned, Violates, fmt.Sprintf("%s did not sign it: the signature does not fit", h.Issuer))
		return h, false
	}
	v.report.conforms(CoreSigned)
	v.hold(l, CoreAgrees, h.MessageID() == body.Message() && h.Audience == body.Audience && h.Thread == body.Thread && h.Type == body.Type,
		"the message that is here is not the one that the entry is about")
	v.hold(l, CoreAgrees, h.IssuedAt.Unix() == body.IssuedAt && h.Expires.Unix() == body.Expires, "the message has other dates than the entry says")
	v.hold(l, CoreAgrees, received.Before(h.Expires) && !h.IssuedAt.After(received.Add(gateway.Skew)), "it was received at %s, signed at %s and good until %s", stamp(received), stamp(h.IssuedAt), stamp(h.Expires))
	return h, true
}

// heardWithin is how long after its date a revocation may first be heard (trust.Prompt).
const heardWithin = 10 * time.Minute

// late is a message that came after its key was revoked: unless the gateway may not have
// heard of that yet.
func (v *verifier) late(l *leaf, h gateway.Head, k gateway.Key, received time.Time) {
	says := fmt.Sprintf("the message was received at %s, signed with a key of %s that was revoked at %s", stamp(received), h.Issuer, stamp(k.Revoked))
	if received.Sub(k.Revoked) < heardWithin && !v.revoked[k.ID] {
		v.at(l, KeyUsable, NotCheckable, says+": the gateway may not have heard of that yet")
		return
	}
	v.at(l, KeyUsable, Violates, says)
}

// binding proves what the gateway signed that it released.
func (v *verifier) binding(l *leaf, c Core, h gateway.Head, body Opening) (gateway.Binding, bool) {
	b, err := envelope.ReadBinding(gateway.Parts{Bound: c.Bound})
	if err != nil {
		v.at(l, BindingSigned, Violates, "what the gateway signed that it released cannot be read")
		return b, false
	}
	k, ok := v.lookup(b.KeyID)
	switch {
	case !ok || k.Party != gateway.TheGateway || b.KeyID != h.Confirmation:
		v.at(l, BindingSigned, Violates, "it was signed with a key that is not the gateway's, or not the one that the sender named")
		return b, false
	case k.Use != gateway.UseBinding:
		v.at(l, KeyUsable, Violates, fmt.Sprintf("the gateway signed what it released with a key of use %s", k.Use))
	case !k.ValidAt(b.IssuedAt):
		v.at(l, KeyUsable, Violates, fmt.Sprintf("the gateway signed what it released at %s with a key that was %s", stamp(b.IssuedAt), window(k, b.IssuedAt)))
	default:
		v.report.conforms(KeyUsable)
	}
	k.Use = gateway.UseBinding
	if err := envelope.VerifyCompact(c.Bound, k); err != nil {
		v.at(l, BindingSigned, Violates, "the gateway did not sign what it released: the signature does not fit")
		return b, false
	}
	v.report.conforms(BindingSigned)
	if !v.hold(l, BindingAgrees, b.Audience == h.Audience && b.Delivery == body.Delivery, "it was released to another party, or as another delivery, than the entry says") {
		return b, false
	}
	v.hold(l, BindingAgrees, b.IssuedAt.Unix() == body.ReceivedAt, "it was released at %s, and received at %s", stamp(b.IssuedAt), stamp(at(body.ReceivedAt)))
	v.hold(l, BindingAgrees, b.Pair == l.Pair, "it was released under another number than the entry's")
	v.hold(l, BindingAgrees, b.SDHash == body.SDHash && b.Policy == body.Policy, "it names another release or policy than the entry")
	v.digests(l, c, b)
	return b, true
}

// digests compares the names that were released with the digests that were kept: one for
// each, and every block's among those that the origin signed. A field's lies inside its
// block, which nobody keeps.
func (v *verifier) digests(l *leaf, c Core, b gateway.Binding) {
	if !v.hold(l, BindingAgrees, len(b.Released) == len(c.Released), "the gateway released %d units, and %d digests were kept", len(b.Released), len(c.Released)) {
		return
	}
	signed := signedDigests(c.Payload)
	for i, name := range b.Released {
		_, _, field := gateway.SplitUnit(name)
		among := slices.Contains(signed, c.Released[i])
		v.hold(l, BindingAgrees, field != "" || among, "the sender did not sign the unit that was released as %s", name)
		v.hold(l, BindingAgrees, !slices.Contains(c.Released[:i], c.Released[i]) && (field == "" || !among), "the digest of %s is another unit's", name)
	}
}

// signedDigests are those of the payload's "_sd" (RFC 9901, Section 4.2.4.1).
func signedDigests(payload string) []string {
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil
	}
	doc, err := envelope.DecodeJSON(raw)
	if err != nil {
		return nil
	}
	m, _ := doc.(map[string]any)
	list, _ := m["_sd"].([]any)
	out := make([]string, 0, len(list))
	for _, d := range list {
		if s, ok := d.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// unsigned is what a compact JWS says, without the signature, of which ES256 has two.
func unsigned(jws string) string {
	return gateway.DigestString(jws[:max(strings.LastIndexByte(jws, '.'), 0)])
}

// window says why a key could not be used at t.
func window(k gateway.Key, t time.Time) string {
	switch {
	case t.Before(k.NotBefore):
		return "not valid before " + stamp(k.NotBefore)
	case !t.Before(k.NotAfter):
		return "not valid after " + stamp(k.NotAfter)
	}
	return "revoked at " + stamp(k.Revoked)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// reason is why something of ours was refused, without a word of what was read.
func reason(err error) string {
	p := gateway.AsProblem(err)
	if p.Code == gateway.CodeInternal {
		return err.Error()
	}
	s := string(p.Code)
	if p.Pointer != "" {
		s += " at " + p.Pointer
	}
	return s
}
