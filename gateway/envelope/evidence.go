package envelope

import (
	"fmt"
	"strings"

	"example.org/trm/gateway"
)

// Notary signs evidence with the evidence keys that this process holds, one per party.
// Keys is read only: safe for concurrent use.
type Notary struct {
	Keys map[gateway.Party]*Private
}

var _ gateway.Notary = Notary{}

// Testify signs the statement with its signer's key. Only empty members are left out.
func (n Notary) Testify(s gateway.Statement) (string, error) {
	k, ok := n.Keys[s.Signer]
	if !ok {
		return "", fmt.Errorf("testifying: no evidence key of %s here", s.Signer)
	}
	payload, err := marshal(statementClaims(s))
	if err != nil {
		return "", fmt.Errorf("testifying: %w", err)
	}
	jws, err := SignCompact(typEvidence, payload, k)
	if err != nil {
		return "", fmt.Errorf("testifying: %w", err)
	}
	return jws, nil
}

func statementClaims(s gateway.Statement) map[string]any {
	m := map[string]any{"jti": s.ID, "iss": string(s.Signer), "iat": numericDate(s.At), "event": string(s.Event)}
	if s.Message != (gateway.MessageID{}) {
		m["message"] = map[string]any{"iss": string(s.Message.Issuer), "jti": s.Message.ID}
	}
	if s.Pair != (gateway.PairNumber{}) {
		m["pair"] = pairClaims(s.Pair)
	}
	if !s.Expires.IsZero() {
		m["exp"] = numericDate(s.Expires)
	}
	if !s.Due.IsZero() {
		m["due"] = numericDate(s.Due)
	}
	for name, value := range map[string]string{
		"envelope": s.Envelope, "delivery": s.Delivery, "sdHash": s.SDHash, "decision": s.Decision, "code": string(s.Code),
		"pointer": s.Pointer, "rule": s.Rule, "role": s.Role, "of": s.Of,
	} {
		put(m, name, value)
	}
	return m
}

// Examine reads evidence strictly and proves nothing: every member known, of its form,
// and none that could hold a text about a person. The error is a *gateway.Problem.
func (Codec) Examine(jws string) (gateway.Statement, string, error) {
	m, h, err := readClaims(typEvidence, jws)
	if err != nil {
		return gateway.Statement{}, "", err
	}
	c := &claims{m: m, code: gateway.CodeEvidence}
	for _, name := range []string{"jti", "iss", "iat", "event"} {
		c.need(name)
	}
	s := gateway.Statement{
		ID: c.uuid("jti"), Signer: c.party("iss"), At: c.date("iat"), Event: gateway.Event(c.text("event", isEvent)),
		Envelope: c.text("envelope", isSum), Delivery: c.text("delivery", isToken), Pair: c.pair("pair"), SDHash: c.text("sdHash", isSum),
		Decision: c.text("decision", isSum), Code: gateway.Code(c.text("code", isCode)), Pointer: c.text("pointer", isPointer),
		Rule: c.text("rule", isCode), Role: c.text("role", isCode), Expires: c.date("exp"), Of: c.text("of", isSum),
	}
	if _, ok := m["message"]; ok {
		id := c.object("message")
		id.need("iss")
		id.need("jti")
		s.Message = gateway.MessageID{Issuer: id.party("iss"), ID: id.uuid("jti")}
		c.close(id)
	}
	c.duty(&s)
	if err := c.done(); err != nil {
		return gateway.Statement{}, "", err
	}
	return s, h.KeyID, nil
}

// duty reads the date that a step of a duty is about, which no other event has. The steps
// are about a delivery, are the gateway's to sign, and say that a date has passed only
// when it has.
func (c *claims) duty(s *gateway.Statement) {
	s.Due = c.date("due")
	if !s.Event.OfDuty() {
		if !s.Due.IsZero() {
			c.fail("due", "Only the steps of a duty have a date.")
		}
		return
	}
	switch {
	case s.Signer != gateway.TheGateway:
		c.fail("iss", "The steps of a duty are the gateway's to sign.")
	case s.Due.IsZero():
		c.fail("due", "A step of a duty names the date that it is about.")
	case s.Event != gateway.DueSoon && s.At.Before(s.Due):
		c.fail("due", "A date that has not come has not passed.")
	case s.Message == (gateway.MessageID{}) || s.Delivery == "" || s.Pair == (gateway.PairNumber{}):
		c.fail("message", "A step of a duty names the message, its delivery and its number.")
	}
}

// Check proves that the key signed the evidence.
func (Codec) Check(jws string, k gateway.Key) error {
	if k.Use != gateway.UseEvidence {
		return gateway.Refuse(gateway.CodeEvidence, "", "Sign with a key of use evidence.")
	}
	return VerifyCompact(jws, k)
}

// readClaims reads a small compact JWS whose payload is a JSON object.
func readClaims(typ, token string) (map[string]any, gateway.Header, error) {
	if len(token) > maxCompact {
		return nil, gateway.Header{}, gateway.Refuse(gateway.CodeTooLarge, "", "")
	}
	payload, h, err := ReadCompact(typ, token)
	if err != nil {
		return nil, gateway.Header{}, err
	}
	m, err := decodeObject(payload)
	return m, h, pointAt(err, "/payload")
}

// isEvent: the names of ETSI EN 319 522-1 and ours are words run together.
func isEvent(s string) bool {
	return s != "" && len(s) <= 40 && s[0] >= 'A' && s[0] <= 'Z' && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func isPointer(s string) bool { return isToken(s) && s[0] == '/' }
