package envelope

import (
	"encoding/json"
	"strconv"
	"time"

	"example.org/trm/gateway"
)

// isHeadName reports whether a claim belongs to the head. Those stand in the clear in
// every message, and a disclosure with such a name is refused: policy and clocks must not
// depend on what somebody on the way left out. RFC 7519's nbf and sub, which no message
// has, are among them for the same reason.
func isHeadName(name string) bool {
	switch name {
	case "jti", "iss", "aud", "iat", "exp", "nbf", "sub", "cnf", "type", "codes", "thread", "inReplyTo", "lane", "answerBy",
		"purpose", "basis", "agreement", "attests", "act", "outcome", "target", "effectiveAt", "ackBy", "test", "supersedes", "override", "via":
		return true
	}
	return false
}

// parseHead reads the claims, from which "_sd" and "_sd_alg" are gone. What the type asks
// for beyond this (answerBy, basis, outcome...) is the schema's to say.
func parseHead(m map[string]any) (gateway.Head, error) {
	c := &claims{m: m, code: gateway.CodeSchema}
	for _, name := range []string{"jti", "iss", "aud", "iat", "exp", "cnf", "type", "codes", "thread", "lane", "purpose"} {
		c.need(name)
	}
	return c.head()
}

// ReadHead reads as much of a head as there is yet: what is there has its form, and nothing
// is there that is not the head's. It is for those who ask about a message before it is
// signed. The error is a *gateway.Problem.
func ReadHead(m map[string]any) (gateway.Head, error) {
	c := &claims{m: m, code: gateway.CodeSchema}
	return c.head()
}

// head reads what is there, and closes the object.
func (c *claims) head() (gateway.Head, error) {
	h := gateway.Head{
		ID:          c.uuid("jti"),
		Issuer:      c.party("iss"),
		Audience:    c.party("aud"),
		IssuedAt:    c.date("iat"),
		Expires:     c.date("exp"),
		Type:        c.text("type", isToken),
		Codes:       c.text("codes", isToken),
		Thread:      c.uuid("thread"),
		InReplyTo:   c.uuid("inReplyTo"),
		Lane:        gateway.Lane(c.text("lane", isLane)),
		AnswerBy:    c.clock("answerBy"),
		Purpose:     c.text("purpose", isToken),
		Basis:       c.text("basis", isToken),
		Attests:     c.list("attests", isToken),
		Act:         c.list("act", isToken),
		Outcome:     c.text("outcome", isToken),
		Target:      c.text("target", isToken),
		EffectiveAt: c.clock("effectiveAt"),
		AckBy:       c.clock("ackBy"),
		Test:        c.flag("test"),
		Supersedes:  c.uuid("supersedes"),
		Override:    c.text("override", isToken),
		Via:         c.text("via", isParty),
	}
	cnf := c.object("cnf")
	if cnf.m != nil {
		cnf.need("kid")
	}
	h.Confirmation = cnf.text("kid", isSum)
	c.close(cnf)
	a := c.object("agreement")
	if a.m != nil {
		a.need("state")
	}
	h.Agreement = gateway.Agreement{
		State: a.text("state", isToken), Reason: a.text("reason", isToken), By: a.text("by", isToken), Heard: a.flag("heard"),
	}
	c.close(a)
	return h, c.done()
}

func isLane(s string) bool {
	switch gateway.Lane(s) {
	case gateway.Normal, gateway.Child, gateway.Urgent:
		return true
	}
	return false
}

// headClaims writes the head, empty members left out. It is the inverse of parseHead.
func headClaims(h gateway.Head) map[string]any {
	m := map[string]any{
		"jti": h.ID, "iss": string(h.Issuer), "aud": string(h.Audience), "iat": numericDate(h.IssuedAt), "exp": numericDate(h.Expires),
		"cnf": map[string]any{"kid": h.Confirmation}, "type": h.Type, "codes": h.Codes, "thread": h.Thread,
		"lane": string(h.Lane), "purpose": h.Purpose,
	}
	for name, s := range map[string]string{
		"inReplyTo": h.InReplyTo, "basis": h.Basis, "outcome": h.Outcome, "target": h.Target, "supersedes": h.Supersedes, "override": h.Override, "via": h.Via,
		"answerBy": clockString(h.AnswerBy), "effectiveAt": clockString(h.EffectiveAt), "ackBy": clockString(h.AckBy),
	} {
		put(m, name, s)
	}
	if h.Test {
		m["test"] = true
	}
	if len(h.Attests) > 0 {
		m["attests"] = h.Attests
	}
	if len(h.Act) > 0 {
		m["act"] = h.Act
	}
	if h.Agreement != (gateway.Agreement{}) {
		a := map[string]any{}
		put(a, "state", h.Agreement.State)
		put(a, "reason", h.Agreement.Reason)
		put(a, "by", h.Agreement.By)
		if h.Agreement.Heard {
			a["heard"] = true
		}
		m["agreement"] = a
	}
	return m
}

// put adds a member unless it is empty.
func put(m map[string]any, name, value string) {
	if value != "" {
		m[name] = value
	}
}

func numericDate(t time.Time) json.Number { return json.Number(strconv.FormatInt(t.Unix(), 10)) }

func clockString(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(wallClock)
}
